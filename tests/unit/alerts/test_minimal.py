"""The variant for lock screens: nothing in it names a person or tells a value, whatever stands in the alert."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec

from tests.unit.alerts.findings import EPISODE, Ward, found
from tests.unit.correlate.facts import at, fact
from worker.alerts.documents import AlertDocument, MinimalDocument
from worker.alerts.minimal import minimal
from worker.alerts.render import TAKEN_BACK, RuleText, Surroundings, render_alert
from worker.alerts.taken_back import TakenBack
from worker.correlate.places import Place, Whereabouts
from worker.model.alert import AlertState
from worker.model.fact import Assertion, AssertionStatus, Identifier, Location, Quantity
from worker.model.finding import Severity

PLANTED = "PLANTED"


def full_of_secrets() -> AlertDocument:
    """Render an alert in which every text that comes from messages is planted, and its value is 41.7."""
    plant = Identifier(f"{PLANTED}-authority", f"{PLANTED}-number", f"{PLANTED}-type")
    evidence = (
        fact("body-temperature", 10, Quantity(41.7, "Cel", reported=f"41.7 {PLANTED}"), patient=plant),
        fact("note", 11, Assertion(AssertionStatus.PRESENT, (PLANTED,), (0, 5), f"{PLANTED} sentence")),
    )
    finding = replace(found(peak=41.7), evidence=evidence, remarks=(PLANTED,), episode=EPISODE)
    ward = Ward()
    ward.assess(10.5, finding)
    gone = replace(ward.only, state=AlertState.WITHDRAWN)
    place = Place(Location("ITU", f"{PLANTED}-room", f"{PLANTED}-bed", f"{PLANTED}-house", PLANTED), at(1))
    text = RuleText("Fever", *[(PLANTED,)] * 5)
    around = Surroundings(
        identifiers=(plant,),
        pack_digest=PLANTED,
        encounter=PLANTED,
        reason=PLANTED,
        others=(replace(finding, rule="other", severity=Severity.INFO),),
        titles={"other": PLANTED},
        missing=(PLANTED,),
        also_open=(replace(ward.only, alert_id=PLANTED, rule=PLANTED),),
        taken_back=(TakenBack(evidence[0], evidence[1]),),
        whereabouts=Whereabouts(place, replace(place, since_ms=at(0))),
    )
    return render_alert(gone, text, around)


def test_nothing_that_was_planted_gets_through() -> None:
    document = full_of_secrets()
    assert json.dumps(document).count(PLANTED) > 20, "the alert itself is full of it"
    written = json.dumps(minimal(document))
    assert PLANTED not in written
    assert "41.7" not in written
    assert "sentence" not in written


def test_it_says_that_there_is_something_how_severe_and_where() -> None:
    assert minimal(full_of_secrets()) == {
        "alert_id": "a1",
        "version": 1,
        "state": "withdrawn",
        "severity": "urgent",
        "title": "Fever",
        "unit": "ITU",
        "hours_since_lp": 10,  # whole ones: of 10.5 the time of the LP could be told
        "also_open_count": 1,
        "raised_at": "2026-01-05T18:30:00Z",
        "updated_at": "2026-01-05T18:30:00Z",
        "review": "not clinically reviewed",
        "disclaimer": "decision support - not a diagnosis",
        "withdrawal": TAKEN_BACK,
    }


def test_only_a_withdrawal_says_what_a_withdrawal_means() -> None:
    assert "does not mean that the patient is well" in minimal(full_of_secrets())["withdrawal"]
    ward = Ward()
    ward.assess(10, found())
    raised = minimal(render_alert(ward.only, RuleText("Fever"), Surroundings()))
    assert "withdrawal" not in raised
    assert raised["review"] == "not clinically reviewed"


def test_hours_from_a_time_that_is_known_to_the_day_only_are_not_told() -> None:
    ward = Ward()
    ward.assess(15, replace(found(), episode=replace(EPISODE, is_time_uncertain=True)))
    assert minimal(render_alert(ward.only, RuleText("Fever"), Surroundings()))["hours_since_lp"] is None


def test_without_a_ward_it_says_none() -> None:
    ward = Ward()
    ward.assess(10, found())
    assert minimal(render_alert(ward.only, RuleText("Fever"), Surroundings()))["unit"] == ""


def test_its_keys_are_those_of_its_shape() -> None:
    assert minimal(full_of_secrets()).keys() == MinimalDocument.__annotations__.keys()
    msgspec.json.decode(msgspec.json.encode(minimal(full_of_secrets())), type=MinimalDocument)
