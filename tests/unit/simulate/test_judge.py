"""Judging vignettes: what counts as the same alert, and what an alert's history comes down to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from worker.alerts.transitions import WORSENED
from worker.model.alert import AlertState, HistoryLine
from worker.model.finding import Severity
from worker.model.time import HOUR_MS, MINUTE_MS
from worker.simulate.judge import Outcome, agrees, course_of, describe, documents, open_alerts
from worker.simulate.vignettes import AlertCourse, Change

FEVER = AlertCourse("fever", Change(Severity.URGENT, 10 * HOUR_MS))


def _outcome(state: AlertState, *lines: tuple[int, AlertState, Severity]) -> Outcome:
    history = tuple(
        HistoryLine(at * HOUR_MS, version, kind, severity, "")
        for version, (at, kind, severity) in enumerate(lines, start=1)
    )
    return Outcome("fever", state, lines[-1][2], history)


def test_an_alert_within_a_minute_is_the_same() -> None:
    near = replace(FEVER, raised=Change(Severity.URGENT, 10 * HOUR_MS + MINUTE_MS))
    far = replace(FEVER, raised=Change(Severity.URGENT, 10 * HOUR_MS + MINUTE_MS + 1))
    assert agrees([FEVER], [near])
    assert not agrees([FEVER], [far])


@pytest.mark.parametrize(
    "other",
    [
        replace(FEVER, rule="rash"),
        replace(FEVER, raised=Change(Severity.EMERGENT, 10 * HOUR_MS)),
        replace(FEVER, withdrawn_at_ms=11 * HOUR_MS),
        replace(FEVER, escalated=Change(Severity.EMERGENT, 11 * HOUR_MS)),
        replace(FEVER, downgraded=Change(Severity.ROUTINE, 11 * HOUR_MS)),
    ],
)
def test_any_other_course_is_another_alert(other: AlertCourse) -> None:
    assert not agrees([FEVER], [other])
    assert not agrees([other], [FEVER])


def test_missing_and_extra_alerts_disagree() -> None:
    assert not agrees([FEVER], [])
    assert not agrees([], [FEVER])
    assert not agrees([FEVER], [FEVER, FEVER])
    assert agrees([FEVER, FEVER], [FEVER, FEVER])
    assert agrees([], [])


def test_a_history_comes_down_to_its_first_severity_rise_fall_and_withdrawal() -> None:
    course = course_of(
        _outcome(
            AlertState.WITHDRAWN,
            (1, AlertState.RAISED, Severity.URGENT),
            (2, AlertState.UPDATED, Severity.URGENT),
            (3, AlertState.ESCALATED, Severity.EMERGENT),
            (4, AlertState.UPDATED, Severity.ROUTINE),
            (5, AlertState.WITHDRAWN, Severity.ROUTINE),
        )
    )
    assert course.raised == Change(Severity.URGENT, 1 * HOUR_MS)
    assert course.escalated == Change(Severity.EMERGENT, 3 * HOUR_MS)
    assert course.downgraded == Change(Severity.ROUTINE, 4 * HOUR_MS)
    assert course.withdrawn_at_ms == 5 * HOUR_MS


def test_a_superseded_or_expired_alert_is_not_withdrawn() -> None:
    for end in (AlertState.SUPERSEDED, AlertState.EXPIRED):
        lines = ((1, AlertState.RAISED, Severity.URGENT), (2, end, Severity.URGENT))
        assert course_of(_outcome(end, *lines)).withdrawn_at_ms is None


def test_only_open_alerts_are_compared_after_a_shuffle() -> None:
    raised = _outcome(AlertState.RAISED, (1, AlertState.RAISED, Severity.URGENT))
    expired = _outcome(AlertState.EXPIRED, (1, AlertState.RAISED, Severity.URGENT))
    assert open_alerts([raised, expired]) == ({"rule": "fever", "sev": "urgent"},)


def test_a_course_is_described_as_vignettes_write_it() -> None:
    course = AlertCourse(
        "fever",
        Change(Severity.URGENT, HOUR_MS),
        Change(Severity.EMERGENT, 2 * HOUR_MS),
        Change(Severity.ROUTINE, 3 * HOUR_MS),
        4 * HOUR_MS + HOUR_MS // 2,
    )
    text = "fever urgent at 1, escalate emergent at 2, downgrade routine at 3, retract_at 4.5"
    first, second = documents([course, replace(course, rule="a")], 0)
    assert (first["rule"], describe(second)) == ("a", text)


TOLD = replace(FEVER, expired_at_ms=168 * HOUR_MS, again_at_ms=(12 * HOUR_MS,), remarks=("a", "b"))


def test_expiry_repetition_and_remarks_are_compared_only_where_the_vignette_states_them() -> None:
    assert agrees([FEVER], [TOLD])
    assert agrees([TOLD], [replace(TOLD, remarks=("b", "a"))])


@pytest.mark.parametrize(
    "other",
    [
        replace(TOLD, expired_at_ms=None),
        replace(TOLD, expired_at_ms=169 * HOUR_MS),
        replace(TOLD, again_at_ms=()),
        replace(TOLD, again_at_ms=(13 * HOUR_MS,)),
        replace(TOLD, remarks=("a",)),
    ],
)
def test_what_a_vignette_states_of_them_must_hold(other: AlertCourse) -> None:
    assert not agrees([TOLD], [other])


def test_a_history_tells_of_expiry_and_of_worsenings_told_again() -> None:
    lines = (
        HistoryLine(1 * HOUR_MS, 1, AlertState.RAISED, Severity.URGENT, "raised"),
        HistoryLine(2 * HOUR_MS, 2, AlertState.UPDATED, Severity.URGENT, WORSENED),
        HistoryLine(9 * HOUR_MS, 3, AlertState.EXPIRED, Severity.URGENT, "window ended"),
    )
    course = course_of(Outcome("fever", AlertState.EXPIRED, Severity.URGENT, lines, ("a",)))
    assert (course.again_at_ms, course.expired_at_ms, course.remarks) == ((2 * HOUR_MS,), 9 * HOUR_MS, ("a",))


def test_what_no_vignette_asked_for_is_not_shown() -> None:
    (quiet,) = documents([TOLD], 0, [FEVER])
    (asked,) = documents([TOLD], 0, [TOLD])
    assert quiet == {"rule": "fever", "sev": "urgent", "at": 10.0}
    assert asked["expires_at"] == 168.0
    assert describe(asked) == "fever urgent at 10, expires_at 168, again_at [12.0], remarks ['a', 'b']"
