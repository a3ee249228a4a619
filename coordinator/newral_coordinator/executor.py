"""Carries out instructions in one transaction: records, money, log and outbox move together."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from newral_coordinator.instructions import (
    GiveVerdict,
    Instruction,
    Pay,
    Publish,
    Put,
    Record,
    Release,
    Reserve,
    SendMessage,
    Transfer,
)
from newral_coordinator.model import LeaseRecord
from newral_coordinator.store import Store
from newral_ledger import books, log, transfers
from newral_spec import trail
from newral_spec.event import Draft, Event, sign_draft
from newral_spec.keys import SecretKey
from newral_spec.messages import Verdict
from newral_spec.nips import nip17
from newral_spec.sealing import seal


class InsufficientFunds(Exception):
    """An account cannot pay what was instructed; nothing of the transaction may be committed."""


class Executor:
    """Instructions in, effects out. The clock and randomness come from outside."""

    def __init__(
        self,
        store: Store,
        secret: SecretKey,
        now: int,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """`now` is in Unix seconds, the same for everything that one input causes."""
        self.store = store
        self.now = now
        self._secret = secret
        self._random_bytes = random_bytes
        self._requests: list[transfers.Request] = []
        self._entries: list[trail.Entry] = []
        self._verdicts: list[tuple[int, str]] = []
        """Indices of verdicts among the entries, and the commitments that they are about."""

    async def run(self, instructions: Iterable[Instruction]) -> None:
        """Carry out the instructions in order. Money and log entries wait for `flush`."""
        for instruction in instructions:
            await self._run(instruction)

    async def _run(self, instruction: Instruction) -> None:
        match instruction:
            case Put(record):
                await self.store.put(record)
            case Record(entry):
                self._entries.append(entry)
            case GiveVerdict(verdict, commitment):
                self._verdicts.append((len(self._entries), commitment))
                self._entries.append(verdict)
            case Publish():
                await self._publish(instruction)
            case SendMessage():
                await self._send_message(instruction)
            case Transfer():
                self._transfer(instruction)
            case Reserve(lease):
                self._requests.append(_reservation(lease))
            case Pay(lease):
                self._pay(lease)
            case Release(lease):
                self._requests.append(transfers.Voiding(pending_id=_reservation_id(lease)))

    async def flush(self) -> None:
        """Write the transfers and log entries instructed so far, in two batches.

        Before this, balances and the log's head do not show them. Raises `InsufficientFunds`;
        the transaction must be rolled back then.
        """
        requests, self._requests = self._requests, []
        if requests:
            results = await books.post_many(self.store.connection, requests)
            for request, result in zip(requests, results, strict=True):
                if result is transfers.Result.INSUFFICIENT_FUNDS:
                    raise InsufficientFunds(str(request))
                assert result.stands, f"{result}: {request}"
        entries, self._entries = self._entries, []
        verdicts, self._verdicts = self._verdicts, []
        if entries:
            first = await log.append(self.store.connection, entries)
            for index, commitment in verdicts:
                entry = entries[index]
                assert isinstance(entry, trail.VerdictGiven)
                told = _told(entry, commitment, first + index)
                await self.store.put_verdict(entry.lease, entry.provider, told)

    def forget(self) -> None:
        """Drop what waits for `flush`: the work that instructed it was rolled back."""
        self._requests.clear()
        self._entries.clear()
        self._verdicts.clear()

    # Money

    def _transfer(self, instruction: Transfer) -> None:
        transfer = transfers.Transfer(
            id=trail.transfer_id(instruction.reason, instruction.subject),
            debit=instruction.debit,
            credit=instruction.credit,
            amount=instruction.amount,
            reason=instruction.reason,
            job=instruction.job,
        )
        self._requests.append(transfer)
        self._entries.append(transfer.to_entry(self.now))

    def _pay(self, lease: LeaseRecord) -> None:
        posting = transfers.Posting(
            id=trail.transfer_id("work", lease.id), pending_id=_reservation_id(lease)
        )
        self._requests.append(posting)
        posted = msgspec.structs.replace(_reservation(lease), id=posting.id)
        self._entries.append(posted.to_entry(self.now))

    # Events

    async def _publish(self, instruction: Publish) -> None:
        draft = instruction.draft
        if instruction.seal_to is not None:
            draft = seal(draft, self._secret, instruction.seal_to, self._random_bytes(32))
        await self.enqueue(self.sign(draft), instruction.relays)

    async def _send_message(self, message: SendMessage) -> None:
        wrapped = nip17.wrap(
            message.text,
            sender=self._secret,
            recipient=message.recipient,
            ephemeral=SecretKey(self._random_bytes(32)),
            now=self.now,
            random_bytes=self._random_bytes,
            reply_to=message.reply_to,
        )
        await self.enqueue(wrapped, ())

    def sign(self, draft: Draft) -> Event:
        """The draft as an event of ours, dated now."""
        return sign_draft(self._secret, draft, self.now)

    async def enqueue(self, event: Event, relays: tuple[str, ...]) -> None:
        """Put a signed event into the outbox. `relays` are those to reach beside our own."""
        message = msgspec.json.encode({"event": event, "relays": relays})
        await self.store.put_outbox(event.id, message)


def _told(entry: trail.VerdictGiven, commitment: str, position: int) -> Verdict:
    """The verdict as its provider's receipt says it."""
    return Verdict(
        lease=entry.lease,
        unit=entry.unit,
        job=entry.job,
        outcome=entry.outcome,
        reason=entry.reason,
        credits=entry.credits,
        commitment=commitment,
        nonce=entry.nonce,
        result_sha256=entry.result_sha256,
        position=position,
    )


def _reservation_id(lease: LeaseRecord) -> str:
    return trail.identifier("newral/transfer/1", "reserve", lease.id)


def _reservation(lease: LeaseRecord) -> transfers.Transfer:
    return transfers.Transfer(
        id=_reservation_id(lease),
        debit=trail.escrow_account(lease.job),
        credit=trail.provider_account(lease.provider),
        amount=lease.price,
        reason="work",
        job=lease.job,
        lease=lease.id,
        phase=transfers.Phase.PENDING,
    )
