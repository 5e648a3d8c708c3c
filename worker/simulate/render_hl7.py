"""Turn what happens to a made-up patient into HL7 v2 messages. Source: the table of the vignette format."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.simulate import hl7_writer as hl7
from worker.simulate.coding import (
    ANSWERS,
    CODINGS,
    DRUG_WORDS,
    DRUGS,
    HL7_SYSTEMS,
    INTERPRETATIONS,
    SITES,
    SPECIMENS,
    Kind,
)
from worker.simulate.happenings import Happening, Person, Revision, number_text
from worker.simulate.hl7_writer import Code
from worker.simulate.visits import NO_STAY, Stay, bed_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.model.fact import Identifier
    from worker.simulate.coding import Term

_CLASSES = {"inpatient": "I", "emergency": "E", "outpatient": "O"}
_DELETE = '""'
_DAY = len("20260105")
_TOPICAL = Code("TP", "Topical", "HL70162")


@dataclass(frozen=True, slots=True)
class Sender:
    """How one interface writes: its names, its clock, its own codes and units, and which of two usual ways it takes.

    Shape: `own_codes` are used before the standard ones, by concept. `units` replace the written unit by concept ("" to
    write none). `is_alternate` takes the other way the standard allows: PR1 instead of an order, RDE instead of RAS, answers
    as text, no OBX-14.
    """

    application: str
    facility: str
    style: hl7.TimeStyle = hl7.UTC_STYLE
    own_codes: Mapping[str, Code] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    is_alternate: bool = False
    line_end: str = "\r"
    version: str = "2.5.1"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Whom a message is about, who writes it, and its control id."""

    person: Person
    sender: Sender
    control_id: str
    stay: Stay = NO_STAY


def render(happening: Happening, envelope: Envelope) -> bytes:
    """Write one happening as one message, stamped with its receipt time."""
    return _WRITERS[CODINGS[happening.concept].kind](happening, envelope)


def render_results(happenings: tuple[Happening, ...], envelope: Envelope, order: str, panel: Code) -> bytes:
    """Write quantities and answers that were taken together as one ORU^R01 with one OBR.

    Shape: all share clinical time, receipt time and specimen; at least one.
    """
    first = happenings[0]
    dtm = envelope.sender.style.dtm
    is_told_first = all(happening.revision is Revision.ORIGINAL for happening in happenings)
    specimen = first.specimen or CODINGS[first.concept].specimen
    obr = hl7.Order(
        placer="",
        filler=order,
        code=panel,
        at=dtm(first.at_ms),
        stated_at=dtm(first.received_at_ms),
        status="F" if is_told_first else "C",
        specimen=_code(SPECIMENS[specimen]) if specimen and envelope.sender.is_alternate else None,
    )
    lines = [_pid(envelope), _pv1(envelope), hl7.obr(obr)]
    lines += [hl7.obx(_observation(one, envelope.sender), at) for at, one in enumerate(happenings, start=1)]
    if specimen and not envelope.sender.is_alternate:
        lines.append(hl7.spm(_code(SPECIMENS[specimen]), dtm(first.at_ms)))
    return _message(envelope, first, "ORU^R01", "ORU_R01", lines)


def render_merge(prior: tuple[Identifier, ...], happening: Happening, envelope: Envelope) -> bytes:
    """Write ADT^A40: the prior identifiers are those of the envelope's person."""
    lines = [_evn(happening, envelope, "A40"), _pid(envelope), hl7.mrg(prior)]
    return _message(envelope, happening, "ADT^A40", "ADT_A39", lines)


def _results(happening: Happening, envelope: Envelope) -> bytes:
    code = _concept_code(happening.concept, envelope.sender)
    return render_results((happening,), envelope, happening.name, code)


def _observation(happening: Happening, sender: Sender) -> hl7.Observation:
    coding = CODINGS[happening.concept]
    is_own = happening.concept in sender.own_codes
    status = {Revision.ORIGINAL: "F", Revision.CORRECTED: "C", Revision.RETRACTED: "D"}[happening.revision]
    value_type, value, flag = _value(happening, sender)
    unit = sender.units.get(happening.concept, happening.unit_or(coding.unit))
    return hl7.Observation(
        value_type=value_type,
        code=_concept_code(happening.concept, sender),
        value=value,
        unit=unit if coding.kind is Kind.QUANTITY else "",
        flag=flag,
        status=status,
        at="" if sender.is_alternate else sender.style.dtm(happening.at_ms),
        site=_code(SITES[coding.site]) if coding.site and not is_own else None,
    )


def _value(happening: Happening, sender: Sender) -> tuple[str, str, str]:
    """Return OBX-2, the encoded OBX-5, and OBX-8."""
    text = number_text(happening.value if happening.value is not None else "")
    if happening.revision is Revision.RETRACTED and sender.is_alternate:
        return ("ST", _DELETE, "")
    if CODINGS[happening.concept].kind is Kind.QUANTITY:
        return ("NM", hl7.escape(text), "")
    if CODINGS[happening.concept].kind is Kind.TEXT:
        return ("ST", hl7.escape(text), "")
    flag = INTERPRETATIONS.get(text, "")
    answer = ANSWERS.get(text)
    if sender.is_alternate:
        return ("ST", hl7.escape(text if answer is None or not flag else answer.display), flag)
    return ("CWE", hl7.coded(_code(answer) if answer else Code("", text)), flag)


