"""Which other alerts of the same lumbar puncture (LP) are open beside one. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.finding import RuleStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.alert import Alert


def also_open(alert: Alert, others: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return the other alerts of an LP that still ask for something, the most severe first, then the oldest.

    Shape: `others` all alerts of the same patient as they are now, each under the LP it belongs to now, `alert` among them or
    not. Alerts of shadow rules are told to nobody, and so not here either.
    """
    found = (
        other
        for other in others
        if other.alert_id != alert.alert_id
        and other.episode_id == alert.episode_id
        and other.state.is_open
        and other.status is not RuleStatus.SHADOW
    )
    return tuple(sorted(found, key=lambda other: (-other.severity, other.raised_at_ms, other.rule)))
