"""Each predicate about a fact: its truth table."""

from __future__ import annotations

import pytest

from tests.unit.correlate.facts import (
    Coded,
    at,
    born,
    csf,
    discharge,
    fact,
    finding,
    puncture,
    stay,
    temperature,
)
from tests.unit.rules.pack import book_of, evaluations, indent, judge, rule_text
from worker.model.fact import AssertionStatus, Comparator, Fact, Quantity
from worker.model.finding import Truth

TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN

HOUSE = "house_choice: a lead"
PARAMS = f"""
limit: {{value: 38.0, unit: Cel, {HOUSE}}}
points: {{value: 2, unit: "{{score}}", {HOUSE}}}
full: {{value: 15, unit: "{{score}}", {HOUSE}}}
most: {{value: 9, unit: "{{score}}", {HOUSE}}}
four: {{value: 4, unit: h, {HOUSE}}}
late: {{value: 84, unit: h, {HOUSE}}}
day: {{value: 24, unit: h, {HOUSE}}}
before: {{value: -6, unit: h, {HOUSE}}}
three: {{value: 3, unit: "1", {HOUSE}}}
half: {{value: 0.5, unit: "1", {HOUSE}}}
cells: {{value: 5, unit: "/uL", {HOUSE}}}
thousand: {{value: 1000, unit: "1", {HOUSE}}}
months: {{value: 57, unit: d, {HOUSE}}}
sugar: {{value: 10, unit: mg/dL, {HOUSE}}}
banded: {{value: 5, unit: "/uL", by_age: [{{below: 29, age_unit: d, value: 19}}], {HOUSE}}}
"""


def used(clause: str) -> str:
    """Keep the parameters that a clause uses, because lint refuses the others."""
    return "\n".join(line for line in PARAMS.strip().splitlines() if f"${line.split(':')[0]}" in clause)


def told(concept: str, where: str, *facts: Fact, definitions: str = "") -> Truth:
    """Answer whether some reading of a concept satisfies a clause."""
    when = f"reading:\n  of: [{concept}]\n  where:\n{indent(where, 4)}"
    return judge(when, used(where), *facts, definitions=definitions).truth


def told_last(concept: str, where: str, *facts: Fact) -> Truth:
    """Answer the same for the last LP, at T0, of several."""
    when = f"reading:\n  of: [{concept}]\n  where:\n{indent(where, 4)}"
    book = book_of(rule_text(when, used(where)))
    return evaluations([puncture(0), *facts], book)[-1].truth


def score(hours: float, value: float, concept: str = "pain-score", comparator: str = "") -> Fact:
    return fact(concept, hours, Quantity(value, "{score}", Comparator(comparator)))


def gcs(hours: float, value: float) -> Fact:
    return score(hours, value, "gcs")


def acvpu(hours: float, letter: str) -> Fact:
    return fact("acvpu", hours, Coded(letter))


@pytest.mark.parametrize(("cel", "truth"), [(37.9, FALSE), (38.0, FALSE), (38.01, TRUE)])
def test_above_is_strict(cel: float, truth: Truth) -> None:
    assert told("body-temperature", "above: $limit", temperature(5, cel)) is truth


def test_several_comparisons_make_a_range() -> None:
    assert told("pain-score", "{at_least: $points, below: $most}", score(1, 9)) is FALSE
    assert told("pain-score", "{at_least: $points, below: $most}", score(1, 2)) is TRUE


def test_a_value_in_another_unit_or_none_is_unknown() -> None:
    assert (
        told("body-temperature", "above: $limit", fact("body-temperature", 1, Quantity(102, ""))) is UNKNOWN
    )
    assert told("body-temperature", "above: $limit", fact("body-temperature", 1, Coded("high"))) is UNKNOWN


def test_a_comparator_that_does_not_settle_it_is_unknown() -> None:
    value = Quantity(7, "/uL", Comparator.BELOW)
    assert told("csf-wbc", "above: $cells", fact("csf-wbc", 0.2, value)) is UNKNOWN


