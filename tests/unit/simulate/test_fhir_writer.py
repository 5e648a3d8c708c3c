"""Writing FHIR: resources carry what they were given, and the validator of fhir.resources agrees."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

from worker.model.fact import Identifier
from worker.model.time import from_rfc3339
from worker.simulate import fhir_writer as fhir

AT = from_rfc3339("2026-01-05T08:00:00Z")
STATED = fhir.Stated("r1", AT, "p1", (Identifier("urn:x", "7", "MR"),))
CODE = fhir.concept(fhir.Coding("http://loinc.org", "8310-5", "Body temperature"))


def _accepted(resource: fhir.Json) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(fhir.to_bytes(resource))
    get_fhir_model_class(written["resourceType"]).model_validate(written)
    return written


def test_each_resource_is_accepted_by_an_independent_model() -> None:
    value: fhir.Json = {"valueQuantity": fhir.quantity(38.4, "Cel", ">")}
    resources = [
        fhir.patient(STATED, "Vale", "Ena", date(1990, 2, 3), "female"),
        fhir.observation(STATED, CODE, AT, value),
        fhir.specimen(STATED, CODE, AT),
        fhir.procedure(STATED, CODE, AT, AT),
        fhir.document_reference(STATED, CODE, "YQ==", AT),
        fhir.medication_administration(STATED, CODE, AT),
        fhir.medication_request(STATED, CODE, AT),
        fhir.encounter(STATED, fhir.Stay("IMP", AT, AT, "Fall", "home")),
    ]
    for resource in resources:
        _accepted(resource)
    assert len(_accepted(fhir.bundle("b", resources, AT))["entry"]) == len(resources)


def test_every_resource_says_when_it_was_stated_and_whom_it_is_about() -> None:
    written = _accepted(fhir.procedure(STATED, CODE, AT, AT, "stopped"))
    assert written["meta"] == {"lastUpdated": "2026-01-05T08:00:00Z"}
    assert written["subject"]["reference"] == "Patient/p1"
    assert written["subject"]["identifier"]["value"] == "7"
    assert written["status"] == "stopped"


def test_a_link_says_which_patient_replaces_which() -> None:
    written = _accepted(fhir.linked(fhir.patient(STATED, "Vale", "Ena", None), "old", "replaces"))
    assert written["link"] == [{"other": {"reference": "Patient/old"}, "type": "replaces"}]


def test_a_stay_without_end_is_in_progress() -> None:
    assert _accepted(fhir.encounter(STATED, fhir.Stay("IMP", AT)))["status"] == "in-progress"
    assert _accepted(fhir.encounter(STATED, fhir.Stay("IMP", AT, AT)))["status"] == "finished"
