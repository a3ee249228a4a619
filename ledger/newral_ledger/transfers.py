"""Transfers between accounts: what may be recorded, and what it does to balances.

Double entry after TigerBeetle: a *pending* transfer reserves its amount on the debit account;
*posting* it moves the money, *voiding* it frees the reservation, and either is a new transfer that
names the pending one. No transfer is ever changed. Amounts are micro-credits.

`Books` holds as much of the books as a caller gives it: all of them when a history is replayed,
or the few accounts that a database transaction has locked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from newral_spec import keys, limits, trail

AMOUNT_MAX: Final = limits.BID_MICROCREDITS_MAX

_ACCOUNT_PREFIXES: Final = frozenset({"requester", "escrow", "provider"})


class Phase(StrEnum):
    """What a transfer does."""

    SINGLE = "single"
    """Moves money at once."""
    PENDING = "pending"
    """Reserves it."""
    POSTING = "posting"
    """Moves what a pending transfer reserved, or less; the rest is free again."""
    VOIDING = "voiding"
    """Frees what a pending transfer reserved."""


class Result(StrEnum):
    """What became of a request, in order of precedence: the first that applies is the answer.

    Only `OK` changes anything. `EXISTS` means that this very transfer is in the books already.
    """

    OK = "ok"
    INVALID_ID = "invalid_id"
    INVALID_DEBIT_ACCOUNT = "invalid_debit_account"
    INVALID_CREDIT_ACCOUNT = "invalid_credit_account"
    ACCOUNTS_ARE_THE_SAME = "accounts_are_the_same"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    PENDING_NOT_FOUND = "pending_not_found"
    PENDING_IS_NOT_PENDING = "pending_is_not_pending"
    EXCEEDS_PENDING_AMOUNT = "exceeds_pending_amount"
    EXISTS_WITH_DIFFERENT_PHASE = "exists_with_different_phase"
    EXISTS_WITH_DIFFERENT_PENDING_ID = "exists_with_different_pending_id"
    EXISTS_WITH_DIFFERENT_ACCOUNTS = "exists_with_different_accounts"
    EXISTS_WITH_DIFFERENT_AMOUNT = "exists_with_different_amount"
    EXISTS_WITH_DIFFERENT_REASON = "exists_with_different_reason"
    EXISTS = "exists"
    PENDING_ALREADY_POSTED = "pending_already_posted"
    PENDING_ALREADY_VOIDED = "pending_already_voided"
    INSUFFICIENT_FUNDS = "insufficient_funds"

    @property
    def stands(self) -> bool:
        """Whether the transfer is in the books now."""
        return self in (Result.OK, Result.EXISTS)


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable line of the books. `job` and `lease` say what it was for."""

    id: str
    debit: str
    credit: str
    amount: int
    reason: trail.TransferReason
    job: str | None = None
    lease: str | None = None
    phase: Phase = Phase.SINGLE
    pending_id: str | None = None

    @classmethod
    def from_entry(cls, entry: trail.TransferPosted) -> Transfer:
        """The transfer that a log entry reports."""
        return cls(
            id=entry.id,
            debit=entry.debit,
            credit=entry.credit,
            amount=entry.amount,
            reason=entry.reason,
            job=entry.job,
            lease=entry.lease,
        )

    def to_entry(self, at: int) -> trail.TransferPosted:
        """The log entry that reports it. `at` is in Unix seconds."""
        return trail.TransferPosted(
            at=at,
            id=self.id,
            debit=self.debit,
            credit=self.credit,
            amount=self.amount,
            reason=self.reason,
            job=self.job,
            lease=self.lease,
        )


class Posting(msgspec.Struct, frozen=True, kw_only=True):
    """Asks to post a pending transfer under the id `id`: all of it, or the lesser `amount`."""

    id: str
    pending_id: str
    amount: int | None = None


class Voiding(msgspec.Struct, frozen=True, kw_only=True):
    """Asks to void a pending transfer."""

    pending_id: str

    @property
    def id(self) -> str:
        """A pending transfer is voided at most once, so its id determines the voiding's."""
        return trail.identifier("newral/transfer/1", "void", self.pending_id)


Request = Transfer | Posting | Voiding
"""A transfer to record as it is (single or pending), or the end of a pending one."""


class Balance(NamedTuple):
    """An account: `posted` is credits less debits, `reserved` what pending debits hold of it."""

    posted: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        """What a new debit may take."""
        return self.posted - self.reserved


def is_account(name: str) -> bool:
    """Whether `name` is `issuance`, or a prefix that is known and 32 bytes in hexadecimal."""
    if name == trail.ISSUANCE:
        return True
    prefix, _, subject = name.partition(":")
    return prefix in _ACCOUNT_PREFIXES and keys.is_hex32(subject)