@pytest.mark.parametrize(("cells", "truth"), [(4, FALSE), (12, UNKNOWN), (25, TRUE)])
def test_a_limit_by_age_without_an_age_decides_where_all_ages_agree(cells: float, truth: Truth) -> None:
    assert told("csf-wbc", "above: $banded", csf(0.2, cells)) is truth


def test_concept_narrows_what_the_rest_of_its_clause_is_about() -> None:
    where = "{concept: [acvpu], answer: [C]}"
    assert told("acvpu, gcs", where, acvpu(1, "C")) is TRUE
    assert told("acvpu, gcs", where, gcs(1, 15)) is FALSE


def test_answer_of_an_uncoded_value_is_unknown() -> None:
    assert told("acvpu", "answer: [V, P, U]", acvpu(1, "P")) is TRUE
    assert told("acvpu", "answer: [V, P, U]", acvpu(1, "A")) is FALSE
    assert told("acvpu", "answer: [V, P, U]", gcs(1, 3)) is UNKNOWN
    assert told("acvpu", "answer: [V, P, U]", score(1, 3, "acvpu")) is UNKNOWN


@pytest.mark.parametrize(("status", "truth"), [("present", TRUE), ("absent", FALSE), ("family", FALSE)])
def test_asserted_asks_the_status_of_a_statement(status: str, truth: Truth) -> None:
    said = finding("headache", 5, AssertionStatus(status))
    assert told("headache", "asserted: [present]", said) is truth


def test_with_and_without_ask_qualifiers() -> None:
    said = finding("headache", 5, AssertionStatus.PRESENT, "severe")
    assert told("headache", "{asserted: [present], with: [severe, worsening]}", said) is TRUE
    assert told("headache", "{asserted: [present], without: [severe]}", said) is FALSE
    assert told("headache", "{asserted: [present], without: [mild]}", said) is TRUE


@pytest.mark.parametrize(
    ("before", "after", "truth"),
    [
        (None, None, TRUE),
        (AssertionStatus.ABSENT, None, TRUE),
        (AssertionStatus.PRESENT, None, FALSE),
        (AssertionStatus.PRESENT, AssertionStatus.ABSENT, TRUE),
    ],
)
def test_new_compares_with_the_baseline(
    before: AssertionStatus | None, after: AssertionStatus | None, truth: Truth
) -> None:
    facts = [finding("headache", 9)]
    facts += [finding("headache", -9, before)] if before else []
    facts += [finding("headache", 3, after)] if after else []
    assert told("headache", "{asserted: [present], new: true}", *facts) is truth


def test_stated_worsening_is_new() -> None:
    said = finding("headache", 9, AssertionStatus.PRESENT, "worsening")
    assert told("headache", "{asserted: [present], new: true}", finding("headache", -9), said) is TRUE


@pytest.mark.parametrize(("hours", "truth"), [(3.9, TRUE), (4, FALSE)])
def test_since_lp_counts_from_the_lp(hours: float, truth: Truth) -> None:
    assert told("body-temperature", "since_lp: {below: $four}", temperature(hours, 37)) is truth


@pytest.mark.parametrize(("gap", "truth"), [(3.9, FALSE), (4, TRUE), (24, TRUE), (24.1, FALSE)])
def test_preceded_by_asks_for_a_gap(gap: float, truth: Truth) -> None:
    where = """
    above: $limit
    preceded_by: {of: [body-temperature], gap: {at_least: $four, at_most: $day}, where: {above: $limit}}
    """
    facts = [temperature(30 - gap, 39), temperature(30, 39)]
    assert told("body-temperature", where, *facts) is truth


def test_preceded_by_without_a_gap_asks_for_any_earlier_fact() -> None:
    where = "preceded_by: {of: [back-pain-score], not_before: $start}"
    assert told("pain-score", where, score(0, 1, "back-pain-score"), score(90, 1)) is TRUE
    assert told("pain-score", where, score(90, 1, "back-pain-score"), score(90, 1)) is FALSE


