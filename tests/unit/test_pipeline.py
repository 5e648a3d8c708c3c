"""What the notice of a change shows beside its alert."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from tests.unit.alerts.findings import Ward
from tests.unit.correlate.facts import (
    Coded,
    at,
    born,
    csf,
    discharge,
    fact,
    finding,
    puncture,
    puncture_on,
    stay,
    temperature,
)
from worker.alerts.evidence import render_evidence
from worker.alerts.render import RuleText, render_alert
from worker.model.alert import AlertChange
from worker.model.fact import AssertionStatus, EncounterValue, Fact, PunctureSource, PunctureStatus, Quantity
from worker.pipeline import Assessment, Pack, assess, surround
from worker.runtime.offline import load_pack

ADULT = born(365 * 40)
FEVER = temperature(10, 38.4)


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack()


def change_of(ward: Ward, hours: float, pack: Pack, *facts: Fact) -> tuple[AlertChange, Assessment]:
    found = assess([ADULT, *facts], pack, at(hours), at(hours))
    (change,) = ward.assess(hours, *(each for each in found.findings if each.rule == "fever-single"))
    return change, found


def test_the_visit_is_that_of_the_stay_that_covers_now(pack: Pack) -> None:
    facts = (puncture(0), FEVER, stay(-1, "emergency", "V1", end=4), stay(4, "inpatient", "V2"))
    change, found = change_of(Ward(), 10, pack, *facts)
    assert surround(change, found, at(10)).encounter == "V2"
    assert surround(change, found, at(2)).encounter == "V1"


def test_a_patient_who_left_or_has_no_stay_on_file_is_on_no_visit(pack: Pack) -> None:
    left = change_of(Ward(), 30, pack, puncture(0), FEVER, stay(-1), discharge(20))
    assert surround(*left, at(30)).encounter == ""
    unknown = change_of(Ward(), 30, pack, puncture(0), FEVER)
    assert surround(*unknown, at(30)).encounter == ""


def test_an_alert_that_stands_tells_what_is_missing(pack: Pack) -> None:
    around = surround(*change_of(Ward(), 10, pack, puncture(0), FEVER), at(10))
    assert around.missing == ("no data: note",)
    assert around.taken_back == ()
    assert around.reason == "raised"


def test_what_nobody_can_measure_any_more_is_not_missing(pack: Pack) -> None:
    found = assess([ADULT, puncture(0), FEVER], pack, at(100), at(100))
    (change,) = Ward().assess(10, *(each for each in found.findings if each.rule == "fever-single"))
    assert surround(change, found, at(100)).missing == (
        "no data: note",
        "nothing since body-temperature 38.4 Cel at +10 h",
    )
    found = assess([ADULT, puncture(0), FEVER], pack, at(400), at(400))
    assert surround(change, found, at(400)).missing == ()


def test_a_withdrawn_alert_tells_what_was_taken_back_and_where_the_patient_is(pack: Pack) -> None:
    ward = Ward()
    change_of(ward, 10, pack, puncture(0), FEVER, stay(-1))
    corrected = temperature(10, 36.4, major=at(12))
    around = surround(*change_of(ward, 12, pack, puncture(0), corrected, stay(-1)), at(12))
    assert [(pair.was, pair.now) for pair in around.taken_back] == [(FEVER, corrected)]
    assert (around.missing, around.encounter) == ((), "V1")


def test_a_return_shows_why_the_patient_came_and_what_was_stated_at_the_arrival(pack: Pack) -> None:
    reason = EncounterValue("emergency", "V2", "Unwell; headache")
    back = fact("encounter", 96, reason, key="back", qualifiers=("headache",))
    weak = finding("leg-weakness", 97, AssertionStatus.PRESENT, "baseline")
    neck = finding("neck-pain", 97.5, AssertionStatus.PRESENT, "baseline")
    facts = (puncture(0), stay(-1), discharge(20), back, weak, neck)
    found = assess([ADULT, *facts], pack, at(98), at(98))
    (returned,) = (each for each in found.findings if each.rule == "return-after-lp")
    assert {each.concept for each in returned.evidence} == {
        "discharge",
        "encounter",
        "leg-weakness",
        "neck-pain",
    }
    shown = [render_evidence(each, at(0)) for each in returned.evidence if each.concept == "encounter"]
    assert [each["sentence"] for each in shown] == ["Unwell; headache"]


def shown_by(rule: str, found: Assessment, hours: float) -> dict[str, list[str]]:
    """Return the qualifiers that the alert of a rule shows, by concept."""
    (change,) = Ward().assess(hours, *(each for each in found.findings if each.rule == rule))
    document = render_alert(change.alert, RuleText("a rule"), surround(change, found, at(hours)))
    return {each["concept"]: each["qualifiers"] for each in document["evidence"]}


def test_what_a_patient_came_back_with_is_not_shown_as_baseline(pack: Pack) -> None:
    crp = fact("crp", 240, Quantity(88, "mg/L"))
    pain = finding("back-pain", 238, AssertionStatus.PRESENT, "baseline", "severe")
    facts = (puncture(0), stay(-1), discharge(20), stay(237, visit="V2"), pain, crp)
    found = assess([ADULT, *facts], pack, at(250), at(250))
    assert shown_by("crp-persistent-pain", found, 250) == {"back-pain": ["severe"], "crp": []}


def test_what_counted_as_baseline_is_shown_as_such(pack: Pack) -> None:
    pain = finding("back-pain", 8, AssertionStatus.PRESENT, "baseline")
    culture = fact("blood-culture", 10, Coded("positive"))
    found = assess([ADULT, puncture(0), stay(-1), pain, culture], pack, at(20), at(20))
    assert shown_by("blood-culture-positive", found, 20)["back-pain"] == ["baseline"]


def test_a_void_lp_is_what_was_taken_back(pack: Pack) -> None:
    ward = Ward()
    change_of(ward, 10, pack, puncture(0), FEVER, stay(-1))
    void = puncture(0, PunctureSource.PROCEDURE, PunctureStatus.CANCELLED, major=at(12))
    around = surround(*change_of(ward, 12, pack, void, FEVER, stay(-1)), at(12))
    assert [pair.was.concept for pair in around.taken_back] == ["lumbar-puncture"]
    assert around.encounter == "V1"


CUTTING = fact("needle-type", 0, Coded("cutting"))


def with_context_of(pack: Pack, *rules: str) -> Pack:
    """Let the needle stand in the context of other rules than those of the catalogue."""
    made = tuple(
        replace(rule, context_of=frozenset(rules)) if rule.id == "needle-context" else rule
        for rule in pack.rules.rules
    )
    return replace(pack, rules=replace(pack.rules, rules=made))


def test_a_silent_rule_opens_nothing_and_stands_beside_the_alerts_that_it_names(pack: Pack) -> None:
    named = with_context_of(pack, "fever-single")
    change, found = change_of(Ward(), 10, named, puncture(0), FEVER, CUTTING)
    assert "needle-context" not in {each.rule for each in found.findings}
    (context,) = (each for each in surround(change, found, at(10)).others if each.rule == "needle-context")
    assert context.evidence == (CUTTING,)


def test_a_silent_rule_does_not_stand_beside_other_alerts(pack: Pack) -> None:
    named = with_context_of(pack, "severe-positional-headache")
    change, found = change_of(Ward(), 10, named, puncture(0), FEVER, CUTTING)
    assert {each.rule for each in surround(change, found, at(10)).others} == {"fever-single"}


def test_red_cells_that_come_later_are_named_by_the_withdrawal(pack: Pack) -> None:
    ward = Ward()
    cells = csf(0.2, 12)
    red = fact("csf-rbc", 0.2, Quantity(9000, "/uL"), received=5)

    def assessed(hours: float, *facts: Fact) -> tuple[AlertChange, Assessment]:
        found = assess([ADULT, puncture(0), *facts], pack, at(hours), at(hours))
        (change,) = ward.assess(hours, *(each for each in found.findings if each.rule == "csf-cells"))
        return change, found

    assessed(2, cells)
    around = surround(*assessed(5, cells, red), at(5))
    assert (around.taken_back, around.became_known) == ((), (red,))


@pytest.mark.parametrize(
    "since", [csf(14, 2, received=22), puncture(14, PunctureSource.NOTE, key="note", received=22)]
)
def test_what_tells_the_time_of_a_date_only_lp_is_named_by_the_withdrawal(pack: Pack, since: Fact) -> None:
    ward = Ward()

    def assessed(hours: float, *facts: Fact) -> tuple[AlertChange, Assessment]:
        found = assess([ADULT, puncture_on(0), *facts], pack, at(hours), at(hours))
        (change,) = ward.assess(hours, *(each for each in found.findings if each.rule == "fever-single"))
        return change, found

    assessed(12, FEVER)
    around = surround(*assessed(22, FEVER, since), at(22))
    assert (around.taken_back, around.became_known) == ((), (since,))


def test_results_drugs_and_needle_stand_beside_the_alert(pack: Pack) -> None:
    ceftriaxone, meropenem = (
        fact("antimicrobial", 3, Coded(name), key=name) for name in ("ceftriaxone", "meropenem")
    )
    first, second = csf(0.2, 2), csf(0.3, 3, key="second tube")
    old = fact("sedation", -30, Coded("midazolam"))
    count = fact("platelets", -5, Quantity(210, "10*9/L"))
    facts = (puncture(0), FEVER, CUTTING, count, ceftriaxone, meropenem, first, second, old)
    around = surround(*change_of(Ward(), 10, pack, *facts), at(10))
    assert [(title, [each.concept for each in known]) for title, known in around.circumstances] == [
        ("CSF results so far", ["csf-wbc"]),
        ("Needle and attempts", ["needle-type"]),
        ("Anticoagulants, platelets, INR", ["platelets"]),
        ("Antimicrobials", ["antimicrobial", "antimicrobial"]),
    ]
    assert around.circumstances[0].facts == (second,)


def _charted(minutes: float, cel: float, status: str) -> Fact:
    return structs.replace(temperature(10 + minutes / 60, cel), result_status=status)


@pytest.mark.parametrize(
    ("status", "values", "rules"),
    [
        ("preliminary", (37.0, 37.1, 40.5, 37.1), []),
        ("preliminary", (37.0, 38.6, 38.7, 38.6), ["fever-single"]),
        ("preliminary", (40.5,), ["fever-single"]),
        ("final", (37.0, 37.1, 40.5, 37.1), ["fever-single"]),
    ],
)
def test_a_wild_value_that_nobody_validated_raises_nothing(
    pack: Pack, status: str, values: tuple[float, ...], rules: list[str]
) -> None:
    facts = [_charted(2 * at_, cel, status) for at_, cel in enumerate(values)]
    found = assess([ADULT, puncture(0), *facts], pack, at(11), at(11))
    assert [finding.rule for finding in found.findings if finding.rule == "fever-single"] == rules
