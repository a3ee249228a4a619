from collections.abc import Sequence

import pytest

from newral_spec.event import sign_event
from newral_spec.keys import SecretKey
from newral_spec.nips import authorization_header, blossom
from newral_spec.nips.blossom import BlossomError, Verb

SECRET = SecretKey(b"\x06" * 32)
BLOB = "b1674191a88ec5cdd733e4240a81803105dc412d6c6708d53ab94fc248f4f553"
OTHER = "cd" * 32
NOW = 1_700_000_000
LATER = NOW + 300

# The example header of BUD-01: leave to get, without naming a blob.
PUBLISHED = (
    "Nostr eyJpZCI6IjhlY2JkY2RkNTMyOTIwMDEwNTUyNGExNDI4NzkxMzg4MWIzOWQxNDA5ZDhiOTBjY2RiNGI0M2Y4ZjBm"
    "YzlkMGMiLCJwdWJrZXkiOiI5ZjBjYzE3MDIzYjJjZjUwOWUwZjFkMzA1NzkzZDIwZTdjNzIyNzY5MjhmZDliZjg1NTM2ODg3"
    "YWM1NzBhMjgwIiwiY3JlYXRlZF9hdCI6MTcwODc3MTIyNywia2luZCI6MjQyNDIsInRhZ3MiOltbInQiLCJnZXQiXSxbImV4"
    "cGlyYXRpb24iLCIxNzA4ODU3NTQwIl1dLCJjb250ZW50IjoiR2V0IEJsb2JzIiwic2lnIjoiMDJmMGQyYWIyM2IwNDQ0NjI4"
    "NGIwNzFhOTVjOThjNjE2YjVlOGM3NWFmMDY2N2Y5NmNlMmIzMWM1M2UwN2I0MjFmOGVmYWRhYzZkOTBiYTc1NTFlMzA4NWJh"
    "N2M0ZjU2NzRmZWJkMTVlYjQ4NTFjZTM5MGI4MzI4MjJiNDcwZDIifQ=="
)


def header(verb: Verb = "upload", sha256: str | None = BLOB) -> str:
    return blossom.authorization(SECRET, verb, sha256, LATER, NOW)


def signed_header(tags: Sequence[tuple[str, ...]], kind: int = 24242) -> str:
    signed = sign_event(SECRET, kind=kind, created_at=NOW, content="Upload", tags=tags)
    return authorization_header.encode(signed)


def test_the_example_of_bud_01() -> None:
    signer = blossom.verify(PUBLISHED, "get", None, 1708771300)
    assert signer == "9f0cc17023b2cf509e0f1d305793d20e7c72276928fd9bf85536887ac570a280"
    with pytest.raises(BlossomError, match="expired"):
        blossom.verify(PUBLISHED, "get", None, 1708857540)
    with pytest.raises(BlossomError, match="name the blob"):
        blossom.verify(PUBLISHED, "get", BLOB, 1708771300)


@pytest.mark.parametrize(
    ("verb", "sha256"), [("get", BLOB), ("upload", BLOB), ("delete", BLOB), ("list", None)]
)
def test_an_authorised_action_tells_who_signed_it(verb: Verb, sha256: str | None) -> None:
    assert blossom.verify(header(verb, sha256), verb, sha256, NOW) == SECRET.public_key


def test_leave_for_one_verb_is_no_leave_for_another() -> None:
    with pytest.raises(BlossomError, match="'delete'"):
        blossom.verify(header("upload"), "delete", BLOB, NOW)


def test_leave_for_one_blob_is_no_leave_for_another() -> None:
    with pytest.raises(BlossomError, match=OTHER):
        blossom.verify(header(), "upload", OTHER, NOW)


def test_one_event_may_name_several_blobs() -> None:
    tags = [("t", "upload"), ("x", OTHER), ("x", BLOB), ("expiration", str(LATER))]
    assert blossom.verify(signed_header(tags), "upload", BLOB, NOW) == SECRET.public_key


def test_it_ends_when_it_says() -> None:
    assert blossom.verify(header(), "upload", BLOB, LATER - 1)
    with pytest.raises(BlossomError, match="expired"):
        blossom.verify(header(), "upload", BLOB, LATER)


def test_one_from_the_future_is_refused_beyond_the_clock_skew() -> None:
    assert blossom.verify(header(), "upload", BLOB, NOW - 900)
    with pytest.raises(BlossomError, match="future"):
        blossom.verify(header(), "upload", BLOB, NOW - 901)


@pytest.mark.parametrize(
    ("tags", "kind", "reason"),
    [
        ([("t", "upload"), ("x", BLOB)], 24242, "'expiration'"),
        ([("t", "upload"), ("x", BLOB), ("expiration", "soon")], 24242, "'expiration'"),
        ([("t", "upload"), ("x", BLOB), ("expiration", "9" * 5000)], 24242, "'expiration'"),
        ([("t", "upload"), ("expiration", str(LATER))], 24242, "name the blob"),
        ([("x", BLOB), ("expiration", str(LATER))], 24242, "'upload'"),
        (
            [("t", "get"), ("t", "upload"), ("x", BLOB), ("expiration", str(LATER))],
            24242,
            "'upload'",
        ),
        ([("t", "upload"), ("x", BLOB), ("expiration", str(LATER))], 1, "kind"),
    ],
)
def test_a_malformed_authorisation_is_refused_with_its_reason(
    tags: Sequence[tuple[str, ...]], kind: int, reason: str
) -> None:
    with pytest.raises(BlossomError, match=reason):
        blossom.verify(signed_header(tags, kind), "upload", BLOB, NOW)


@pytest.mark.parametrize("text", ["", "Nostr", "Nostr e30=", "Bearer abc"])
def test_what_is_no_header_is_refused(text: str) -> None:
    with pytest.raises(BlossomError):
        blossom.verify(text, "upload", BLOB, NOW)