def test_preceded_by_does_not_reach_before_its_start() -> None:
    where = "preceded_by: {of: [pain-score], gap: {at_most: $day}, not_before: $before}"
    assert told("pain-score", where, score(-7, 1), score(1, 1)) is FALSE
    assert told("pain-score", where, score(-6, 1), score(1, 1)) is TRUE


def test_preceded_by_what_cannot_be_compared_is_unknown() -> None:
    where = "{above: $limit, preceded_by: {of: [csf-wbc], gap: {at_most: $day}, where: {above: $cells}}}"
    blurred = fact("csf-wbc", 0.5, Quantity(7, "/uL", Comparator.BELOW))
    assert told("body-temperature", where, blurred, temperature(3, 39)) is UNKNOWN


BACK = """
asserted: [present]
preceded_by:
  of: [headache]
  gap: {at_least: $day}
  where: {asserted: [absent]}
  unbroken_by: {asserted: [present]}
"""
THERE, GONE = AssertionStatus.PRESENT, AssertionStatus.ABSENT


@pytest.mark.parametrize(
    ("told_before", "truth"),
    [
        (((60, GONE),), TRUE),
        (((60, GONE), (80, GONE)), TRUE),
        (((61, GONE), (70, GONE)), FALSE),
        (((40, GONE), (50, THERE)), FALSE),
        (((40, GONE), (50, THERE), (60, GONE)), TRUE),
        (((40, GONE), (50, THERE), (61, GONE)), FALSE),
        (((40, GONE), (83, THERE)), FALSE),
        (((40, GONE), (50, AssertionStatus.UNCERTAIN)), TRUE),
        (((50, THERE), (50, GONE)), FALSE),
        ((), FALSE),
    ],
)
def test_preceded_by_may_ask_that_nothing_broke_it(
    told_before: tuple[tuple[float, AssertionStatus], ...], truth: Truth
) -> None:
    facts = [finding("headache", hours, status) for hours, status in told_before]
    where = f"{BACK}since_lp: {{at_least: $late}}"
    assert told("headache", where, *facts, finding("headache", 84)) is truth


def test_what_may_have_broken_it_makes_it_unknown() -> None:
    where = """
    above: $points
    preceded_by: {of: [pain-score], gap: {at_least: $four}, where: {below: $points}, unbroken_by: {above: $points}}
    """
    blurred = score(7, 4, comparator="<")
    assert told("pain-score", where, score(5, 1), score(9, 6)) is TRUE
    assert told("pain-score", where, score(5, 1), blurred, score(9, 6)) is UNKNOWN
    assert told("pain-score", where, score(6, 1), blurred, score(9, 1)) is FALSE


RUN = "rising: {readings: $three, or_more: true, within: $day, by: {above: $points}, spanning: {at_least: $four}}"


@pytest.mark.parametrize(("hours", "truth"), [(5.9, FALSE), (6, TRUE), (14, TRUE), (14.1, FALSE)])
def test_near_reaches_both_ways(hours: float, truth: Truth) -> None:
    where = "near: {of: [neck-stiffness], within: $four, where: {asserted: [present]}}"
    assert told("body-temperature", where, temperature(10, 39), finding("neck-stiffness", hours)) is truth


def test_a_fact_is_not_near_or_before_itself() -> None:
    assert told("pain-score", "near: {of: [pain-score], within: $four}", score(5, 3)) is FALSE
    assert told("pain-score", "preceded_by: {of: [pain-score], gap: {at_most: $day}}", score(5, 3)) is FALSE


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ((2, 3, 4), TRUE),
        ((2, 3, 3), FALSE),
        ((3, 2, 4), FALSE),
        ((2, 2.5, 3.5), FALSE),
        ((2, 4), FALSE),
        ((9, 2, 3, 4), TRUE),
    ],
)
def test_rising_asks_for_strictly_rising_readings(values: tuple[float, ...], truth: Truth) -> None:
    where = "{since_lp: {above: $four}, rising: {readings: $three, within: $day, by: {at_least: $points}}}"
    last = len(values)
    facts = [score(10 - last + number, value) for number, value in enumerate(values)]
    assert told("pain-score", where, *facts) is truth


