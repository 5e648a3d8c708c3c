"""Compare the alerts that a vignette must give with those it gave. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from worker.model.alert import AlertState
from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.vignettes import AlertCourse, Change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.alert import HistoryLine
    from worker.model.finding import Severity
    from worker.model.time import EpochMs

TOLERANCE_MS: Final = MINUTE_MS


class StepDocument(TypedDict):
    """A change of severity, as vignettes write it: `at` in hours after T0."""

    sev: str
    at: float


class AlertDocument(TypedDict):
    """An alert as vignettes write it; after a shuffle only rule and severity are known."""

    rule: str
    sev: str
    at: NotRequired[float]
    escalate: NotRequired[StepDocument]
    downgrade: NotRequired[StepDocument]
    retract_at: NotRequired[float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert: its rule, its history from the first line on, and where it stands."""

    rule: str
    state: AlertState
    severity: Severity
    history: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way of writing and ordering a vignette that did not give what it must.

    Shape: `problems` are messages that could not be read and assessments that failed, by reason: they fail a vignette
    whatever alerts it gave.
    """

    vignette_id: str
    form: str
    order: str
    expected: tuple[AlertDocument, ...]
    got: tuple[AlertDocument, ...]
    problems: tuple[str, ...] = ()


def course_of(outcome: Outcome) -> AlertCourse:
    """Reduce an alert's history to what vignettes state: first severity, first rise, first fall, last withdrawal.

    Shape: only an alert that ends withdrawn counts as withdrawn; one that came back is an alert that stands.
    """
    first, *later = outcome.history
    raised = Change(first.severity, first.at_ms)
    rise = fall = None
    severity = first.severity
    for line in later:
        if line.severity > severity and rise is None:
            rise = Change(line.severity, line.at_ms)
        elif line.severity < severity and fall is None:
            fall = Change(line.severity, line.at_ms)
        severity = line.severity
    withdrawn = [line.at_ms for line in outcome.history if line.state is AlertState.WITHDRAWN]
    is_withdrawn = outcome.state is AlertState.WITHDRAWN
    return AlertCourse(outcome.rule, raised, rise, fall, withdrawn[-1] if is_withdrawn else None)


def agrees(expected: Iterable[AlertCourse], got: Iterable[AlertCourse]) -> bool:
    """Tell whether the alerts are exactly the expected ones, each instant within a minute."""
    left = list(got)
    for course in expected:
        match = next((other for other in left if _is_same(course, other)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def open_alerts(outcomes: Iterable[Outcome]) -> tuple[AlertDocument, ...]:
    """List the alerts that are open at the end with their severities, sorted."""
    found = sorted((one.rule, one.severity.name.lower()) for one in outcomes if one.state.is_open)
    return tuple(AlertDocument(rule=rule, sev=severity) for rule, severity in found)


def documents(courses: Iterable[AlertCourse], t0_ms: EpochMs) -> tuple[AlertDocument, ...]:
    """Write courses as vignettes do, in hours after T0, sorted by rule and time."""
    ordered = sorted(courses, key=lambda course: (course.rule, course.raised.at_ms))
    return tuple(_document(course, t0_ms) for course in ordered)


def describe(alert: AlertDocument) -> str:
    """Write an alert on one line: "fever-single urgent at 10, retract_at 14"."""
    parts = [f"{alert['rule']} {alert['sev']}" + (f" at {alert['at']:g}" if "at" in alert else "")]
    if "escalate" in alert:
        parts.append(f"escalate {alert['escalate']['sev']} at {alert['escalate']['at']:g}")
    if "downgrade" in alert:
        parts.append(f"downgrade {alert['downgrade']['sev']} at {alert['downgrade']['at']:g}")
    if "retract_at" in alert:
        parts.append(f"retract_at {alert['retract_at']:g}")
    return ", ".join(parts)


def _document(course: AlertCourse, t0_ms: EpochMs) -> AlertDocument:
    first = _step(course.raised, t0_ms)
    written = AlertDocument(rule=course.rule, sev=first["sev"], at=first["at"])
    if course.escalated is not None:
        written["escalate"] = _step(course.escalated, t0_ms)
    if course.downgraded is not None:
        written["downgrade"] = _step(course.downgraded, t0_ms)
    if course.withdrawn_at_ms is not None:
        written["retract_at"] = _hours(course.withdrawn_at_ms, t0_ms)
    return written


def _is_same(one: AlertCourse, other: AlertCourse) -> bool:
    return (
        one.rule == other.rule
        and _is_near(one.raised, other.raised)
        and _is_near(one.escalated, other.escalated)
        and _is_near(one.downgraded, other.downgraded)
        and _is_close(one.withdrawn_at_ms, other.withdrawn_at_ms)
    )


def _is_near(one: Change | None, other: Change | None) -> bool:
    if one is None or other is None:
        return one is other
    return one.severity == other.severity and _is_close(one.at_ms, other.at_ms)


def _is_close(one_ms: EpochMs | None, other_ms: EpochMs | None) -> bool:
    if one_ms is None or other_ms is None:
        return one_ms is other_ms
    return abs(one_ms - other_ms) <= TOLERANCE_MS


def _step(change: Change, t0_ms: EpochMs) -> StepDocument:
    return StepDocument(sev=change.severity.name.lower(), at=_hours(change.at_ms, t0_ms))


def _hours(at_ms: EpochMs, t0_ms: EpochMs) -> float:
    return round((at_ms - t0_ms) / HOUR_MS, 3)
