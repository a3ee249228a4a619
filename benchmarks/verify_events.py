"""Parsing and verifying events, beside libsecp256k1's bare Schnorr verification of the same."""

from __future__ import annotations

from coincurve import PublicKeyXOnly
from timing import best_s, report

from newral_spec.event import parse_event, sign_event, verify_event
from newral_spec.keys import SecretKey

EVENTS = 2_000
AUTHORS = 20
CONTENT = '{"kernel":"carmichael","params":{"bound":"10^9"}}'


def main() -> None:
    """Sign events of a few authors, then verify them both ways."""
    authors = [SecretKey(bytes([0] * 31 + [number + 1])) for number in range(AUTHORS)]
    events = [
        sign_event(
            authors[number % AUTHORS],
            kind=5990,
            created_at=1_700_000_000 + number,
            content=CONTENT,
            tags=(("p", authors[0].public_key), ("bid", "5", "credits")),
        )
        for number in range(EVENTS)
    ]
    lines = [event.to_json() for event in events]
    keys = {
        author.public_key: PublicKeyXOnly(bytes.fromhex(author.public_key)) for author in authors
    }
    raw = [(keys[e.pubkey], bytes.fromhex(e.sig), bytes.fromhex(e.id)) for e in events]

    def ours() -> None:
        for line in lines:
            verify_event(parse_event(line))

    def bare() -> None:
        for key, signature, digest in raw:
            assert key.verify(signature, digest)

    ours_s, bare_s = best_s(ours, bare)
    report("events parsed and verified", EVENTS, "events", ours_s, {"bare verification": bare_s})


if __name__ == "__main__":
    main()
