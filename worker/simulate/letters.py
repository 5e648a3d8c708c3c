"""How vignettes are written down: the sender, the patient, and the two ways that each standard allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from worker.model.fact import Identifier
from worker.model.message import Form, RawMessage
from worker.model.time import HOUR_MS
from worker.simulate import render_fhir, render_hl7
from worker.simulate.arrivals import BY_RECEIPT, Arrival
from worker.simulate.coding import Term
from worker.simulate.happenings import MERGE, Happening, Person
from worker.simulate.hl7_writer import Code
from worker.simulate.visits import Stay, stay_at, stays

if TYPE_CHECKING:
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


def write(vignette: Vignette, form: str, arrival: Arrival = BY_RECEIPT) -> tuple[RawMessage, ...]:
    """Write a vignette as messages in one of `FORMS`, in the order of receipt unless they arrive otherwise."""
    happenings = _by_place(vignette)
    order = sorted(happenings, key=lambda place: happenings[place].received_at_ms)
    known = stays(happenings[place] for place in order)
    sent = {}
    for number, place in enumerate(order, start=1):
        happening = happenings[place]
        letter = _Letter(
            vignette, happening, f"{vignette.vignette_id}-{number}", stay_at(known, happening.at_ms)
        )
        way = arrival.form(place, form)
        kind, body = (Form.FHIR, _fhir(letter, way)) if way in FHIR_WAYS else (Form.HL7V2, _hl7(letter, way))
        sent[place] = RawMessage(body, kind, TRANSPORT, happening.received_at_ms)
    return tuple(sent[place] for place in arrival.order or order)


def _by_place(vignette: Vignette) -> dict[int, Happening]:
    """Give each happening its place, from 1 on; 0 is the admission, an hour before the first fact, if there is one."""
    places = dict(enumerate(vignette.happenings, start=1))
    if not vignette.encounter_class:
        return places
    first_ms = min((happening.at_ms for happening in vignette.happenings), default=vignette.t0_ms) - HOUR_MS
    name = f"{vignette.vignette_id}-admission"
    return {0: Happening(name, "encounter", first_ms, first_ms, value=vignette.encounter_class), **places}


@dataclass(frozen=True, slots=True)
class _Letter:
    """What one message says, and under which control id."""

    vignette: Vignette
    happening: Happening
    control_id: str
    stay: Stay

    @property
    def is_merge(self) -> bool:
        """Tell whether it says only that two numbers name one patient."""
        return self.happening.concept == MERGE

    @property
    def person(self) -> Person:
        """Return the patient as the message names him; a merge names the number that is kept."""
        return _person(self.vignette, "" if self.is_merge else self.happening.under)

    @property
    def prior(self) -> Person:
        """Return the patient under the number that a merge gives up."""
        return _person(self.vignette, self.happening.under)


def _person(vignette: Vignette, under: str) -> Person:
    number = f"{vignette.vignette_id}-{under}" if under else vignette.vignette_id
    return Person(
        (Identifier(AUTHORITY, number, "MR"),), "Vignette", vignette.vignette_id, vignette.birth_date
    )


@cache
def _sender(way: str) -> render_hl7.Sender:
    is_alternate = way != HL7_WAYS[0]
    local = _LOCAL | _LOCAL_SCORES if is_alternate else _LOCAL
    return render_hl7.Sender(
        application=APPLICATION,
        facility=AUTHORITY,
        own_codes={concept: Code(code, text, "L") for concept, (code, text) in local.items()},
        is_alternate=is_alternate,
    )


@cache
def _server(way: str) -> render_fhir.Server:
    is_alternate = way != FHIR_WAYS[0]
    local = _LOCAL | _LOCAL_SCORES if is_alternate else _LOCAL
    return render_fhir.Server(
        own_codes={concept: Term("urn:lpwatch:local", code, text) for concept, (code, text) in local.items()},
        is_alternate=is_alternate,
    )


def _hl7(letter: _Letter, way: str) -> bytes:
    envelope = render_hl7.Envelope(letter.person, _sender(way), letter.control_id, letter.stay)
    if letter.is_merge:
        return render_hl7.render_merge(letter.prior.identifiers, letter.happening, envelope)
    return render_hl7.render(letter.happening, envelope)


def _fhir(letter: _Letter, way: str) -> bytes:
    person, patient_id = letter.person, letter.person.identifiers[0].value
    envelope = render_fhir.Envelope(person, patient_id, _server(way), letter.control_id, letter.stay)
    if letter.is_merge:
        return render_fhir.render_merge(letter.prior, letter.happening, envelope)
    return render_fhir.render(letter.happening, envelope)