@pytest.mark.parametrize("where", ["rising: {readings: $three, within: $day, by: {at_least: $points}}", RUN])
@pytest.mark.parametrize("told_twice", range(5))
def test_a_reading_that_two_feeds_tell_of_breaks_no_rise(where: str, told_twice: int) -> None:
    facts = [score(number, 1 + number) for number in range(5)]
    again = score(told_twice + 0.005, 1 + told_twice)
    assert told("pain-score", where, *facts, again) is TRUE


def test_an_equal_reading_of_a_later_minute_breaks_a_rise() -> None:
    where = "{since_lp: {above: $four}, rising: {readings: $three, within: $day, by: {at_least: $points}}}"
    facts = [score(1, 1), score(3, 3), score(4, 3), score(5, 3)]
    assert told("pain-score", where, *facts) is FALSE


def test_rising_may_ask_for_a_span() -> None:
    where = "rising: {readings: $three, within: $day, by: {at_least: $points}, spanning: {at_least: $four}}"
    assert told("pain-score", where, score(1, 1), score(2, 2), score(3, 4)) is FALSE
    assert told("pain-score", where, score(1, 1), score(2, 2), score(5, 4)) is TRUE


def test_rising_over_a_bound_is_unknown() -> None:
    where = "rising: {readings: $three, within: $day, by: {at_least: $points}}"
    assert told("pain-score", where, score(1, 1, comparator="<"), score(2, 2), score(3, 4)) is UNKNOWN


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        ((1, 2, 3, 4, 5), TRUE),
        ((1, 2, 2, 3, 4, 4.5), FALSE),
        ((1, 3, 2, 4, 5), FALSE),
        ((1, 4, 5, 6, 7), TRUE),
        ((1, 1.5, 2, 2.5, 3), FALSE),
        ((1, 2, 3, 4), FALSE),
    ],
)
def test_rising_may_ask_for_the_whole_run(values: tuple[float, ...], truth: Truth) -> None:
    facts = [score(10 - len(values) + number, value) for number, value in enumerate(values)]
    assert told("pain-score", RUN, *facts) is truth


@pytest.mark.parametrize(
    ("comparators", "truth"),
    [("<....", UNKNOWN), ("..<..", UNKNOWN), ("....<", UNKNOWN), ("<.....", TRUE)],
)
def test_a_run_that_a_bound_ends_too_soon_is_unknown(comparators: str, truth: Truth) -> None:
    facts = [
        score(number, 1 + number, comparator=comparator.strip("."))
        for number, comparator in enumerate(comparators)
    ]
    where = RUN.replace("or_more", "not_before: $before, or_more")
    last = f"{{since_lp: {{at_least: $four}}, {where}}}" if len(comparators) > 5 else where
    assert told("pain-score", last, *facts) is truth


def test_a_run_does_not_reach_before_its_start() -> None:
    where = RUN.replace("or_more", "not_before: $before, or_more")
    assert told("pain-score", where, score(-7, 1), score(1, 2), score(2, 4)) is FALSE
    assert told("pain-score", where, score(-6, 1), score(1, 2), score(2, 4)) is TRUE


@pytest.mark.parametrize(("counts_from", "truth"), [("lp", FALSE), ("series", TRUE)])
@pytest.mark.parametrize(
    "where",
    [
        "rise: {over: previous, within: $day, not_before: $before, counts_from: FROM, above: $points}",
        RUN.replace("or_more", "not_before: $before, counts_from: FROM, or_more"),
    ],
)
def test_a_rise_may_count_from_the_first_lp_of_the_series(where: str, counts_from: str, truth: Truth) -> None:
    facts = [puncture(-20), score(-15, 1), score(-14, 2), score(1, 5)]
    assert told_last("pain-score", where.replace("FROM", counts_from), *facts) is truth


