"""Write HL7 v2 messages: values in, bytes out, nothing else. Source: HL7 v2.5.1 ch. 2 (encoding), 3, 4, 7, 9."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

from worker.model.time import to_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.model.fact import Identifier
    from worker.model.time import EpochMs

_ESCAPES = str.maketrans(
    {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": "\\.br\\", "\n": "\\.br\\"},
)


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """How a sender writes times: in which zone, and whether the offset is written."""

    zone: tzinfo = UTC
    has_offset: bool = True

    def dtm(self, at_ms: EpochMs) -> str:
        """Write an instant to the second (milliseconds are cut off)."""
        return _dtm(at_ms, self.zone, self.has_offset)


# One message writes few instants many times.
@lru_cache(maxsize=64)
def _dtm(at_ms: EpochMs, zone: tzinfo, has_offset: bool) -> str:  # noqa: FBT001 - lru_cache wants positions
    moment = to_datetime(at_ms).astimezone(zone)
    return moment.strftime("%Y%m%d%H%M%S%z" if has_offset else "%Y%m%d%H%M%S")


UTC_STYLE = TimeStyle()


@dataclass(frozen=True, slots=True)
class Code:
    """A code with its display text and coding system as HL7 table 0396 names it (LN, SCT, MDC, C4, L)."""

    code: str
    display: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """What MSH says of the message. `structure` (MSH-9.3) may be empty."""

    application: str
    facility: str
    message_type: str
    control_id: str
    at: str
    structure: str = ""
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"


@dataclass(frozen=True, slots=True)
class Name:
    """Who the patient is, for PID."""

    family: str
    given: str
    birth_date: date | None
    sex: str = "U"


@dataclass(frozen=True, slots=True)
class Visit:
    """The stay or visit that PV1 and PV2 tell of; empty where unknown."""

    patient_class: str = ""
    number: str = ""
    location: tuple[str, ...] = ()
    reason: str = ""
    admitted: str = ""
    discharged: str = ""
    disposition: str = ""
    admission_type: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What ORC and OBR say of one order. Times are already written (see `TimeStyle`); empty fields stay empty."""

    placer: str
    filler: str
    code: Code
    at: str = ""
    end: str = ""
    stated_at: str = ""
    status: str = "F"
    control: str = "RE"
    order_status: str = "CM"
    specimen: Code | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What one OBX says. `value` is encoded already (`escape`, `coded`, or a number's text)."""

    value_type: str
    code: Code
    value: str
    unit: str = ""
    sub_id: str = ""
    flag: str = ""
    status: str = "F"
    at: str = ""
    site: Code | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """What TXA says of a document; `availability` CA takes it back (HL7 table 0273)."""

    number: str
    kind: str
    at: str
    availability: str = "AV"
    completion: str = "AU"


def escape(text: str) -> str:
    r"""Replace the separators of HL7 by their escapes; a line break becomes `\.br\`."""
    return text.replace("\r\n", "\n").translate(_ESCAPES)


def components(*parts: str) -> str:
    """Join parts to one field, each escaped; trailing empty ones are left out."""
    return "^".join(escape(part) for part in parts).rstrip("^")


@lru_cache(maxsize=512)
def coded(code: Code) -> str:
    """Write a coded element (CE, CWE)."""
    return components(code.code, code.display, code.system)


def segment(name: str, fields: Mapping[int, str]) -> str:
    """Write one segment from encoded fields by number; trailing empty fields are left out."""
    parts = [name, *[""] * max(fields, default=0)]
    for number, value in fields.items():
        parts[number] = value
    return "|".join(parts).rstrip("|")


def message(header: Header, segments: Iterable[str], line_end: str = "\r") -> bytes:
    """Write a message: MSH and the segments, each ended by `line_end`, in UTF-8."""
    kind = "^".join(part for part in (*header.message_type.split("^"), header.structure) if part)
    msh = {
        3: escape(header.application),
        4: escape(header.facility),
        5: "LPWATCH",
        7: header.at,
        9: kind,
        10: escape(header.control_id),
        11: "P",
        12: header.version,
        18: header.charset,
    }
    # MSH-1 is the separator and MSH-2 the encoding characters: the first field that `segment` writes is MSH-3.
    lines = [segment("MSH|^~\\&", {number - 2: value for number, value in msh.items()}), *segments]
    return "".join(line + line_end for line in lines if line).encode()


def pid(identifiers: Iterable[Identifier], name: Name) -> str:
    """Write PID: every identifier repeats in PID-3."""
    return segment(
        "PID",
        {
            1: "1",
            3: _identifiers(identifiers),
            5: components(name.family, name.given),
            7: "" if name.birth_date is None else name.birth_date.strftime("%Y%m%d"),
            8: name.sex,
        },
    )


def mrg(prior: Iterable[Identifier]) -> str:
    """Write MRG: the identifiers that were merged into those of PID."""
    return segment("MRG", {1: _identifiers(prior)})


def pv1(visit: Visit) -> str:
    """Write PV1."""
    return segment(
        "PV1",
        {
            1: "1",
            2: visit.patient_class,
            3: components(*visit.location),
            4: visit.admission_type,
            19: escape(visit.number),
            36: escape(visit.disposition),
            44: visit.admitted,
            45: visit.discharged,
        },
    )


def pv2(visit: Visit) -> str:
    """Write PV2 with the reason for the visit, or nothing where there is none."""
    return segment("PV2", {3: components("", visit.reason)}) if visit.reason else ""


def evn(trigger: str, recorded: str, occurred: str = "") -> str:
    """Write EVN."""
    return segment("EVN", {1: trigger, 2: recorded, 6: occurred})


def orc(order: Order) -> str:
    """Write ORC."""
    return segment(
        "ORC",
        {
            1: order.control,
            2: escape(order.placer),
            3: escape(order.filler),
            5: order.order_status,
            9: order.stated_at,
        },
    )


def obr(order: Order, set_id: int = 1) -> str:
    """Write OBR."""
    specimen = "" if order.specimen is None else coded(order.specimen).replace("^", "&")
    return segment(
        "OBR",
        {
            1: str(set_id),
            2: escape(order.placer),
            3: escape(order.filler),
            4: coded(order.code),
            7: order.at,
            8: order.end,
            15: specimen,
            22: order.stated_at,
            25: order.status,
        },
    )


def obx(observation: Observation, set_id: int = 1) -> str:
    """Write OBX."""
    return segment(
        "OBX",
        {
            1: str(set_id),
            2: observation.value_type,
            3: coded(observation.code),
            4: observation.sub_id,
            5: observation.value,
            6: escape(observation.unit),
            8: observation.flag,
            11: observation.status,
            14: observation.at,
            20: "" if observation.site is None else coded(observation.site),
        },
    )


def spm(kind: Code, collected: str, number: str = "") -> str:
    """Write SPM: what was collected, and when."""
    return segment("SPM", {1: "1", 2: escape(number), 4: coded(kind), 17: collected})


def nte(text: str, set_id: int = 1) -> str:
    """Write NTE."""
    return segment("NTE", {1: str(set_id), 2: "L", 3: escape(text)})


def txa(document: Document) -> str:
    """Write TXA."""
    return segment(
        "TXA",
        {
            1: "1",
            2: escape(document.kind),
            3: "TX",
            4: document.at,
            12: escape(document.number),
            17: document.completion,
            19: document.availability,
        },
    )


def pr1(code: Code, at: str, minutes: str = "", set_id: int = 1) -> str:
    """Write PR1: a procedure with its start and, where known, its length in minutes."""
    return segment("PR1", {1: str(set_id), 3: coded(code), 4: escape(code.display), 5: at, 7: minutes})


def rxa(drug: Code, at: str, *, action: str = "A", said: str = "") -> str:
    """Write RXA: one completed administration, `said` beside it; action D takes it back (HL7 table 0323)."""
    note = components("", said) if said else ""
    dose = {1: "0", 2: "1", 3: at, 4: at, 5: coded(drug), 6: "1", 7: escape("{dose}")}
    return segment("RXA", dose | {9: note, 20: "CP", 21: action})


def rxe(drug: Code, at: str, *, said: str = "") -> str:
    """Write RXE: an encoded order that starts at `at`, `said` to those who give it."""
    note = components("", said) if said else ""
    return segment(
        "RXE", {1: components("", "", "", at), 2: coded(drug), 3: "1", 5: escape("{dose}"), 7: note}
    )


def rxr(route: Code) -> str:
    """Write RXR: the way by which the drug before it is given."""
    return segment("RXR", {1: coded(route)})


def prb(code: Code, at: str, number: str, *, action: str = "AD") -> str:
    """Write PRB: a problem of the list under its own number; action DE takes it back (HL7 table 0287)."""
    return segment("PRB", {1: action, 2: at, 3: coded(code), 4: escape(number), 7: at})


def dg1(code: Code, at: str, number: str, *, action: str = "A") -> str:
    """Write DG1: a diagnosis under its own number; action D takes it back (HL7 table 0206)."""
    return segment("DG1", {1: "1", 3: coded(code), 5: at, 6: "W", 20: escape(number), 21: action})


def al1(code: Code, at: str) -> str:
    """Write AL1: an allergy to a drug."""
    return segment("AL1", {1: "1", 2: "DA", 3: coded(code), 6: at})


def iam(code: Code, at: str, number: str, *, action: str = "A") -> str:
    """Write IAM: an allergy to a drug under its own number; action D takes it back (HL7 table 0206)."""
    return segment("IAM", {1: "1", 2: "DA", 3: coded(code), 6: action, 7: escape(number), 11: at})


def _identifiers(identifiers: Iterable[Identifier]) -> str:
    return "~".join(
        components(identifier.value, "", "", identifier.authority, identifier.type)
        for identifier in identifiers
    )
