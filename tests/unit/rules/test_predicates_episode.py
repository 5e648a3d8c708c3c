"""Each predicate about the LP: its truth table, its hits and its instants."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import Coded, at, born, discharge, fact, finding, puncture, stay, temperature
from tests.unit.rules.pack import book_of, evaluations, judge, rule_text
from worker.model.errors import PackError
from worker.model.fact import (
    AssertionStatus,
    Comparator,
    Fact,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
)
from worker.model.finding import Truth
from worker.rules.evaluate import Evaluation

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN

HOUSE = "house_choice: a lead"
LIMIT = f"limit: {{value: 38.0, unit: Cel, {HOUSE}}}"
HOT = "reading: {of: [body-temperature], where: {above: $limit}}"
PAIN = "reading: {of: [pain-score]}"


def pain(hours: float, value: float = 1) -> Fact:
    return fact("pain-score", hours, Quantity(value, "{score}"))


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ([temperature(5, 39), temperature(6, 37)], TRUE),
        ([temperature(5, 37)], FALSE),
        ([fact("body-temperature", 5, Quantity(39, "Cel", Comparator.BELOW)), temperature(6, 37)], UNKNOWN),
        ([], UNKNOWN),
        ([temperature(-1, 39)], UNKNOWN),
        ([temperature(100, 39)], TRUE),
        ([temperature(100.1, 39)], UNKNOWN),
    ],
)
def test_reading_asks_for_one_that_fits(facts: list[Fact], truth: Truth) -> None:
    assert judge(HOT, LIMIT, *facts).truth is truth


def test_a_window_may_leave_out_its_ends_and_look_back() -> None:
    params = f"from: {{value: -2, unit: h, {HOUSE}}}\nuntil: {{value: 3, unit: h, {HOUSE}}}"
    when = "reading: {of: [pain-score], window: {after: $from, before: $until}}"
    assert judge(when, params, pain(-2), pain(3)).truth is UNKNOWN
    assert judge(when, params, pain(-1.99)).truth is TRUE
    assert judge(when, params, pain(2.99)).truth is TRUE


def test_no_data_and_stale_data_are_told_apart() -> None:
    assert judge(HOT, LIMIT).trace.reason == "no data"
    assert judge(HOT, LIMIT, temperature(-3, 37)).trace.reason == (
        "stale: the newest is body-temperature 37 Cel at -3 h, before the window"
    )


def test_a_window_that_counts_from_the_series_starts_earlier_for_a_later_lp() -> None:
    params = f"day: {{value: 24, unit: h, {HOUSE}}}"
    when = "reading: {of: [pain-score], window: {after: $day, to: $end, counts_from: series}}"
    book = book_of(
        rule_text(when, params, more="").replace("from: $start, to: $end", "from: $start, to: $end")
    )
    first, second = evaluations([puncture(0), puncture(20), pain(20.5), pain(25)], book)
    assert first.truth is UNKNOWN
    assert [hit.fact.effective.start_ms for hit in second.context.answers[id(second.rule.when)].hits] == [
        at(25)
    ]


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ([finding("headache", 5)], TRUE),
        ([finding("headache", 5, AssertionStatus.UNCERTAIN)], TRUE),
        ([finding("positional-headache", 5)], TRUE),
        ([finding("headache", 5, AssertionStatus.ABSENT)], FALSE),
        ([finding("headache", 5, AssertionStatus.PRESENT, "mild")], FALSE),
        ([finding("headache", -5), finding("headache", 5)], FALSE),
        ([finding("headache", -5), finding("positional-headache", 5)], FALSE),
        ([fact("note", 5)], FALSE),
        ([fact("note", -5)], UNKNOWN),
        ([], UNKNOWN),
    ],
)
def test_finding_asks_what_notes_state(facts: list[Fact], truth: Truth) -> None:
    kinds = "kinds: {headache: [positional-headache]}"
    assert judge("finding: {of: [headache], without: [mild]}", "", *facts, definitions=kinds).truth is truth


def test_finding_may_count_what_is_not_new_and_ask_for_more() -> None:
    when = "finding: {of: [headache], status: [absent], new: false, with: [mild], where: {since_lp: {above: $start}}}"
    said = finding("headache", 5, AssertionStatus.ABSENT, "mild")
    assert judge(when, "", finding("headache", -5), said).truth is TRUE


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ([finding("headache", -73), finding("headache", 5)], TRUE),
        ([finding("headache", -72), finding("headache", 5)], FALSE),
        (
            [
                finding("headache", -72),
                finding("headache", -9, AssertionStatus.ABSENT),
                finding("headache", 5),
            ],
            TRUE,
        ),
        (
            [finding("headache", -200, AssertionStatus.PRESENT, "chronic"), finding("headache", 5)],
            FALSE,
        ),
        (
            [finding("headache", 5), finding("headache", 9, AssertionStatus.PRESENT, "baseline")],
            FALSE,
        ),
    ],
)
def test_the_baseline_of_a_finding_may_reach_less_far(facts: list[Fact], truth: Truth) -> None:
    start = f"three_days: {{value: -72, unit: h, {HOUSE}}}"
    when = "finding: {of: [headache], baseline_from: $three_days}"
    assert judge(when, start, *facts).truth is truth


@pytest.mark.parametrize(
    ("value", "more", "problem"),
    [(72, "", "the baseline lies before the LP"), (-72, ", new: false", "has no use where the finding")],
)
def test_a_baseline_that_cannot_be_or_is_not_asked_is_refused(value: int, more: str, problem: str) -> None:
    start = f"three_days: {{value: {value}, unit: h, {HOUSE}}}"
    with pytest.raises(PackError, match=problem):
        judge(f"finding: {{of: [headache], baseline_from: $three_days{more}}}", start)


@pytest.mark.parametrize(
    ("hours", "truth"), [((1, 2, 3), FALSE), ((1, 2, 5, 9), TRUE), ((1,), FALSE), ((), UNKNOWN)]
)
def test_count_asks_for_readings_that_stand_apart(hours: tuple[float, ...], truth: Truth) -> None:
    params = f'three: {{value: 3, unit: "1", {HOUSE}}}\napart: {{value: 4, unit: h, {HOUSE}}}'
    found = judge("count: {of: [pain-score], readings: $three, apart: $apart}", params, *map(pain, hours))
    assert found.truth is truth
    if found.finding is not None:
        assert found.finding.effective_ms == at(9)
        assert [each.effective.start_ms for each in found.finding.evidence] == [at(1), at(5), at(9)]


def test_age_is_counted_in_days_at_the_lp() -> None:
    params = f"infant: {{value: 90, unit: d, {HOUSE}}}"
    assert judge("age: {below: $infant}", params, born(89)).truth is TRUE
    assert judge("age: {below: $infant}", params, born(90)).truth is FALSE
    assert judge("age: {below: $infant}", params).truth is UNKNOWN


def test_age_may_be_given_in_years() -> None:
    params = f"old: {{value: 50, unit: a, {HOUSE}}}"
    assert judge("age: {at_least: $old}", params, born(50 * 365.25 + 1)).truth is TRUE
    assert judge("age: {at_least: $old}", params, born(50 * 365.25 - 2)).truth is FALSE


@pytest.mark.parametrize(
    ("is_traumatic", "passes", "truth"),
    [(True, None, TRUE), (False, 1, FALSE), (None, 3, TRUE), (False, 3, TRUE), (None, None, UNKNOWN)],
)
def test_puncture_asks_the_records(is_traumatic: bool | None, passes: int | None, truth: Truth) -> None:  # noqa: FBT001 # a table
    params = f'attempts: {{value: 3, unit: "1", {HOUSE}}}'
    when = "puncture: {is_traumatic: true, passes: {at_least: $attempts}}"
    value = Puncture(PunctureStatus.COMPLETED, PunctureSource.NOTE, (), passes, is_traumatic)
    record = fact("lumbar-puncture", 0, value, key="note")
    (found,) = evaluations([record], book_of(rule_text(when, params)))
    assert found.truth is truth


DRUG = "active_drug: {of: [anticoagulant], without: [flush], active_for: $active, during: {from: $start, to: $end}}"
ACTIVE = f"active: {{value: 72, unit: h, {HOUSE}}}"


@pytest.mark.parametrize(("hours", "truth"), [(-72, TRUE), (-72.1, UNKNOWN), (100, TRUE), (100.1, UNKNOWN)])
def test_a_dose_acts_for_a_while(hours: float, truth: Truth) -> None:
    assert judge(DRUG, ACTIVE, fact("anticoagulant", hours, Coded("warfarin"))).truth is truth


def test_a_course_acts_until_some_time_after_its_end() -> None:
    assert judge(DRUG, ACTIVE, fact("anticoagulant", -400, Coded("warfarin"), end=-10)).truth is TRUE
    assert judge(DRUG, ACTIVE, fact("anticoagulant", -400, Coded("warfarin"), end=-80)).truth is UNKNOWN


def test_a_flush_is_no_dose() -> None:
    flush = fact("anticoagulant", -5, Coded("heparin"), qualifiers=("flush",))
    assert judge(DRUG, ACTIVE, flush).truth is FALSE


def test_rule_asks_another_rule_of_the_same_lp() -> None:
    hot = rule_text(HOT, LIMIT, rule_id="hot")
    after = rule_text("all: [{rule: hot}, {reading: {of: [pain-score]}}]", rule_id="after")
    told = {
        each.rule.id: each
        for each in evaluations([puncture(0), temperature(9, 39), pain(5)], book_of(after, hot))
    }
    finding_ = told["after"].finding
    assert finding_ is not None
    assert finding_.effective_ms == at(9)
    assert [each.concept for each in finding_.evidence] == ["pain-score", "body-temperature"]


def test_rule_is_false_where_the_other_rule_does_not_hold() -> None:
    hot = rule_text(HOT, LIMIT, rule_id="hot")
    cold = rule_text("not: {rule: hot}", rule_id="cold")
    told = {
        each.rule.id: each.truth
        for each in evaluations([puncture(0), temperature(9, 37)], book_of(cold, hot))
    }
    assert told == {"hot": FALSE, "cold": TRUE}


def test_baseline_finding_asks_what_was_there_before() -> None:
    when = "baseline_finding: {of: [confusion], with: [chronic]}"
    late = finding("confusion", 9, AssertionStatus.PRESENT, "chronic")
    assert judge(when, "", late).truth is TRUE
    assert judge(when, "", finding("confusion", -9)).truth is FALSE
    assert judge("baseline_finding: {of: [confusion]}", "", finding("confusion", -9)).truth is TRUE
    assert judge("baseline_finding: {of: [confusion]}", "").truth is FALSE


def test_all_holds_from_the_last_instant_and_any_from_the_first() -> None:
    facts = [temperature(9, 39), pain(5), pain(12)]
    both = judge(f"all: [{{{HOT}}}, {{{PAIN}}}]", LIMIT, *facts).finding
    either = judge(f"any: [{{{HOT}}}, {{{PAIN}}}]", LIMIT, *facts).finding
    assert both is not None
    assert either is not None
    assert (both.effective_ms, either.effective_ms) == (at(9), at(5))
    assert both.latest_ms == either.latest_ms == at(12)


@pytest.mark.parametrize(
    ("facts", "conjunction", "disjunction"),
    [
        ([temperature(5, 39)], UNKNOWN, TRUE),
        ([temperature(5, 37)], FALSE, UNKNOWN),
        ([pain(5)], UNKNOWN, TRUE),
        ([temperature(5, 37), pain(5)], FALSE, TRUE),
    ],
)
def test_all_and_any_follow_kleene(facts: list[Fact], conjunction: Truth, disjunction: Truth) -> None:
    assert judge(f"all: [{{{HOT}}}, {{{PAIN}}}]", LIMIT, *facts).truth is conjunction
    assert judge(f"any: [{{{HOT}}}, {{{PAIN}}}]", LIMIT, *facts).truth is disjunction


def test_not_of_unknown_is_unknown() -> None:
    assert judge(f"not: {{{HOT}}}", LIMIT).truth is UNKNOWN
    assert judge(f"not: {{{HOT}}}", LIMIT, temperature(5, 37)).truth is TRUE


GAP = f"gap: {{value: 6, unit: h, {HOUSE}}}\ngrace: {{value: 90, unit: min, {HOUSE}}}"
MISSING = "missing: {of: [body-temperature], gap: $gap, grace: $grace, encounter: [inpatient, emergency]}"


def missing(*facts: Fact, as_of: float, consumed: float | None = None) -> Evaluation:
    options = {"as_of": as_of} if consumed is None else {"as_of": as_of, "consumed": consumed}
    return judge(MISSING, GAP, *facts, **options)


def test_a_gap_is_judged_when_its_grace_is_over() -> None:
    before, due = missing(stay(-1), as_of=7.49), missing(stay(-1), as_of=7.5)
    assert (before.truth, before.next_change_at_ms) == (FALSE, at(7.5))
    assert due.finding is not None
    assert due.finding.effective_ms == due.finding.latest_ms == at(7.5)
    assert not due.finding.gap_closed


@pytest.mark.parametrize(("hours", "truth"), [(0, TRUE), (0.1, FALSE), (6, FALSE), (6.1, TRUE)])
def test_a_reading_closes_the_gap_only_inside_it(hours: float, truth: Truth) -> None:
    assert missing(stay(-1), temperature(hours, 37), as_of=7.5).truth is truth


def test_a_gap_that_ended_late_stands_and_is_marked_closed() -> None:
    found = missing(stay(-1), temperature(7, 37), as_of=7.6).finding
    assert found is not None
    assert found.gap_closed


def test_a_rule_that_asks_of_a_fact_for_a_gap_is_asked_each_time_because_nobody_tells_when_it_is_due() -> (
    None
):
    within = f"reading: {{of: [body-temperature], where: {{above: $limit, {MISSING}}}}}"
    assert judge(within, f"{LIMIT}\n{GAP}", stay(-1), temperature(1, 39), as_of=2).rule.is_timed
    assert not missing(stay(-1), as_of=2).rule.is_timed


def test_every_reading_starts_the_clock_again() -> None:
    facts = [stay(-1), temperature(3, 37), temperature(8, 37)]
    assert missing(*facts, as_of=8).next_change_at_ms == at(15.5)
    assert missing(*facts, as_of=15.5).truth is TRUE


def test_only_gaps_that_end_in_the_window_count() -> None:
    readings = [temperature(float(hours), 37) for hours in range(5, 100, 5)]
    assert missing(stay(-1), *readings, as_of=101).truth is FALSE
    assert missing(stay(-1), *readings, as_of=1000).truth is FALSE


def test_nothing_is_due_outside_the_house() -> None:
    assert missing(as_of=9).truth is UNKNOWN
    assert missing(stay(-1, "outpatient"), as_of=9).truth is FALSE
    assert missing(stay(-1), discharge(7.4), as_of=9).truth is FALSE
    assert missing(stay(-1), discharge(7.6), as_of=9).truth is TRUE
    assert missing(stay(-1, end=5), as_of=9).truth is FALSE


def test_an_admission_after_the_lp_starts_the_clock() -> None:
    late = stay(3)
    assert missing(late, as_of=10.4).next_change_at_ms == at(10.5)
    assert missing(late, as_of=10.5).truth is TRUE


def test_a_gap_is_not_judged_before_the_feeds_are_read_so_far() -> None:
    waiting = missing(stay(-1), as_of=9, consumed=7.4)
    assert waiting.truth is UNKNOWN
    assert waiting.awaits_feeds_until_ms == at(7.5)
    assert missing(stay(-1), as_of=9, consumed=7.5).truth is TRUE


def test_the_next_lp_takes_over() -> None:
    book = book_of(rule_text(MISSING, GAP))
    first, second = evaluations([puncture(0), puncture(5), stay(-1)], book, as_of=20)
    assert first.truth is FALSE
    assert second.finding is not None
    assert second.finding.effective_ms == at(12.5)


def test_a_gap_may_stand_among_other_conditions() -> None:
    when = f"all: [{{{MISSING}}}, {{not: {{reading: {{of: [pain-score]}}}}}}]"
    assert judge(when, GAP, stay(-1), as_of=7).next_change_at_ms == at(7.5)
    either = f"any: [{{{MISSING}}}, {{reading: {{of: [pain-score]}}}}]"
    found = judge(either, GAP, stay(-1), pain(2), as_of=7)
    assert (found.truth, found.next_change_at_ms) == (TRUE, at(7.5))


def test_what_must_hold_together_with_a_gap_is_closed_with_it() -> None:
    when = f"all: [{{{MISSING}}}, {{reading: {{of: [pain-score]}}}}]"
    still = judge(when, GAP, stay(-1), pain(2), as_of=7.6).finding
    ended = judge(when, GAP, stay(-1), pain(2), temperature(7, 37), as_of=7.6).finding
    assert still is not None
    assert ended is not None
    assert (still.gap_closed, ended.gap_closed) == (False, True)


def test_a_reading_that_alone_suffices_is_not_closed_by_a_gap() -> None:
    either = f"any: [{{{MISSING}}}, {{reading: {{of: [pain-score]}}}}]"
    found = judge(either, GAP, stay(-1), pain(2), temperature(7, 37), as_of=7.6).finding
    assert found is not None
    assert not found.gap_closed
