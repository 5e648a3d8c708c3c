"""Which values of a withdrawn alert no longer stand."""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from tests.unit.alerts.findings import found
from tests.unit.alerts.test_render import AROUND, TEXT, open_alert
from tests.unit.correlate.facts import at, csf, puncture, temperature
from worker.alerts.render import render_alert
from worker.alerts.taken_back import TakenBack, became_known, facts_of, taken_back
from worker.model.alert import LastTold
from worker.model.fact import Identifier
from worker.model.finding import Trace, Truth

FEVER = temperature(10, 38.4)
LP = puncture(0)


def test_evidence_that_stands_as_it_was_told_is_not_taken_back() -> None:
    resent = temperature(10, 38.4, message="m2", received=12)
    assert taken_back(found(), [LP, resent]) == ()


def test_a_corrected_value_is_shown_beside_what_was_told() -> None:
    corrected = temperature(10, 36.4)
    assert taken_back(found(), [LP, corrected]) == (TakenBack(FEVER, corrected),)


def test_a_deleted_value_has_nothing_in_its_place() -> None:
    assert taken_back(found(), [LP]) == (TakenBack(FEVER, None),)


def test_a_value_that_was_corrected_under_another_number_of_the_patient_is_shown_beside_what_was_told() -> (
    None
):
    corrected = structs.replace(temperature(10, 36.4), patient=Identifier("other", "2"))
    assert taken_back(found(), [LP, corrected]) == (TakenBack(FEVER, corrected),)


def test_a_void_lp_is_named_before_the_evidence() -> None:
    assert taken_back(found(), []) == (TakenBack(LP, None), TakenBack(FEVER, None))


def test_a_withdrawal_names_the_value_and_says_that_the_patient_may_not_be_well() -> None:
    ward = open_alert()
    ward.assess(12)
    around = replace(AROUND, taken_back=(TakenBack(FEVER, temperature(10, 36.4)), TakenBack(LP, None)))
    document = render_alert(ward.only, TEXT, around)
    first, second = document["taken_back"]
    assert (first["was"]["reported"], first["now"] and first["now"]["reported"]) == ("38.4 Cel", "36.4 Cel")
    assert second["now"] is None
    assert "corrected or taken back" in document["withdrawal"]
    assert "does not mean that the patient is well" in document["withdrawal"]


def test_a_withdrawal_after_numbers_were_parted_says_that_the_value_is_of_another_number() -> None:
    ward = open_alert()
    ward.assess(12)
    others = structs.replace(FEVER, patient=Identifier("other", "2"))
    around = replace(AROUND, identifiers=(FEVER.patient,), taken_back=(TakenBack(others, None),))
    assert "Numbers of the patient were parted" in render_alert(ward.only, TEXT, around)["withdrawal"]
    kept = replace(around, identifiers=(FEVER.patient, others.patient))
    assert "corrected or taken back" in render_alert(ward.only, TEXT, kept)["withdrawal"]


def test_a_withdrawal_without_a_correction_does_not_claim_one() -> None:
    ward = open_alert()
    ward.assess(12)
    document = render_alert(ward.only, TEXT, AROUND)
    assert document["taken_back"] == []
    assert "was not corrected" in document["withdrawal"]
    assert "does not mean that the patient is well" in document["withdrawal"]


def test_what_became_known_is_what_decides_now_and_came_after_the_alert() -> None:
    told = LastTold(at(10), found())
    before, since = csf(0.2, 3, received=9), csf(0.3, 4, received=11)
    corrected = temperature(10, 36.4, received=12)
    trace = Trace(
        Truth.FALSE, "all", children=(Trace(Truth.FALSE, "minus", facts=(before, since, since, corrected)),)
    )
    assert became_known(told, facts_of(trace)) == (since,)


def test_a_withdrawal_names_what_became_known() -> None:
    ward = open_alert()
    ward.assess(12)
    document = render_alert(ward.only, TEXT, replace(AROUND, became_known=(temperature(-3, 38.6),)))
    assert [item["value"] for item in document["became_known"]] == [38.6]
