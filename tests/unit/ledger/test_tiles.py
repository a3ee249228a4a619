"""Entry bundles and their paths."""

from __future__ import annotations

import pytest

from newral_ledger.tiles import (
    BundleAddress,
    InvalidBundle,
    bundle_addresses,
    bundle_path,
    decode_bundle,
    encode_bundle,
    parse_bundle_path,
)


@pytest.mark.parametrize(
    ("address", "path"),
    [
        (BundleAddress(0), "000"),
        (BundleAddress(67), "067"),
        (BundleAddress(999, 255), "999.p/255"),
        (BundleAddress(1000), "x001/000"),
        (BundleAddress(1234067), "x001/x234/067"),  # the example of C2SP's tlog-tiles
        (BundleAddress(1234067, 1), "x001/x234/067.p/1"),
    ],
)
def test_paths_are_those_of_tlog_tiles(address: BundleAddress, path: str) -> None:
    assert bundle_path(address) == path
    assert parse_bundle_path(path) == address


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0000",
        "x000/067",
        "001/067",
        "067/",
        "067.p",
        "067.p/0",
        "067.p/256",
        "067.p/999",
        "067.p/01",
        "../067",
        "٠٦٧",
        "x001/" * 9 + "000",
        "067\n",
    ],
)
def test_another_form_of_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidBundle):
        parse_bundle_path(path)


@pytest.mark.parametrize(
    "address",
    [BundleAddress(-1), BundleAddress(10**12), BundleAddress(0, 0), BundleAddress(0, 257)],
)
def test_an_address_out_of_range_has_no_path(address: BundleAddress) -> None:
    with pytest.raises(ValueError, match="no bundle"):
        bundle_path(address)


def test_a_log_is_full_bundles_and_a_partial_one() -> None:
    assert bundle_addresses(0) == []
    assert bundle_addresses(256) == [BundleAddress(0)]
    assert bundle_addresses(600) == [BundleAddress(0), BundleAddress(1), BundleAddress(2, 88)]


def test_a_bundle_gives_its_entries_back() -> None:
    entries = [b"", b"a", b"b" * 65535]
    assert encode_bundle(entries)[:5] == b"\x00\x00\x00\x01a"
    assert decode_bundle(encode_bundle(entries), 3) == entries
    with pytest.raises(OverflowError):
        encode_bundle([b"c" * 65536])


def test_a_bundle_of_another_width_is_refused() -> None:
    raw = encode_bundle([b"one", b"two"])
    for width in (1, 3):
        with pytest.raises(InvalidBundle):
            decode_bundle(raw, width)
    for cut in range(1, len(raw)):
        with pytest.raises(InvalidBundle):
            decode_bundle(raw[:cut], 2)
