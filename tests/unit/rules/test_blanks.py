"""What an alert says that it did not see."""

from __future__ import annotations

from tests.unit.correlate.facts import born, csf, fact, puncture, temperature
from tests.unit.rules.pack import evaluations
from worker.model.fact import Assertion, AssertionStatus, Comparator, Fact, Quantity
from worker.rules.blanks import missing_beside

ADULT = born(365 * 40)


def missing(rule: str, *facts: Fact, as_of: float = 20) -> tuple[str, ...]:
    found = evaluations([puncture(0), *facts], as_of=as_of)
    finding = next(each.finding for each in found if each.rule.id == rule and each.finding)
    return missing_beside(finding, found)


def test_inputs_of_red_flags_that_had_no_data_are_named_once() -> None:
    (told,) = missing("fever-single", ADULT, temperature(10, 38.4))
    assert told == "no data: acvpu, csf-culture, csf-gram, csf-pcr, gcs, note, post-void-residual"


def test_inputs_of_rules_that_have_nothing_to_do_with_it_are_not_named() -> None:
    told = " ".join(missing("fever-single", ADULT, temperature(10, 38.4)))
    assert "back-pain-score" not in told
    assert "anticoagulant" not in told


def test_a_rule_that_weighs_the_risk_of_bleeding_says_that_none_is_on_file() -> None:
    shooting = fact("radicular-leg-pain", 8, Assertion(AssertionStatus.PRESENT))
    unseen, *others = missing("radicular-leg-pain", ADULT, shooting)
    assert {"inr", "platelets"} <= set(unseen.removeprefix("no data: ").split(", "))
    assert "none given, as far as filed: anticoagulant" in others
    assert "not documented with the LP: attempts, traumatic LP" in others


def test_what_was_looked_at_is_not_missing() -> None:
    told = " ".join(missing("fever-single", ADULT, temperature(10, 38.4), csf(0.2), fact("note", 5)))
    assert "csf-wbc" not in told
    assert "note" not in told.replace("not documented", "")


def test_a_rule_that_holds_names_its_own_other_inputs() -> None:
    drop = fact("gcs", 8, Quantity(12, "{score}"))
    told = missing("altered-consciousness", ADULT, fact("gcs", -1, Quantity(15, "{score}")), drop)
    assert any("acvpu" in line for line in told)
    assert not any("gcs" in line for line in told)


def test_data_that_decide_nothing_are_named_with_the_reason() -> None:
    below = fact("csf-wbc", 0.2, Quantity(6, "/uL", Comparator.BELOW))
    told = missing("fever-single", ADULT, temperature(10, 38.4), below)
    (line,) = (line for line in told if line.startswith("undecided"))
    assert (
        line
        == "undecided: csf-wbc <6 /uL at +0.2 h (<6, nothing to take off: no csf-rbc of the same specimen)"
    )


def test_a_window_that_has_not_begun_misses_nothing_and_a_stale_reading_is_named() -> None:
    early = missing("fever-single", ADULT, temperature(10, 38.4), as_of=20)
    late = missing("fever-single", ADULT, temperature(10, 38.4), as_of=30)
    assert not any("body-temperature" in line for line in early)
    assert "nothing since body-temperature 38.4 Cel at +10 h" in late


def test_an_unknown_age_is_missing_where_it_decides() -> None:
    assert any(
        "undecided: body-temperature 38 Cel at +12 h (no birth date)" in line
        for line in missing("csf-cells", csf(0.2, 40), temperature(12, 38.0))
    )


def test_another_lp_says_nothing_of_this_one() -> None:
    found = evaluations([puncture(0), puncture(400), ADULT, temperature(10, 38.4), csf(0.2)], as_of=500)
    finding = next(each.finding for each in found if each.finding)
    assert "csf-wbc" not in " ".join(missing_beside(finding, found))
