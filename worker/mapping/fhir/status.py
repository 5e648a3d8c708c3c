"""What the status of a FHIR resource means for its version. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5 value sets observation-status, diagnostic-report-status, document-reference-status,
composition-status, event-status, request-status, encounter-status, medication-admin-status, medication-statement-status,
medicationrequest-status, medicationdispense-status. The rank orders versions that were stated at one instant.
"""

from __future__ import annotations

from dataclasses import dataclass

PLANNED, PRELIMINARY, FINAL, CORRECTED, VOID = range(5)


@dataclass(frozen=True, slots=True)
class Status:
    """What a status says: its rank among versions, what people are shown, whether the statement is taken back.

    Shape: `is_silent` means that nothing is stated yet (a draft, a registered result): no fact, and no deletion.
    """

    rank: int
    shown: str = ""
    is_deleted: bool = False
    is_silent: bool = False


_SILENT = Status(PLANNED, is_silent=True)
_DELETED = Status(VOID, is_deleted=True)
_STANDS = Status(FINAL)
_OPEN = Status(PRELIMINARY)
UNKNOWN = Status(PRELIMINARY)

RESULT = {
    "registered": _SILENT,
    "specimen-in-process": _SILENT,
    "partial": Status(PRELIMINARY, "preliminary"),
    "preliminary": Status(PRELIMINARY, "preliminary"),
    "modified": Status(PRELIMINARY, "preliminary"),
    "final": Status(FINAL, "final"),
    "amended": Status(CORRECTED, "corrected"),
    "corrected": Status(CORRECTED, "corrected"),
    "appended": Status(CORRECTED, "corrected"),
    "cancelled": _DELETED,
    "entered-in-error": _DELETED,
}

DOCUMENT = RESULT | {
    "current": Status(FINAL, "final"),
    "superseded": _DELETED,
    "deprecated": _DELETED,
}

REFERENCE_VOID = frozenset({"superseded", "entered-in-error"})

SPECIMEN = {
    "available": _STANDS,
    "unavailable": _STANDS,
    "unsatisfactory": _STANDS,
    "entered-in-error": _DELETED,
}

PROCEDURE = {
    "preparation": Status(PLANNED),
    "in-progress": Status(PLANNED),
    "on-hold": Status(PLANNED),
    "completed": _STANDS,
    "stopped": _STANDS,
    "aborted": _STANDS,
    "not-done": Status(VOID),
    "entered-in-error": _DELETED,
}

ORDER = {
    "draft": Status(PLANNED),
    "active": Status(PLANNED),
    "on-hold": Status(PLANNED),
    "completed": _STANDS,
    "revoked": Status(VOID),
    "entered-in-error": _DELETED,
}

ENCOUNTER = {
    "planned": _SILENT,
    "cancelled": _DELETED,
    "entered-in-error": _DELETED,
    "finished": _STANDS,
    "completed": _STANDS,
    "discharged": _STANDS,
    "discontinued": _STANDS,
}

# A drug on hold, declined or cancelled is not in the patient; one that was stopped has been.
DRUG = {
    "draft": _SILENT,
    "intended": _SILENT,
    "preparation": _SILENT,
    "in-progress": _OPEN,
    "active": _OPEN,
    "recorded": _OPEN,
    "completed": _STANDS,
    "stopped": _STANDS,
    "ended": _STANDS,
    "on-hold": Status(CORRECTED, is_deleted=True),
    "cancelled": _DELETED,
    "declined": _DELETED,
    "not-done": _DELETED,
    "not-taken": _DELETED,
    "entered-in-error": _DELETED,
}

VERIFICATION = {
    "unconfirmed": _OPEN,
    "provisional": _OPEN,
    "differential": _OPEN,
    "confirmed": _STANDS,
    "refuted": Status(CORRECTED),
    "entered-in-error": _DELETED,
}

COMMUNICATION = {
    "preparation": _SILENT,
    "not-done": _DELETED,
    "entered-in-error": _DELETED,
}