def _puncture(happening: Happening, envelope: Envelope) -> bytes:
    status = (
        "entered-in-error" if happening.revision is Revision.RETRACTED else happening.status or "completed"
    )
    if envelope.sender.is_alternate and status == "completed" and not happening.is_revised:
        return _procedure(happening, envelope)
    dtm = envelope.sender.style.dtm
    control, order_status = {"completed": ("SC", "CM"), "stopped": ("SC", "DC")}.get(status, ("OC", "CA"))
    order = hl7.Order(
        placer=f"P-{happening.name}",
        filler=happening.name,
        code=_concept_code("lumbar-puncture", envelope.sender),
        at=_performed(happening, envelope.sender),
        end=_performed(happening, envelope.sender),
        stated_at=dtm(happening.received_at_ms),
        status="",
        control=control,
        order_status=order_status,
    )
    lines = [_pid(envelope), _pv1(envelope), hl7.orc(order), hl7.obr(order)]
    if status == "stopped":
        lines.append(
            hl7.obx(hl7.Observation("TX", Code("LPTEXT", "Remark", "L"), "LP attempted, no CSF obtained"))
        )
    return _message(envelope, happening, "ORM^O01", "ORM_O01", lines)


def _procedure(happening: Happening, envelope: Envelope) -> bytes:
    code = _concept_code(happening.concept, envelope.sender)
    pr1 = hl7.pr1(code, _performed(happening, envelope.sender))
    lines = [_evn(happening, envelope, "A08"), _pid(envelope), _pv1(envelope, is_required=True), pr1]
    return _message(envelope, happening, "ADT^A08", "ADT_A01", lines)


def _performed(happening: Happening, sender: Sender) -> str:
    written = sender.style.dtm(happening.at_ms)
    return written[:_DAY] if happening.is_date_only else written


def _note(happening: Happening, envelope: Envelope) -> bytes:
    trigger = {Revision.ORIGINAL: "T02", Revision.CORRECTED: "T10", Revision.RETRACTED: "T11"}[
        happening.revision
    ]
    is_retracted = happening.revision is Revision.RETRACTED
    document = hl7.Document(
        number=happening.name,
        kind=happening.title or "PN",
        at=envelope.sender.style.dtm(happening.at_ms),
        availability="CA" if is_retracted else "AV",
    )
    code = _concept_code("note", envelope.sender)
    texts = [] if is_retracted else happening.text.splitlines()
    lines = [
        _evn(happening, envelope, trigger),
        _pid(envelope),
        _pv1(envelope, is_required=True),
        hl7.txa(document),
        *(
            hl7.obx(hl7.Observation("TX", code, hl7.escape(line)), at)
            for at, line in enumerate(texts, start=1)
        ),
    ]
    return _message(envelope, happening, f"MDM^{trigger}", "MDM_T01" if is_retracted else "MDM_T02", lines)


def _drug(happening: Happening, envelope: Envelope) -> bytes:
    name = str(happening.value)
    term = DRUGS.get(name)
    code = Code("", name) if term is None else _code(term)
    dtm = envelope.sender.style.dtm
    is_retracted = happening.revision is Revision.RETRACTED
    order = hl7.Order(
        placer=f"P-{happening.name}",
        filler=happening.name,
        code=code,
        stated_at=dtm(happening.received_at_ms),
        control="OC" if is_retracted else "RE",
        order_status="CA" if is_retracted else "IP",
    )
    said = ", ".join(DRUG_WORDS[name] for name in happening.qualifiers if name != "topical")
    route = hl7.rxr(_TOPICAL) if "topical" in happening.qualifiers else ""
    lines = [_pid(envelope), _pv1(envelope), hl7.orc(order)]
    if envelope.sender.is_alternate:
        lines += [hl7.rxe(code, dtm(happening.at_ms), said=said), route]
        return _message(envelope, happening, "RDE^O11", "RDE_O11", lines)
    lines += [hl7.rxa(code, dtm(happening.at_ms), action="D" if is_retracted else "A", said=said), route]
    return _message(envelope, happening, "RAS^O17", "RAS_O17", lines)


def _finding(happening: Happening, envelope: Envelope) -> bytes:
    """Write a problem (PRB), or in the other way a diagnosis (DG1)."""
    code = _concept_code(happening.concept, envelope.sender)
    at = envelope.sender.style.dtm(happening.at_ms)
    is_retracted = happening.revision is Revision.RETRACTED
    if not envelope.sender.is_alternate:
        prb = hl7.prb(code, at, happening.name, action="DE" if is_retracted else "AD")
        return _message(envelope, happening, "PPR^PC1", "PPR_PC1", [_pid(envelope), prb])
    dg1 = hl7.dg1(code, at, happening.name, action="D" if is_retracted else "A")
    lines = [_evn(happening, envelope, "A08"), _pid(envelope), _pv1(envelope, is_required=True), dg1]
    return _message(envelope, happening, "ADT^A08", "ADT_A01", lines)


