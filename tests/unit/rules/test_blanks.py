"""What an alert says that it did not see: what could change it, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.correlate.facts import born, csf, fact, finding, puncture, stay, temperature
from tests.unit.rules.pack import book_of, default_book, evaluations, rule_text
from worker.model.fact import Assertion, AssertionStatus, Coded, Comparator, Fact, Quantity
from worker.model.finding import Severity
from worker.rules.blanks import charted_of, missing_beside
from worker.rules.rule import RuleBook

ADULT = born(365 * 40)
NOTE = fact("note", 9)


def missing(rule: str, *facts: Fact, as_of: float = 20, book: RuleBook | None = None) -> tuple[str, ...]:
    found = evaluations([puncture(0), *facts], book, as_of=as_of)
    own = next(each.finding for each in found if each.rule.id == rule and each.finding)
    return missing_beside(own, found, charted_of(default_book().expected))


def score(concept: str, hours: float, value: float) -> Fact:
    return fact(concept, hours, Quantity(value, "{score}"))


def sugar(concept: str, hours: float, value: float) -> Fact:
    return fact(concept, hours, Quantity(value, "mg/dL"))


# What a rule that folds it, or that raises it, needs


def test_what_a_stronger_rule_needs_is_named() -> None:
    assert missing("fever-single", ADULT, temperature(10, 38.4)) == ("no data: note",)


def test_what_cannot_change_the_alert_is_not_named_however_grave() -> None:
    told = missing("fever-single", ADULT, temperature(10, 38.4), NOTE)
    assert told == (), "a scan of the bladder, the GCS or a culture would be another alert"


def test_a_window_that_has_not_begun_misses_nothing_and_a_stale_reading_is_named() -> None:
    early = missing("fever-single", ADULT, temperature(10, 38.4), as_of=20)
    late = missing("fever-single", ADULT, temperature(10, 38.4), as_of=30)
    assert not any("body-temperature" in line for line in early)
    assert "nothing since body-temperature 38.4 Cel at +10 h" in late


def test_a_rule_that_weighs_the_risk_of_bleeding_says_that_none_is_on_file() -> None:
    unseen, *others = missing("radicular-leg-pain", ADULT, NOTE, finding("radicular-leg-pain", 8))
    assert unseen == "no data: inr, platelets"
    assert others == [
        "none given, as far as filed: anticoagulant",
        "not documented with the LP: attempts, traumatic LP",
    ]


def test_what_another_rule_needs_is_named_where_it_raises_this_one() -> None:
    headache = finding("headache", 8, AssertionStatus.PRESENT, "nonpostural")
    told = missing("nonpostural-pain", ADULT, NOTE, headache)
    assert told == ("no data: acvpu, body-temperature, gcs",)


def test_what_would_suppress_the_alert_is_named() -> None:
    aching = [finding("positional-headache", hours, AssertionStatus.PRESENT) for hours in (20, 50)]
    notes = [fact("note", hours) for hours in (20, 50)]
    (unseen, *_) = missing("ebp-candidate", ADULT, *notes, *aching, as_of=51)
    inputs = set(unseen.removeprefix("no data: ").split(", "))
    assert inputs >= {"blood-culture", "body-temperature", "csf-culture", "platelets", "headache-score"}
    assert not inputs & {"gcs", "post-void-residual", "note", "blood-patch"}


# Its own inputs


def test_a_rule_at_its_highest_severity_needs_no_more_of_its_own() -> None:
    known, drop = score("gcs", -1, 15), score("gcs", 8, 12)
    assert missing("altered-consciousness", ADULT, known, drop) == ()
    (unseen,) = missing("altered-consciousness", ADULT, drop)
    assert unseen == "no data: acvpu, note", "without a baseline it is urgent, and these would raise it"


def test_an_unsure_statement_asks_for_what_would_settle_it() -> None:
    unsure = finding("urinary-retention", 8, AssertionStatus.UNCERTAIN)
    assert "no data: inr, platelets, post-void-residual" in missing(
        "bladder-bowel-saddle", ADULT, NOTE, unsure
    )
    sure = finding("urinary-retention", 8)
    assert not any("residual" in line for line in missing("bladder-bowel-saddle", ADULT, NOTE, sure))


def test_an_unknown_age_is_missing_where_it_decides() -> None:
    assert missing("fever-single", temperature(10, 38.4), NOTE) == ("no data: birth-date",)
    assert any(
        "undecided: body-temperature 38 Cel at +12 h (no birth date)" in line
        for line in missing("csf-cells", csf(0.2, 40), temperature(12, 38.0))
    )


# What the rule asks the reader to look at


@pytest.mark.parametrize("rule", ["leg-weakness", "purpuric-rash"])
def test_a_rule_that_asks_for_the_clotting_says_that_none_is_on_file(rule: str) -> None:
    concept = rule
    clot, platelets = fact("inr", -6, Quantity(1.1, "1")), fact("platelets", 4, Quantity(180, "10*9/L"))
    nothing = ("no data: inr, platelets", "none given, as far as filed: anticoagulant")
    assert missing(rule, ADULT, NOTE, finding(concept, 8)) == nothing
    heparin = fact("anticoagulant", 2, Coded("heparin"))
    assert missing(rule, ADULT, NOTE, finding(concept, 8), clot) == ("no data: platelets", nothing[1])
    assert missing(rule, ADULT, NOTE, finding(concept, 8), clot, platelets, heparin) == ()


def test_every_rule_that_tells_to_check_the_platelets_asks_for_them() -> None:
    telling = {rule.id for rule in default_book().rules if "platelets" in " ".join(rule.text.check)}
    asking = {rule.id for rule in default_book().rules if rule.asks_for}
    assert len(telling) > 5
    assert telling <= asking


# What nobody can bring


def test_an_encounter_is_nothing_that_a_reader_could_get() -> None:
    when = "missing: {of: [body-temperature], gap: $gap, grace: $grace, encounter: [inpatient]}"
    params = """
