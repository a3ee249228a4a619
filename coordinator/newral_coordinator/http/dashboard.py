"""The market's page: one HTML document without external parts, rendered from a snapshot."""

from __future__ import annotations

import base64
import hashlib
import shlex
from importlib import resources
from typing import Final

from newral_coordinator.http import display
from newral_coordinator.http.markup import Markup, fill, join
from newral_coordinator.http.sources import (
    CheckpointSummary,
    JobSummary,
    MarketSnapshot,
    ProviderSummary,
)

ROWS_MAX: Final = 100
"""Jobs, and providers, on the page: the JSON has the rest."""

_TITLE_CHARS_MAX: Final = 160
_AGENT_CHARS_MAX: Final = 40

_ASSETS: Final = resources.files("newral_coordinator.http") / "assets"


def _asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


_PAGE: Final = _asset("page.html")
_JOB: Final = _asset("job.html")
_PROVIDER: Final = _asset("provider.html")
_STYLE: Final = Markup(_asset("style.css"))
_SCRIPT: Final = Markup(_asset("live.js"))


def _hash_source(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src {_hash_source(_SCRIPT)}",
        f"style-src {_hash_source(_STYLE)}",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""Only this package's script and style run, named by their hashes, whatever a job's title holds."""

_TONES: Final = {
    "posted": "waiting",
    "accepted": "waiting",
    "running": "active",
    "completed": "good",
    "failed": "bad",
    "refused": "bad",
}


def render(snapshot: MarketSnapshot) -> str:
    """The whole document; it is to be served under `CONTENT_SECURITY_POLICY`."""
    totals = snapshot["totals"]
    return fill(
        _PAGE,
        style=_STYLE,
        script=_SCRIPT,
        name=snapshot["name"],
        npub=snapshot["npub"],
        uptime=display.duration(snapshot["now"] - snapshot["started_at"]),
        now=_time(snapshot["now"]),
        jobs_running=display.count(totals["jobs_running"]),
        jobs_total=display.count(totals["jobs"]),
        units_accepted=display.count(totals["units_accepted"]),
        providers_total=display.count(totals["providers"]),
        credits_paid=display.credits_of(totals["credits_paid"]),
        log_size=display.count(snapshot["log_size"]),
        jobs=_jobs(snapshot),
        providers=_providers(snapshot),
        checkpoint=_checkpoint(snapshot["checkpoint"], snapshot["now"]),
        relays=join(fill("<li><code>{url}</code></li>", url=url) for url in snapshot["relays"]),
        post_command=_post_command(snapshot),
        audit_command=_audit_command(snapshot),
    )


def _jobs(snapshot: MarketSnapshot) -> Markup:
    jobs = snapshot["jobs"]
    if not jobs:
        return fill('<p class="empty">No job yet. Post the first one: see below.</p>')
    items = join(_job(job, snapshot["now"]) for job in jobs[:ROWS_MAX])
    return fill('<ul class="jobs">{items}</ul>{more}', items=items, more=_more(len(jobs)))


def _job(job: JobSummary, now: int) -> Markup:
    units = job["units"]
    return fill(
        _JOB,
        title=display.shortened(job["title"], _TITLE_CHARS_MAX) or "untitled",
        state=job["state"],
        tone=_TONES.get(job["state"], "quiet"),
        progress=f"{min(1.0, max(0.0, job['progress'])):.4f}",
        percent=display.percent(job["progress"]),
        accepted=display.count(units["accepted"]),
        planned=display.count(units["planned"]),
        leased=display.count(units["leased"]),
        spent=display.credits_of(job["spent"]),
        budget=display.credits_of(job["budget"]),
        id=job["id"],
        short_id=display.short_key(job["id"]),
        requester=job["requester"],
        short_requester=display.short_key(job["requester"]),
        posted=_ago(job["posted_at"], now),
        reason=_reason(job["reason"]),
    )


def _reason(reason: str) -> Markup:
    if not reason:
        return fill("")
    return fill(
        '<p class="reason"><bdi>{reason}</bdi></p>',
        reason=display.shortened(reason, _TITLE_CHARS_MAX),
    )


def _providers(snapshot: MarketSnapshot) -> Markup:
    providers = snapshot["providers"]
    if not providers:
        return fill(
            '<tr><td colspan="6" class="empty">No provider has asked for work yet.</td></tr>'
        )
    return join(_provider(provider, snapshot["now"]) for provider in providers[:ROWS_MAX])


def _provider(provider: ProviderSummary, now: int) -> Markup:
    return fill(
        _PROVIDER,
        pubkey=provider["pubkey"],
        short_pubkey=display.short_key(provider["pubkey"]),
        agent=display.shortened(provider["agent"], _AGENT_CHARS_MAX) or "unknown",
        held=display.count(provider["units_held"]),
        accepted=display.count(provider["units_accepted"]),
        rejected=display.count(provider["units_rejected"]),
        credits=display.credits_of(provider["credits"]),
        seen=_ago(provider["seen_at"], now),
    )


def _checkpoint(checkpoint: CheckpointSummary | None, now: int) -> Markup:
    if checkpoint is None:
        return fill('<p class="empty">No checkpoint has been signed yet.</p>')
    return fill(
        "<dl><dt>Signed checkpoint</dt><dd>{size} entries, {ago}</dd>"
        '<dt>Merkle root</dt><dd><code class="long">{root}</code></dd></dl>',
        size=display.count(checkpoint["size"]),
        ago=_ago(checkpoint["at"], now),
        root=checkpoint["root"],
    )


def _more(number: int) -> Markup:
    if number <= ROWS_MAX:
        return fill("")
    return fill(
        '<p class="empty">and {number} more in <a href="/api/market">/api/market</a></p>',
        number=display.count(number - ROWS_MAX),
    )


def _ago(unix_s: int, now: int) -> Markup:
    return fill(
        '<time datetime="{at}" title="{at}">{ago} ago</time>',
        at=display.timestamp(unix_s),
        ago=display.duration(now - unix_s),
    )


def _time(unix_s: int) -> Markup:
    at = display.timestamp(unix_s)
    return fill('<time datetime="{at}">{clock} UTC</time>', at=at, clock=at[11:19])


def _network_options(snapshot: MarketSnapshot) -> str:
    """Quoted for a shell, because people will paste it."""
    relays = [f" \\\n  --relay {shlex.quote(url)}" for url in snapshot["relays"][:1]]
    return "".join([*relays, f" \\\n  --coordinator {shlex.quote(snapshot['npub'])}"])


def _post_command(snapshot: MarketSnapshot) -> str:
    return (
        "newral keys new --output my.key\n"
        "newral job post carmichael 10^9 --wait \\\n"
        f"  --key-file my.key{_network_options(snapshot)}"
    )


def _audit_command(snapshot: MarketSnapshot) -> str:
    return f"newral audit run{_network_options(snapshot)}"
