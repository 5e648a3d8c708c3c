"""An alert in words, as the narrative and the message of FHIR resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from worker.alerts.documents import AlertDocument, EvidenceDocument

_XHTML = "http://www.w3.org/1999/xhtml"


def lines_of(alert: AlertDocument) -> list[str]:
    """Return the whole alert in lines, the most important first; no line is empty."""
    rule, lp = alert["rule"], alert["lp"]
    presumed = ", presumed from a CSF specimen" if lp["is_presumed"] else ""
    lines = [
        f"{alert['severity'].upper()}: {rule['title']} ({alert['state']}, version {alert['version']})",
        alert.get("withdrawal", ""),
        f"Why now: {alert['reason']}",
        f"Patient: {', '.join(_number(number['authority'], number['value']) for number in alert['patient'])}",
        f"Ward: {_place(alert)}",
        f"Lumbar puncture: {lp['at']} ({lp['precision']}{presumed}); {lp['hours_at_update']:g} h before this message",
        *_listed("Taken back: ", _taken_back(alert)),
        *_listed("Evidence: ", map(evidence_text, alert["evidence"])),
        *_listed("Context: ", (item["title"] for item in alert["context"])),
        *_listed("Possible cause: ", alert["possible_causes"]),
        *_listed("Consider: ", alert["considerations"]),
        *_listed("Check: ", alert["check"]),
        *_listed("Missing: ", alert["missing"]),
        *_listed("Remark: ", alert["remarks"]),
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


def evidence_text(evidence: EvidenceDocument) -> str:
    """Return one piece of evidence in a line: what, how much, when, and the sentence of a note."""
    value, unit = evidence["value"], evidence["unit"]
    said = "none given" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    qualifiers = f" ({', '.join(evidence['qualifiers'])})" if evidence["qualifiers"] else ""
    reported = f", reported as {evidence['reported']}" if evidence["reported"] else ""
    sentence = f': "{evidence["sentence"]}"' if evidence["sentence"] else ""
    amount = f"{evidence['comparator']}{said} {unit}".strip()
    when = f"at {evidence['effective_at']} ({evidence['hours_since_lp']:+g} h)"
    return f"{evidence['concept']} {amount}{qualifiers} {when}{reported}{sentence}"


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
    for item in alert.get("taken_back", []):
        now = item["now"]
        yield f"{evidence_text(item['was'])}; now: {'nothing' if now is None else evidence_text(now)}"


def _printable(text: str) -> str:
    """Leave out what XML cannot hold."""
    return "".join(sign for sign in text if sign in "\t\n\r" or sign >= " ")