gap: {value: 6, unit: h, house_choice: a lead}
grace: {value: 1, unit: h, house_choice: a lead}
"""
    gap = rule_text(when, params, rule_id="gap", more="folds: [tested]")
    book = book_of(rule_text("finding: {of: [numbness]}"), gap)
    assert missing("tested", ADULT, finding("numbness", 8), book=book) == ()


def test_what_is_watched_at_the_bedside_is_not_missing_once_its_time_is_over() -> None:
    gone = finding("headache", 130)
    back = [finding("headache", 1), finding("headache", 40, AssertionStatus.RESOLVED), gone]
    notes = [fact("note", hours) for hours in (1, 40, 130)]
    early = missing("symptoms-return", ADULT, *notes, *back, as_of=131)
    late = missing("symptoms-return", ADULT, *notes, *back, as_of=400)
    assert any("body-temperature" in line for line in early)
    assert not any("body-temperature" in line for line in late), "no fever rule looks so late"


def test_statements_are_found_in_notes_and_a_consent_form_is_no_finding() -> None:
    told = missing(
        "fever-single",
        ADULT,
        temperature(30, 38.4),
        temperature(20, 38.4),
        fact("neck-stiffness", -3, Assertion(AssertionStatus.HYPOTHETICAL)),
        as_of=31,
    )
    assert told == ("no data: note",)


# Data that decide nothing


def test_data_that_decide_nothing_are_named_with_the_reason() -> None:
    below = fact("csf-wbc", 0.2, Quantity(6, "/uL", Comparator.BELOW))
    told = missing("fever-single", ADULT, temperature(10, 38.4), below)
    (line,) = (line for line in told if line.startswith("undecided"))
    assert (
        line
        == "undecided: csf-wbc <6 /uL at +0.2 h (<6, nothing to take off: no csf-rbc of the same specimen)"
    )


def test_a_value_that_decides_by_itself_is_not_undecided_for_want_of_another() -> None:
    facts = (ADULT, temperature(10, 38.4), NOTE, sugar("csf-glucose", 0.2, 60))
    assert missing("fever-single", *facts) == ()


def test_another_lp_says_nothing_of_this_one() -> None:
    found = evaluations([puncture(0), puncture(400), ADULT, temperature(10, 38.4), csf(0.2)], as_of=500)
    own = next(each.finding for each in found if each.finding)
    assert "csf-wbc" not in " ".join(missing_beside(own, found))


def test_a_rule_that_is_told_to_nobody_lacks_nothing() -> None:
    drop = score("pain-score", 8, 9)
    assert missing("pain-spike", ADULT, NOTE, stay(-1), score("pain-score", 6, 2), drop) == ()


# What each sort of clause lacks

LIMITS = """
low: {value: 60, unit: mg/dL, house_choice: a lead}
half: {value: 0.5, unit: "1", house_choice: a lead}
four: {value: 4, unit: h, house_choice: a lead}
three: {value: 3, unit: "{score}", house_choice: a lead}
old: {value: 60, unit: a, house_choice: a lead}
"""
RATIO = "ratio_to: {of: serum-glucose, within: $four, below: $half}"
SCORED = "near: {of: [pain-score], within: $four, where: {at_least: $three}}"
SEDATED = "near: {of: [sedation], within: $four}"
TOLD = "near: {of: [headache], within: $four, where: {asserted: [present]}}"


def low_and_worse(clause: str) -> RuleBook:
    """Compile a rule of a low glucose in the CSF, raised where a clause holds."""
    when = "reading: {of: [csf-glucose], where: {below: $low}}"
    raising = f"raise:\n  - {{to: emergent, say: Worse., when: {clause}}}"
    used = [line for line in LIMITS.split("\n") if f"${line.partition(':')[0]}" in f"{when} {raising}"]
    return book_of(rule_text(when, "\n".join(used), more=raising))


@pytest.mark.parametrize(
    ("clause", "told"),
    [
        (RATIO, ("no data: serum-glucose",)),
        (SCORED, ("no data: pain-score",)),
        (SEDATED, ("none given, as far as filed: sedation",)),
        (TOLD, ("no data: note",)),
        ("age: {at_least: $old}", ("no data: birth-date",)),
        ("not: {age: {at_least: $old}}", ("no data: birth-date",)),
        (f"{{{SCORED}, with: [severe]}}", ()),
        (f"any: [{{{SCORED}}}, {{with: [severe]}}]", ("no data: pain-score",)),
        (f"not: {{{SCORED}}}", ()),
        ("preceded_by: {of: [pain-score], where: {at_least: $three}}", ()),
    ],
)
def test_a_clause_that_may_yet_raise_names_what_it_lacks(clause: str, told: tuple[str, ...]) -> None:
    book = low_and_worse(clause if clause[0] == "{" else f"{{{clause}}}")
    assert missing("tested", sugar("csf-glucose", 0.5, 30), as_of=2, book=book) == told
    assert missing("tested", sugar("csf-glucose", 0.5, 30), as_of=2, book=lower(book)) == ()


def lower(book: RuleBook) -> RuleBook:
    """Let the raise reach no more than the rule says anyway."""
    (rule,) = book.rules
    return replace(book, rules=(replace(rule, severity=Severity.EMERGENT),))


@pytest.mark.parametrize("hours", [3.0, 5.0])
def test_what_would_have_had_to_be_measured_then_is_asked_for_only_as_long_as_it_counts(hours: float) -> None:
    book = low_and_worse(f"{{{SCORED}}}")
    told = missing("tested", ADULT, sugar("csf-glucose", 0.5, 30), as_of=hours, book=book)
    assert told == (("no data: pain-score",) if hours < 4.5 else ())
