"""Laws of reconciling: calm when nothing changes, one notice for one version, and the last findings decide."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.alerts.findings import POLICY, Ward, found
from worker.alerts.fold import fold
from worker.model.alert import AlertState
from worker.model.finding import Finding, RuleStatus, Severity

FOLDS = {"fever-ongoing": ["fever-single"]}
RULES = ["fever-single", "fever-ongoing", "pain-spike"]


@st.composite
def any_findings(draw: st.DrawFn) -> tuple[Finding, ...]:
    rules = draw(st.lists(st.sampled_from(RULES), unique=True))
    findings = [
        found(
            rule,
            draw(st.integers(0, 20)),
            draw(st.sampled_from(list(Severity))),
            peak=draw(st.sampled_from([None, 38.2, 38.6, 39.9])),
            status=draw(st.sampled_from([RuleStatus.DRAFT, RuleStatus.SHADOW])),
            window_h=draw(st.sampled_from([24, 168])),
        )
        for rule in rules
    ]
    return fold(findings, FOLDS)


assessments = st.lists(any_findings(), min_size=1, max_size=6)


def run(steps: list[tuple[Finding, ...]]) -> Ward:
    """Assess each step at its own hour; the last is at hour 20 whatever came before."""
    ward = Ward(POLICY)
    for hours, findings in enumerate(steps[:-1]):
        ward.assess(hours, *findings)
    ward.assess(20, *steps[-1])
    return ward


def still_open(ward: Ward) -> set[tuple[str, Severity, tuple[object, ...]]]:
    return {
        (alert.rule, alert.severity, alert.finding.identity)
        for alert in ward.alerts.values()
        if alert.state.is_open
    }


@given(assessments)
def test_reconciling_again_with_the_outcome_changes_nothing(steps: list[tuple[Finding, ...]]) -> None:
    assert run(steps).assess(20, *steps[-1]) == ()


@given(assessments, st.randoms())
def test_the_open_alerts_depend_on_the_last_findings_alone(
    steps: list[tuple[Finding, ...]], random: object
) -> None:
    earlier = list(steps[:-1])
    random.shuffle(earlier)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert still_open(run([*earlier, steps[-1]])) == still_open(run(steps)) == still_open(run(steps[-1:]))


@given(assessments)
def test_open_alerts_are_the_unfolded_findings_whose_window_lasts(steps: list[tuple[Finding, ...]]) -> None:
    expected = {finding.rule for finding in steps[-1] if not finding.folded_by}
    assert {rule for rule, _, _ in still_open(run(steps))} == expected


@given(assessments)
def test_no_version_is_told_twice_and_shadow_alerts_never(steps: list[tuple[Finding, ...]]) -> None:
    ward = run(steps)
    assert len(ward.noticed) == len(set(ward.noticed))
    told = [change for change in ward.log if change.is_noticed]
    assert all(change.is_visible for change in told)
    assert all(
        change.alert.finding.status is not RuleStatus.SHADOW or change.alert.state is AlertState.WITHDRAWN
        for change in told
    )


@given(assessments)
def test_versions_count_the_visible_changes(steps: list[tuple[Finding, ...]]) -> None:
    ward = run(steps)
    for alert in ward.alerts.values():
        seen = [
            change for change in ward.log if change.alert.alert_id == alert.alert_id and change.is_visible
        ]
        assert [change.alert.version for change in seen] == list(range(1, alert.version + 1))


@given(assessments, st.integers(0, 40))
def test_a_resolved_alert_never_opens_on_evidence_older_than_the_resolution(
    steps: list[tuple[Finding, ...]], hours: int
) -> None:
    ward = run(steps)
    for alert in list(ward.alerts.values()):
        ward.set(
            replace(alert, state=AlertState.RESOLVED),
            updated_at_ms=alert.finding.episode.anchor_ms + 21 * 3_600_000,
        )
    changes = ward.assess(22 + hours, *steps[0])
    assert not [change for change in changes if change.alert.state.is_open and change.alert.version > 1]
