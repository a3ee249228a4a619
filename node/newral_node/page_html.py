"""The local page as HTML. Everything that came from elsewhere is escaped."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from typing import Final

from newral_node.queue import StoredVerdict
from newral_node.status import NodeStatus, UnitStatus

MICROCREDITS: Final = 1_000_000

_TITLES: Final = {
    "computing": "Computing",
    "waiting": "Waiting for work",
    "preparing": "Preparing",
    "paused": "Paused",
    "offline": "Offline",
    "stopping": "Stopping",
}


def render(status: NodeStatus, *, token: str, nonce: str, style: str, script: str) -> str:
    """The whole page. `token` authorises actions, `nonce` the page's own style and script."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="csrf-token" content="{escape(token)}">
<title>Newral node: {_TITLES[status.state]}</title>
<style nonce="{nonce}">{style}</style>
</head>
<body>
<main id="page">{_main(status)}</main>
<script nonce="{nonce}">{script}</script>
</body>
</html>
"""


def _main(status: NodeStatus) -> str:
    return f"""
<header class="{status.state}">
<div>
<h1>{_TITLES[status.state]}</h1>
<p>{escape(status.why) or f"{_running(status)} of {status.cores} cores in use"}</p>
</div>
{_button(status)}
</header>
<dl class="figures">
{_figure("Credits earned", credits_text(status.credits))}
{_figure("Units accepted", str(status.accepted))}
{_figure("Rejected", str(status.rejected))}
{_figure("Not considered", str(status.refused))}
</dl>
<section aria-labelledby="units"><h2 id="units">Units</h2>{_units(status.units)}</section>
<section aria-labelledby="verdicts"><h2 id="verdicts">Last verdicts</h2>
{_verdicts(status.verdicts)}</section>
<section aria-labelledby="relays"><h2 id="relays">Relays</h2>{_relays(status)}</section>
<footer><p>This node: <code>{escape(status.pubkey)}</code></p>
<p>Its coordinator: <code>{escape(status.coordinator)}</code></p></footer>
"""


def credits_text(microcredits: int) -> str:
    """Credits with three decimals, such as `12.345`."""
    whole, rest = divmod(microcredits, MICROCREDITS)
    return f"{whole:,}.{rest // 1000:03}"


def _running(status: NodeStatus) -> int:
    return sum(unit.state == "started" for unit in status.units)


def _button(status: NodeStatus) -> str:
    if status.state == "stopping":
        return ""
    action, label = ("resume", "Resume") if status.state == "paused" else ("pause", "Pause")
    return f'<button type="button" data-action="{action}">{label}</button>'


def _figure(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"


def _units(units: Iterable[UnitStatus]) -> str:
    rows = "".join(_unit(unit) for unit in units)
    if not rows:
        return "<p class='none'>None at the moment.</p>"
    head = "<tr><th>Kernel</th><th>State</th><th>Progress</th><th>Due</th><th>Lease</th></tr>"
    return f"<div class='scroll'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"


def _unit(unit: UnitStatus) -> str:
    percent = f"{unit.progress:.0%}"
    return (
        f"<tr><td>{escape(unit.kernel)}</td><td>{unit.state}</td>"
        f'<td><progress max="1" value="{unit.progress:.4f}">{percent}</progress> {percent}</td>'
        f"<td>{_clock(unit.deadline)}</td><td><code>{escape(unit.lease[:12])}</code></td></tr>"
    )


def _verdicts(verdicts: Iterable[StoredVerdict]) -> str:
    rows = "".join(
        f"<tr><td>{_clock(verdict.created_at)}</td>"
        f'<td class="{escape(verdict.outcome)}">{escape(verdict.outcome)}</td>'
        f"<td>{credits_text(verdict.credits)}</td><td>{escape(verdict.reason)}</td></tr>"
        for verdict in verdicts
    )
    if not rows:
        return "<p class='none'>None yet: they come with the coordinator's receipts.</p>"
    head = "<tr><th>When</th><th>Verdict</th><th>Credits</th><th>Why</th></tr>"
    return f"<div class='scroll'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"


def _relays(status: NodeStatus) -> str:
    items = "".join(
        f"<li><code>{escape(relay.url)}</code> "
        f"{'connected' if relay.connected else escape(relay.error or 'connecting')}</li>"
        for relay in status.relays
    )
    return f"<ul>{items}</ul>"


def _clock(at: int) -> str:
    return time.strftime("%d %b %H:%M:%S", time.localtime(at))
