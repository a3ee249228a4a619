"""The demonstration: three real jobs on a market of one's own, and the audit of what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from newral.audits import run_audit
from newral.client import Client
from newral.errors import NewralError
from newral.jobs import Output
from newral.market.embedded import Addresses
from newral_ledger.audit import AuditReport
from newral_spec.messages import Feedback, Stage

CARMICHAEL_BOUND: Final = 10**10

BPSW_START: Final = 2**64
"""Below, every composite is known to be recognised (Feitsma, Galway 2013)."""

BPSW_STOP: Final = BPSW_START + 14_000_000
"""Seven million odd numbers."""

CLASS_BOUND: Final = 2**68
CLASS_PRIMES: Final = (10**6, 2 * 10**6)
"""The class's numbers have a prime factor from here to there."""

JOB_S: Final = 300.0
"""For all jobs, on a machine far slower than any that was tried."""

SETTLE_S: Final = 30.0
"""For the last checkpoint to cover the log."""

LAST_NEWS_S: Final = 2.0
"""The result may arrive before the feedback that says so."""

POLL_S: Final = 0.5
HTTP_S: Final = 10.0

JOBS: Final[Mapping[str, tuple[Stage, ...]]] = {
    "carmichael": (
        Stage(id="generate", kernel="carmichael", params={"bound": str(CARMICHAEL_BOUND)}),
        Stage(id="check", kernel="korselt", foreach="generate"),
        Stage(
            id="merge",
            kernel="carmichael-merge",
            params={"bound": str(CARMICHAEL_BOUND)},
            foreach="check",
        ),
    ),
    "bpsw": (
        Stage(
            id="search",
            kernel="bpsw",
            params={"start": str(BPSW_START), "stop": str(BPSW_STOP)},
        ),
    ),
    "bpsw-class": (
        Stage(
            id="search",
            kernel="bpsw-class",
            params={
                "bound": str(CLASS_BOUND),
                "start": str(CLASS_PRIMES[0]),
                "stop": str(CLASS_PRIMES[1]),
            },
        ),
    ),
}

News = Callable[[str, Feedback], None]
"""Called with a job's name here and what the coordinator says of it."""


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """What came out."""

    carmichael: Output
    bpsw: Output
    bpsw_class: Output
    market: Mapping[str, Any]
    """The coordinator's own view of the market, at the end."""
    audit: AuditReport
    seconds: float

    @property
    def replication_factor(self) -> float:
        """Results judged for each unit."""
        counts = self.audit.counts
        return counts.verdicts / counts.units if counts.units else 0.0

    def to_json(self) -> dict[str, Any]:
        """For programs. Credits are in micro-credits."""
        bpsw, bpsw_class = self.bpsw.value, self.bpsw_class.value
        return {
            "carmichael_bound": CARMICHAEL_BOUND,
            "carmichael_count": self.carmichael.value["count"],
            "carmichael_by_magnitude": self.carmichael.value["by_magnitude"],
            "bpsw_start": str(BPSW_START),
            "bpsw_stop": str(BPSW_STOP),
            "bpsw_tested": bpsw["tested"],
            "bpsw_probable_primes": bpsw["probable_primes"],
            "bpsw_psp2": bpsw["psp2"],
            "bpsw_hits": bpsw["hits"],
            "class_statement": bpsw_class["statement"],
            "class_candidates": bpsw_class["candidates"],
            "class_hits": bpsw_class["hits"],
            "units": self.audit.counts.units,
            "replication_factor": round(self.replication_factor, 3),
            "credits": earnings(self.audit),
            "log_entries": self.audit.counts.entries,
            "signatures_verified": self.audit.counts.signatures,
            "audit": "clean" if self.audit.clean else differences(self.audit),
            "seconds": round(self.seconds, 2),
        }


def earnings(report: AuditReport) -> dict[str, int]:
    """What each provider's key has, as the audit recomputed it."""
    prefix = "provider:"
    return {
        account.removeprefix(prefix): amount
        for account, amount in report.balances.items()
        if account.startswith(prefix)
    }


def differences(report: AuditReport) -> list[str]:
    """What the audit found, one line each."""
    return [f"{found.code}: {found.message}" for found in report.differences]


async def run_demo(client: Client, addresses: Addresses, on_news: News) -> DemoReport:
    """Post all jobs at once, wait for their results, audit everything.

    Raises `JobFailed`, `JobRefused` and `JobTimeout`.
    """
    started = time.monotonic()
    jobs = [_run_job(client, name, stages, on_news) for name, stages in JOBS.items()]
    carmichael, bpsw, bpsw_class = await asyncio.gather(*jobs)
    market = await _settled_market(addresses.http)
    report = await run_audit(addresses.coordinator, [addresses.relay])
    return DemoReport(
        carmichael=carmichael,
        bpsw=bpsw,
        bpsw_class=bpsw_class,
        market=market,
        audit=report,
        seconds=time.monotonic() - started,
    )


async def _run_job(client: Client, name: str, stages: Sequence[Stage], on_news: News) -> Output:
    job = await client.post_workflow(stages)
    watcher = asyncio.create_task(_report(client, job.id, name, on_news))
    try:
        output = await client.result(job.id, JOB_S)
        await asyncio.wait([watcher], timeout=LAST_NEWS_S)
        return output
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _report(client: Client, job: str, name: str, on_news: News) -> None:
    async with aclosing(client.watch(job)) as news:
        async for feedback in news:
            on_news(name, feedback)


async def fetch_market(http: aiohttp.ClientSession, base: str) -> dict[str, Any]:
    """The coordinator's view of the market. Raises `aiohttp.ClientError`."""
    async with http.get(f"{base}/api/market", raise_for_status=True) as response:
        market = await response.json()
    if not isinstance(market, dict):
        raise NewralError(f"{base}/api/market did not answer with an object")
    return market


async def _settled_market(base: str) -> dict[str, Any]:
    """The market once a signed checkpoint covers all of its log."""
    deadline = time.monotonic() + SETTLE_S
    timeout = aiohttp.ClientTimeout(total=HTTP_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        while True:
            try:
                market = await fetch_market(http, base)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise NewralError(f"the coordinator does not answer at {base}: {error}") from error
            checkpoint = market["checkpoint"]
            if checkpoint is not None and checkpoint["size"] == market["log_size"]:
                return market
            if time.monotonic() > deadline:
                raise NewralError(f"no checkpoint covered the log within {SETTLE_S:.0f} s")
            await asyncio.sleep(POLL_S)
