"""What the bridge asks relays for, within the limits that common relays have.

strfry, by default, allows 20 subscriptions and three tags in a filter; here are seven, with at most
one tag each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from newral_spec import limits
from newral_spec.kinds import Kind
from newral_spec.messages.job import JOB_KINDS
from newral_spec.nips import nip17
from newral_spec.session import Filter

OVERLAP_S: Final = 2 * limits.CLOCK_SKEW_S
"""Asked again after a time away: an author's clock may be behind and ours ahead."""

WRAPPED_OVERLAP_S: Final = nip17.DATE_SPREAD_S + 24 * 3600
"""Gift wraps are dated up to two days back (NIP-59); and a day to be sure."""

LOOKBACK_S_MAX: Final = 7 * 24 * 3600
"""How much is asked of a relay that was away for longer."""


def coordinator_filters(
    coordinator: str, *, complete_until: float, now: float
) -> Mapping[str, tuple[Filter, ...]]:
    """Subscription names and filters. Times are Unix seconds.

    `complete_until` is until when we have all that the relay had.
    """
    known_until = min(max(complete_until, now - LOOKBACK_S_MAX), now)
    since = max(0, int(known_until - OVERLAP_S))
    addressed = {"p": (coordinator,)}
    job_kinds = tuple(int(kind) for kind in JOB_KINDS)
    deletion = (int(Kind.DELETION),)
    return {
        "work": (
            Filter(
                kinds=(int(Kind.WORK_REQUEST), int(Kind.SEALED_RESULT)), tags=addressed, since=since
            ),
        ),
        "jobs": (Filter(kinds=job_kinds, tags=addressed, since=since),),
        # Whatever its date, a job that is posted now is heard, if only to be told that it is stale.
        "misdated-jobs": (Filter(kinds=job_kinds, tags=addressed, limit=0),),
        # Anyone may have taken an older one.
        "open-jobs": (Filter(kinds=job_kinds, since=max(since, int(now - limits.CLOCK_SKEW_S))),),
        "messages": (
            Filter(
                kinds=(int(Kind.NOTE), int(Kind.ENCRYPTED_DIRECT_MESSAGE)),
                tags=addressed,
                since=since,
            ),
        ),
        "wrapped": (
            Filter(
                kinds=(int(Kind.GIFT_WRAP),),
                tags=addressed,
                since=max(0, int(known_until - WRAPPED_OVERLAP_S)),
            ),
        ),
        # NIP-09 deletions carry the `e` of what they delete, which cannot be asked for in general:
        # so a client adds its `k`, or our `p`, to a deletion that is meant as a cancellation.
        "deletions": (
            Filter(kinds=deletion, tags={"k": tuple(map(str, job_kinds))}, since=since),
            Filter(kinds=deletion, tags=addressed, since=since),
        ),
    }
