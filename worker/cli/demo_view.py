"""How the demonstration looks: a live table of alerts, or plain lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from worker.model.time import to_datetime
from worker.rules.words import with_unit

if TYPE_CHECKING:
    from rich.console import RenderableType

    from worker.simulate.stage import Alert, Evidence, Scene

SEVERITIES: Final = ("emergent", "urgent", "routine", "info")
_STYLES: Final = {"emergent": "bold white on red", "urgent": "bold red", "routine": "yellow", "info": "cyan"}
_CLOSED: Final = "dim"
_SHOWN_EVIDENCE: Final = 3


def picture(scene: Scene, rows: int) -> RenderableType:
    """Draw the whole view: counts above, the newest alerts first, as many as fit in `rows`."""
    table = Table(expand=True, pad_edge=False, box=None, header_style="bold")
    table.add_column("severity", no_wrap=True)
    table.add_column("alert", ratio=3)
    table.add_column("patient", no_wrap=True)
    table.add_column("after LP", justify="right", no_wrap=True)
    table.add_column("evidence", ratio=4)
    table.add_column("state", no_wrap=True)
    newest = sorted(scene.alerts.values(), key=lambda alert: alert.updated_at, reverse=True)
    for alert in newest[: max(rows, 1)]:
        style = "" if alert.state in {"raised", "updated", "escalated"} else _CLOSED
        table.add_row(
            Text(alert.severity, style=_STYLES.get(alert.severity, "")),
            alert.rule.title or alert.rule.id,
            patient(alert),
            f"{alert.lp.hours_at_evidence:.1f} h",
            evidence(alert),
            alert.state,
            style=style,
        )
    body: RenderableType = table if newest else Text("waiting for the first alert …", style=_CLOSED)
    note = Text("simulated patients · decision support, not a diagnosis · Ctrl-C ends", style=_CLOSED)
    return Panel(Group(Text(headline(scene)), Text(""), body, Text(""), note), title="lpwatch demo")


def headline(scene: Scene) -> str:
    """Say on one line what the ward's time is and what was counted."""
    now = to_datetime(scene.now_ms)
    counts = Counter(alert.severity for alert in scene.open_alerts)
    listed = ", ".join(f"{counts[name]} {name}" for name in SEVERITIES if counts[name]) or "none"
    return (
        f"{now:%a %d %b %H:%M} on the ward · {scene.sent} messages sent, {scene.accepted} acknowledged · "
        f"{len(scene.alerts)} alerts, open: {listed}"
    )


def line(alert: Alert) -> str:
    """Write a notice on one line."""
    at = f"{alert.updated_at[:16].replace('T', ' ')}"
    return (
        f"{at} {alert.severity.upper()} {alert.rule.title or alert.rule.id} [{alert.state}] patient {patient(alert)}, "
        f"{alert.lp.hours_at_evidence:.1f} h after LP: {evidence(alert)}"
    )


def patient(alert: Alert) -> str:
    """Name the patient by record number."""
    numbers = [one.value for one in alert.patient if one.type == "MR"] or [one.value for one in alert.patient]
    return numbers[0] if numbers else "?"


def evidence(alert: Alert) -> str:
    """List the newest values and statements that decided."""
    newest = alert.evidence[-_SHOWN_EVIDENCE:]
    return "; ".join(_one(item) for item in newest) or alert.reason


def _one(item: Evidence) -> str:
    value = f"{item.value:g}" if isinstance(item.value, float) else str(item.value or "")
    amount = with_unit(value, item.unit)
    return f"{item.concept} {amount} at {item.effective_at[11:16]}".replace("  ", " ")
