"""Write a patient's reports as FHIR R4, with the habits of the servers that send them. Source: HL7 FHIR R4 (4.0.1).

One report is one document: the ward sends a transaction, the laboratory a message, the monitors a collection, and now and
then a resource comes alone.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.simulate import fhir_writer as fhir
from worker.simulate.coding import CODINGS, LOINC, Kind
from worker.simulate.fhir_writer import Coding
from worker.simulate.happenings import Happening, Revision, Written
from worker.simulate.hospital.fhir_results import results
from worker.simulate.hospital.fhir_sheet import HOME, Sheet, patient_id
from worker.simulate.hospital.reports import Report, Source
from worker.simulate.render_fhir import Envelope, Server, patient_of, resources_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.simulate.fhir_writer import Json
    from worker.simulate.hospital.desk import Desk

DOCUMENT_TYPES: Final = {
    "PN": Coding(LOINC, "11506-3", "Progress note"),
    "PC": Coding(LOINC, "28570-0", "Procedure note"),
    "HP": Coding(LOINC, "34117-2", "History and physical note"),
    "DS": Coding(LOINC, "18842-5", "Discharge summary"),
}
"""LOINC document types by the type of HL7 table 0270 that the happening bears."""
_PROCEDURE_STATUS: Final = {"": "completed", "cancelled": "not-done"}
_ORDER_STATUS: Final = {"": "completed", "cancelled": "revoked"}


def deliver(reports: tuple[Report, ...], desk: Desk) -> Iterator[Written]:
    """Write reports as FHIR documents in their order, some of them twice.

    Shape: `received_at_ms` does not go back, except that a repeated document follows its first copy at once.
    """
    for number, report in enumerate(reports):
        written = _write(Sheet(report, desk), f"{desk.prefix}{number:04d}")
        yield written
        if desk.shows("duplicate"):
            yield written


def _write(sheet: Sheet, document_id: str) -> Written:
    report = sheet.report
    resources = _merged(sheet) if report.merged else _resources(sheet)
    if sheet.desk.shows("z-segment"):
        extension = {"url": f"{HOME}/local", "valueString": str(sheet.desk.rng.randint(1, 99))}
        resources = [resources[0] | {"extension": [extension]}, *resources[1:]]
    is_bare = sheet.desk.shows("bare-resource") and len(resources) == 1
    document = resources[0] if is_bare else _bundle(sheet, document_id, resources)
    return Written(fhir.to_bytes(document), report.written_ms + report.delay_ms)


def _bundle(sheet: Sheet, document_id: str, resources: list[Json]) -> Json:
    report = sheet.report
    if sheet.patient_id and not report.merged:
        resources = [patient_of(sheet.person, sheet.patient_id, report.written_ms), *resources]
    if report.source is Source.WARD:
        return fhir.transaction(document_id, resources, report.written_ms)
    if report.source is Source.LABORATORY:
        return fhir.message(document_id, resources, report.written_ms, f"{HOME}/laboratory")
    return fhir.bundle(document_id, resources, report.written_ms)


def _merged(sheet: Sheet) -> list[Json]:
    """Write both Patients, each with a link to the other: the temporary one is no longer in use."""
    report = sheet.report
    prior_id = patient_id(report.merged)
    prior = replace(sheet.person, identifiers=sheet.named(report.merged))
    kept = patient_of(sheet.person, sheet.patient_id, report.written_ms)
    left = patient_of(prior, prior_id, report.written_ms) | {"active": False}
    return [
        fhir.linked(kept, prior_id, "replaces"),
        fhir.linked(left, sheet.patient_id, "replaced-by"),
    ]


def _resources(sheet: Sheet) -> list[Json]:
    report = sheet.report
    if report.panel:
        return results(sheet)
    happening = report.happenings[0]
    kind = CODINGS[happening.concept].kind
    if kind is Kind.PUNCTURE:
        return _puncture(happening, sheet)
    if kind is Kind.NOTE:
        return [_document(happening, sheet)]
    person = replace(sheet.person, identifiers=sheet.subject_identifiers)
    return resources_of(happening, Envelope(person, sheet.patient_id, Server(), "", report.stay))


def _puncture(happening: Happening, sheet: Sheet) -> list[Json]:
    """Write the order of an LP, and what became of it."""
    code = sheet.code("lumbar-puncture")
    order_id = f"{happening.name}-order"
    order = fhir.service_request(
        sheet.stated(order_id),
        code,
        happening.at_ms,
        _ORDER_STATUS[happening.status],
        (f"P-{happening.name}", happening.name),
    )
    if sheet.desk.shows("lp-by-order-only"):
        return [order]
    status = _PROCEDURE_STATUS[happening.status]
    done = fhir.procedure(sheet.stated(happening.name), code, happening.at_ms, happening.at_ms, status)
    return [order, done | {"basedOn": [{"reference": f"ServiceRequest/{order_id}"}]}]


def _document(happening: Happening, sheet: Sheet) -> Json:
    coding = DOCUMENT_TYPES[happening.title]
    text = base64.b64encode(happening.text.encode()).decode()
    stated = sheet.stated(happening.name)
    written = fhir.document_reference(
        stated, fhir.concept(coding, text=coding.display), text, happening.at_ms
    )
    return written | {"docStatus": "amended"} if happening.revision is Revision.CORRECTED else written
