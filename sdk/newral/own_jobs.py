"""The list of one's own jobs, from what relays have of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from newral.jobs import JobView, decode_news, latest
from newral_spec.event import Event
from newral_spec.messages import Feedback, InvalidMessage, decode_job_request


def job_views(requests: Iterable[Event], feedback: Iterable[Event]) -> list[JobView]:
    """A view of each request, newest first; feedback counts from the addressed key alone."""
    news: dict[tuple[str, str], list[tuple[int, Feedback]]] = defaultdict(list)
    for event in feedback:
        decoded = decode_news(event, event.first("e") or "")
        if decoded is not None:
            news[decoded.request, event.pubkey].append((event.created_at, decoded))
    newest_first = sorted(requests, key=lambda event: event.created_at, reverse=True)
    return [
        _view(request, latest(news[request.id, request.first("p") or ""]))
        for request in newest_first
    ]


def _view(request: Event, feedback: Feedback | None) -> JobView:
    return JobView(
        id=request.id,
        posted_at=request.created_at,
        title=_title(request),
        phase=None if feedback is None else feedback.phase,
        progress=None if feedback is None else feedback.progress,
        eta_s=None if feedback is None else feedback.eta_s,
        reason="" if feedback is None else feedback.reason,
    )


def _title(request: Event) -> str:
    """The kernels that the request names, as far as anybody can read it."""
    if any(tag[0] == "encrypted" for tag in request.tags):
        return "(encrypted)"
    try:
        job = decode_job_request(request)
    except InvalidMessage as error:
        return f"(invalid: {error.code})"
    return job.command or " → ".join(stage.kernel for stage in job.workflow)
