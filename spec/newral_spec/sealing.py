"""NIP-44 encryption of drafts and events between two keys."""

from __future__ import annotations

from functools import lru_cache

import msgspec

from newral_spec.event import Draft, Event
from newral_spec.keys import InvalidKey, SecretKey
from newral_spec.messages.fields import InvalidMessage
from newral_spec.nips import nip44


@lru_cache(maxsize=4096)
def _conversation_key(secret: SecretKey, public_key: str) -> bytes:
    # A Diffie-Hellman exchange costs as much as a signature; peers talk many times.
    return nip44.conversation_key(secret, public_key)


def seal(draft: Draft, secret: SecretKey, recipient: str, nonce: bytes) -> Draft:
    """The draft with its content encrypted to `recipient`. `nonce` is 32 fresh random bytes."""
    key = _conversation_key(secret, recipient)
    return msgspec.structs.replace(draft, content=nip44.encrypt(draft.content, key, nonce))


def unseal(event: Event, secret: SecretKey) -> str:
    """The plaintext that the author of a verified event encrypted to `secret`'s key.

    Raises `InvalidMessage` with code `encrypted`.
    """
    try:
        return nip44.decrypt(event.content, _conversation_key(secret, event.pubkey))
    except (nip44.Nip44Error, InvalidKey) as error:
        raise InvalidMessage("encrypted", f"the content cannot be decrypted: {error}") from error
