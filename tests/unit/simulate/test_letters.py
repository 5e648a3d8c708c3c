"""Writing vignettes down: each kind of fact becomes the messages and resources that the format's table names."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from worker.decode.hl7v2.message import Hl7Message, decode_message
from worker.model.time import from_rfc3339
from worker.notes.reader import NoteDocument
from worker.simulate.gold import GoldReader
from worker.simulate.letters import write
from worker.simulate.vignettes import Vignette, parse_vignettes


def _vignette(facts: str, patient: str = "{age_y: 40}") -> Vignette:
    text = f"scenarios:\n- {{id: X1, title: t, patient: {patient}, facts: [{facts}], alerts: []}}\n"
    return parse_vignettes({"x.yaml": text})[0]


def _hl7(facts: str, form: str = "hl7v2", patient: str = "{age_y: 40}") -> list[Hl7Message]:
    return [decode_message(raw.body) for raw in write(_vignette(facts, patient), form)]


def _fhir(facts: str, form: str = "fhir", patient: str = "{age_y: 40}") -> list[list[dict[str, Any]]]:
    bundles = [json.loads(raw.body) for raw in write(_vignette(facts, patient), form)]
    return [[entry["resource"] for entry in bundle["entry"]][1:] for bundle in bundles]


def _field(message: Hl7Message, segment: str, number: int) -> str:
    found = message.first(segment)
    return "" if found is None else found.raw(number)


LP = "{c: lumbar-puncture, id: lp, t: 0"


@pytest.mark.parametrize(
    ("fact", "control", "status"),
    [
        (LP + "}", "SC", "CM"),
        (LP + ", status: stopped}", "SC", "DC"),
        (LP + ", status: cancelled}", "OC", "CA"),
        (LP + ", status: entered-in-error}", "OC", "CA"),
    ],
)
def test_a_lumbar_puncture_is_an_order_with_its_status(fact: str, control: str, status: str) -> None:
    (message,) = _hl7(fact)
    assert message.peek.message_type == "ORM^O01"
    assert (_field(message, "ORC", 1), _field(message, "ORC", 5)) == (control, status)
    assert _field(message, "OBR", 7) == _field(message, "OBR", 8) == "20260105080000+0000"
    text = _field(message, "OBX", 5)
    assert text == ("LP attempted, no CSF obtained" if "stopped" in fact else "")


def test_a_lumbar_puncture_that_nothing_corrects_is_also_a_pr1() -> None:
    (message,) = _hl7(LP + "}", "hl7v2-alternate")
    assert message.peek.message_type == "ADT^A08"
    assert _field(message, "PR1", 5) == "20260105080000+0000"


def test_a_corrected_lumbar_puncture_keeps_its_order_number_in_both_ways() -> None:
    facts = LP + "}, {op: correct, of: lp, recv: 3, status: entered-in-error}"
    for form in ("hl7v2", "hl7v2-alternate"):
        first, second = _hl7(facts, form)
        assert _field(first, "ORC", 3) == _field(second, "ORC", 3)
        assert _field(second, "ORC", 5) == "CA"
        assert _field(second, "MSH", 7) == "20260105110000+0000"


def test_a_lumbar_puncture_is_a_procedure_with_its_status() -> None:
    for status, expected in (("completed", "completed"), ("cancelled", "not-done"), ("stopped", "stopped")):
        (((procedure),),) = _fhir(f"{LP}, status: {status}}}")
        assert procedure["status"] == expected
        assert procedure["performedPeriod"] == {
            "start": "2026-01-05T08:00:00Z",
            "end": "2026-01-05T08:00:00Z",
        }


def test_a_correction_and_a_retraction_keep_code_and_number() -> None:
    facts = "{c: gcs, id: a, t: 1, v: 9}, {op: correct, of: a, recv: 2, v: 15}, {op: retract, of: a, recv: 3}"
    messages = _hl7(facts)
    assert [_field(one, "OBX", 11) for one in messages] == ["F", "C", "D"]
    assert len({(_field(one, "OBR", 3), _field(one, "OBX", 3)) for one in messages}) == 1
    statuses = [resources[0]["status"] for resources in _fhir(facts)]
    assert statuses == ["final", "corrected", "entered-in-error"]


def test_a_specimen_stands_in_spm_or_in_obr_15() -> None:
    fact = "{c: csf-wbc, t: 0.2, recv: 2, v: 7}"
    (spm,), (obr,) = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert _field(spm, "SPM", 17) == "20260105081200+0000"
    assert _field(obr, "OBR", 15).startswith("258450006&")
    assert _field(obr, "OBR", 7) == "20260105081200+0000"
    specimen, observation = _fhir(fact)[0]
    assert specimen["collection"]["collectedDateTime"] == "2026-01-05T08:12:00Z"
    assert observation["specimen"]["reference"] == f"Specimen/{specimen['id']}"


def test_an_answer_is_a_code_or_a_text_with_an_interpretation() -> None:
    fact = "{c: csf-gram, t: 0.2, v: positive}"
    (coded,), (text,) = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert (_field(coded, "OBX", 2), _field(coded, "OBX", 5)) == ("CWE", "10828004^Positive^SCT")
    assert (_field(text, "OBX", 2), _field(text, "OBX", 5)) == ("ST", "Positive")
    assert _field(coded, "OBX", 8) == _field(text, "OBX", 8) == "POS"
    observation = _fhir(fact)[0][1]
    assert observation["interpretation"][0]["coding"][0]["code"] == "POS"


def test_a_score_names_its_site_or_has_a_code_of_its_own() -> None:
    fact = "{c: back-pain-score, t: 1, v: 4}"
    (site,), (local,) = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert (_field(site, "OBX", 3)[:7], _field(site, "OBX", 20)) == ("72514-3", "77568009^Back^SCT")
    assert (_field(local, "OBX", 3), _field(local, "OBX", 20)) == ("PAIN-BACK^Back pain 0-10^L", "")
    assert _fhir(fact)[0][0]["bodySite"]["coding"][0]["code"] == "77568009"
    assert "bodySite" not in _fhir(fact, "fhir-alternate")[0][0]


def test_a_note_travels_as_text_and_is_taken_back() -> None:
    facts = (
        "{c: note, id: n, t: 1, text: 'No rash.'}, {op: correct, of: n, recv: 2, text: 'A rash.'}, "
        "{op: retract, of: n, recv: 3}"
    )
    messages = _hl7(facts)
    assert [one.peek.message_type for one in messages] == ["MDM^T02", "MDM^T10", "MDM^T11"]
    assert {_field(one, "TXA", 12) for one in messages} == {"X1-n"}
    assert [_field(one, "OBX", 5) for one in messages] == ["No rash.", "A rash.", ""]
    documents = [resources[0] for resources in _fhir(facts)]
    assert [one["status"] for one in documents] == ["current", "current", "entered-in-error"]
    assert base64.b64decode(documents[0]["content"][0]["attachment"]["data"]) == b"No rash."


def test_a_drug_is_an_administration_or_an_order() -> None:
    fact = "{c: anticoagulant, t: -2, v: apixaban}"
    assert [one.peek.message_type for one in (*_hl7(fact), *_hl7(fact, "hl7v2-alternate"))] == [
        "RAS^O17",
        "RDE^O11",
    ]
    kinds = [_fhir(fact, form)[0][0]["resourceType"] for form in ("fhir", "fhir-alternate")]
    assert kinds == ["MedicationAdministration", "MedicationRequest"]


def test_an_inpatient_is_admitted_an_hour_before_the_first_fact() -> None:
    inpatient = "{age_y: 40, encounter: inpatient}"
    facts = "{c: gcs, t: -3, v: 15}, {c: discharge, t: 8, v: home}"
    admission, _, discharge = _hl7(facts, patient=inpatient)
    assert (admission.peek.message_type, _field(admission, "PV1", 2)) == ("ADT^A01", "I")
    assert _field(admission, "PV1", 44) == "20260105040000+0000"
    assert (_field(discharge, "PV1", 36), _field(discharge, "PV1", 45)) == ("home", "20260105160000+0000")
    assert _field(admission, "PV1", 19) == _field(discharge, "PV1", 19)
    first, _, last = _fhir(facts, patient=inpatient)
    assert first[0]["id"] == last[0]["id"]
    assert (first[0]["class"]["code"], last[0]["status"]) == ("IMP", "finished")


def test_a_visit_carries_its_reason() -> None:
    fact = "{c: encounter, t: 96, v: emergency, text: Headache}"
    (message,) = _hl7(fact)
    assert (message.peek.message_type, _field(message, "PV2", 3)) == ("ADT^A04", "^Headache")
    encounter = _fhir(fact)[0][0]
    assert (encounter["class"]["code"], encounter["reasonCode"]) == ("EMER", [{"text": "Headache"}])


def test_numbers_with_a_comparator_keep_it() -> None:
    fact = "{c: crp, t: 1, v: '>5', u: mg/L}"
    assert _field(_hl7(fact)[0], "OBX", 5) == ">5"
    value = _fhir(fact)[0][1]["valueQuantity"]
    assert (value["comparator"], value["value"]) == (">", 5.0)


def test_receipt_times_are_those_of_the_vignette() -> None:
    raws = write(_vignette("{c: crp, t: 1, recv: 4, v: 5}, {c: gcs, t: 3, v: 15}"), "hl7v2")
    assert [raw.received_at_ms for raw in raws] == [
        from_rfc3339("2026-01-05T11:00Z"),
        from_rfc3339("2026-01-05T12:00Z"),
    ]


def test_the_gold_reader_answers_by_document_and_version() -> None:
    vignette = _vignette(
        "{c: note, id: n, t: 1, text: 'No rash.', extract: [{f: purpuric-rash, s: absent}]}, "
        "{op: correct, of: n, recv: 2, text: 'A rash.', extract: [{f: purpuric-rash, s: present}]}"
    )
    reader = GoldReader(vignette.gold)
    statuses = [
        [assertion.status.value for _, assertion in reader.read(NoteDocument("X1-n", "", text)).assertions]
        for text in ("No rash.", "A  rash.\n", "something else")
    ]
    assert statuses == [["absent"], ["present"], []]
    assert reader.read(NoteDocument("other", "", "A rash.")).assertions == ()


def test_what_is_said_beside_a_dose_stands_where_each_standard_has_it() -> None:
    fact = "{c: anticoagulant, t: 1, v: heparin, q: [flush]}"
    (given,), (ordered,) = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert (_field(given, "RXA", 9), _field(ordered, "RXE", 7)) == ("^line flush", "^line flush")
    (((administration),),) = _fhir(fact)
    (((request),),) = _fhir(fact, "fhir-alternate")
    assert administration["dosage"] == {"text": "line flush"}
    assert request["dosageInstruction"] == [{"text": "line flush"}]


def test_a_drug_for_the_skin_says_so_by_its_route() -> None:
    fact = "{c: nsaid, t: 1, v: diclofenac, q: [topical]}"
    assert [_field(_hl7(fact, form)[0], "RXR", 1) for form in ("hl7v2", "hl7v2-alternate")] == [
        "TP^Topical^HL70162"
    ] * 2
    (((administration),),) = _fhir(fact)
    assert administration["dosage"] == {"route": {"text": "Topical"}}


def test_a_date_only_puncture_says_no_hour() -> None:
    fact = LP + ", precision: day}"
    assert _field(_hl7(fact)[0], "OBR", 7) == _field(_hl7(fact)[0], "OBR", 8) == "20260105"
    assert _field(_hl7(fact, "hl7v2-alternate")[0], "PR1", 5) == "20260105"
    (((procedure),),) = _fhir(fact)
    assert procedure["performedDateTime"] == "2026-01-05"
    assert "performedPeriod" not in procedure


def test_fluid_of_a_shunt_says_so() -> None:
    fact = "{c: csf-wbc, t: 1, v: 80, specimen: shunt}"
    assert _field(_hl7(fact)[0], "SPM", 4) == "^CSF shunt"
    assert _field(_hl7(fact, "hl7v2-alternate")[0], "OBR", 15) == "&CSF shunt"
    (((specimen), _),) = _fhir(fact)
    assert specimen["type"] == {"text": "CSF shunt"}


def test_a_value_can_be_sent_without_its_unit() -> None:
    fact = "{c: body-temperature, t: 1, v: 38.4, u: none}"
    assert _field(_hl7(fact)[0], "OBX", 6) == ""
    (((observation),),) = _fhir(fact)
    assert observation["valueQuantity"] == {"value": 38.4}


def test_an_ulcer_is_a_problem_or_a_diagnosis() -> None:
    fact = "{c: ulcer-history, id: u, t: -9}, {op: retract, of: u, recv: 5}"
    problems, diagnoses = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert [_field(one, "PRB", 1) for one in problems] == ["AD", "DE"]
    assert [_field(one, "DG1", 21) for one in diagnoses] == ["A", "D"]
    ((first,), (second,)) = _fhir(fact)
    codes = [one["verificationStatus"]["coding"][0]["code"] for one in (first, second)]
    assert codes == ["confirmed", "entered-in-error"]


def test_an_allergy_is_al1_or_iam() -> None:
    fact = "{c: nsaid-allergy, t: -9}"
    (listed,), (updated,) = _hl7(fact), _hl7(fact, "hl7v2-alternate")
    assert (listed.peek.message_type, _field(listed, "AL1", 3)[:13]) == ("ADT^A08", "NSAID-ALLERGY")
    assert (updated.peek.message_type, _field(updated, "IAM", 6)) == ("ADT^A60", "A")
    (((allergy),),) = _fhir(fact)
    assert allergy["patient"]["reference"] == "Patient/X1"


def test_a_planned_visit_says_so() -> None:
    fact = "{c: encounter, t: 90, v: inpatient, q: [planned]}"
    assert _field(_hl7(fact)[0], "PV1", 4) == "C"
    (((encounter),),) = _fhir(fact)
    assert encounter["priority"]["coding"][0]["code"] == "EL"


def test_the_gold_reader_tells_of_a_puncture() -> None:
    vignette = _vignette("{c: note, id: n, t: 1, text: 'Three passes.', lp: {passes: 3, traumatic: true}}")
    found = GoldReader(vignette.gold).read(NoteDocument("X1-n", "", "Three passes.")).puncture
    assert found is not None
    assert (found.status.value, found.passes, found.is_traumatic) == ("completed", 3, True)
