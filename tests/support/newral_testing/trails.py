"""A small market's trail, really signed: what an audit gets, and what a liar would make of it.

Entries are told first and everything else is signed from them by `Market.inputs`, so that a test
can alter the story like a coordinator that lies consistently.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from newral_ledger.audit import AuditInputs, ClaimedBalances
from newral_ledger.merkle import leaf_hash, tree_root
from newral_ledger.transfers import Books, Transfer
from newral_spec import trail
from newral_spec.canonical import json_hash
from newral_spec.event import Event, sign_draft, sign_event
from newral_spec.keys import SecretKey
from newral_spec.kinds import Kind
from newral_spec.messages import (
    Checkpoint,
    Commitment,
    JobRequest,
    Receipt,
    SealedResults,
    Stage,
    UnitResult,
    Verdict,
    commit,
    encode_checkpoint,
    encode_job_request,
    encode_receipt,
    encode_sealed_results,
)
from newral_spec.messages.receipt import Outcome
from newral_spec.sealing import seal

GRANT, PRICE, QUORUM = 10_000, 100, 2


def key(name: str) -> SecretKey:
    """A key for each name."""
    return SecretKey(hashlib.sha256(f"newral test key of {name}".encode()).digest())


COORDINATOR = key("coordinator")


@dataclass
class Market:
    """A coordinator's story, entry by entry."""

    entries: list[trail.Entry] = field(default_factory=list)
    events: dict[str, bytes] = field(default_factory=dict)
    checkpoints: list[tuple[int, int]] = field(default_factory=list)
    """Log size and Unix seconds."""
    silent: set[str] = field(default_factory=set)
    """Leases whose provider gets no receipt."""
    now: int = 1_700_000_000
    _granted: set[str] = field(default_factory=set)
    _fences: dict[str, int] = field(default_factory=dict)
    _reveals: dict[str, tuple[str, str]] = field(default_factory=dict)
    _jobs: dict[str, trail.JobAccepted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tell(
            trail.PolicySet(
                at=self.now,
                coordinator=COORDINATOR.public_key,
                price=PRICE,
                quorum=QUORUM,
                grant=GRANT,
            )
        )

    def tell(self, entry: trail.Entry) -> None:
        """Append an entry, a second after the one before."""
        self.now += 1
        self.entries.append(msgspec.structs.replace(entry, at=self.now))

    def archive(self, event: Event) -> str:
        """Keep an event as evidence. Returns its id."""
        self.events[event.id] = event.to_json()
        return event.id

    def transfer(
        self,
        reason: trail.TransferReason,
        subject: str,
        debit: str,
        credit: str,
        amount: int,
        job: str | None = None,
        lease: str | None = None,
    ) -> None:
        """Append a transfer."""
        self.tell(
            trail.TransferPosted(
                at=0,
                id=trail.transfer_id(reason, subject),
                debit=debit,
                credit=credit,
                amount=amount,
                reason=reason,
                job=job,
                lease=lease,
            )
        )

    def accept_job(
        self,
        requester: str,
        number: int,
        budget: int,
        *,
        private: bool = False,
        addressee: str | None = COORDINATOR.public_key,
    ) -> str:
        """A requester posts a job, gets its grant if it is the first, and fills the escrow."""
        secret = key(requester)
        stages = (Stage(id="only", kernel="psp2", params={"number": number}),)
        if private:
            request = sign_event(secret, kind=Kind.SEAL, created_at=self.now, content="sealed")
            job = hashlib.sha256(request.id.encode()).hexdigest()
        else:
            message = JobRequest(workflow=stages, coordinator=addressee, bid=budget)
            request = sign_draft(secret, encode_job_request(message), self.now)
            job = request.id
        account = trail.requester_account(secret.public_key)
        if requester not in self._granted:
            self._granted.add(requester)
            self.transfer("grant", secret.public_key, trail.ISSUANCE, account, GRANT)
        accepted = trail.JobAccepted(
            at=0,
            job=job,
            request=self.archive(request),
            requester=secret.public_key,
            workflow_sha256=json_hash(msgspec.to_builtins(stages)),
            budget=budget,
        )
        self._jobs[job] = accepted
        self.tell(accepted)
        self.transfer("escrow", job, account, trail.escrow_account(job), budget, job)
        return job

    def lend(self, job: str, index: int, provider: str) -> trail.LeaseGranted:
        """Lend a unit under the next fence."""
        unit = trail.unit_id(job, "only", index)
        fence = self._fences[unit] = self._fences.get(unit, 0) + 1
        lease = trail.LeaseGranted(
            at=0,
            lease=trail.lease_id(unit, fence),
            unit=unit,
            unit_sha256=json_hash({"unit": index}),
            job=job,
            stage="only",
            kernel="psp2",
            version="1",
            provider=key(provider).public_key,
            fence=fence,
            price=PRICE,
        )
        self.tell(lease)
        return lease

    def commit(self, lease: trail.LeaseGranted, provider: str, answer: int) -> None:
        """The provider seals its result."""
        secret = key(provider)
        result = {"answer": answer}
        nonce = hashlib.sha256(lease.lease.encode()).hexdigest()
        opened = commit(secret.public_key, lease.unit, nonce, json_hash(result))
        self._reveals[lease.lease] = nonce, json_hash(result)
        sealed = SealedResults(
            coordinator=COORDINATOR.public_key,
            expiration=self.now + 3600,
            commitments=(
                Commitment(
                    lease=lease.lease, unit=lease.unit, fence=lease.fence, commitment=opened
                ),
            ),
            results=(UnitResult(lease=lease.lease, nonce=nonce, result=result),),
        )
        draft = seal(encode_sealed_results(sealed), secret, COORDINATOR.public_key, bytes(32))
        event = self.archive(sign_draft(secret, draft, self.now))
        self.tell(
            trail.CommitmentReceived(
                at=0,
                lease=lease.lease,
                unit=lease.unit,
                provider=secret.public_key,
                commitment=opened,
                event=event,
            )
        )

    def judge(self, lease: trail.LeaseGranted, outcome: Outcome, reason: str) -> None:
        """Give a verdict, and pay for it if it is due."""
        nonce, result_sha256 = self._reveals[lease.lease]
        amount = lease.price if outcome in ("accepted", "owed") else 0
        self.tell(
            trail.VerdictGiven(
                at=0,
                lease=lease.lease,
                unit=lease.unit,
                job=lease.job,
                provider=lease.provider,
                outcome=outcome,
                reason=reason,
                nonce=nonce,
                result_sha256=result_sha256,
                credits=amount,
            )
        )
        if amount:
            escrow, provider = trail.escrow_account(lease.job), lease.provider
            account = trail.provider_account(provider)
            self.transfer("work", lease.lease, escrow, account, amount, lease.job, lease.lease)

    def end_job(self, job: str, state: trail.JobEnd) -> None:
        """Return the rest of the escrow, and say that the job is over."""
        escrow = trail.escrow_account(job)
        if left := self.books().balance(escrow).posted:
            requester = trail.requester_account(self._jobs[job].requester)
            self.transfer("refund", job, escrow, requester, left, job)
        output = json_hash({"job": job}) if state == "completed" else None
        self.tell(trail.JobEnded(at=0, job=job, state=state, output_sha256=output))

    def checkpoint(self) -> None:
        """Sign the log as it is, a minute later."""
        self.now += 60
        self.checkpoints.append((len(self.entries), self.now))

    def books(self) -> Books:
        """The books that the transfers make."""
        books = Books()
        for entry in self.entries:
            if isinstance(entry, trail.TransferPosted):
                books.record(Transfer.from_entry(entry))
        return books

    def inputs(self) -> AuditInputs:
        """Everything an auditor would find, signed."""
        books = self.books()
        balances = {name: books.balance(name).posted for name in books.balances}
        return AuditInputs(
            coordinator=COORDINATOR.public_key,
            entries=tuple(map(trail.encode_entry, self.entries)),
            checkpoints=tuple(self.signed_checkpoints()),
            receipts=tuple(self.signed_receipts()),
            events=dict(self.events),
            claimed=ClaimedBalances(len(self.entries), balances),
        )

    def signed_checkpoints(self) -> list[Event]:
        """One for each size, each naming the one before."""
        events: list[Event] = []
        for size, at in self.checkpoints:
            leaves = [leaf_hash(trail.encode_entry(entry)) for entry in self.entries[:size]]
            checkpoint = Checkpoint(
                size=size,
                root=tree_root(leaves).hex(),
                previous=events[-1].id if events else None,
            )
            events.append(sign_draft(COORDINATOR, encode_checkpoint(checkpoint), at))
        return events

    def signed_receipts(self) -> list[Event]:
        """One for each provider."""
        commitments = {
            entry.lease: entry.commitment
            for entry in reversed(self.entries)
            if isinstance(entry, trail.CommitmentReceived)
        }
        told: dict[str, list[Verdict]] = defaultdict(list)
        for position, entry in enumerate(self.entries):
            if isinstance(entry, trail.VerdictGiven) and entry.lease not in self.silent:
                told[entry.provider].append(
                    Verdict(
                        lease=entry.lease,
                        unit=entry.unit,
                        job=entry.job,
                        outcome=entry.outcome,
                        reason=entry.reason,
                        credits=entry.credits,
                        commitment=commitments.get(entry.lease, "0" * 64),
                        nonce=entry.nonce,
                        result_sha256=entry.result_sha256,
                        position=position,
                    )
                )
        return [
            sign_draft(
                COORDINATOR,
                encode_receipt(Receipt(provider=provider, verdicts=tuple(verdicts))),
                self.now,
            )
            for provider, verdicts in told.items()
        ]


def honest_market() -> Market:
    """Three jobs, one of each fate, with everything that can happen to a lease."""
    market = Market()
    first = market.accept_job("alice", 1, budget=1000)
    one, two = (market.lend(first, 0, name) for name in ("p1", "p2"))
    market.commit(one, "p1", answer=7)
    market.checkpoint()
    market.commit(two, "p2", answer=7)
    for lease in (one, two):
        market.judge(lease, "accepted", "agreed: 2 independent providers returned it")

    wrong, proved = market.lend(first, 1, "p1"), market.lend(first, 1, "p3")
    market.commit(wrong, "p1", answer=1)
    market.judge(wrong, "rejected", "the factorisation is wrong")
    market.commit(proved, "p3", answer=2)
    market.judge(proved, "accepted", "proved: Korselt's criterion holds")

    lost = market.lend(first, 2, "p2")
    again = market.lend(first, 2, "p2")
    market.commit(again, "p2", answer=3)
    market.judge(again, "accepted", "proved: by its certificate")
    market.commit(lost, "p2", answer=3)
    market.judge(lost, "refused", "refused: the lease had ended")
    market.end_job(first, "completed")
    market.checkpoint()

    second = market.accept_job("bob", 2, budget=300, private=True)
    waiting = market.lend(second, 0, "p3")
    market.commit(waiting, "p3", answer=4)
    market.judge(waiting, "owed", "committed before the job ended: cancelled")
    market.end_job(second, "cancelled")
    third = market.accept_job("alice", 3, budget=500)
    market.lend(third, 0, "p1")
    market.checkpoint()
    return market
