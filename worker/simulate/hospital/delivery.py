"""Write a patient's reports as HL7 v2 messages, with the bad habits of the interfaces that send them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from worker.simulate.happenings import Happening, Written
from worker.simulate.hl7_writer import Code, TimeStyle, nte, segment
from worker.simulate.hospital.reports import Report, Source
from worker.simulate.render_hl7 import Envelope, Sender, render, render_merge, render_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from worker.simulate.happenings import Person
    from worker.simulate.hospital.quirks import Quirks

ZONE: Final = ZoneInfo("Europe/London")
FACILITY: Final = "NORTHVALE"
APPLICATIONS: Final = {
    Source.WARD: "NV-WARD",
    Source.MONITOR: "NV-MONITOR",
    Source.LABORATORY: "NV-LAB",
}
WARD_CODES: Final = {
    "body-temperature": Code("OBS1", "Temp", "NV"),
    "heart-rate": Code("OBS2", "Pulse", "NV"),
    "respiratory-rate": Code("OBS3", "Resps", "NV"),
    "spo2": Code("OBS4", "Sats", "NV"),
    "blood-pressure": Code("OBS5", "BP", "NV"),
    "pain-score": Code("OBS6", "Pain 0-10", "NV"),
    "acvpu": Code("OBS7", "ACVPU", "NV"),
    "gcs": Code("OBS8", "GCS total", "NV"),
}
MONITOR_CODES: Final = {
    "body-temperature": Code("6", "Temp", "NVM"),
    "blood-pressure": Code("9", "NIBP", "NVM"),
}
LABORATORY_CODES: Final = {
    "crp": Code("CRPQ", "CRP", "NV"),
    "csf-wbc": Code("CSFW", "CSF white cells", "NV"),
    "csf-rbc": Code("CSFR", "CSF red cells", "NV"),
}
PANELS: Final = {
    "vitals": Code("OBS", "Observations", "NV"),
    "blood": Code("ADMB", "Admission bloods", "NV"),
    "csf": Code("CSFP", "CSF examination", "NV"),
    "csf-stain": Code("664-3", "Gram stain", "LN"),
    "csf-culture": Code("606-4", "CSF culture", "LN"),
}
FAHRENHEIT_OFFSET: Final = 32.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What writing needs: the patient, the draws, the habits in force, and a prefix for control ids."""

    person: Person
    rng: Random
    habits: Quirks
    prefix: str


def deliver(reports: tuple[Report, ...], desk: Desk) -> Iterator[Written]:
    """Write reports as messages in their order, some of them twice.

    Shape: `received_at_ms` does not go back, except that a repeated message follows its first copy at once.
    """
    for number, report in enumerate(reports):
        written = _write(report, desk, f"{desk.prefix}{number:04d}")
        yield written
        if _shows(desk, "duplicate"):
            yield written


def _write(report: Report, desk: Desk, control_id: str) -> Written:
    envelope = Envelope(
        person=replace(desk.person, identifiers=report.identifiers),
        sender=_sender(report, desk),
        control_id=control_id,
        stay=report.stay,
    )
    if report.merged:
        body = render_merge(report.merged, report.happenings[0], envelope)
    elif report.panel:
        happenings = tuple(found for one in report.happenings for found in _charted(one, report, desk))
        body = render_results(happenings, envelope, report.number, PANELS[report.panel])
    else:
        body = render(report.happenings[0], envelope)
    return Written(_with_habits(body, report, desk), report.written_ms + report.delay_ms)


def _sender(report: Report, desk: Desk) -> Sender:
    own_codes = {
        Source.WARD: WARD_CODES,
        Source.MONITOR: MONITOR_CODES,
        Source.LABORATORY: LABORATORY_CODES,
    }[report.source]
    return Sender(
        application=APPLICATIONS[report.source],
        facility=FACILITY,
        style=TimeStyle(ZONE, has_offset=not _shows(desk, "no-zone")),
        own_codes=own_codes,
        units={"body-temperature": ""} if report.source is Source.MONITOR else {},
        version=desk.rng.choice(("2.3", "2.4", "2.5.1")),
    )


def _charted(happening: Happening, report: Report, desk: Desk) -> Iterator[Happening]:
    """Give a happening as the source charts it."""
    value = happening.value
    if happening.concept == "blood-pressure" and not _shows(desk, "bp-as-text"):
        systolic, _, diastolic = str(value).partition("/")
        for concept, part in (("systolic-pressure", systolic), ("diastolic-pressure", diastolic)):
            yield replace(happening, concept=concept, value=int(part))
    elif happening.concept == "heart-rate" and _shows(desk, "junk-number"):
        yield replace(happening, value=desk.rng.choice((f"?{value}", f"60~{value}", f">{value}")))
    elif happening.concept == "body-temperature" and report.source is Source.MONITOR:
        is_reading = isinstance(value, float)
        yield replace(happening, value=_fahrenheit(value) if is_reading else value)
    else:
        yield happening


def _fahrenheit(celsius: object) -> float:
    return round(float(str(celsius)) * 9 / 5 + FAHRENHEIT_OFFSET, 1)


def _with_habits(body: bytes, report: Report, desk: Desk) -> bytes:
    lines = body.decode().split("\r")[:-1]
    if report.panel:
        for name, habit in _RESULT_HABITS.items():
            if _shows(desk, name):
                lines = habit(lines)
    if report.comment:
        at = next(number for number, line in enumerate(lines) if line.startswith("OBX|"))
        lines.insert(at + 1, nte(report.comment))
    if _shows(desk, "z-segment"):
        lines.append(segment("ZNV", {1: "1", 2: "local", 3: str(desk.rng.randint(1, 99))}))
    end = "\r\n" if _shows(desk, "crlf") else "\n" if _shows(desk, "line-feed") else "\r"
    return "".join(line + end for line in lines).encode()


def _without_times(lines: list[str]) -> list[str]:
    return [_with_field(line, 14, "") if line.startswith("OBX|") else line for line in lines]


def _without_type(lines: list[str]) -> list[str]:
    return [_with_field(line, 2, "") if line.startswith("OBX|1|NM|") else line for line in lines]


def _with_field(line: str, number: int, value: str) -> str:
    fields = line.split("|")
    if number < len(fields):
        fields[number] = value
    return "|".join(fields).rstrip("|")


_RESULT_HABITS: dict[str, Callable[[list[str]], list[str]]] = {
    "obx14-empty": _without_times,
    "type-empty": _without_type,
}


def _shows(desk: Desk, quirk: str) -> bool:
    return desk.rng.random() < desk.habits[quirk]
