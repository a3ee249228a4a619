import pytest

from newral_spec.event import Draft, event_id, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.nips import nip13
from newral_spec.nips.nip13 import Nip13Error

SECRET = SecretKey(b"\x03" * 32)


def test_the_examples_of_nip_13() -> None:
    first = "000000000e9d97a1ab09fc381030b346cdd7a142ad57e6df0b46dc9bef6c7e2d"
    assert nip13.difficulty(first) == 36
    mined = event_id(
        "a48380f4cfcc1ad5378294fcac36439770f9c878dd880ffa94bb74ea54a6f243",
        1651794653,
        1,
        [("nonce", "776797", "20")],
        "It's just me mining my own business",
    )
    assert mined.hex() == "000006d8c378af1779d2feebc7603a125d99eca0ccf1085959b307f64e5dd358"
    assert nip13.difficulty(mined.hex()) == 21


@pytest.mark.parametrize(
    ("digits", "bits"), [("f", 0), ("7", 1), ("3", 2), ("1", 3), ("0f", 4), ("00f", 8)]
)
def test_every_leading_zero_bit_counts(digits: str, bits: int) -> None:
    assert nip13.difficulty(digits.ljust(64, "f")) == bits


def test_zero_is_the_hardest_id() -> None:
    assert nip13.difficulty("0" * 64) == 256


@pytest.mark.parametrize("text", ["", "0" * 63, "G" * 64, "F" * 64])
def test_what_is_no_id_has_no_difficulty(text: str) -> None:
    with pytest.raises(Nip13Error):
        nip13.difficulty(text)


@pytest.mark.parametrize(
    ("tags", "target"),
    [
        ((), None),
        ((("nonce",),), None),
        ((("nonce", "5"),), None),
        ((("nonce", "5", "20"),), 20),
        ((("nonce", "5", "256"),), 256),
        ((("nonce", "5", "257"),), None),
        ((("nonce", "5", "-1"),), None),
        ((("nonce", "5", "²"),), None),
        ((("nonce", "5", "9" * 10_000),), None),
        ((("t", "x"), ("nonce", "5", "7"), ("nonce", "5", "9")), 7),
        (((), ("nonce", "5", "8")), 8),
    ],
)
def test_the_committed_target(tags: tuple[tuple[str, ...], ...], target: int | None) -> None:
    assert nip13.committed_target(tags) == target


def test_mined_work_holds_once_signed() -> None:
    draft = Draft(kind=1, content="work", tags=(("t", "x"), ("nonce", "old", "1")))
    mined = nip13.mine(
        draft, public_key=SECRET.public_key, created_at=1000, target=8, attempts_max=100_000
    )
    signed = sign_draft(SECRET, mined, 1000)
    assert nip13.difficulty(signed.id) >= 8
    assert nip13.committed_target(signed.tags) == 8
    assert len(signed.tags) == 2


def test_mining_gives_up_after_the_attempts_allowed() -> None:
    with pytest.raises(Nip13Error, match="in 5 attempts"):
        nip13.mine(Draft(kind=1), public_key="0" * 64, created_at=0, target=200, attempts_max=5)


def test_an_impossible_target_is_refused() -> None:
    with pytest.raises(Nip13Error, match="between 0 and 256"):
        nip13.mine(Draft(kind=1), public_key="0" * 64, created_at=0, target=257, attempts_max=1)
