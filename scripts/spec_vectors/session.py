"""Lines of a relay session (NIP-01, NIP-42, NIP-45), and Blossom's header."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from newral_spec.event import Draft
from newral_spec.kinds import Kind
from newral_spec.nips import blossom
from newral_spec.session import RemoteProtocolError, wire
from spec_vectors.cast import COORDINATOR, NODE, NOW, digest, signed

EVENT: Final = signed(Draft(kind=Kind.NOTE, tags=(("p", COORDINATOR.public_key),)), NODE)
_RAW: Final = EVENT.to_json().decode()
_ID: Final = EVENT.id
_FILTER: Final = (
    f'{{"kinds":[25991,3991],"authors":["{COORDINATOR.public_key}"],'
    f'"#p":["{NODE.public_key}"],"since":1799999000,"limit":500}}'
)

_FROM_CLIENTS: Final = (
    f'["EVENT",{_RAW}]',
    f'["REQ","leases",{_FILTER}]',
    f'["REQ","two",{_FILTER},{{"ids":["{_ID}"],"until":1800000000}}]',
    '["REQ","all",{}]',
    '["CLOSE","leases"]',
    f'["AUTH",{_RAW}]',
    '["COUNT","how-many",{"kinds":[3991]}]',
)

_FROM_RELAYS: Final = (
    f'["EVENT","leases",{_RAW}]',
    f'["OK","{_ID}",true,""]',
    f'["OK","{_ID}",false,"blocked: not on the list"]',
    f'["OK","{_ID}",true]',
    '["EOSE","leases"]',
    '["CLOSED","leases","auth-required: who reads must be known"]',
    '["CLOSED","leases"]',
    '["NOTICE","slow down"]',
    '["AUTH","a challenge"]',
    '["COUNT","how-many",{"count":3,"approximate":false}]',
)

_MALFORMED: Final = (
    ("Not JSON.", "hello"),
    ("Not an array.", "{}"),
    ("Nothing in it.", "[]"),
    ("A type that nobody knows.", '["PING"]'),
    ("The type is a string.", "[1]"),
    ("A lone surrogate.", '["NOTICE","\\ud800"]'),
)

_BAD_FROM_CLIENTS: Final = (
    *_MALFORMED,
    ("An event is missing.", '["EVENT"]'),
    ("One element too many.", f'["EVENT",{_RAW},1]'),
    ("A malformed event of which the id can be read.", f'["EVENT",{{"id":"{_ID}"}}]'),
    ("A subscription id has at most 64 bytes.", f'["REQ","{"s" * 65}",{{}}]'),
    ("A subscription id is not empty.", '["CLOSE",""]'),
    ("A filter is missing.", '["REQ","s"]'),
    ("A member that filters do not have: ignoring it would return too much.",
     '["REQ","s",{"search":"x"}]'),
    ("Upper-case hexadecimal.", f'["REQ","s",{{"ids":["{_ID.upper()}"]}}]'),
    ("Kinds are integers.", '["REQ","s",{"kinds":["1"]}]'),
    ("A negative limit.", '["REQ","s",{"limit":-1}]'),
    ("Tags have single letters.", '["REQ","s",{"#size":["1"]}]'),
    ("At most 16 filters.", '["REQ","s"' + ",{}" * 17 + "]"),
)  # fmt: skip

_BAD_FROM_RELAYS: Final = (
    *_MALFORMED,
    ("An event needs its subscription.", f'["EVENT",{_RAW}]'),
    ("A verdict is true or false.", f'["OK","{_ID}","true",""]'),
    ("An id has 64 digits.", '["OK","00",true,""]'),
    ("A count is not negative.", '["COUNT","q",{"count":-1}]'),
    ("A challenge is not empty.", '["AUTH",""]'),
)


def _lines(
    about: str,
    parse: Callable[[str], Any],
    good: tuple[str, ...],
    bad: tuple[tuple[str, str], ...],
) -> dict[str, Any]:
    return {
        "about": about,
        "valid": [
            {
                "line": line,
                "type": type(parse(line)).__name__,
                "means": json.loads(wire.serialise(parse(line))),
            }
            for line in good
        ],
        "invalid": [{"about": why, "line": line, **_names(parse, line)} for why, line in bad],
    }


def _names(parse: Callable[[str], Any], line: str) -> dict[str, str | None]:
    try:
        parse(line)
    except RemoteProtocolError as error:
        return {"event_id": error.event_id, "subscription": error.subscription}
    raise AssertionError(f"this line is valid: {line}")


def from_clients() -> dict[str, Any]:
    """`relay_session/from_clients.json`."""
    return _lines(
        "What a relay receives. Of an invalid line: the event id or subscription that its answer "
        "names, as OK false or CLOSED; a NOTICE where both are null.",
        wire.parse_client_message,
        _FROM_CLIENTS,
        _BAD_FROM_CLIENTS,
    )


def from_relays() -> dict[str, Any]:
    """`relay_session/from_relays.json`."""
    return _lines(
        "What a client receives. It ignores an invalid line and goes on.",
        wire.parse_relay_message,
        _FROM_RELAYS,
        _BAD_FROM_RELAYS,
    )


def authorizations() -> dict[str, Any]:
    """`blossom.json`."""
    sha256 = digest("blob")

    def header(author: Any, verb: blossom.Verb, name: str | None, expiration: int) -> str:
        return blossom.authorization(author, verb, name, expiration, NOW)

    good = header(NODE, "upload", sha256, NOW + 900)
    return {
        "about": "Authorization headers for PUT /upload of this blob at this time.",
        "now": NOW,
        "sha256": sha256,
        "valid": [{"header": good, "public_key": NODE.public_key}],
        "invalid": [
            {"about": "Expired.", "header": header(NODE, "upload", sha256, NOW)},
            {"about": "Another blob.",
             "header": header(NODE, "upload", digest("another"), NOW + 900)},
            {"about": "Another verb.", "header": header(NODE, "get", sha256, NOW + 900)},
            {"about": "Another scheme.", "header": good.replace("Nostr", "Bearer")},
            {"about": "Not base64.", "header": "Nostr %%%"},
        ],
    }  # fmt: skip
