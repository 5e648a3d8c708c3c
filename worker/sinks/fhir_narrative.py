"""An alert in words, as the narrative and the message of FHIR resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from worker.alerts.documents import (
    AlertDocument,
    AlsoOpenDocument,
    CircumstanceDocument,
    ContextDocument,
    EvidenceDocument,
    PunctureDocument,
)
from worker.alerts.transitions import LP_VOID
from worker.model.alert import AlertState
from worker.model.passage import Passage
from worker.rules.words import said, with_unit

SAME_LP = "The two lumbar punctures turned out to be one"
_XHTML = "http://www.w3.org/1999/xhtml"
_WITHOUT_HOUR = frozenset({"year", "month", "day"})


def lines_of(alert: AlertDocument) -> list[str]:
    """Return the whole alert in lines, the most important first; no line is empty.

    A withdrawn alert says so first, and gives no causes or considerations: they were those of what no longer stands.
    """
    is_gone, rule, lp = alert["state"] == AlertState.WITHDRAWN, alert["rule"], alert["lp"]
    version = f"version {alert['version']}"
    evidence = (evidence_text(item, lp) for item in alert["evidence"])
    lines = [
        f"WITHDRAWN: {rule['title']} (was {alert['severity']}, {version})"
        if is_gone
        else f"{alert['severity'].upper()}: {rule['title']} ({alert['state']}, {version})",
        alert.get("withdrawal", ""),
        "" if alert["reason"] == alert["state"] else f"Why now: {alert['reason']}",
        f"Patient: {', '.join(_number(number['authority'], number['value']) for number in alert['patient'])}",
        f"Ward: {_place(alert)}",
        f"Lumbar puncture{' told earlier' if is_void(alert) else ''}: {_puncture(lp)}",
        *_listed("Taken back: ", _taken_back(alert)),
        *_listed("Became known: ", (evidence_text(item, lp) for item in alert.get("became_known", []))),
        *_listed("Told earlier: " if is_gone else "Evidence: ", evidence),
        *_listed("Also open for this lumbar puncture: ", map(_also_open, alert.get("also_open", []))),
        *_listed(f"{SAME_LP}; this alert speaks for alert ", alert.get("joined", ())),
        *_listed("Context: ", (_context(item, lp) for item in alert["context"])),
        *_listed("Beside it: ", (_circumstance(item, lp) for item in alert.get("circumstances", []))),
        *([] if is_gone else _advice(alert)),
        *_listed("Said then: " if is_gone else "Remark: ", alert["remarks"]),
        *_listed("Cannot see: ", alert["misses"]),
        f"Rule: {rule['id']} version {rule['version']}, {rule['status']}, {rule['review']}",
        *_listed("Source: ", rule["sources"]),
        alert["disclaimer"],
    ]
    return [line for line in lines if line]


def as_xhtml(lines: Iterable[str]) -> str:
    """Return lines as the `div` of a narrative."""
    paragraphs = "".join(f"<p>{escape(_printable(line), quote=False)}</p>" for line in lines)
    return f'<div xmlns="{_XHTML}">{paragraphs}</div>'


def evidence_text(evidence: EvidenceDocument, lp: PunctureDocument) -> str:
    """Return one piece of evidence of an LP in a line: what, how much, when, and the marked sentence of a note."""
    value, unit = evidence["value"], evidence["unit"]
    plain = "none given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    number = f"{evidence['comparator']}{plain}"
    amount = with_unit(number, unit)
    as_reported = evidence["reported"].removesuffix(f" {unit}") if amount == number else evidence["reported"]
    reported = f", reported as {as_reported}" if as_reported not in {"", amount} else ""
    sentence = f': "{_marked(evidence)}"{_of_note(evidence)}' if evidence["sentence"] else ""
    return f"{evidence['concept']} {amount}{said(evidence['qualifiers'])} {_when(evidence, lp)}{reported}{sentence}"


def _marked(evidence: EvidenceDocument) -> str:
    place = evidence.get("note")
    span = (place["phrase_start"], place["phrase_end"]) if place else (0, 0)
    return Passage(evidence["sentence"], *span).marked


def _of_note(evidence: EvidenceDocument) -> str:
    """Say where in which note it stands: " (Ward round, History)"; empty where nobody said."""
    place = evidence.get("note")
    known = ", ".join(part for part in (place["title"], place["section"]) if part) if place else ""
    return f" ({known})" if known else ""


def is_void(alert: AlertDocument) -> bool:
    """Tell whether an alert was withdrawn because there was no such lumbar puncture."""
    return alert["state"] == AlertState.WITHDRAWN and alert["reason"] == LP_VOID


def is_without_hour(precision: str) -> bool:
    """Tell whether a time is known to its day at most."""
    return precision in _WITHOUT_HOUR


def only_known_to(at: str, precision: str) -> str:
    """Say a time that is known to its day at most, without an hour that nobody gave.

    A day is one of local time; an alert has the instant at which it begins, and not the zone.
    """
    return f"time known to the {precision} only, which begins at {at}"


def _when(evidence: EvidenceDocument, lp: PunctureDocument) -> str:
    at, hours = evidence["effective_at"], evidence["hours_since_lp"]
    if is_without_hour(evidence["precision"]):
        return f"({_inexact(at, evidence['precision'])})"
    return f"at {at} ({'at most ' if lp['is_time_uncertain'] else ''}{hours:+g} h)"


def _puncture(lp: PunctureDocument) -> str:
    at, hours = lp["at"], f"{lp['hours_at_update']:g} h before this message"
    presumed = "; presumed from a CSF specimen" if lp["is_presumed"] else ""
    if is_without_hour(lp["precision"]):
        return f"{_inexact(at, lp['precision'])}; at most {hours}{presumed}"
    if lp["is_time_uncertain"]:
        return f"{at} (uncertain); at most {hours}{presumed}"
    return f"{at}; {hours}{presumed}"


def _inexact(at: str, precision: str) -> str:
    day, _, hour = at.partition("T")
    if precision == "day" and hour == "00:00:00Z":
        return f"{day}, time of day not known"
    return only_known_to(at, precision)


def _context(item: ContextDocument, lp: PunctureDocument) -> str:
    known = "; ".join(evidence_text(evidence, lp) for evidence in item["evidence"])
    values = f": {known}" if known else ""
    if not item["is_folded"]:
        return f"{item['title']}{values}"
    told = ", ".join(item.get("alert_ids", []))
    earlier = f", also for what was told as alert {told}" if told else ""
    return f"{item['title']} (this alert speaks for it{earlier}){values}"


def _also_open(item: AlsoOpenDocument) -> str:
    return (
        f"{item['severity'].upper()}: {item['title']} (since {item['raised_at']}, alert {item['alert_id']})"
    )


def _circumstance(item: CircumstanceDocument, lp: PunctureDocument) -> str:
    return f"{item['title']}: {'; '.join(evidence_text(evidence, lp) for evidence in item['evidence'])}"


def _advice(alert: AlertDocument) -> Iterator[str]:
    yield from _headed("Possible cause: ", "possible ", alert["possible_causes"])
    yield from _headed("Consider: ", "consider ", alert["considerations"])
    yield from _listed("Check: ", alert["check"])
    yield from _listed("Missing: ", alert["missing"])


def _headed(head: str, word: str, items: Iterable[str]) -> Iterator[str]:
    """List what often begins with the word that the head says already."""
    return _listed(head, (item.removeprefix(word) for item in items))


def _listed(head: str, items: Iterable[str]) -> Iterator[str]:
    return (f"{head}{item}" for item in items)


def _number(authority: str, value: str) -> str:
    return f"{authority} {value}".strip()


def _place(alert: AlertDocument) -> str:
    location = alert["location"]
    now, then = location["now"], location["at_lp"]
    parts = [] if now is None else [now["facility"], now["unit"], now["room"], now["bed"]]
    said = " ".join(part for part in parts if part) or location["remark"]
    return said if then is None else f"{said} (at the lumbar puncture: {then['unit']})"


def _taken_back(alert: AlertDocument) -> Iterator[str]:
    lp = alert["lp"]
    for item in alert.get("taken_back", []):
        now = item["now"]
        yield f"{evidence_text(item['was'], lp)}; now: {'nothing' if now is None else evidence_text(now, lp)}"


def _printable(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(sign for sign in text if sign in "\t\n\r" or sign >= " ")
