"""Inputs from requesters: job requests in every accepted form, and cancellations."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from newral_coordinator import answers, jobs
from newral_coordinator.handlers import progress
from newral_coordinator.jobs import Funds, Refusal
from newral_coordinator.model import Form
from newral_coordinator.scope import Scope
from newral_coordinator.states import JobState
from newral_ledger import books
from newral_spec import trail
from newral_spec.event import Event
from newral_spec.keys import is_hex32
from newral_spec.kinds import Kind
from newral_spec.messages import InvalidMessage, JobRequest, command_text, decode_job_request
from newral_spec.messages.job import JOB_KINDS
from newral_spec.nips import nip04, nip17
from newral_spec.sealing import unseal

_MENTION: Final = re.compile(r"(nostr:|@)?n(pub|profile)1[a-z0-9]+|#\[\d+\]", re.IGNORECASE)
"""A mention inside a note: NIP-21, NIP-27, and the older NIP-08."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was understood, or why it was not.

    `signed` is the event that the requester signed and `job_id` what the job is called.
    """

    signed: Event
    job_id: str
    form: Form
    request: JobRequest | None
    refusal: Refusal | None = None


async def handle_request(scope: Scope, event: Event) -> str:
    """A job request; the outcome in a word for the inbox."""
    asked = await _understand(scope, event)
    if asked is None:
        return "ignored"
    try:
        if asked.refusal is not None:
            raise asked.refusal
        assert asked.request is not None
        await _take(scope, asked, asked.request)
    except Refusal as refused:
        await scope.run(answers.refusal(asked.signed, asked.job_id, asked.form, refused))
        return f"refused: {refused.code}"
    return "accepted"


async def _understand(scope: Scope, event: Event) -> Asked | None:
    if event.kind in JOB_KINDS:
        return _understand_job(scope, event)
    if event.kind == Kind.NOTE:
        return _understand_note(scope, event)
    if event.kind == Kind.ENCRYPTED_DIRECT_MESSAGE:
        return _understand_nip04(scope, event)
    return await _understand_gift_wrap(scope, event)


def _understand_job(scope: Scope, event: Event) -> Asked:
    form: Form = "native"
    try:
        request = decode_job_request(event, _plaintext(scope, event))
        form = request.form
        return Asked(event, event.id, form, request)
    except InvalidMessage as error:
        return Asked(event, event.id, form, None, Refusal(error.code, str(error)))


def _plaintext(scope: Scope, event: Event) -> str | None:
    if not any(tag[0] == "encrypted" for tag in event.tags):
        return None
    try:
        return unseal(event, scope.secret)
    except InvalidMessage:
        # NIP-04 is what older clients send; it is accepted and never sent.
        try:
            return nip04.decrypt(event.content, scope.secret, event.pubkey)
        except nip04.Nip04Error:
            return None


def _understand_note(scope: Scope, event: Event) -> Asked | None:
    words = _MENTION.sub(" ", event.content).split()
    is_command = bool(words) and words[0].lower() in scope.kernels.names()
    if not is_command and event.first("e") is not None:
        # A remark in a conversation, maybe with another machine: answering could go on for ever.
        return None
    if not is_command:
        refusal = Refusal("command", f"say what to compute, for example: {_examples(scope)}")
        return Asked(event, event.id, "note", None, refusal)
    return _understand_words(event, event.id, "note", " ".join(words))


def _understand_nip04(scope: Scope, event: Event) -> Asked | None:
    try:
        text = nip04.decrypt(event.content, scope.secret, event.pubkey)
    except nip04.Nip04Error:
        return None
    return _understand_words(event, event.id, "message", text)


async def _understand_gift_wrap(scope: Scope, event: Event) -> Asked | None:
    try:
        message = nip17.unwrap(event, scope.secret)
    except nip17.Nip17Error:
        return None
    # The same message may come in several wraps: it is one input.
    if not await scope.store.claim_input(message.rumor_id, scope.now):
        return None
    await scope.store.put_evidence(message.seal.id, message.seal.to_json().decode())
    return _understand_words(message.seal, message.rumor_id, "message", message.text)


def _understand_words(signed: Event, job_id: str, form: Form, text: str) -> Asked:
    try:
        request = JobRequest(command=command_text(text), form=form)
    except InvalidMessage as error:
        return Asked(signed, job_id, form, None, Refusal(error.code, str(error)))
    return Asked(signed, job_id, form, request)


def _examples(scope: Scope) -> str:
    known = map(scope.kernels.get, scope.kernels.names())
    return "; ".join(kernel.usage for kernel in known if kernel.positional)


async def _take(scope: Scope, asked: Asked, request: JobRequest) -> None:
    if request.coordinator not in (None, scope.secret.public_key):
        raise Refusal("bad_p", "the job is addressed to another coordinator")
    stages = jobs.resolve(request, scope.kernels)
    active = await scope.store.count_active_jobs(asked.signed.pubkey)
    if active >= scope.policy.jobs_per_requester_max:
        raise Refusal(
            "too_many_jobs", f"{active} of your jobs are active; wait for one to end, or cancel it"
        )
    account = trail.requester_account(asked.signed.pubkey)
    balance = await books.balance(scope.store.connection, account)
    grant = await books.recorded(
        scope.store.connection, trail.transfer_id("grant", asked.signed.pubkey)
    )
    funds = Funds(available=balance.available, granted=grant is not None)
    most = funds.most(request.bid, scope.policy)
    cost_s = await asyncio.to_thread(
        jobs.foreseeable_cost, stages, scope.kernels, scope.policy, most
    )
    job, instructions = jobs.accept(
        request,
        asked.signed,
        job_id=asked.job_id,
        stages=stages,
        cost_s=cost_s,
        funds=funds,
        policy=scope.policy,
        now=scope.now,
    )
    await scope.run(instructions)
    reason = f"up to {jobs.credits_text(job.budget)} credits are in escrow"
    await scope.run(answers.phase(job, "accepted", reason, progress=0.0))
    scope.touched.add(job.id)


async def handle_deletion(scope: Scope, event: Event) -> str:
    """A NIP-09 deletion request: the requester's own jobs that it names are cancelled."""
    named = [job_id for job_id in event.values("e") if is_hex32(job_id)]
    cancelled = await scope.store.cancellable_jobs(event.pubkey, named)
    for job in cancelled:
        await progress.end_job(scope, job, JobState.CANCELLED, "cancelled by its requester")
    return f"cancelled {len(cancelled)}"
