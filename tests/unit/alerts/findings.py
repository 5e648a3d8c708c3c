"""Build findings and alerts for tests: hours after T0, invented patients."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from tests.unit.correlate.facts import at, puncture, temperature
from worker.alerts.policy import Policy
from worker.alerts.reconcile import Standing, reconcile
from worker.alerts.transitions import Now
from worker.correlate.episodes import find_episodes
from worker.model.alert import Alert, AlertChange
from worker.model.finding import Finding, RuleStatus, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

(EPISODE,) = find_episodes([puncture(0)])
POLICY = Policy(renotify_rise={"fever-single": 0.5}, folds={"fever-ongoing": ["fever-single"]})


def found(  # noqa: PLR0913 # a builder names every part it can set
    rule: str = "fever-single",
    hours: float = 10,
    severity: Severity = Severity.URGENT,
    *,
    peak: float | None = 38.4,
    status: RuleStatus = RuleStatus.DRAFT,
    window_h: float = 168,
    folded_by: str = "",
    gap_closed: bool = False,
) -> Finding:
    return Finding(
        episode=EPISODE,
        rule=rule,
        rule_version=1,
        status=status,
        severity=severity,
        effective_ms=at(hours),
        latest_ms=at(hours),
        window_end_ms=at(window_h),
        evidence=(temperature(hours, 38.4 if peak is None else peak),),
        peak=peak,
        folded_by=folded_by,
        gap_closed=gap_closed,
    )


def now(hours: float, policy: Policy = POLICY, names: tuple[tuple[str, str], ...] = ()) -> Now:
    return Now(at(hours), policy, names)


class Ward:
    """Keep the alerts of one patient while assessments follow each other."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.policy = policy
        self.alerts: dict[str, Alert] = {}
        self.log: list[AlertChange] = []
        self.names: tuple[tuple[str, str], ...] = ()
        self._numbers = count(1)

    def assess(
        self,
        hours: float,
        *findings: Finding,
        episode_id: str = "e1",
        standing: Standing | None = None,
    ) -> tuple[AlertChange, ...]:
        pairs = [(episode_id, finding) for finding in findings]
        return self.assess_pairs(hours, pairs, standing or Standing())

    def assess_pairs(
        self, hours: float, pairs: Iterable[tuple[str, Finding]], standing: Standing
    ) -> tuple[AlertChange, ...]:
        instant = now(hours, self.policy, self.names)
        changes = reconcile(pairs, self.alerts.values(), instant, self._new_id, standing)
        self.alerts.update({change.alert.alert_id: change.alert for change in changes})
        self.log.extend(changes)
        return changes

    def set(self, alert: Alert, **changes: object) -> None:
        self.alerts[alert.alert_id] = replace(alert, **changes)  # type: ignore[arg-type] # names of Alert's fields

    @property
    def only(self) -> Alert:
        (alert,) = self.alerts.values()
        return alert

    @property
    def noticed(self) -> list[tuple[str, int]]:
        return [(change.alert.alert_id, change.alert.version) for change in self.log if change.is_noticed]

    def _new_id(self) -> str:
        return f"a{next(self._numbers)}"
