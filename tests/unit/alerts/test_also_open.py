"""Which alerts stand beside one."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.alerts.findings import Ward, found
from worker.alerts.also_open import also_open
from worker.model.alert import AlertState
from worker.model.finding import RuleStatus, Severity


def beside(ward: Ward, rule: str = "fever-single") -> list[str]:
    mine = next(alert for alert in ward.alerts.values() if alert.rule == rule)
    return [other.rule for other in also_open(mine, ward.alerts.values())]


def test_the_most_severe_comes_first_then_the_oldest() -> None:
    ward = Ward()
    first = (found(), found("b"), found("c", severity=Severity.EMERGENT))
    ward.assess(10, *first)
    ward.assess(11, *first, found("a"))
    assert beside(ward) == ["c", "b", "a"]


def test_what_has_ended_and_what_nobody_is_told_of_is_not_named() -> None:
    ward = Ward()
    ward.assess(
        10, found(), found("gone"), found("over", window_h=11), found("quiet", status=RuleStatus.SHADOW)
    )
    ward.assess(12, found(), found("over", window_h=11), found("quiet", status=RuleStatus.SHADOW))
    assert beside(ward) == []


def test_an_acknowledged_alert_still_asks_for_something_and_a_resolved_one_does_not() -> None:
    ward = Ward()
    ward.assess(10, found(), found("seen"), found("done"))
    seen, done = (next(one for one in ward.alerts.values() if one.rule == rule) for rule in ("seen", "done"))
    ward.set(seen, state=AlertState.ACKNOWLEDGED)
    ward.set(done, state=AlertState.RESOLVED)
    assert beside(ward) == ["seen"]


def test_alerts_of_another_lp_are_not_named() -> None:
    ward = Ward()
    ward.assess(10, found(), found("elsewhere"))
    other = next(alert for alert in ward.alerts.values() if alert.rule == "elsewhere")
    ward.set(other, episode_id="e2")
    assert beside(ward) == []
    assert also_open(replace(other, episode_id="e1"), ()) == ()