class Books:
    """Accounts and transfers in memory, and the rules by which transfers are recorded."""

    def __init__(
        self, balances: Mapping[str, Balance] | None = None, transfers: Iterable[Transfer] = ()
    ) -> None:
        """Start from balances and the transfers already recorded, which are not applied again."""
        self._balances = dict(balances or {})
        self._transfers: dict[str, Transfer] = {}
        self._resolutions: dict[str, Transfer] = {}
        for transfer in transfers:
            self._remember(transfer)

    @property
    def balances(self) -> Mapping[str, Balance]:
        """Every account that a transfer has touched."""
        return self._balances

    def balance(self, account: str) -> Balance:
        """Zero for an account that no transfer has touched."""
        return self._balances.get(account, Balance())

    def transfer(self, transfer_id: str) -> Transfer | None:
        """The recorded transfer of this id."""
        return self._transfers.get(transfer_id)

    def record(self, request: Request) -> Result:
        """Record a transfer if the rules allow it. Recording it again changes nothing."""
        transfer = self._resolve(request)
        if isinstance(transfer, Result):
            return transfer
        result = _check_fields(transfer)
        if result is Result.OK:
            result = self._check_history(transfer)
        if result is Result.OK:
            self._apply(transfer)
            self._remember(transfer)
        return result

    def _resolve(self, request: Request) -> Transfer | Result:
        """The line that a request stands for."""
        if isinstance(request, Transfer):
            if request.phase in (Phase.SINGLE, Phase.PENDING) and request.pending_id is None:
                return request
            raise ValueError("a pending transfer ends by a Posting or a Voiding")
        if not keys.is_hex32(request.id):
            return Result.INVALID_ID
        pending = self._transfers.get(request.pending_id)
        if pending is None:
            return Result.PENDING_NOT_FOUND
        if pending.phase is not Phase.PENDING:
            return Result.PENDING_IS_NOT_PENDING
        amount, phase = pending.amount, Phase.VOIDING
        if isinstance(request, Posting):
            amount = pending.amount if request.amount is None else request.amount
            phase = Phase.POSTING
        if amount > pending.amount:
            return Result.EXCEEDS_PENDING_AMOUNT
        return msgspec.structs.replace(
            pending, id=request.id, amount=amount, phase=phase, pending_id=pending.id
        )

    def _check_history(self, transfer: Transfer) -> Result:
        if (recorded := self._transfers.get(transfer.id)) is not None:
            return _compare(recorded, transfer)
        if transfer.pending_id is not None:
            resolution = self._resolutions.get(transfer.pending_id)
            if resolution is None:
                return Result.OK
            if resolution.phase is Phase.POSTING:
                return Result.PENDING_ALREADY_POSTED
            return Result.PENDING_ALREADY_VOIDED
        funds = self.balance(transfer.debit).available
        if transfer.debit != trail.ISSUANCE and transfer.amount > funds:
            return Result.INSUFFICIENT_FUNDS
        return Result.OK

    def _apply(self, transfer: Transfer) -> None:
        if transfer.phase is Phase.PENDING:
            self._add(transfer.debit, reserved=transfer.amount)
        if transfer.pending_id is not None:
            self._add(transfer.debit, reserved=-self._transfers[transfer.pending_id].amount)
        if transfer.phase in (Phase.SINGLE, Phase.POSTING):
            self._add(transfer.debit, posted=-transfer.amount)
            self._add(transfer.credit, posted=transfer.amount)

    def _add(self, account: str, *, posted: int = 0, reserved: int = 0) -> None:
        before = self.balance(account)
        self._balances[account] = Balance(before.posted + posted, before.reserved + reserved)

    def _remember(self, transfer: Transfer) -> None:
        self._transfers[transfer.id] = transfer
        if transfer.pending_id is not None:
            self._resolutions[transfer.pending_id] = transfer


def _check_fields(transfer: Transfer) -> Result:
    if not keys.is_hex32(transfer.id):
        return Result.INVALID_ID
    if not is_account(transfer.debit):
        return Result.INVALID_DEBIT_ACCOUNT
    if not is_account(transfer.credit):
        return Result.INVALID_CREDIT_ACCOUNT
    if transfer.debit == transfer.credit:
        return Result.ACCOUNTS_ARE_THE_SAME
    if not 1 <= transfer.amount <= AMOUNT_MAX:
        return Result.AMOUNT_OUT_OF_RANGE
    return Result.OK


def _compare(recorded: Transfer, transfer: Transfer) -> Result:
    if recorded.phase is not transfer.phase:
        return Result.EXISTS_WITH_DIFFERENT_PHASE
    if recorded.pending_id != transfer.pending_id:
        return Result.EXISTS_WITH_DIFFERENT_PENDING_ID
    if (recorded.debit, recorded.credit) != (transfer.debit, transfer.credit):
        return Result.EXISTS_WITH_DIFFERENT_ACCOUNTS
    if recorded.amount != transfer.amount:
        return Result.EXISTS_WITH_DIFFERENT_AMOUNT
    if recorded != transfer:
        return Result.EXISTS_WITH_DIFFERENT_REASON
    return Result.EXISTS
