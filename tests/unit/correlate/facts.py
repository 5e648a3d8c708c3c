"""Build facts for tests: hours after T0, invented patients."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    EncounterValue,
    Fact,
    Group,
    Identifier,
    Location,
    Moment,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.time import DAY_MS, HOUR_MS, ClinicalTime, EpochMs, Precision, from_rfc3339

T0 = from_rfc3339("2026-01-05T08:00:00Z")
MIDNIGHT = T0 - 8 * HOUR_MS
PATIENT = Identifier("MRN", "P-1", "MR")
OTHER = Identifier("NATIONAL", "N-1", "NI")


def at(hours: float) -> EpochMs:
    return T0 + round(hours * HOUR_MS)


def fact(  # noqa: PLR0913 # a builder names every part it can set
    concept: str,
    hours: float,
    value: Value = None,
    *,
    key: str = "",
    patient: Identifier = PATIENT,
    major: int | None = None,
    minor: int = 2,
    group: Group | None = None,
    deleted: bool = False,
    origin: str = "OBX-14",
    message: str = "m1",
    received: float | None = None,
    specimen: str = "",
    qualifiers: tuple[str, ...] = (),
    end: float | None = None,
    precision: Precision = Precision.SECOND,
) -> Fact:
    """Build one fact; the key defaults to the concept and time, the version to the time."""
    time = ClinicalTime(at(hours), precision, origin, None if end is None else at(end))
    digest = sha256(repr((concept, value, time, deleted)).encode()).hexdigest()
    return Fact(
        patient=patient,
        key=key or f"feed|{concept}|{hours}",
        version=Version(at(hours) if major is None else major, minor, digest),
        concept=concept,
        effective=time,
        value=value,
        source=SourceRef("feed", message, "OBR[1]/OBX[1]", at(hours if received is None else received)),
        group=group,
        is_deleted=deleted,
        specimen=specimen,
        qualifiers=qualifiers,
    )


def temperature(hours: float, cel: float, **more: object) -> Fact:
    value = Quantity(cel, "Cel", reported=f"{cel} Cel")
    return fact("body-temperature", hours, value, **more)  # type: ignore[arg-type] # passes builder options on


def finding(
    concept: str,
    hours: float,
    status: AssertionStatus = AssertionStatus.PRESENT,
    *qualifiers: str,
) -> Fact:
    return fact(concept, hours, Assertion(status, qualifiers), key=f"note|{hours}|{concept}|{status}")


def csf(hours: float, cells: float = 2, **more: object) -> Fact:
    value = Quantity(cells, "/uL")
    return fact("csf-wbc", hours, value, **more)  # type: ignore[arg-type] # passes builder options on


def puncture(
    hours: float,
    source: PunctureSource = PunctureSource.PROCEDURE,
    status: PunctureStatus = PunctureStatus.COMPLETED,
    *,
    numbers: tuple[str, ...] = (),
    key: str = "",
    end: float | None = None,
    **more: object,
) -> Fact:
    options = {"origin": "PR1-5", **more}
    return fact(
        "lumbar-puncture",
        hours,
        Puncture(status, source, numbers),
        key=key or f"feed|{source}|{hours}",
        end=end,
        **options,  # type: ignore[arg-type] # passes builder options on
    )


def puncture_on(day: int, source: PunctureSource = PunctureSource.PROCEDURE, key: str = "") -> Fact:
    """Build a date-only record of an LP on the day `day` days after that of T0."""
    record = puncture(0, source, key=key or f"feed|{source}|day {day}")
    time = ClinicalTime(MIDNIGHT + day * DAY_MS, Precision.DAY, "PR1-5")
    return replace(record, effective=time)


def born(days_before: float) -> Fact:
    at_ms = T0 - round(days_before * DAY_MS)
    return fact("birth-date", -24 * days_before, Moment(at_ms), key="feed|PID-7")


def stay(
    hours: float, encounter_class: str = "inpatient", visit: str = "V1", end: float | None = None
) -> Fact:
    value = EncounterValue(encounter_class, visit)
    return fact("encounter", hours, value, key=f"feed|visit|{visit}|encounter", end=end)


def located(hours: float, unit: str, bed: str = "", visit: str = "V1", end: float | None = None) -> Fact:
    value = Location(unit, "", bed, "", visit)
    return fact("location", hours, value, key=f"feed|visit|{visit}|location|{hours}", end=end)


def discharge(hours: float, visit: str = "V1") -> Fact:
    value = EncounterValue("inpatient", visit)
    return fact("discharge", hours, value, key=f"feed|visit|{visit}|discharge")


__all__ = [
    "MIDNIGHT",
    "OTHER",
    "PATIENT",
    "T0",
    "Coded",
    "Group",
    "at",
    "born",
    "csf",
    "discharge",
    "fact",
    "finding",
    "puncture",
    "puncture_on",
    "stay",
    "temperature",
]
