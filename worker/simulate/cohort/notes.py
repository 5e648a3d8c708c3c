"""Notes of one patient of the cohort: why they came, the procedure, rounds, what was noticed, telephone calls, and advice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.model.time import MINUTE_MS
from worker.simulate.cohort import wording
from worker.simulate.happenings import Happening
from worker.simulate.hospital.reports import Report, Source

if TYPE_CHECKING:
    from worker.simulate.cohort.chart import Chart, Symptom, Visit

FIRST_NOTE_H: Final = 0.5
NOTICED_H: Final = (0.5, 2.5)
"""How long after it began a new sign is written down."""


def notes(chart: Chart) -> list[Report]:
    """Write all notes, in any order."""
    written = []
    for visit in chart.visits:
        written += _of_visit(chart, visit)
    for hour in chart.punctures_h:
        written.append(_note(chart, hour + 0.25, _procedure(chart), "PC"))
    for symptom in chart.symptoms:
        hour = symptom.from_h + chart.rng.uniform(*NOTICED_H)
        if symptom.is_new and chart.is_inside(hour):
            written.append(_note(chart, hour, _say(chart, symptom, hour), "PN"))
    return written


def call(chart: Chart, hour: float) -> None:
    """Let a nurse call the patient at home, and write down what was said."""
    active = _active(chart, hour)
    said = [_say(chart, symptom, hour) for symptom in active] or ["Well since the procedure, no complaints."]
    chart.reports.append(_note(chart, hour, "Telephone call. " + " ".join(said), "PN"))


def _of_visit(chart: Chart, visit: Visit) -> list[Report]:
    first = _arrival(chart, visit)
    written = [_note(chart, visit.from_h + FIRST_NOTE_H, first, "HP")]
    hour = visit.from_h + visit.notes_every_h * chart.rng.uniform(0.7, 1.0)
    before = ""
    while hour < visit.until_h - 1:
        text = _round(chart, hour, before)
        written.append(_note(chart, hour, text, "PN"))
        before = text
        hour += visit.notes_every_h
    if visit.encounter_class != "outpatient" and visit.is_closed:
        written.append(_note(chart, visit.until_h - 0.3, chart.rng.choice(wording.ADVICE), "DS"))
        chart.traps.add("discharge-advice")
    return written


def _arrival(chart: Chart, visit: Visit) -> str:
    rng = chart.rng
    lines = []
    if visit is chart.stay:
        signs = [
            wording.SIGNS[symptom.words]
            for symptom in chart.symptoms
            if symptom.words in wording.SIGNS and symptom.from_h < visit.from_h
        ]
        signs += ["headache"] if "headache-before-lp" in chart.facts else []
        text = rng.choice(wording.REASONS.get(chart.indication, wording.OTHER_REASON))
        joined = " with " + ", ".join(signs) if signs else ""
        lines.append(text.format(days=rng.randint(1, 4), signs=joined, indication=chart.indication))
        chart.traps.add("reason-for-lp")
    else:
        lines += visit.why
    if chart.history:
        lines.append("PAST MEDICAL HISTORY: " + " ".join(chart.history))
    if rng.random() < chart.rates["copy-forward"]:
        lines.append(rng.choice(wording.FAMILY))
        chart.traps.add("family-history")
    return "\n".join(lines)


def _procedure(chart: Chart) -> str:
    rng, facts = chart.rng, chart.facts
    passes = "four passes" if "three-attempts" in facts else "one pass"
    needle = "22G pencil-point needle" if "atraumatic" in facts else "20G cutting needle"
    fluid = "traumatic tap, bloodstained CSF" if "traumatic-in-the-note" in facts else "CSF collected"
    text = f"PROCEDURE: LUMBAR PUNCTURE\nL3/4, {needle}, {passes}, {fluid}. Tolerated."
    text = f"{text}\nCONSENT: {rng.choice(wording.CONSENT)}"
    during = next((one for one in chart.symptoms if one.words == "radicular-during"), None)
    return text if during is None else f"{text}\nCOMMENT: {_say(chart, during, during.from_h)}"


def _round(chart: Chart, hour: float, before: str) -> str:
    rng = chart.rng
    if before and chart.happens("copy-forward"):
        told = [_say(chart, one, hour) for one in _active(chart, hour) if one.is_new]
        return "\n".join([before, *(told or [rng.choice(wording.QUIET)])])
    active = _active(chart, hour)
    lines = [_say(chart, symptom, hour) for symptom in active]
    if chart.happens("checklist"):
        present = {wording.sign_of(symptom.words) for symptom in active}
        present |= (
            {"fever"} if any(one.from_h - 6 <= hour <= one.until_h + 6 for one in chart.fevers) else set()
        )
        present |= {"mind"} if chart.usual_mind != ("A", 15) or _is_altered(chart, hour) else set()
        lines += [line for sign, line in wording.CHECKLIST if sign not in present and rng.random() < KEPT]
    if not lines:
        lines = [rng.choice(wording.QUIET)]
    if hour > 0 and chart.happens("copy-forward"):
        lines.insert(0, f"Day {int(hour // 24) + 1} after LP for {chart.indication}.")
    return " ".join(lines)


KEPT: Final = 0.6
"""Assumption: of the lines of a list, those that are kept in one note."""


def _is_altered(chart: Chart, hour: float) -> bool:
    return any(one.from_h - 6 <= hour <= one.until_h + 6 for one in chart.minds)


def _active(chart: Chart, hour: float) -> list[Symptom]:
    return [
        one for one in chart.symptoms if one.from_h <= hour < one.until_h and one.words != "radicular-during"
    ]


def _say(chart: Chart, symptom: Symptom, hour: float) -> str:
    said = wording.told(symptom.words, symptom.score_at(hour), chart.rng)
    symptom.said.append(said)
    return said


def _note(chart: Chart, hour: float, text: str, title: str) -> Report:
    at_ms = chart.at_ms(hour)
    written_ms = at_ms + chart.rng.randint(3, 40) * MINUTE_MS
    note = Happening(chart.next_name("N"), "note", at_ms, written_ms, text=text, title=title)
    return Report(Source.WARD, (note,), chart.person.identifiers)
