"""Write a patient's reports as HL7 v2 messages, with the bad habits of the interfaces that send them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from worker.simulate.happenings import Happening, Written
from worker.simulate.hl7_writer import TimeStyle, nte, segment
from worker.simulate.hospital.codes import OWN_CODES, PANELS, fahrenheit
from worker.simulate.hospital.reports import Report, Source
from worker.simulate.render_hl7 import Envelope, Sender, render, render_merge, render_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.simulate.hospital.desk import Desk

ZONE: Final = ZoneInfo("Europe/London")
FACILITY: Final = "NORTHVALE"
APPLICATIONS: Final = {
    Source.WARD: "NV-WARD",
    Source.MONITOR: "NV-MONITOR",
    Source.LABORATORY: "NV-LAB",
}


def deliver(reports: tuple[Report, ...], desk: Desk) -> Iterator[Written]:
    """Write reports as messages in their order, some of them twice.

    Shape: `received_at_ms` does not go back, except that a repeated message follows its first copy at once.
    """
    for number, report in enumerate(reports):
        written = _write(report, desk, f"{desk.prefix}{number:04d}")
        yield written
        if desk.shows("duplicate"):
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
    return Sender(
        application=APPLICATIONS[report.source],
        facility=FACILITY,
        style=TimeStyle(ZONE, has_offset=not desk.shows("no-zone")),
        own_codes=OWN_CODES[report.source],
        units={"body-temperature": ""} if report.source is Source.MONITOR else {},
        version=desk.rng.choice(("2.3", "2.4", "2.5.1")),
    )


def _charted(happening: Happening, report: Report, desk: Desk) -> Iterator[Happening]:
    """Give a happening as the source charts it."""
    value = happening.value
    if happening.concept == "blood-pressure" and not desk.shows("bp-as-text"):
        systolic, _, diastolic = str(value).partition("/")
        for concept, part in (("systolic-pressure", systolic), ("diastolic-pressure", diastolic)):
            yield replace(happening, concept=concept, value=int(part))
    elif happening.concept == "heart-rate" and desk.shows("junk-number"):
        yield replace(happening, value=desk.rng.choice((f"?{value}", f"60~{value}", f">{value}")))
    elif happening.concept == "body-temperature" and report.source is Source.MONITOR:
        yield replace(happening, value=fahrenheit(value) if isinstance(value, float) else value)
    else:
        yield happening


def _with_habits(body: bytes, report: Report, desk: Desk) -> bytes:
    lines = body.decode().split("\r")[:-1]
    if report.panel:
        for name, habit in _RESULT_HABITS.items():
            if desk.shows(name):
                lines = habit(lines)
    if report.comment:
        at = next(number for number, line in enumerate(lines) if line.startswith("OBX|"))
        lines.insert(at + 1, nte(report.comment))
    if desk.shows("z-segment"):
        lines.append(segment("ZNV", {1: "1", 2: "local", 3: str(desk.rng.randint(1, 99))}))
    end = "\r\n" if desk.shows("crlf") else "\n" if desk.shows("line-feed") else "\r"
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
