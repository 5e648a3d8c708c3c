"""Compare the alerts that a vignette must give with those it gave. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict

from worker.alerts.transitions import WORSENED
from worker.model.alert import AlertState
from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.vignettes import AlertCourse, Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
    expires_at: NotRequired[float]
    again_at: NotRequired[tuple[float, ...]]
    remarks: NotRequired[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert: its rule, its history from the first line on, where it stands and what it remarks."""

    rule: str
    state: AlertState
    severity: Severity
    history: tuple[HistoryLine, ...]
    remarks: tuple[str, ...] = ()


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
    """Reduce an alert's history to what vignettes state: first severity, first rise, first fall, last withdrawal, expiry.

    Shape: only an alert that ends withdrawn or expired counts as such; one that came back is an alert that stands.
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
    return AlertCourse(
        outcome.rule,
        raised,
        rise,
        fall,
        _ended(outcome, AlertState.WITHDRAWN),
        _ended(outcome, AlertState.EXPIRED),
        tuple(line.at_ms for line in later if line.reason == WORSENED),
        outcome.remarks,
    )


def _ended(outcome: Outcome, state: AlertState) -> EpochMs | None:
    """Return when an alert last came to the state that it ends in; None where it ends in another."""
    if outcome.state is not state:
        return None
    return next((line.at_ms for line in reversed(outcome.history) if line.state is state), None)


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


def documents(
    courses: Iterable[AlertCourse], t0_ms: EpochMs, asked: Iterable[AlertCourse] | None = None
) -> tuple[AlertDocument, ...]:
    """Write courses as vignettes do, in hours after T0, sorted by rule and time.

    Shape: with `asked`, the expected courses, observed ones tell of expiry, repetition and remarks only where one of those
    asks.
    """
    known = tuple(courses)
    wanted = known if asked is None else tuple(asked)
    shown = _Shown(
        any(course.expired_at_ms is not None for course in wanted),
        any(course.again_at_ms is not None for course in wanted),
        any(course.remarks is not None for course in wanted),
    )
    ordered = sorted(known, key=lambda course: (course.rule, course.raised.at_ms))
    return tuple(_document(course, t0_ms, shown) for course in ordered)


def describe(alert: AlertDocument) -> str:
    """Write an alert on one line: "fever-single urgent at 10, retract_at 14"."""
    parts = [f"{alert['rule']} {alert['sev']}" + (f" at {alert['at']:g}" if "at" in alert else "")]
    if "escalate" in alert:
        parts.append(f"escalate {alert['escalate']['sev']} at {alert['escalate']['at']:g}")
    if "downgrade" in alert:
        parts.append(f"downgrade {alert['downgrade']['sev']} at {alert['downgrade']['at']:g}")
    if "retract_at" in alert:
        parts.append(f"retract_at {alert['retract_at']:g}")
    if "expires_at" in alert:
        parts.append(f"expires_at {alert['expires_at']:g}")
    if "again_at" in alert:
        parts.append(f"again_at {[round(at, 2) for at in alert['again_at']]}")
    if "remarks" in alert:
        parts.append(f"remarks {list(alert['remarks'])}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Which of the things that a vignette may leave open are written."""

    expiry: bool
    again: bool
    remarks: bool


def _document(course: AlertCourse, t0_ms: EpochMs, shown: _Shown) -> AlertDocument:
    first = _step(course.raised, t0_ms)
    written = AlertDocument(rule=course.rule, sev=first["sev"], at=first["at"])
    if course.escalated is not None:
        written["escalate"] = _step(course.escalated, t0_ms)
    if course.downgraded is not None:
        written["downgrade"] = _step(course.downgraded, t0_ms)
    if course.withdrawn_at_ms is not None:
        written["retract_at"] = _hours(course.withdrawn_at_ms, t0_ms)
    if shown.expiry and course.expired_at_ms is not None:
        written["expires_at"] = _hours(course.expired_at_ms, t0_ms)
    if shown.again and course.again_at_ms is not None:
        written["again_at"] = tuple(_hours(at_ms, t0_ms) for at_ms in course.again_at_ms)
    if shown.remarks and course.remarks is not None:
        written["remarks"] = course.remarks
    return written


def _is_same(expected: AlertCourse, got: AlertCourse) -> bool:
    return (
        expected.rule == got.rule
        and _is_near(expected.raised, got.raised)
        and _is_near(expected.escalated, got.escalated)
        and _is_near(expected.downgraded, got.downgraded)
        and _is_close(expected.withdrawn_at_ms, got.withdrawn_at_ms)
        and (expected.expired_at_ms is None or _is_close(expected.expired_at_ms, got.expired_at_ms))
        and (expected.again_at_ms is None or _are_close(expected.again_at_ms, got.again_at_ms or ()))
        and (expected.remarks is None or sorted(expected.remarks) == sorted(got.remarks or ()))
    )


def _are_close(some: Sequence[EpochMs], others: Sequence[EpochMs]) -> bool:
    return len(some) == len(others) and all(map(_is_close, some, others))


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