@pytest.mark.parametrize(("over", "truth"), [("previous", FALSE), ("lowest", TRUE)])
def test_rise_compares_with_one_earlier_reading(over: str, truth: Truth) -> None:
    where = f"rise: {{over: {over}, within: $day, not_before: $before, above: $points}}"
    assert told("pain-score", where, score(1, 1), score(2, 3), score(3, 5)) is truth


def test_rise_never_compares_two_scales() -> None:
    where = "rise: {over: previous, within: $day, not_before: $before, above: $points}"
    facts = [score(1, 1), score(3, 9, "back-pain-score")]
    assert told("pain-score, back-pain-score", where, *facts) is FALSE


def test_rise_from_what_is_no_number_is_unknown() -> None:
    where = "rise: {over: previous, within: $day, not_before: $before, above: $points}"
    assert told("pain-score", where, fact("pain-score", 1, Coded("bad")), score(3, 9)) is UNKNOWN
    where = "rise: {over: lowest, within: $day, not_before: $before, above: $points}"
    assert told("pain-score", where, fact("pain-score", 1, Coded("bad")), score(3, 9)) is FALSE


@pytest.mark.parametrize(("over", "truth"), [("highest", FALSE), ("last", TRUE)])
def test_rise_from_baseline_chooses_its_value(over: str, truth: Truth) -> None:
    where = f"rise_from_baseline: {{over: {over}, at_least: $points}}"
    assert told("pain-score", where, score(-5, 6), score(-2, 1), score(3, 7)) is truth


def test_rise_from_no_baseline_is_unknown() -> None:
    assert told("pain-score", "rise_from_baseline: {over: last, at_least: $points}", score(3, 7)) is UNKNOWN


DROP = "drop_from_baseline: {at_least: $points, or_first_within: $four, or_assume: $full}"


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ((gcs(-600, 15), gcs(9, 13)), TRUE),
        ((gcs(-600, 14), gcs(9, 13)), FALSE),
        ((gcs(-800, 13), gcs(9, 13)), TRUE),
        ((gcs(3, 14), gcs(9, 13)), FALSE),
        ((gcs(3, 15), gcs(9, 13)), TRUE),
        ((gcs(3, 9),), FALSE),
        ((gcs(9, 13),), TRUE),
        ((gcs(9, 14),), FALSE),
    ],
)
def test_drop_from_baseline_or_what_stands_in_for_it(facts: tuple[Fact, ...], truth: Truth) -> None:
    assert told("gcs", DROP, *facts) is truth


def test_drop_of_what_is_no_number_is_unknown() -> None:
    assert told("gcs", DROP, fact("gcs", 5, Coded("low"))) is UNKNOWN


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ((acvpu(-5, "A"), acvpu(5, "C")), TRUE),
        ((acvpu(-5, "V"), acvpu(5, "C")), FALSE),
        ((acvpu(-5, "V"), acvpu(5, "U")), TRUE),
        ((acvpu(5, "C"),), TRUE),
        ((acvpu(5, "A"),), FALSE),
        ((acvpu(5, "?"),), UNKNOWN),
        ((acvpu(-5, "?"), acvpu(5, "C")), UNKNOWN),
    ],
)
def test_worse_than_baseline_follows_the_order(facts: tuple[Fact, ...], truth: Truth) -> None:
    assert told("acvpu", "worse_than_baseline: {order: [A, C, V, P, U], or_assume: A}", *facts) is truth


def test_has_baseline_asks_before_the_lp_or_soon_after() -> None:
    assert told("gcs", "has_baseline: {}", gcs(3, 15)) is FALSE
    assert told("gcs", "has_baseline: {}", gcs(-3, 15), gcs(3, 15)) is TRUE
    assert told("gcs", "has_baseline: {or_first_within: $four}", gcs(3, 15)) is TRUE
    assert told("gcs", "has_baseline: {or_first_within: $four}", gcs(5, 15)) is FALSE


