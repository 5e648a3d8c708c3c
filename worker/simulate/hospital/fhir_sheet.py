"""One report as a FHIR server names things: its patient, its codes, its ids."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from worker.model.fact import Identifier
from worker.simulate import fhir_writer as fhir
from worker.simulate.coding import CODINGS, LOINC
from worker.simulate.hospital import people
from worker.simulate.hospital.codes import OWN_CODES

if TYPE_CHECKING:
    from worker.simulate.fhir_writer import Json
    from worker.simulate.happenings import Person
    from worker.simulate.hl7_writer import Code
    from worker.simulate.hospital.desk import Desk
    from worker.simulate.hospital.reports import Report

HOME: Final = "https://northvale.example"
AUTHORITIES: Final = {people.MRN: f"{HOME}/mrn", people.NATIONAL: f"{HOME}/national-id"}
"""Systems of patient numbers by the authority that HL7 v2 names."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One report, and the desk that it is written at."""

    report: Report
    desk: Desk

    @property
    def patient_id(self) -> str:
        """Return the id of the Patient, empty where the source knows the national number alone."""
        return patient_id(self.report.identifiers)

    @property
    def person(self) -> Person:
        """Return the patient under the numbers that the report gives."""
        return replace(self.desk.person, identifiers=self.named(self.report.identifiers))

    @property
    def subject_identifiers(self) -> tuple[Identifier, ...]:
        """Return what names the patient where no reference does."""
        return () if self.patient_id else self.named(self.report.identifiers)

    def named(self, identifiers: tuple[Identifier, ...]) -> tuple[Identifier, ...]:
        """Name the systems of identifiers as FHIR does."""
        return tuple(Identifier(AUTHORITIES[one.authority], one.value, one.type) for one in identifiers)

    def stated(self, resource_id: str) -> fhir.Stated:
        """Say of a resource what all of the report have in common."""
        return fhir.Stated(
            resource_id=resource_id,
            updated_ms=self.report.written_ms,
            patient_id=self.patient_id,
            patient_identifiers=self.subject_identifiers,
            encounter_id=self.report.stay.number,
        )

    def code(self, concept: str) -> Json:
        """Write the code of a concept: the source's own first, then the standard one."""
        term = CODINGS[concept].term
        own = OWN_CODES[self.report.source].get(concept)
        codings = (coding_of(own),) if own else ()
        return fhir.concept(*codings, fhir.Coding(term.system, term.code, term.display), text=term.display)


def patient_id(identifiers: tuple[Identifier, ...]) -> str:
    """Return the id of a Patient: by its number in the hospital, empty without one."""
    return next((f"NV-{one.value}" for one in identifiers if one.authority == people.MRN), "")


def coding_of(code: Code) -> fhir.Coding:
    """Turn a code as HL7 v2 names it into a coding."""
    system = LOINC if code.system == "LN" else f"{HOME}/codes/{code.system.lower()}"
    return fhir.Coding(system, code.code, code.display)
