"""NIP-01 events: as text, since some are none."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from newral_spec import limits
from newral_spec.event import CREATED_AT_MAX, KIND_MAX, Draft, Event, event_id
from newral_spec.kinds import Kind
from spec_vectors.cast import NODE, REQUESTER, STRANGER, signed
from spec_vectors.files import Files, raw_parts

CONTROLS: Final = "".join(map(chr, range(0x20))) + "\x7f\u0080\u2028\ufeff"
SHOWN_CHARS_MAX: Final = 10_000
"""Of a valid event's JSON; what a longer one says is not repeated."""

PLAIN: Final = signed(Draft(kind=Kind.NOTE, tags=(("t", "x"),), content="carmichael 10^9"), NODE)


def events() -> Files:
    """Files under `event/`."""
    files: Files = {}
    for case, (about, raw) in _valid().items():
        name = f"valid.{case}" if case else "valid"
        vector: dict[str, Any] = {"about": about, "raw_parts": raw_parts(raw)}
        if len(raw) <= SHOWN_CHARS_MAX:
            vector["expected"] = msgspec.to_builtins(msgspec.json.decode(raw, type=Event))
        files[f"event/{name}.json"] = vector
    for name, (about, raw) in {**_malformed(), **_misshapen(), **_oversize(), **_forged()}.items():
        files[f"event/invalid.{name}.json"] = {
            "about": about,
            "raw_parts": raw_parts(raw),
            "error": name.partition(".")[0],
        }
    return files


def _text(event: Event) -> str:
    return event.to_json().decode()


def _with(event: Event = PLAIN, **members: Any) -> str:
    return json.dumps({**msgspec.to_builtins(event), **members}, separators=(",", ":"))


def _signed(**members: Any) -> str:
    return _text(signed(Draft(**{"kind": Kind.NOTE, **members}), NODE))


def _valid() -> dict[str, tuple[str, str]]:
    strange = signed(
        Draft(kind=Kind.NOTE, tags=(("",), ("é", ""), ("-",)), content=f'{CONTROLS}"\\/é😀'), NODE
    )
    return {
        "": ("An ordinary note.", _text(PLAIN)),
        "escapes": (
            'The id hashes \\b \\t \\n \\f \\r \\" \\\\ as such, other controls as lower-case '
            "\\u00xx, and everything else as it is.",
            _text(strange),
        ),
        "ascii": (
            "The same with every character escaped that can be.",
            json.dumps(msgspec.to_builtins(strange)).replace("/", "\\/"),
        ),
        "unknown_members": (
            "Members that NIP-01 does not have are ignored.",
            _with(seen_on=["wss://relay.example"], relays=None),
        ),
        "largest": (
            "As much as is allowed: content, tags, values of a tag.",
            _signed(
                content="x" * limits.CONTENT_BYTES_MAX,
                tags=(("x",) * limits.TAG_VALUES_MAX, *(("x",),) * (limits.TAGS_MAX - 1)),
            ),
        ),
    }


def _malformed() -> dict[str, tuple[str, str]]:
    raw = _text(PLAIN)
    return {
        "json.truncated": ("The text ends early.", raw[:-1]),
        "json.trailing": ("Something follows.", raw + "]"),
        "json.lone_surrogate": (
            "JavaScript writes it; no UTF-8 can hold it.",
            raw.replace("10^9", "\\ud800"),
        ),
        "json.not_a_number": ("NaN is not JSON.", raw.replace('"kind":1', '"kind":NaN')),
        "json.control_character": ("Controls are escaped in JSON.", raw.replace("10^9", "\t")),
    }