def test_baseline_has_asks_every_value_before_the_lp() -> None:
    where = "baseline_has: {above: $limit}"
    assert (
        told("body-temperature", where, temperature(-20, 39), temperature(-2, 37), temperature(1, 37)) is TRUE
    )
    assert told("body-temperature", where, temperature(-25, 39), temperature(1, 37)) is FALSE


MINUS = "minus: {of: csf-rbc, each: $thousand, from_age: $months, above: $cells}"
ADULT, NEONATE = born(365 * 40), born(20)


def red(hours: float, value: float, specimen: str = "", comparator: str = "") -> Fact:
    key = f"red|{hours}|{value}"
    return fact("csf-rbc", hours, Quantity(value, "/uL", Comparator(comparator)), key=key, specimen=specimen)


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ((ADULT, csf(0.2, 12), red(0.2, 9000)), FALSE),
        ((ADULT, csf(0.2, 12), red(0.2, 6000)), TRUE),
        ((ADULT, csf(0.2, 14), red(0.2, 9000)), FALSE),
        ((ADULT, csf(0.2, 12), red(0.3, 9000)), TRUE),
        ((ADULT, csf(0.2, 12)), TRUE),
        ((NEONATE, csf(0.2, 12), red(0.2, 9000)), TRUE),
        ((csf(0.2, 12), red(0.2, 9000)), UNKNOWN),
        ((csf(0.2, 12), red(0.2, 1000)), TRUE),
        ((csf(0.2, 4), red(0.2, 9000)), FALSE),
        ((ADULT, csf(0.2, 12), red(0.2, 5000, comparator=">")), UNKNOWN),
        ((ADULT, csf(0.2, 12), red(0.2, 7000, comparator=">=")), FALSE),
        ((ADULT, csf(0.2, 3), red(0.2, 9000)), FALSE),
        ((ADULT, csf(0.2, 12), fact("csf-rbc", 0.2, Coded("many"))), UNKNOWN),
        ((ADULT, fact("csf-wbc", 0.2, Coded("many")), red(0.2, 9000)), UNKNOWN),
    ],
)
def test_minus_takes_off_red_cells_of_the_same_tube(facts: tuple[Fact, ...], truth: Truth) -> None:
    assert told("csf-wbc", MINUS, *facts) is truth


def test_minus_joins_by_specimen_number_before_time() -> None:
    white = csf(0.2, 12, specimen="S1")
    assert told("csf-wbc", MINUS, ADULT, white, red(0.4, 9000, "S1")) is FALSE
    assert told("csf-wbc", MINUS, ADULT, white, red(0.2, 9000, "S2")) is TRUE
    assert told("csf-wbc", MINUS, ADULT, white, red(0.2, 9000)) is FALSE


def test_minus_does_not_take_a_specimen_class_for_a_number() -> None:
    assert told("csf-wbc", MINUS, ADULT, csf(0.2, 12, specimen="csf"), red(0.4, 9000, "csf")) is TRUE


def test_minus_takes_off_the_least_where_several_tubes_may_be_meant() -> None:
    facts = (ADULT, csf(0.2, 12), red(0.2, 9000), red(0.2, 2000))
    assert told("csf-wbc", MINUS, *facts) is TRUE


def test_ratio_to_the_nearest_other_reading() -> None:
    def sugar(concept: str, hours: float, value: float) -> Fact:
        return fact(concept, hours, Quantity(value, "mg/dL"))

    where = "ratio_to: {of: serum-glucose, within: $four, below: $half}"
    low = sugar("csf-glucose", 0.2, 25)
    assert told("csf-glucose", where, low, sugar("serum-glucose", 0, 108)) is TRUE
    assert (
        told("csf-glucose", where, low, sugar("serum-glucose", 0, 40), sugar("serum-glucose", 3, 108))
        is FALSE
    )
    assert told("csf-glucose", where, low, sugar("serum-glucose", -9, 108)) is FALSE
    assert told("csf-glucose", where, low, sugar("serum-glucose", 0, 0)) is UNKNOWN


