"""How vignettes are written down: the sender, the patient, and the two ways that each standard allows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from worker.model.fact import Identifier
from worker.model.message import Form, RawMessage
from worker.model.time import HOUR_MS
from worker.simulate import render_fhir, render_hl7
from worker.simulate.coding import Term
from worker.simulate.happenings import Happening, Person
from worker.simulate.hl7_writer import Code
from worker.simulate.visits import stay_at, stays

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.simulate.vignettes import Vignette

APPLICATION: Final = "LPWATCH-VIGNETTES"
TRANSPORT: Final = "vignettes"
AUTHORITY: Final = "LPWATCH"

_LOCAL = {
    "opening-pressure": ("OPENING-PRESSURE", "CSF opening pressure"),
    "post-void-residual": ("POST-VOID-RESIDUAL", "Bladder scan after voiding"),
    "leg-power": ("LEG-POWER", "Power in the legs"),
    "csf-pcr": ("CSF-PCR", "Meningitis and encephalitis panel"),
    "needle-type": ("NEEDLE-TYPE", "Needle tip"),
    "needle-gauge": ("NEEDLE-GAUGE", "Needle gauge"),
    "attempts": ("ATTEMPTS", "Needle passes"),
    "lp-indication": ("LP-INDICATION", "Reason for the lumbar puncture"),
}
_LOCAL_SCORES = {
    "back-pain-score": ("PAIN-BACK", "Back pain 0-10"),
    "headache-score": ("PAIN-HEAD", "Headache 0-10"),
    "neck-pain-score": ("PAIN-NECK", "Neck pain 0-10"),
}

HL7_WAYS: Final = ("hl7v2", "hl7v2-alternate")
FHIR_WAYS: Final = ("fhir", "fhir-alternate")
FORMS: Final = (*HL7_WAYS, *FHIR_WAYS)
"""Each standard twice: the first way of the table of the format, and the other one."""


def write(vignette: Vignette, form: str) -> tuple[RawMessage, ...]:
    """Write a vignette as messages in one of `FORMS`, in the order of receipt."""
    happenings = sorted(_with_admission(vignette), key=lambda happening: happening.received_at_ms)
    pairs = _fhir(vignette, happenings, form) if form in FHIR_WAYS else _hl7(vignette, happenings, form)
    kind = Form.FHIR if form in FHIR_WAYS else Form.HL7V2
    return tuple(RawMessage(body, kind, TRANSPORT, happening.received_at_ms) for happening, body in pairs)


def _with_admission(vignette: Vignette) -> tuple[Happening, ...]:
    """Put the admission an hour before the first fact, where the patient has one."""
    if not vignette.encounter_class:
        return vignette.happenings
    first_ms = min((happening.at_ms for happening in vignette.happenings), default=vignette.t0_ms) - HOUR_MS
    name = f"{vignette.vignette_id}-admission"
    admission = Happening(name, "encounter", first_ms, first_ms, value=vignette.encounter_class)
    return (admission, *vignette.happenings)


def _person(vignette: Vignette) -> Person:
    identifier = Identifier(AUTHORITY, vignette.vignette_id, "MR")
    return Person((identifier,), "Vignette", vignette.vignette_id, vignette.birth_date)


def _hl7(vignette: Vignette, happenings: list[Happening], form: str) -> Iterator[tuple[Happening, bytes]]:
    is_alternate = form != HL7_WAYS[0]
    local = _LOCAL | _LOCAL_SCORES if is_alternate else _LOCAL
    sender = render_hl7.Sender(
        application=APPLICATION,
        facility=AUTHORITY,
        own_codes={concept: Code(code, text, "L") for concept, (code, text) in local.items()},
        is_alternate=is_alternate,
    )
    known = stays(happenings)
    person = _person(vignette)
    for number, happening in enumerate(happenings, start=1):
        control_id = f"{vignette.vignette_id}-{number}"
        envelope = render_hl7.Envelope(person, sender, control_id, stay_at(known, happening.at_ms))
        yield happening, render_hl7.render(happening, envelope)


def _fhir(vignette: Vignette, happenings: list[Happening], form: str) -> Iterator[tuple[Happening, bytes]]:
    is_alternate = form != FHIR_WAYS[0]
    local = _LOCAL | _LOCAL_SCORES if is_alternate else _LOCAL
    server = render_fhir.Server(
        own_codes={concept: Term("urn:lpwatch:local", code, text) for concept, (code, text) in local.items()},
        is_alternate=is_alternate,
    )
    known = stays(happenings)
    base = render_fhir.Envelope(_person(vignette), vignette.vignette_id, server, "")
    for number, happening in enumerate(happenings, start=1):
        stay = stay_at(known, happening.at_ms)
        envelope = replace(base, bundle_id=f"{vignette.vignette_id}-{number}", stay=stay)
        yield happening, render_fhir.render(happening, envelope)