def _misshapen() -> dict[str, tuple[str, str]]:
    lacking = {name: value for name, value in msgspec.to_builtins(PLAIN).items() if name != "sig"}
    return {
        "shape.array": ("An event is an object.", "[]"),
        "shape.missing_member": ("All seven members.", json.dumps(lacking)),
        "shape.upper_case_id": ("Lower-case only.", _with(id=PLAIN.id.upper())),
        "shape.upper_case_pubkey": ("Lower-case only.", _with(pubkey=PLAIN.pubkey.upper())),
        "shape.upper_case_sig": ("Lower-case only.", _with(sig=PLAIN.sig.upper())),
        "shape.short_id": ("64 digits.", _with(id=PLAIN.id[2:])),
        "shape.long_sig": ("128 digits: a 65-byte signature is none.", _with(sig=PLAIN.sig + "00")),
        "shape.spaced_pubkey": ("Digits only.", _with(pubkey=f"{PLAIN.pubkey[:62]} 0")),
        "shape.created_at_string": ("A number.", _with(created_at="1800000000")),
        "shape.created_at_fraction": ("An integer.", _with(created_at=1_800_000_000.5)),
        "shape.created_at_negative": ("Not before 1970.", _with(created_at=-1)),
        "shape.created_at_large": ("At most 2^53 - 1.", _with(created_at=CREATED_AT_MAX + 1)),
        "shape.kind_large": ("At most 65535.", _with(kind=KIND_MAX + 1)),
        "shape.kind_boolean": ("A number.", _with(kind=True)),
        "shape.content_null": ("A string.", _with(content=None)),
        "shape.tag_empty": ("A tag has a name.", _with(tags=[[]])),
        "shape.tag_value_number": ("Tags hold strings.", _with(tags=[["size", 3]])),
        "shape.tags_object": ("Tags are arrays.", _with(tags={"t": "x"})),
    }


def _oversize() -> dict[str, tuple[str, str]]:
    xs = "x" * (limits.TAG_VALUE_BYTES_MAX + 1)
    return {
        "size.event": (
            "At most 128 KiB as it travels.",
            _with(tags=[["large", "x" * 40_000]] * 3, padding="x" * 12_000),
        ),
        "size.content": ("At most 64 KiB.", _signed(content="x" * (limits.CONTENT_BYTES_MAX + 1))),
        "size.content_utf8": (
            "Bytes count, not characters.",
            _signed(content="é" + "x" * (limits.CONTENT_BYTES_MAX - 1)),
        ),
        "size.tags": ("At most 512 tags.", _signed(tags=(("x",),) * (limits.TAGS_MAX + 1))),
        "size.tag_values": (
            "At most 32 values.",
            _signed(tags=(("x",) * (limits.TAG_VALUES_MAX + 1),)),
        ),
        "size.tag_value": ("At most 48 KiB.", _signed(tags=(("request", xs),))),
        "size.indexed_tag_value": (
            "Relays index single letters: at most 1,024 bytes.",
            _signed(tags=(("t", "x" * (limits.INDEXED_TAG_VALUE_BYTES_MAX + 1)),)),
        ),
    }


def _forged() -> dict[str, tuple[str, str]]:
    other = signed(Draft(kind=Kind.NOTE, content="another"), NODE)
    own = signed(Draft(kind=Kind.NOTE, content="carmichael 10^9"), STRANGER)
    off_curve = "ff" * 32
    digest = _id_of(off_curve)
    return {
        "id.content": ("The content is not the one that was signed.", _with(content="bpsw")),
        "id.pubkey": ("The key is part of what is hashed.", _with(pubkey=REQUESTER.public_key)),
        "id.tags": ("So are the tags.", _with(tags=[])),
        "signature.other_event": ("A signature of something else.", _with(sig=other.sig)),
        "signature.other_key": ("A signature by somebody else.", _with(sig=own.sig)),
        "signature.altered": (
            "One bit.",
            _with(sig=PLAIN.sig[:-1] + format(int(PLAIN.sig[-1], 16) ^ 1, "x")),
        ),
        "signature.pubkey": (
            "The public key is no point of the curve.",
            _with(pubkey=off_curve, id=digest),
        ),
    }


def _id_of(pubkey: str) -> str:
    return event_id(pubkey, PLAIN.created_at, PLAIN.kind, PLAIN.tags, PLAIN.content).hex()