def test_all_any_and_not_follow_kleene() -> None:
    blurred = fact("csf-wbc", 0.2, Quantity(7, "/uL", Comparator.BELOW))
    unknown, true = "{above: $cells}", "{concept: [csf-wbc]}"
    assert told("csf-wbc", f"all: [{unknown}, {true}]", blurred) is UNKNOWN
    assert told("csf-wbc", f"any: [{unknown}, {true}]", blurred) is TRUE
    assert told("csf-wbc", f"any: [{unknown}, {{not: {true}}}]", blurred) is UNKNOWN
    assert told("csf-wbc", f"all: [{unknown}, {{not: {true}}}]", blurred) is FALSE
    assert told("csf-wbc", f"not: {unknown}", blurred) is UNKNOWN
    assert told("csf-wbc", f"not: {true}", blurred) is FALSE


DEFINITIONS = """
definitions:
  hot:
    title: Hot
    of: [body-temperature]
    params: {limit: {value: 38.0, unit: Cel, house_choice: a lead}}
    where: {above: $limit}
  sad:
    title: In pain at some time
    params:
      start: {value: 0, unit: h, house_choice: a lead}
      end: {value: 9, unit: h, house_choice: a lead}
    where:
      reading: {of: [pain-score], window: {from: $start, before: $end}}
"""


def test_is_asks_a_definition() -> None:
    assert told("body-temperature", "is: hot", temperature(3, 39), definitions=DEFINITIONS) is TRUE
    assert told("body-temperature", "not: {is: hot}", temperature(3, 39), definitions=DEFINITIONS) is FALSE


def test_a_definition_about_the_lp_may_stand_in_a_clause_about_a_fact() -> None:
    where = "all: [{is: hot}, {is: sad}]"
    hot = temperature(3, 39)
    assert told("body-temperature", where, hot, score(8.9, 1), definitions=DEFINITIONS) is TRUE
    assert told("body-temperature", where, hot, score(9, 1), definitions=DEFINITIONS) is UNKNOWN


ARRIVAL = "arrival: {encounter: [emergency, inpatient], away: $four}"


@pytest.mark.parametrize(
    ("others", "truth"),
    [
        ([], TRUE),
        ([stay(-5, "inpatient", visit="V1")], FALSE),
        ([stay(-5, "outpatient", visit="V1")], TRUE),
        ([stay(-5, "inpatient", visit="V1"), discharge(20, "V1")], TRUE),
        ([stay(-5, "inpatient", visit="V1"), discharge(46, "V1")], TRUE),
        ([stay(-5, "inpatient", visit="V1"), discharge(46.1, "V1")], FALSE),
        ([stay(60, "inpatient", visit="V1")], TRUE),
    ],
)
def test_arrival_is_a_visit_that_no_other_stay_surrounds(others: list[Fact], truth: Truth) -> None:
    visit = stay(50, "emergency", visit="V9")
    assert told("encounter", f"{{answer: [emergency], {ARRIVAL}}}", visit, *others) is truth


def test_a_class_that_nobody_mapped_is_no_answer() -> None:
    assert told("encounter", "answer: [emergency]", stay(50, "unknown", visit="V9")) is UNKNOWN
    assert told("encounter", "answer: [emergency]", stay(50, "outpatient", visit="V9")) is FALSE


def test_an_arrival_rests_on_the_discharge_before_it() -> None:
    facts = [
        stay(50, "emergency", visit="V9"),
        stay(-5, visit="V1"),
        discharge(20, "V1"),
        discharge(-30, "V0"),
    ]
    when = f"reading: {{of: [encounter], where: {{answer: [emergency], {ARRIVAL}}}}}"
    evaluation = judge(when, used(ARRIVAL), *facts)
    assert evaluation.finding is not None
    assert [(each.concept, each.effective.start_ms) for each in evaluation.finding.evidence] == [
        ("discharge", at(20)),
        ("encounter", at(50)),
    ]
