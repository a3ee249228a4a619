"""The demo on the terminal: live progress on stderr, then the answers on stdout."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Self

import aiohttp
from rich.console import Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from newral.cli.audit_view import print_audit
from newral.cli.console import print_line, progress_console
from newral.cli.values import credits_text
from newral.market.demo import JOBS, POLL_S, DemoReport, earnings, fetch_market
from newral_spec.messages import Feedback

PLOT_WIDTH: Final = 50


class DemoView:
    """Bars for the jobs, a table of the nodes."""

    def __init__(self) -> None:
        console = progress_console()
        self._bars = Progress(
            TextColumn("{task.description:<12}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[news]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._tasks = {name: self._bars.add_task(name, total=1.0, news="") for name in JOBS}
        self._live = Live(self._drawing(()), console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()
        if not self._live.console.is_terminal:
            self._live.console.line()  # There rich leaves the last line open.

    def say(self, text: str) -> None:
        """One line above the bars."""
        self._live.console.print(text, highlight=False, markup=False)

    def on_news(self, job: str, feedback: Feedback) -> None:
        """Move a job's bar."""
        eta = "" if feedback.eta_s is None else f", {feedback.eta_s} s left"
        progress = 1.0 if feedback.phase == "completed" else feedback.progress
        self._bars.update(self._tasks[job], completed=progress, news=feedback.phase + eta)

    @asynccontextmanager
    async def watching_nodes(self, base: str, names: Mapping[str, str]) -> AsyncIterator[None]:
        """Keep the table of nodes up to date from the coordinator's HTTP server."""
        task = asyncio.create_task(self._watch_nodes(base, names))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch_nodes(self, base: str, names: Mapping[str, str]) -> None:
        async with aiohttp.ClientSession() as http:
            while True:
                # Only a picture: what is missed now is seen next time.
                with suppress(aiohttp.ClientError, TimeoutError):
                    market = await fetch_market(http, base)
                    self._live.update(self._drawing(_node_rows(market, names)))
                await asyncio.sleep(2 * POLL_S)

    def _drawing(self, rows: tuple[tuple[str, ...], ...]) -> Group:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("node", "computing", "accepted", "rejected", "credits"):
            table.add_column(column, justify="left" if column == "node" else "right")
        for row in rows:
            table.add_row(*row)
        return Group(self._bars, table)


def _node_rows(market: Mapping[str, Any], names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    rows = [
        (
            names.get(provider["pubkey"], provider["pubkey"][:8]),
            str(provider["units_held"]),
            str(provider["units_accepted"]),
            str(provider["units_rejected"]),
            credits_text(provider["credits"]),
        )
        for provider in market["providers"]
    ]
    return tuple(sorted(rows))


def print_report(report: DemoReport, names: Mapping[str, str]) -> None:
    """The answers, who computed them and what the audit says."""
    numbers = report.to_json()
    print_line(f"Carmichael numbers below 10^10: {numbers['carmichael_count']:,}")
    _plot(numbers["carmichael_by_magnitude"])
    print_line()
    print_line(f"Baillie-PSW, {numbers['bpsw_start']} to {numbers['bpsw_stop']}:")
    print_line(
        f"  {numbers['bpsw_tested']:,} odd numbers tested,"
        f" {numbers['bpsw_probable_primes']:,} probable primes,"
        f" {len(numbers['bpsw_psp2'])} base-2 pseudoprimes,"
        f" {len(numbers['bpsw_hits'])} composites that pass"
    )
    print_line()
    print_line(f"Baillie-PSW, a class of {numbers['class_candidates']:,} numbers:")
    print_line(f"  {numbers['class_statement']}")
    print_line()
    print_line("Who computed it:")
    for provider in report.market["providers"]:
        name = names.get(provider["pubkey"], provider["pubkey"][:16])
        earned = credits_text(earnings(report.audit).get(provider["pubkey"], 0))
        print_line(f"  {name}: {provider['units_accepted']} units accepted, {earned} credits")
    print_line(
        f"  {numbers['units']} units, {numbers['replication_factor']} results for each,"
        f" {numbers['seconds']:.0f} s"
    )
    print_line()
    print_audit(report.audit)


def _plot(by_magnitude: Mapping[str, int]) -> None:
    """How many numbers there are in each decade, as bars."""
    before = 0
    decades = []
    for power, total in sorted(by_magnitude.items(), key=lambda item: item[1]):
        decades.append((power, total - before, total))
        before = total
    most = max((count for _, count, _ in decades), default=1)
    for power, count, total in decades:
        bar = "█" * round(PLOT_WIDTH * count / most)
        print_line(f"  below {power:<6} {total:>6,}  {bar} {count:,}")
