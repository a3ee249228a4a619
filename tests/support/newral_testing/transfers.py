"""Requests to the books for property tests: few ids and accounts, so that they collide."""

from __future__ import annotations

from hypothesis import strategies as st

from newral_ledger.transfers import Phase, Posting, Request, Transfer, Voiding
from newral_spec import trail

IDS = tuple(f"{number:064x}" for number in range(8))
ACCOUNTS = (
    trail.ISSUANCE,
    trail.requester_account(IDS[0]),
    trail.escrow_account(IDS[1]),
    trail.provider_account(IDS[2]),
    trail.provider_account(IDS[3]),
)

_transfers = st.builds(
    Transfer,
    id=st.sampled_from(IDS),
    debit=st.sampled_from(ACCOUNTS),
    credit=st.sampled_from([*ACCOUNTS, "nobody"]),
    amount=st.integers(0, 12),
    reason=st.sampled_from(["grant", "work"]),
    job=st.none() | st.sampled_from(IDS),
    phase=st.sampled_from([Phase.SINGLE, Phase.PENDING]),
)
_postings = st.builds(
    Posting,
    id=st.sampled_from(IDS),
    pending_id=st.sampled_from(IDS),
    amount=st.none() | st.integers(-1, 12),
)
_voidings = st.builds(Voiding, pending_id=st.sampled_from(IDS))

FUNDING = tuple(
    Transfer(
        id=trail.transfer_id("grant", account),
        debit=trail.ISSUANCE,
        credit=account,
        amount=20,
        reason="grant",
    )
    for account in ACCOUNTS[1:3]
)


def requests() -> st.SearchStrategy[list[Request]]:
    """Histories of anything that can be asked of the books."""
    return st.lists(_transfers | _postings | _voidings, max_size=25)
