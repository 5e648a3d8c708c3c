"""How the patient was before the puncture, and what is new."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import at, discharge, fact, finding, puncture, stay, temperature
from worker.correlate.baseline import (
    Newness,
    baseline_facts,
    baseline_highest,
    baseline_last,
    compare,
    present_at_baseline,
    qualifiers_of,
)
from worker.correlate.episodes import find_episodes
from worker.correlate.view import EpisodeView, build_views
from worker.model.fact import AssertionStatus, Fact, Quantity

ABSENT, PRESENT = AssertionStatus.ABSENT, AssertionStatus.PRESENT


def view_of(*facts: Fact) -> EpisodeView:
    known = (puncture(0), *facts)
    return build_views(known, find_episodes(known))[0]


def score(concept: str, hours: float, value: float) -> Fact:
    return fact(concept, hours, Quantity(value, "{score}"))


@pytest.mark.parametrize(
    ("concept", "span_h"),
    [("body-temperature", 24), ("back-pain-score", 24), ("headache-score", 72), ("gcs", 720), ("acvpu", 720)],
)
def test_each_kind_of_value_has_its_own_span(concept: str, span_h: int) -> None:
    inside, outside, after = (score(concept, hours, 5) for hours in (-span_h, -span_h - 0.1, 0))
    assert baseline_facts(view_of(inside, outside, after), concept) == (inside,)


def test_the_highest_and_the_last_baseline_value_are_found() -> None:
    facts = [temperature(-20, 38.6), temperature(-10, 38.6), temperature(-1, 37.0)]
    view = view_of(*facts)
    assert baseline_highest(view, "body-temperature") == facts[1]
    assert baseline_last(view, "body-temperature") == facts[2]
    assert baseline_highest(view, "crp") is None
    assert baseline_last(view, "crp") is None
    assert baseline_facts(view, "body-temperature", hours=12) == tuple(facts[1:])


def test_a_finding_present_before_the_lp_is_at_baseline() -> None:
    before = finding("confusion", -2)
    after = finding("confusion", 5)
    view = view_of(before, after)
    assert present_at_baseline(view, ["confusion"]) == (before,)
    assert compare(view, after).newness is Newness.AT_BASELINE
    assert not compare(view, after).newness.is_new


def test_a_finding_gone_before_the_lp_is_new_afterwards() -> None:
    after = finding("confusion", 5)
    view = view_of(finding("confusion", -9), finding("confusion", -2, ABSENT), after)
    assert compare(view, after).newness is Newness.NEW


def test_a_finding_older_than_thirty_days_is_no_baseline() -> None:
    after = finding("confusion", 5)
    assert compare(view_of(finding("confusion", -31 * 24), after), after).newness is Newness.UNDOCUMENTED


def test_text_that_says_why_the_patient_came_is_baseline_whenever_it_is_filed() -> None:
    came = finding("confusion", 3, PRESENT, "baseline")
    after = finding("confusion", 2)
    view = view_of(came, after)
    assert compare(view, came).newness is Newness.AT_BASELINE
    assert compare(view, after).newness is Newness.AT_BASELINE


def test_a_dated_denial_before_the_lp_outweighs_an_undated_complaint() -> None:
    after = finding("confusion", 5)
    view = view_of(finding("confusion", 3, PRESENT, "baseline"), finding("confusion", -1, ABSENT), after)
    assert compare(view, after).newness is Newness.NEW


def test_chronic_is_old_unless_it_is_stated_worse() -> None:
    chronic = finding("leg-weakness", 5, PRESENT, "chronic")
    worse = finding("leg-weakness", 6, PRESENT, "chronic", "worsening")
    view = view_of(chronic, worse)
    assert compare(view, chronic).newness is Newness.AT_BASELINE
    assert compare(view, worse).newness is Newness.WORSE


def test_a_finding_that_was_gone_after_the_lp_and_comes_back_is_new() -> None:
    back = finding("confusion", 9)
    view = view_of(finding("confusion", -2), finding("confusion", 4, ABSENT), back)
    assert compare(view, back).newness is Newness.RETURNED


def test_kinds_of_one_finding_share_their_baseline() -> None:
    after = finding("headache", 5)
    view = view_of(finding("positional-headache", -2), after)
    assert compare(view, after).newness is Newness.UNDOCUMENTED
    assert compare(view, after, ["headache", "positional-headache"]).newness is Newness.AT_BASELINE


def test_nothing_known_before_the_lp_is_told() -> None:
    after = finding("confusion", 5)
    assert compare(view_of(after), after).newness is Newness.UNDOCUMENTED


def test_hypothetical_and_family_statements_are_no_baseline() -> None:
    after = finding("confusion", 5)
    view = view_of(
        finding("confusion", -2, AssertionStatus.FAMILY),
        finding("confusion", -3, AssertionStatus.HYPOTHETICAL),
        after,
    )
    assert compare(view, after).newness is Newness.UNDOCUMENTED


def test_qualifiers_of_the_fact_and_of_its_assertion_count_alike() -> None:
    both, view = finding("confusion", 1, PRESENT, "mild"), view_of()
    assert qualifiers_of(view, both) == {"mild"}
    assert qualifiers_of(view, temperature(1, 37, qualifiers=("oral",))) == {"oral"}
    assert at(0) == view.anchor_ms


@pytest.mark.parametrize(
    ("visits", "is_old"),
    [
        ((), True),
        ((stay(-2, visit="1"),), True),
        ((stay(-2, visit="1"), discharge(6, visit="1"), stay(6.5, visit="2")), True),
        ((stay(-2, visit="1"), discharge(6, visit="1"), stay(8, visit="2")), False),
        ((stay(-2, visit="1"), discharge(6, visit="1"), stay(8, visit="2"), discharge(9, visit="2")), False),
        ((stay(-2, visit="1"), discharge(6, visit="1"), stay(8, "outpatient", visit="2")), False),
        ((stay(-20, visit="1"), discharge(-19, visit="1"), stay(-16, "outpatient", visit="2")), True),
        ((stay(8, "outpatient", visit="2"), stay(9, visit="3")), False),
    ],
    ids=[
        "none",
        "of the LP",
        "a transfer",
        "a return",
        "after the return",
        "a clinic",
        "before the LP",
        "clinic, then ward",
    ],
)
def test_why_the_patient_came_is_old_unless_it_was_after_the_lp(
    visits: tuple[Fact, ...],
    is_old: bool,  # noqa: FBT001 - pytest passes it so
) -> None:
    came = finding("leg-weakness", 10, PRESENT, "baseline")
    newness = compare(view_of(came, *visits), came).newness
    assert newness is (Newness.AT_BASELINE if is_old else Newness.UNDOCUMENTED)


def test_a_clinic_a_day_ago_is_not_what_a_letter_is_about() -> None:
    came = finding("leg-weakness", 40, PRESENT, "baseline")
    assert compare(view_of(came, stay(8, "outpatient")), came).newness is Newness.AT_BASELINE
