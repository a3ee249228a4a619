"""Every bound of the protocol, in one place. Units come last in the name.

A party MUST refuse what exceeds these; it MAY be stricter where its own resources are at stake.
"""

from __future__ import annotations

from typing import Final

EVENT_BYTES_MAX: Final = 128 * 1024
"""A raw event as JSON. Twice what strfry accepts, so that a generous relay is not a problem."""

CONTENT_BYTES_MAX: Final = 64 * 1024
"""`content` as UTF-8: strfry's default refuses more, so nothing larger is portable."""

TAGS_MAX: Final = 512
"""Tags of one event. A sealed result needs one for each of up to `RESULTS_MAX` units."""

TAG_VALUES_MAX: Final = 32
"""Values of one tag, its name included."""

TAG_VALUE_BYTES_MAX: Final = 48 * 1024
"""One tag value. Only NIP-90's `request`, which repeats a whole event, comes near it."""

INDEXED_TAG_VALUE_BYTES_MAX: Final = 1024
"""A value of a single-letter tag: relays index these, and strfry refuses longer ones."""

JSON_DEPTH_MAX: Final = 32
"""Arrays and objects around any value that is hashed."""

RELAY_MESSAGE_BYTES_MAX: Final = 256 * 1024
"""One websocket message: an event and its envelope, with room for escapes."""

SUBSCRIPTION_ID_BYTES_MAX: Final = 64
"""NIP-01."""

FILTERS_MAX: Final = 16
"""Filters of one REQ."""

FILTER_VALUES_MAX: Final = 2000
"""Values of one list in a filter."""

CLOCK_SKEW_S: Final = 15 * 60
"""How far `created_at` may lie from the receiver's clock, either way."""

STAGES_MAX: Final = 32
"""Stages of one workflow."""

JOB_RELAYS_MAX: Final = 8
"""Relays on which a requester asks to be answered."""

BID_MICROCREDITS_MAX: Final = 10**15
"""A thousand million credits: more than any honest job, far from overflowing a 64-bit integer."""

EPSILON_MIN: Final = 1e-12
EPSILON_MAX: Final = 0.5
EPSILON_DEFAULT: Final = 1e-3
"""The error probability that a requester tolerates for each unit."""

DEADLINE_S_MAX: Final = 366 * 24 * 3600
"""How far in the future a job's deadline may lie."""

LEASES_MAX: Final = 64
"""Leases offered in one event, and leases that a node may report in one work request."""

SLOTS_MAX: Final = 1024
"""Units that a node may ask for at once."""

RESULTS_MAX: Final = 64
"""Results sealed in one event."""

VERDICTS_MAX: Final = 100
"""Verdicts in one receipt; about 40 KiB of JSON."""

INLINE_UNIT_BYTES_MAX: Final = 8 * 1024
"""A unit's parameters as canonical JSON; larger ones travel as a blob."""

INLINE_RESULT_BYTES_MAX: Final = 24 * 1024
"""A unit's result as canonical JSON inside a sealed event; larger ones travel as a blob."""

INLINE_OUTPUT_BYTES_MAX: Final = 32 * 1024
"""A job's output inside a result event; larger ones are a blob named by `x`."""

BLOB_BYTES_MAX: Final = 256 * 1024 * 1024
"""One blob on the data plane of this version: it is hashed in a stream but served whole."""

REASON_CHARS_MAX: Final = 1000
"""A reason for people."""

TRAIL_ENTRY_BYTES_MAX: Final = 65535
"""A log entry: C2SP tlog-tiles give an entry a 16-bit length."""
