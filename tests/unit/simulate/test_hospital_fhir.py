"""The synthetic hospital in FHIR: resources that an independent model accepts, and quirks where FHIR has them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from worker.model.message import Form, RawMessage
from worker.simulate.happenings import Written
from worker.simulate.hospital.files import write_files
from worker.simulate.hospital.quirks import ALL, NONE, Quirks
from worker.simulate.hospital.rates import Rates
from worker.simulate.hospital.ward import Hospital, Settings
from worker.sources.files import read_files

ALL_LPS = Rates({"has-lp": 1.0, "anticoagulated": 0.5, "lp-cancelled": 0.3})
EVERY_TYPE = {
    "Patient",
    "Encounter",
    "Observation",
    "Specimen",
    "DiagnosticReport",
    "DocumentReference",
    "Procedure",
    "ServiceRequest",
    "MedicationAdministration",
    "MessageHeader",
}


def _settings(seed: int = 5, patients: int = 6, habits: Quirks = ALL) -> Settings:
    return Settings(seed, patients=patients, habits=habits, rates=ALL_LPS, form=Form.FHIR)


def _written(settings: Settings) -> list[Written]:
    return list(Hospital(settings).messages())


def _documents(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(written.body) for written in _written(settings)]


def _resources(documents: list[dict[str, Any]], kind: str = "") -> Iterator[dict[str, Any]]:
    for document in documents:
        entries = document.get("entry")
        found = [document] if entries is None else [entry["resource"] for entry in entries]
        yield from (one for one in found if kind in {"", one["resourceType"]})


def _only(name: str, patients: int = 6) -> list[dict[str, Any]]:
    return _documents(_settings(patients=patients, habits=Quirks({name: 1.0})))


def test_each_resource_and_each_bundle_is_accepted_by_an_independent_model() -> None:
    # More merges and mistakes than usual, so that few patients show all that is written.
    habits = Quirks({name: max(ALL[name], 0.3) for name in ALL if name != "duplicate"})
    rates = Rates({"has-lp": 1.0, "anticoagulated": 1.0})
    documents = _documents(replace(_settings(patients=4, habits=habits), rates=rates))
    assert {one["resourceType"] for one in _resources(documents)} == EVERY_TYPE
    bundles = {document["type"]: document for document in documents if document["resourceType"] == "Bundle"}
    assert set(bundles) == {"transaction", "message", "collection"}
    seen: set[str] = set()
    for one in (*bundles.values(), *_resources(documents)):
        shape = re.sub(r"[0-9.]+", "0", json.dumps(one, sort_keys=True))
        if shape not in seen:  # the model takes its time, and most resources differ by their numbers alone
            seen.add(shape)
            get_fhir_model_class(one["resourceType"]).model_validate(one)


def test_equal_seeds_give_equal_bytes_and_other_seeds_do_not() -> None:
    first = _written(_settings(7, 4))
    assert first == _written(_settings(7, 4))
    assert first != _written(_settings(8, 4))


def test_documents_come_in_the_order_of_receipt_and_each_on_one_line() -> None:
    written = _written(_settings(3, 12))
    times = [one.received_at_ms for one in written]
    assert times == sorted(times)
    assert not any(b"\n" in one.body for one in written)


def test_ids_are_ids_and_every_statement_is_dated() -> None:
    for one in _resources(_documents(_settings())):
        assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", one["id"])
        if one["resourceType"] != "MessageHeader":
            assert one["meta"]["lastUpdated"].endswith("Z")


def test_a_file_holds_the_documents_as_the_file_source_reads_them(tmp_path: Path) -> None:
    hospital = Hospital(_settings())
    summary = write_files(hospital, hospital.messages(), tmp_path / "ward", 0.0, 5)
    path = tmp_path / "ward/messages.ndjson"
    read = list(read_files([path], received_at_ms=0, on_skipped=lambda _: None))
    bodies = [written.body for written in _written(_settings())]
    assert read == [RawMessage(body, Form.FHIR, "file", 0) for body in bodies]
    assert summary.messages == len(read)


def test_the_truth_does_not_depend_on_the_form(tmp_path: Path) -> None:
    for form in Form:
        hospital = Hospital(Settings(4, patients=6, form=form))
        write_files(hospital, hospital.messages(), tmp_path / form.value, 0.1, 4)
    assert (tmp_path / "hl7v2/truth.ndjson").read_bytes() == (tmp_path / "fhir/truth.ndjson").read_bytes()


def test_a_merge_links_both_patients_and_retires_the_temporary_one() -> None:
    merges = [
        [entry["resource"] for entry in document["entry"]]
        for document in _only("merge")
        if any("link" in entry["resource"] for entry in document["entry"])
    ]
    assert merges
    for kept, left in merges:
        assert (kept["link"][0]["type"], left["link"][0]["type"]) == ("replaces", "replaced-by")
        assert kept["link"][0]["other"]["reference"] == f"Patient/{left['id']}"
        assert left["active"] is False
        assert left["id"].startswith("NV-T")


def test_the_national_number_alone_names_the_patient_by_a_logical_reference() -> None:
    reports = list(_resources(_only("national-id-only"), "DiagnosticReport"))
    assert reports
    for report in reports:
        assert "reference" not in report["subject"]
        assert report["subject"]["identifier"]["system"] == "https://northvale.example/national-id"


def test_a_correction_says_so_under_the_id_of_its_original() -> None:
    calm = Rates({"has-lp": 1.0, "febrile-before-lp": 0.0, "fever-in-medical-inpatients": 0.0})
    settings = replace(_settings(patients=8, habits=Quirks({"mistyped": 1.0})), rates=calm)
    observations = list(_resources(_documents(settings), "Observation"))
    corrected = {one["id"] for one in observations if one["status"] == "corrected"}
    assert corrected
    assert corrected <= {one["id"] for one in observations if one["status"] == "final"}


def test_what_was_entered_in_error_has_that_status() -> None:
    wrong = [
        one
        for one in _resources(_only("in-error-comment", patients=12), "Observation")
        if one["status"] == "entered-in-error"
    ]
    assert wrong
    assert all(one["note"] == [{"text": "entered in error, wrong patient"}] for one in wrong)


def test_a_cancelled_puncture_is_a_revoked_order_and_a_procedure_not_done() -> None:
    documents = _documents(_settings(patients=12, habits=NONE))
    orders = {one["id"]: one["status"] for one in _resources(documents, "ServiceRequest")}
    done = {
        one["basedOn"][0]["reference"].removeprefix("ServiceRequest/"): one["status"]
        for one in _resources(documents, "Procedure")
    }
    assert {(status, done[order]) for order, status in orders.items()} == {
        ("completed", "completed"),
        ("revoked", "not-done"),
    }


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        ("z-segment", '"extension":'),
        ("bp-as-text", r'"valueString": "\d+/\d+"'),
        ("junk-number", '"valueRange":|"valueString": "[?]'),
        ("device-sentinel", "8388607"),
        ("type-empty", '"valueQuantity": {"value": [0-9.]+, "unit": "[^"]+"}'),
        ("appended-note", '"docStatus": "amended"'),
        ("fahrenheit", '"unit": "°F"'),
        ("comparator", '"comparator": "<"'),
        ("obx14-empty", '"effectivePeriod":'),
        ("bare-resource", '^{"resourceType": "DocumentReference"'),
    ],
)
def test_each_quirk_shows_when_it_is_on_and_not_when_it_is_off(
    name: str, sign: str, plain: list[str]
) -> None:
    assert any(re.search(sign, body) for body in _bodies(Quirks({name: 1.0})))
    assert not any(re.search(sign, body) for body in plain)


@pytest.fixture(scope="module")
def plain() -> list[str]:
    return _bodies(NONE)


def _bodies(habits: Quirks) -> list[str]:
    documents = _documents(_settings(patients=12, habits=habits))
    return [json.dumps(one, ensure_ascii=False) for one in documents]


def test_an_order_alone_tells_of_the_puncture_where_that_is_the_habit() -> None:
    documents = _only("lp-by-order-only")
    assert list(_resources(documents, "ServiceRequest"))
    assert not list(_resources(documents, "Procedure"))


def test_duplicates_follow_their_original() -> None:
    documents = _only("duplicate", patients=1)
    assert documents[0::2] == documents[1::2]


def test_both_forms_tell_the_same_ward_and_bed_of_a_stay() -> None:
    in_fhir = {
        (one["id"], *(place["location"]["display"] for place in one["location"]))
        for one in _resources(_documents(_settings(habits=NONE)), "Encounter")
    }
    in_hl7 = set()
    for written in Hospital(replace(_settings(habits=NONE), form=Form.HL7V2)).messages():
        for segment in written.body.decode().split("\r"):
            if segment.startswith("PV1|") and (fields := segment.split("|"))[3]:
                unit, _, bed = fields[3].split("^")
                in_hl7.add((fields[19], unit, bed))
    assert in_fhir
    assert in_fhir <= in_hl7
