"""What a finding carries: severity, instants, evidence, remarks, status."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.correlate.facts import Coded, at, born, csf, fact, finding, puncture, stay, temperature
from tests.unit.rules.pack import default_book, evaluations, findings, judge
from worker.model.fact import AssertionStatus, Fact, Quantity, SourceRef
from worker.model.finding import Finding, RuleStatus, Severity

HOUSE = "house_choice: a lead"
PARAMS = f'floor: {{value: 4, unit: "{{score}}", {HOUSE}}}\nsevere: {{value: 7, unit: "{{score}}", {HOUSE}}}'
PAIN = "reading: {of: [pain-score, back-pain-score], where: {at_least: $floor}}"
RAISE = 'raise: [{to: emergent, say: "Severe.", when: {at_least: $severe}}]'


def pain(hours: float, value: float, concept: str = "pain-score") -> Fact:
    return fact(concept, hours, Quantity(value, "{score}"))


def found(*facts: Fact, more: str = RAISE, params: str = PARAMS) -> Finding:
    finding_ = judge(PAIN, params, *facts, more=more).finding
    assert finding_ is not None
    return finding_


def test_severity_is_the_highest_of_the_hits() -> None:
    raised = found(pain(5, 4), pain(6, 8), pain(7, 5))
    assert raised.severity is Severity.EMERGENT
    assert (raised.effective_ms, raised.latest_ms) == (at(5), at(6))
    assert raised.remarks == ("Severe.",)


def test_what_is_said_of_weaker_hits_is_not_said_of_the_finding() -> None:
    late = 'lower: [{to: routine, say: "Late.", when: {since_lp: {above: $late}}}]'
    more = f"{RAISE}\n{late}"
    params = f"{PARAMS}\nlate: {{value: 50, unit: h, {HOUSE}}}"
    assert found(pain(60, 9), more=more, params=params).remarks == ("Severe.", "Late.")
    assert found(pain(60, 9), more=more, params=params).severity is Severity.ROUTINE
    both = found(pain(6, 9), pain(60, 9), more=more, params=params)
    assert (both.severity, both.remarks, both.latest_ms) == (Severity.EMERGENT, ("Severe.",), at(6))


def test_one_level_lower_stops_at_info() -> None:
    more = "lower:\n" + "\n".join('  - {by: 1, say: "Lower.", when: {at_least: $severe}}' for _ in range(5))
    assert found(pain(5, 8), more=more).severity is Severity.INFO


def test_what_raises_a_hit_is_evidence_and_moves_its_instant() -> None:
    more = 'raise: [{to: emergent, say: "Hot.", when: {near: {of: [body-temperature], within: $day}}}]'
    params = f"{PARAMS.splitlines()[0]}\nday: {{value: 24, unit: h, {HOUSE}}}"
    raised = found(pain(5, 5), temperature(8, 39), more=more, params=params)
    assert raised.latest_ms == at(8)
    assert [each.concept for each in raised.evidence] == ["pain-score", "body-temperature"]


def test_unless_takes_hits_away_only_where_it_is_known() -> None:
    more = 'unless: [{say: "Asleep.", when: {near: {of: [gcs], within: $day, where: {below: $severe}}}}]'
    params = f"{PARAMS}\nday: {{value: 24, unit: h, {HOUSE}}}"
    asleep, unclear = fact("gcs", 6, Quantity(3, "{score}")), fact("gcs", 6, Coded("?"))
    assert judge(PAIN, params, pain(5, 5), asleep, more=more).finding is None
    assert judge(PAIN, params, pain(5, 5), unclear, more=more).finding is not None
    kept = judge(PAIN, params, pain(5, 5), pain(90, 5), asleep, more=more).finding
    assert kept is not None
    assert [each.effective.start_ms for each in kept.evidence] == [at(90)]


def test_remarks_follow_their_clauses() -> None:
    more = 'remarks: [{say: "In the back.", when: {concept: [back-pain-score], at_least: $severe}}]'
    assert found(pain(5, 8, "back-pain-score"), more=more).remarks == ("In the back.",)
    assert found(pain(5, 8), more=more).remarks == ()


def test_the_peak_is_kept_where_a_worsening_is_told_again() -> None:
    params = f'{PARAMS.splitlines()[0]}\nstep: {{value: 1, unit: "{{score}}", {HOUSE}}}'
    assert found(pain(5, 4), pain(6, 9), more="renotify: {rise: $step}", params=params).peak == 9
    assert found(pain(5, 4), pain(6, 9)).peak is None


SHADOW = "shadow_when: {rests_on: [pain-score]}\n" + RAISE


def test_a_finding_that_rests_on_shadow_concepts_alone_is_a_shadow() -> None:
    shadow = found(pain(5, 9), more=SHADOW)
    assert (shadow.status, shadow.severity) == (RuleStatus.SHADOW, Severity.EMERGENT)


def test_shadow_hits_never_decide_what_people_are_told() -> None:
    told = found(pain(5, 9), pain(8, 4, "back-pain-score"), more=SHADOW)
    assert (told.status, told.severity, told.effective_ms) == (RuleStatus.DRAFT, Severity.URGENT, at(8))
    assert [each.concept for each in told.evidence] == ["back-pain-score"]


def test_a_finding_stands_after_its_window_and_says_when_it_expires() -> None:
    during = judge(PAIN, PARAMS, pain(5, 5), more=RAISE, as_of=99)
    after = judge(PAIN, PARAMS, pain(5, 5), more=RAISE, as_of=101)
    assert during.next_change_at_ms == at(100)
    assert after.next_change_at_ms is None
    assert after.finding is not None
    assert after.finding.window_end_ms == at(100)


def test_an_alert_may_last_longer_than_the_window() -> None:
    params = f"{PARAMS.splitlines()[0]}\nlong: {{value: 500, unit: h, {HOUSE}}}"
    assert found(pain(5, 5), more="lasts: $long", params=params).window_end_ms == at(500)
    assert found(pain(5, 5), more="lasts: episode", params=PARAMS.splitlines()[0]).window_end_ms == at(
        90 * 24
    )


def test_no_rule_holds_before_its_lp() -> None:
    told = findings([puncture(0), fact("platelets", -4, Quantity(38, "10*9/L")), csf(-0.3, 240)])
    assert told["bleeding-risk-context"].effective_ms == at(0)
    assert told["csf-cells"].effective_ms == at(0)


def test_a_finding_without_any_baseline_says_so() -> None:
    told = findings([puncture(0), finding("confusion", 9)])["altered-consciousness"]
    assert told.remarks == ("no baseline recorded - may predate the LP",)
    known = findings([puncture(0), finding("confusion", -9, AssertionStatus.ABSENT), finding("confusion", 9)])
    assert known["altered-consciousness"].remarks == ()


def test_receipt_times_never_enter_a_finding() -> None:
    facts = [puncture(0), temperature(10, 38.6), temperature(30, 38.6), stay(-1), born(9000)]
    late = [replace(each, source=SourceRef("feed", "m1", "OBR[1]/OBX[1]", at(900))) for each in facts]
    identities = [
        [each.finding.identity for each in evaluations(group) if each.finding] for group in (facts, late)
    ]
    assert identities[0] == identities[1]


@pytest.mark.parametrize(
    ("concept", "rule"),
    [("body-temperature", "no-temp-6h"), ("gcs-eye", "altered-consciousness"), ("pain-score", "pain-spike")],
)
def test_a_change_concerns_the_rules_that_read_it(concept: str, rule: str) -> None:
    concerned = {each.id for each in default_book().rules_for([concept])}
    assert rule in concerned
    assert concerned == {each.id for each in default_book().rules if concept in each.inputs}
    assert "bleeding-risk-context" not in concerned
    assert not default_book().rules_for(["heart-rate"])


@pytest.mark.parametrize("concept", ["lumbar-puncture", "csf-protein"])
def test_a_change_that_may_move_an_lp_concerns_every_rule(concept: str) -> None:
    assert default_book().rules_for([concept]) == default_book().rules


def test_a_late_laboratory_result_counts_as_new_when_it_is_reported() -> None:
    cells = findings([puncture(0), csf(0.2, 240, major=at(60))], as_of=60)["csf-cells"]
    assert (cells.effective_ms, cells.latest_ms) == (at(0.2), at(60))


def red(value: float, hours: float = 0.2) -> Fact:
    return fact("csf-rbc", hours, Quantity(value, "/uL"), key="red")


@pytest.mark.parametrize(
    ("facts", "remark"),
    [
        ((born(9000), csf(0.2, 60), red(1_200_000)), None),
        (
            (born(9000), csf(0.2, 60), red(50_000)),
            "csf-wbc: 10 /uL of 60 /uL after correction for csf-rbc 50000 /uL of the same tube.",
        ),
        (
            (born(9000), csf(0.2, 600), red(1_200_000)),
            "csf-wbc: 0 /uL of 600 /uL after correction for csf-rbc 1200000 /uL of the same tube.",
        ),
        (
            (born(9000), csf(0.2, 60)),
            "No csf-rbc of the same tube on file: nothing was taken off csf-wbc.",
        ),
        (
            (born(9000), csf(0.2, 60), red(50_000, 0.4)),
            "No csf-rbc of the same tube on file: nothing was taken off csf-wbc.",
        ),
        (
            (born(30), csf(0.2, 60), red(50_000)),
            "Not corrected for csf-rbc 50000 /uL of the same tube at this age.",
        ),
        (
            (csf(0.2, 60), red(10_000)),
            (
                "csf-wbc: 50 /uL of 60 /uL after correction for csf-rbc 10000 /uL of the same tube; "
                "the age is unknown, so that this may not apply."
            ),
        ),
    ],
)
def test_an_alert_on_cells_says_what_was_taken_off_for_red_cells(
    facts: tuple[Fact, ...], remark: str | None
) -> None:
    told = findings([puncture(0), *facts]).get("csf-cells")
    assert (told.remarks[-1] if told else None) == remark


def test_an_alert_on_cells_of_a_young_infant_without_red_cells_says_nothing_of_them() -> None:
    assert findings([puncture(0), born(30), csf(0.2, 60)])["csf-cells"].remarks == ()
