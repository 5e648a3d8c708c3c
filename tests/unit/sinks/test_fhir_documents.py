"""Alerts as FHIR R4. What HAPI's validator says of them is in tests/integration/test_fhir_validator.py."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, cast
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec import structs

from tests.unit.alerts.findings import Ward, found
from tests.unit.correlate.facts import at, fact
from worker.alerts.documents import AlertDocument
from worker.alerts.render import RuleText, Surroundings, render_alert
from worker.alerts.taken_back import TakenBack
from worker.correlate.places import Place, Whereabouts
from worker.model.alert import Alert, Notice
from worker.model.errors import LpwatchError
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Comparator,
    EncounterValue,
    Identifier,
    Location,
    Quantity,
)
from worker.model.finding import Severity
from worker.sinks.fhir_documents import fhir_bundle, fhir_resources

NUMBERS = (Identifier("mrn", "4711", "MR"), Identifier("https://nhs.example", "999", "NH"))
TEXT = RuleText("Fever after the LP", ("possible <infection>",), ("consider cultures & CRP",), ("neck",))


def alert(severity: Severity = Severity.URGENT) -> Alert:
    ward = Ward()
    ward.assess(11, found(severity=severity))
    return replace(ward.only, alert_id="a1b2")


def escalated() -> Alert:
    ward = Ward()
    ward.assess(11, found())
    ward.assess(12, found(severity=Severity.EMERGENT))
    return replace(ward.only, alert_id="a1b2")


def withdrawn() -> Alert:
    ward = Ward()
    ward.assess(11, found())
    ward.assess(12)
    return replace(ward.only, alert_id="a1b2")


def document(made_of: Alert | None = None, **around: object) -> AlertDocument:
    surroundings = Surroundings(identifiers=NUMBERS, reason="raised", encounter="V7")
    return render_alert(made_of or alert(), TEXT, replace(surroundings, **around))  # type: ignore[arg-type] # its fields


def notice(body: AlertDocument) -> Notice:
    notice_id = f"{body['alert_id']}.{body['version']}"
    return Notice(notice_id, body["alert_id"], body["version"], msgspec.json.encode(body))


def resources(body: AlertDocument) -> tuple[dict[str, Any], dict[str, Any]]:
    issue, told, *_ = fhir_resources(notice(body))
    return json.loads(issue.body), json.loads(told.body)


def document_text(body: AlertDocument) -> str:
    _, told = resources(body)
    text: str = told["payload"][0]["contentString"]
    return text


def test_each_resource_has_its_place_on_a_server() -> None:
    issue, told = fhir_resources(notice(document()))
    assert (issue.path, told.path) == ("DetectedIssue/a1b2", "Communication/a1b2.1")
    for resource in (issue, told):
        written = json.loads(resource.body)
        assert (written["resourceType"], written["id"]) == (resource.type, resource.id)


def test_an_alert_is_a_detected_issue() -> None:
    issue, _ = resources(document())
    assert issue["status"] == "final"
    assert issue["severity"] == "high"
    assert issue["code"]["text"] == "Fever after the LP"
    assert issue["code"]["coding"] == [{"system": "urn:lpwatch:rule", "version": "1", "code": "fever-single"}]
    assert issue["identifiedDateTime"] == "2026-01-05T19:00:00Z"
    assert issue["patient"] == {
        "type": "Patient",
        "identifier": {"value": "4711", "assigner": {"display": "mrn"}},
    }
    assert "Consider: cultures & CRP" in issue["detail"]
    assert "mitigation" not in issue


def test_evidence_stands_inside_as_observations() -> None:
    issue, _ = resources(document())
    (evidence,) = issue["evidence"]
    procedure, value = issue["contained"]
    assert evidence == {"code": [{"text": "body-temperature"}], "detail": [{"reference": f"#{value['id']}"}]}
    assert (value["resourceType"], value["effectiveDateTime"]) == ("Observation", "2026-01-05T18:00:00Z")
    assert value["valueQuantity"] == {
        "value": 38.4,
        "unit": "Cel",
        "system": "http://unitsofmeasure.org",
        "code": "Cel",
    }
    assert issue["implicated"] == [{"reference": f"#{procedure['id']}"}]
    assert (procedure["resourceType"], procedure["status"]) == ("Procedure", "completed")
    assert procedure["performedDateTime"] == "2026-01-05T08:00:00Z"


@pytest.mark.parametrize("precision", ["day", "month", "year"])
def test_a_time_known_to_the_day_only_claims_no_hour(precision: str) -> None:
    body = document()
    body["lp"]["precision"] = body["evidence"][0]["precision"] = precision
    issue, _ = resources(body)
    procedure, value = issue["contained"]
    assert "performedDateTime" not in procedure
    assert "effectiveDateTime" not in value
    said = f"known to the {precision} only, which begins at"
    assert f"{said} 2026-01-05T08:00:00Z" in procedure["note"][0]["text"]
    assert f"{said} 2026-01-05T18:00:00Z" in value["note"][1]["text"]


def test_a_notice_is_a_communication_about_the_issue() -> None:
    _, told = resources(document())
    assert told["status"] == "completed"
    assert told["category"][0]["coding"][0]["code"] == "alert"
    assert told["priority"] == "urgent"
    assert told["about"] == [{"reference": "DetectedIssue/a1b2"}]
    assert told["encounter"] == {"type": "Encounter", "identifier": {"value": "V7"}}
    assert told["sent"] == "2026-01-05T19:00:00Z"
    assert told["subject"]["identifier"]["value"] == "4711"
    assert told["payload"][0]["contentString"].startswith("URGENT: Fever after the LP (raised, version 1)\n")


@pytest.mark.parametrize(
    ("severity", "harm", "priority"),
    [
        (Severity.EMERGENT, "high", "stat"),
        (Severity.URGENT, "high", "urgent"),
        (Severity.ROUTINE, "moderate", "routine"),
        (Severity.INFO, "low", "routine"),
    ],
)
def test_severity_in_the_words_of_fhir(severity: Severity, harm: str, priority: str) -> None:
    issue, told = resources(document(alert(severity)))
    assert (issue["severity"], told["priority"]) == (harm, priority)


def test_a_later_version_replaces_the_issue_and_is_told_anew() -> None:
    issue, told = fhir_resources(notice(document(escalated())))
    assert (issue.path, told.path) == ("DetectedIssue/a1b2", "Communication/a1b2.2")
    written = json.loads(issue.body)
    assert (written["status"], written["severity"]) == ("amended", "high")
    assert json.loads(told.body)["priority"] == "stat"


def test_a_withdrawn_alert_was_entered_in_error_and_says_what_changed() -> None:
    gone = withdrawn()
    (fact,) = gone.finding.evidence
    issue, told = resources(document(gone, taken_back=(TakenBack(fact, None),), reason="evidence withdrawn"))
    assert (issue["status"], told["status"]) == ("entered-in-error", "completed")
    assert "does not mean that the patient is well" in told["payload"][0]["contentString"]
    assert (
        "Taken back: body-temperature 38.4 Cel at 2026-01-05T18:00:00Z (+10 h); now: nothing"
        in issue["detail"]
    )
    assert issue["detail"].startswith("WITHDRAWN: Fever after the LP (was urgent, version 2)\n")
    assert "\nTold earlier: body-temperature 38.4 Cel" in issue["detail"]
    for head in ("Evidence: ", "Possible cause: ", "Consider: ", "Check: "):
        assert f"\n{head}" in document_text(document())
        assert head not in issue["detail"]
    assert told["reasonCode"] == [{"text": "evidence withdrawn"}]


@pytest.mark.parametrize("now", [None, 37.0])
def test_a_value_that_was_taken_back_does_not_stand_as_final(now: float | None) -> None:
    gone = withdrawn()
    (was,) = gone.finding.evidence
    was = structs.replace(was, result_status="final")
    gone = replace(gone, finding=replace(gone.finding, evidence=(was,)), last_told=None)
    corrected = None if now is None else structs.replace(was, value=Quantity(now, "Cel"))
    issue, _ = resources(document(gone, taken_back=(TakenBack(was, corrected),), reason="evidence withdrawn"))
    puncture, value = issue["contained"]
    assert (puncture["status"], value["status"]) == ("completed", "entered-in-error")
    issue, _ = resources(document(gone, reason="evidence withdrawn"))
    assert issue["contained"][1]["status"] == "final", "nothing was corrected"


def test_what_was_stated_as_why_the_patient_came_is_not_called_baseline() -> None:
    weak = fact(
        "leg-weakness", 97, Assertion(AssertionStatus.PRESENT, ("baseline", "left"), (0, 9), "Weak leg.")
    )
    came = fact("encounter", 96, EncounterValue("emergency", "V2", "Weak leg"), qualifiers=("weakness",))
    shown = alert()
    shown = replace(shown, finding=replace(shown.finding, evidence=(came, weak)))
    issue, _ = resources(document(shown))
    assert (
        '\nEvidence: encounter emergency (weakness) at 2026-01-09T08:00:00Z (+96 h): "Weak leg"\n'
        in issue["detail"]
    )
    assert "leg-weakness present (stated as why the patient came, left) at" in issue["detail"]


def test_the_words_of_a_note_stand_in_marks_behind_them_where_they_are_from() -> None:
    said = Assertion(
        AssertionStatus.PRESENT, (), (3, 12), "Is weak on the left.", (3, 7), "Ward round", "History"
    )
    shown = alert()
    shown = replace(shown, finding=replace(shown.finding, evidence=(fact("leg-weakness", 97, said),)))
    issue, told = resources(document(shown))
    assert 'h): "Is «weak» on the left." (Ward round, History)\n' in issue["detail"]
    assert "«weak»" in told["payload"][0]["contentString"]


def test_a_lumbar_puncture_that_never_was_is_in_error() -> None:
    issue, _ = resources(document(withdrawn(), reason="lumbar puncture void"))
    assert issue["contained"][0]["status"] == "entered-in-error"
    assert "\nLumbar puncture told earlier: 2026-01-05T08:00:00Z" in issue["detail"]


@pytest.mark.parametrize(
    ("quantity", "written"),
    [
        (Quantity(1.9, "1", reported="1.9 1"), "what 1.9 at"),
        (Quantity(12, "{score}", reported="12 {score}"), "what 12 at"),
        (Quantity(10, "1", Comparator.ABOVE, ">10 1"), "what >10 at"),
        (Quantity(38.39, "Cel", reported="101.1 [degF]"), "what 38.39 Cel at"),
    ],
)
def test_units_that_nobody_reads_are_not_written(quantity: Quantity, written: str) -> None:
    made_of = alert()
    finding = replace(made_of.finding, evidence=(fact("what", 10, quantity),))
    issue, _ = resources(document(replace(made_of, finding=finding)))
    assert f"Evidence: {written} 2026-01-05T18:00:00Z (+10 h)" in issue["detail"]
    assert ("reported as 101.1 [degF]" in issue["detail"]) == (quantity.unit == "Cel")
    assert "reported as 1" not in issue["detail"] or quantity.unit == "Cel"
    value = issue["contained"][1]["valueQuantity"]
    assert value["code"] == quantity.unit
    assert value.get("unit") == ("Cel" if quantity.unit == "Cel" else None)


def test_context_comes_with_its_values_and_says_for_which_alert_this_one_speaks() -> None:
    risk = replace(found("bleeding-risk", 0, Severity.INFO), evidence=(fact("inr", -2, Quantity(1.9, "1")),))
    weaker = found("weaker", folded_by="fever-single")
    around = {"others": (risk, weaker), "titles": {"bleeding-risk": "Bleeding risk", "weaker": "Weaker"}}
    text = document_text(document(**around))
    assert "Context: Bleeding risk: inr 1.9 at 2026-01-05T06:00:00Z (-2 h)" in text
    assert "Context: Weaker (this alert speaks for it): body-temperature 38.4 Cel" in text
    body = document(**around, folded_ids={"weaker": ("a7",)})
    assert [item.get("alert_ids") for item in body["context"]] == [None, ["a7"]]
    assert "Weaker (this alert speaks for it, also for what was told as alert a7): " in document_text(body)


def test_other_open_alerts_are_named_by_number_so_that_no_server_must_know_them() -> None:
    other = replace(alert(Severity.EMERGENT), alert_id="c3", rule="leg-weakness")
    body = document(also_open=(other,), titles={"leg-weakness": "Weak leg"})
    _, told = resources(body)
    assert told["about"] == [
        {"reference": "DetectedIssue/a1b2"},
        {
            "type": "DetectedIssue",
            "identifier": {"system": "urn:lpwatch:alert", "value": "c3"},
            "display": "Weak leg",
        },
    ]
    line = "Also open for this lumbar puncture: EMERGENT: Weak leg (since 2026-01-05T19:00:00Z, alert c3)"
    assert line in document_text(body)
    issue, told = (entry for entry in json.loads(fhir_bundle(notice(body)))["entry"])
    assert told["resource"]["about"][0] == {"reference": issue["fullUrl"]}
    assert told["resource"]["about"][1]["identifier"]["value"] == "c3"


def test_a_lumbar_puncture_of_a_day_claims_no_hour_in_words() -> None:
    body = document()
    body["lp"].update(at="2026-01-05T00:00:00Z", precision="day", is_time_uncertain=True)
    text = document_text(body)
    assert "Lumbar puncture: 2026-01-05, time of day not known; at most 11 h before this message\n" in text
    assert "(at most +10 h)" in text
    body["lp"]["at"] = "2026-01-04T23:00:00Z"
    assert "Lumbar puncture: time known to the day only, which begins at 2026-01-04T23" in document_text(body)
    body["evidence"][0].update(effective_at="2026-01-06T00:00:00Z", precision="day")
    assert "body-temperature 38.4 Cel (2026-01-06, time of day not known)" in document_text(body)


def test_no_line_says_a_word_twice() -> None:
    made_of = replace(TEXT, possible_causes=("possible <infection>",), considerations=("consider a review",))
    surroundings = Surroundings(identifiers=NUMBERS, reason="raised")
    text = document_text(render_alert(alert(), made_of, surroundings))
    assert "\nPossible cause: <infection>\n" in text
    assert "\nConsider: a review\n" in text
    assert "Why now" not in text
    assert "\nWhy now: severity raised\n" in document_text(document(reason="severity raised"))


def test_where_the_patient_is_stands_in_the_words() -> None:
    now, then = (Place(Location(unit, "7", "B", "NORTH"), at(0)) for unit in ("ITU", "AMU"))
    _, told = resources(document(whereabouts=Whereabouts(now, then)))
    assert "Ward: NORTH ITU 7 B (at the lumbar puncture: AMU)" in told["payload"][0]["contentString"]
    _, told = resources(document())
    assert "Ward: unit not known" in told["payload"][0]["contentString"]


@pytest.mark.parametrize(
    ("authority", "written"),
    [
        ("urn:oid:1.2.3", {"system": "urn:oid:1.2.3", "value": "1"}),
        ("1.2.840.3", {"system": "urn:oid:1.2.840.3", "value": "1"}),
        ("https://hospital.example/mrn", {"system": "https://hospital.example/mrn", "value": "1"}),
        ("HOSP", {"value": "1", "assigner": {"display": "HOSP"}}),
        ("", {"value": "1"}),
    ],
)
def test_an_authority_is_a_system_only_where_it_is_an_uri(authority: str, written: dict[str, object]) -> None:
    issue, _ = resources(document(identifiers=(Identifier(authority, "1"),)))
    assert issue["patient"]["identifier"] == written


def test_without_a_number_the_patient_is_not_made_up() -> None:
    issue, told = resources(document(identifiers=()))
    assert issue["patient"] == told["subject"] == {"type": "Patient", "display": "not identified"}


def test_the_narrative_is_well_formed_whatever_the_text_holds() -> None:
    strange = RuleText("a < b & c", ("nul \x00 bell \x07 </div>",))
    body = render_alert(alert(), strange, Surroundings(identifiers=NUMBERS))
    for written in resources(body):
        words = "".join(ET.fromstring(written["text"]["div"]).itertext())  # noqa: S314 - our own text
        assert "a < b & c" in words
        assert "</div>" in words


def test_a_bundle_is_a_transaction_that_may_be_sent_again() -> None:
    body = notice(document())
    bundle = json.loads(fhir_bundle(body))
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "transaction")
    issue, told = bundle["entry"]
    assert [entry["request"] for entry in (issue, told)] == [
        {"method": "PUT", "url": "DetectedIssue/a1b2"},
        {"method": "PUT", "url": "Communication/a1b2.1"},
    ]
    assert told["resource"]["about"] == [{"reference": issue["fullUrl"]}]
    assert fhir_bundle(body) == fhir_bundle(body)


def test_an_alert_that_speaks_for_another_one_of_the_same_lp_closes_that() -> None:
    body = document(folded_ids={"fever-single": ("c3d4",)})
    issue, told, closed = fhir_resources(notice(body))
    assert (issue.path, closed.path) == ("DetectedIssue/a1b2", "DetectedIssue/c3d4")
    assert (
        "turned out to be one; this alert speaks for alert c3d4"
        in json.loads(told.body)["payload"][0]["contentString"]
    )
    written = json.loads(closed.body)
    assert written["status"] == "entered-in-error"
    assert written["implicated"][0]["identifier"] == {"system": "urn:lpwatch:alert", "value": "a1b2"}
    assert written["detail"].endswith("turned out to be one: alert a1b2 goes on.")
    entries = json.loads(fhir_bundle(notice(body)))["entry"]
    assert [entry["request"]["url"] for entry in entries] == [issue.path, told.path, closed.path]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"alert_id": "secret 4711"}', b"\xff"])
def test_what_is_no_alert_is_refused_without_its_content(body: bytes) -> None:
    with pytest.raises(LpwatchError, match="not a full alert") as failure:
        fhir_resources(Notice("a1.1", "a1", 1, body))
    assert "4711" not in str(failure.value)


@pytest.mark.parametrize("alert_id", ["a b", "x" * 65, "a/b"])
def test_an_id_that_fhir_does_not_allow_is_refused(alert_id: str) -> None:
    body = cast("AlertDocument", {**document(), "alert_id": alert_id})
    with pytest.raises(LpwatchError, match="an id that FHIR does not allow"):
        fhir_resources(notice(body))


def test_what_fhir_refuses_is_told_without_its_content() -> None:
    body = cast("AlertDocument", {**document(), "raised_at": "4711-13-45T11:11:11Z"})
    with pytest.raises(LpwatchError, match="no DetectedIssue can be made of it") as failure:
        fhir_resources(notice(body))
    assert "identifiedDateTime" in str(failure.value)
    assert "4711" not in str(failure.value)
