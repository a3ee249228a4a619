"""Which events a node acts upon."""

from __future__ import annotations

import pytest
from newral_testing.node_script import NOW, lease, verdict

from newral_node import inbox
from newral_spec import limits
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Announcement,
    LeaseOffer,
    Receipt,
    encode_announcement,
    encode_lease_offer,
    encode_receipt,
)
from newral_spec.sealing import seal

NODE = SecretKey(b"\x01" * 32)
COORDINATOR = SecretKey(b"\x02" * 32)
STRANGER = SecretKey(b"\x03" * 32)
OFFER = LeaseOffer(leases=(lease(1),))
ANNOUNCEMENT = Announcement(
    name="market",
    software="test",
    kernels=(),
    relays=(),
    blobs="http://127.0.0.1:9",
    price=1,
    quorum=1,
)


def read(event: Event) -> LeaseOffer | Receipt | Announcement:
    return inbox.read(event, secret=NODE, coordinator=COORDINATOR.public_key, now=NOW)


def offer(
    author: SecretKey = COORDINATOR, recipient: SecretKey = NODE, created_at: float = NOW
) -> Event:
    draft = encode_lease_offer(OFFER, recipient.public_key)
    return sign_draft(
        author, seal(draft, author, recipient.public_key, b"\x07" * 32), int(created_at)
    )


def test_the_coordinators_offer_is_read() -> None:
    assert read(offer()) == OFFER


def test_its_receipts_and_its_announcement_are_read() -> None:
    receipt = Receipt(provider=NODE.public_key, verdicts=(verdict(lease(1)),))
    assert read(sign_draft(COORDINATOR, encode_receipt(receipt), 1)) == receipt
    announced = sign_draft(COORDINATOR, encode_announcement(ANNOUNCEMENT), 1)
    assert read(announced) == ANNOUNCEMENT


def test_what_a_stranger_signed_is_ignored() -> None:
    with pytest.raises(inbox.Ignored, match="not by the coordinator"):
        read(offer(author=STRANGER))
    receipt = Receipt(provider=NODE.public_key, verdicts=(verdict(lease(1)),))
    with pytest.raises(inbox.Ignored, match="not by the coordinator"):
        read(sign_draft(STRANGER, encode_receipt(receipt), int(NOW)))


def test_what_is_for_another_node_is_ignored() -> None:
    with pytest.raises(inbox.Ignored, match="somebody else"):
        read(offer(recipient=STRANGER))
    receipt = Receipt(provider=STRANGER.public_key, verdicts=(verdict(lease(1)),))
    with pytest.raises(inbox.Ignored, match="addressed to"):
        read(sign_draft(COORDINATOR, encode_receipt(receipt), int(NOW)))


def test_an_old_offer_that_comes_again_is_ignored() -> None:
    with pytest.raises(inbox.Ignored, match="check the clock"):
        read(offer(created_at=NOW - limits.CLOCK_SKEW_S - 1))


def test_an_offer_that_was_not_encrypted_is_ignored() -> None:
    draft = encode_lease_offer(OFFER, NODE.public_key)
    with pytest.raises(inbox.Ignored, match="cannot be decrypted"):
        read(sign_draft(COORDINATOR, draft, int(NOW)))


def test_what_the_coordinator_should_not_say_is_ignored() -> None:
    draft = Draft(kind=Kind.LEASE, tags=(("p", NODE.public_key),), content="{}")
    sealed = seal(draft, COORDINATOR, NODE.public_key, b"\x07" * 32)
    assert read(sign_draft(COORDINATOR, sealed, int(NOW))) == LeaseOffer()
    for wrong in ('{"leases": 1}', "[", '{"leases": [{}]}'):
        draft = Draft(kind=Kind.LEASE, tags=(("p", NODE.public_key),), content=wrong)
        sealed = seal(draft, COORDINATOR, NODE.public_key, b"\x07" * 32)
        with pytest.raises(inbox.Ignored, match="content"):
            read(sign_draft(COORDINATOR, sealed, int(NOW)))
    with pytest.raises(inbox.Ignored, match="not asked for"):
        read(sign_draft(COORDINATOR, Draft(kind=1, content="hello"), int(NOW)))
