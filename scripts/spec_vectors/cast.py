"""Who appears in the vectors, and how they sign and encrypt: the same bytes every time.

The secrets are 1, 2, 3, …: nobody must ever use them. Signatures have no auxiliary randomness
(BIP-340 allows zeros) and NIP-44 nonces are hashes of labels.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

from coincurve import PrivateKey

from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.nips import nip44
from newral_spec.sealing import seal

NOW: Final = 1_800_000_000
"""When everything happens, in Unix seconds."""


class TestKey(SecretKey):
    """A key whose signatures are reproducible."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(number.to_bytes(32))
        self.name = name

    def sign(self, digest: bytes) -> str:
        return PrivateKey(self.to_bytes()).sign_schnorr(digest, bytes(32)).hex()

    def to_json(self) -> dict[str, str]:
        """Both halves, in hexadecimal."""
        return {"secret_key": self.to_bytes().hex(), "public_key": self.public_key}


COORDINATOR: Final = TestKey("coordinator", 1)
REQUESTER: Final = TestKey("requester", 2)
NODE: Final = TestKey("node", 3)
SECOND_NODE: Final = TestKey("second node", 4)
STRANGER: Final = TestKey("stranger", 5)


def digest(label: str) -> str:
    """32 bytes in hexadecimal that look random, the same for the same label."""
    return hashlib.sha256(f"newral vector: {label}".encode()).hexdigest()


def signed(draft: Draft, author: TestKey) -> Event:
    """Dated `NOW`."""
    return sign_draft(author, draft, NOW)


def sealed(draft: Draft, author: TestKey, recipient: TestKey, label: str) -> Draft:
    """The draft, its content encrypted under a nonce that the label decides."""
    return seal(draft, author, recipient.public_key, bytes.fromhex(digest(label)))


def encryption(author: TestKey, recipient: TestKey, label: str) -> dict[str, Any]:
    """What `sealed` did, for whoever wants to do it again."""
    return {
        "sender": author.name,
        "recipient": recipient.name,
        "nonce": digest(label),
        "conversation_key": nip44.conversation_key(author, recipient.public_key).hex(),
    }