def _allergy(happening: Happening, envelope: Envelope) -> bytes:
    """Write AL1, or IAM in the other way and where a later message takes it back, which AL1 cannot."""
    sender = envelope.sender
    code = _concept_code(happening.concept, sender)
    at = sender.style.dtm(happening.at_ms)
    is_listed = not sender.is_alternate and not happening.is_revised
    is_retracted = happening.revision is Revision.RETRACTED
    trigger = "A08" if is_listed else "A60"
    allergy = (
        hl7.al1(code, at)
        if is_listed
        else hl7.iam(code, at, happening.name, action="D" if is_retracted else "A")
    )
    lines = [_evn(happening, envelope, trigger), _pid(envelope), _pv1(envelope, is_required=True), allergy]
    return _message(envelope, happening, f"ADT^{trigger}", "ADT_A01" if is_listed else "ADT_A60", lines)


def _encounter(happening: Happening, envelope: Envelope) -> bytes:
    trigger = "A01" if happening.value == "inpatient" else "A04"
    if happening.revision is Revision.RETRACTED:
        trigger = "A11"
    stay = Stay(str(happening.value), f"V-{happening.name}", happening.at_ms, happening.text)
    visit = _visit(stay, envelope.sender)
    if "planned" in happening.qualifiers:
        visit = replace(visit, admission_type="C")
    lines = [_evn(happening, envelope, trigger), _pid(envelope), hl7.pv1(visit), hl7.pv2(visit)]
    return _message(envelope, happening, f"ADT^{trigger}", "ADT_A01", lines)


def _discharge(happening: Happening, envelope: Envelope) -> bytes:
    trigger = "A13" if happening.revision is Revision.RETRACTED else "A03"
    visit = replace(
        _visit(envelope.stay, envelope.sender),
        discharged=envelope.sender.style.dtm(happening.at_ms),
        disposition=str(happening.value or ""),
        reason="",
    )
    if not visit.patient_class:
        visit = replace(visit, patient_class="U")
    lines = [_evn(happening, envelope, trigger), _pid(envelope), hl7.pv1(visit)]
    return _message(envelope, happening, f"ADT^{trigger}", "ADT_A03", lines)


_WRITERS: dict[Kind, Callable[[Happening, Envelope], bytes]] = {
    Kind.PUNCTURE: _puncture,
    Kind.PROCEDURE: _procedure,
    Kind.QUANTITY: _results,
    Kind.ANSWER: _results,
    Kind.TEXT: _results,
    Kind.NOTE: _note,
    Kind.DRUG: _drug,
    Kind.FINDING: _finding,
    Kind.ALLERGY: _allergy,
    Kind.ENCOUNTER: _encounter,
    Kind.DISCHARGE: _discharge,
}


def _message(
    envelope: Envelope, happening: Happening, message_type: str, structure: str, lines: list[str]
) -> bytes:
    sender = envelope.sender
    header = hl7.Header(
        application=sender.application,
        facility=sender.facility,
        message_type=message_type,
        control_id=envelope.control_id,
        at=sender.style.dtm(happening.received_at_ms),
        structure=structure,
        version=sender.version,
    )
    return hl7.message(header, lines, sender.line_end)


def _pid(envelope: Envelope) -> str:
    person = envelope.person
    name = hl7.Name(person.family, person.given, person.birth_date, person.sex)
    return hl7.pid(person.identifiers, name)


def _visit(stay: Stay, sender: Sender) -> hl7.Visit:
    place = bed_of(stay.number, stay.encounter_class)
    return hl7.Visit(
        patient_class=_CLASSES.get(stay.encounter_class, ""),
        number=stay.number,
        location=(place.unit, "", place.bed) if place else (),
        reason=stay.reason,
        admitted="" if stay.admitted_ms is None else sender.style.dtm(stay.admitted_ms),
    )


def _pv1(envelope: Envelope, *, is_required: bool = False) -> str:
    visit = _visit(envelope.stay, envelope.sender)
    if not visit.patient_class:
        return hl7.pv1(hl7.Visit("U")) if is_required else ""
    return hl7.pv1(visit)


def _evn(happening: Happening, envelope: Envelope, trigger: str) -> str:
    dtm = envelope.sender.style.dtm
    return hl7.evn(trigger, dtm(happening.received_at_ms), dtm(happening.at_ms))


def _concept_code(concept: str, sender: Sender) -> Code:
    return sender.own_codes.get(concept) or _code(CODINGS[concept].term)


def _code(term: Term) -> Code:
    return Code(term.code, term.display, HL7_SYSTEMS.get(term.system, "L") if term.code else "")
