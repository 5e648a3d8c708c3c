"""Turn a vignette into facts as they arrive, and follow the findings over its receipt clock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML

from tests.unit.correlate.facts import at, born, fact
from tests.unit.rules.pack import ROOT, default_book, default_mapping, evaluations
from worker.alerts.fold import fold
from worker.mapping.visits import said_of_visit
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    Comparator,
    EncounterValue,
    Group,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    Value,
)
from worker.model.time import HOUR_MS

if TYPE_CHECKING:
    from worker.model.fact import Fact

Row = dict[str, Any]  # a vignette is data of many shapes

_UNITS = {
    "body-temperature": "Cel",
    "csf-wbc": "/uL",
    "csf-rbc": "/uL",
    "csf-protein": "mg/dL",
    "csf-glucose": "mg/dL",
    "serum-glucose": "mg/dL",
    "platelets": "10*9/L",
    "inr": "1",
    "crp": "mg/L",
    "opening-pressure": "mm[H2O]",
    "post-void-residual": "mL",
}
_FACTORS = {("Cel", "K"): 1.0, ("mg/dL", "mmol/L"): 18.0156, ("mg/L", "mg/dL"): 10.0}
_PLAUSIBLE = {"body-temperature": (25.0, 45.0)}
_STATUS = {
    "completed": PunctureStatus.COMPLETED,
    "stopped": PunctureStatus.ATTEMPTED,
    "cancelled": PunctureStatus.CANCELLED,
    "entered-in-error": PunctureStatus.CANCELLED,
}
_CODED = {"acvpu", "csf-gram", "csf-culture", "blood-culture", "blood-patch"}
_DRUGS = {"anticoagulant", "nsaid", "sedation"}


@cache
def vignettes() -> dict[str, Row]:
    """Read the vignettes that the project ships."""
    text = (ROOT / "mappings" / "tests" / "scenarios.yaml").read_text(encoding="utf-8")
    return {row["id"]: row for row in YAML(typ="safe").load(text)["scenarios"]}


def arrivals(row: Row) -> list[tuple[float, Fact]]:
    """Return the facts of a vignette with their receipt times in hours, by receipt."""
    patient = row["patient"]
    first = min(entry["t"] for entry in row["facts"] if "t" in entry)
    days = patient["age_d"] if "age_d" in patient else patient["age_y"] * 365.25 + 1
    made = [(min(first, 0) - 1, born(days))]
    if "encounter" in patient:
        stay = fact("encounter", min(first, 0) - 1, EncounterValue(patient["encounter"], "V1"), key="visit")
        made.append((min(first, 0) - 1, stay))
    named: dict[str, Row] = {}
    for number, entry in enumerate(row["facts"]):
        stated = {"key": f"f{number}", **named.get(entry.get("of", ""), {}), **entry}
        if "id" in entry:
            named[entry["id"]] = {"key": f"f{number}", **entry}
        received = entry.get("recv", stated["t"])
        made.extend((received, each) for each in _facts(stated, received))
    return sorted(made, key=lambda pair: pair[0])


@dataclass(frozen=True)
class Told:
    """What one rule did over a vignette: severity and time of the first finding, last severity, when it went away."""

    severity: str
    at_h: float
    last_severity: str
    gone_h: float | None


def follow(row: Row) -> dict[str, Told]:
    """Evaluate after every receipt and at every instant that falls due; folded findings are not told."""
    waiting = arrivals(row)
    until = max([row.get("until", 0), *(received for received, _ in waiting)])
    instants = sorted({received for received, _ in waiting} | {until})
    told: dict[str, Told] = {}
    while instants:
        now = instants.pop(0)
        found = evaluations((each for received, each in waiting if received <= now), as_of=now)
        due = {(each.next_change_at_ms - at(0)) / HOUR_MS for each in found if each.next_change_at_ms}
        instants = sorted({*instants, *(hour for hour in due if now < hour <= until)})
        spoken = [each.finding for each in found if each.finding and not each.rule.is_silent]
        standing = fold(spoken, default_book().folds)
        _note(told, {each.rule: each for each in standing}, now)
    return told


def _note(told: dict[str, Told], standing: dict[str, Any], now: float) -> None:
    for rule, finding in standing.items():
        if finding.folded_by:
            continue
        severity = finding.severity.name.lower()
        before = told.get(rule)
        told[rule] = (
            Told(severity, now, severity, None) if before is None else replace(before, last_severity=severity)
        )
    for rule, before in told.items():
        if rule not in standing and before.gone_h is None:
            told[rule] = replace(before, gone_h=now)


def _facts(stated: Row, received: float) -> list[Fact]:
    concept, hours = stated["c"], stated["t"]
    more = {"key": stated["key"], "major": at(received), "received": received}
    is_gone = stated.get("op") == "retract"
    if concept == "note":
        return _note_facts(stated, received, is_gone=is_gone)
    if concept == "lumbar-puncture":
        status = _STATUS[stated.get("status", "completed")]
        value: Value = Puncture(status, PunctureSource.ORDER)
    else:
        value = _value(concept, stated)
        if value is None:
            return []
    if concept == "encounter":
        mapping = default_mapping()
        more["qualifiers"] = said_of_visit(mapping.feeds["default"], mapping, stated.get("text", ""), (), ())
    return [fact(concept, hours, value, deleted=is_gone, **more)]


def _note_facts(stated: Row, received: float, *, is_gone: bool) -> list[Fact]:
    key, hours = stated["key"], stated["t"]
    group = Group(key, (at(received), 2), replaces=True)
    options = {"major": at(received), "received": received, "group": group}
    if is_gone:
        return [fact("note", hours, None, key=key, deleted=True, **options)]
    made = [fact("note", hours, None, key=key, **options)]
    for number, entry in enumerate(stated.get("extract", ())):
        value = Assertion(AssertionStatus(entry["s"]), tuple(sorted(entry.get("q", ()))))
        made.append(fact(entry["f"], hours, value, key=f"{key}|{entry['f']}|{number}", **options))
    return made


def _value(concept: str, stated: Row) -> Value:
    given = stated["v"]
    if concept in {"encounter", "discharge"}:
        return EncounterValue(given, "V1", stated.get("text", ""))
    if concept in _DRUGS or concept in _CODED:
        return Coded("negative" if given == "No organisms seen" else given)
    return _quantity(concept, given, stated.get("u", ""))


def _quantity(concept: str, given: float | str, unit: str) -> Quantity | None:
    comparator = Comparator.EXACT
    if isinstance(given, str):
        comparator, given = Comparator(given[0]), float(given[1:])
    canonical = _UNITS.get(concept, "{score}")
    number = (given - 32) * 5 / 9 if unit == "[degF]" else given * _FACTORS.get((canonical, unit), 1.0)
    number = round(number, 2)
    low, high = _PLAUSIBLE.get(concept, (float("-inf"), float("inf")))
    return Quantity(number, canonical, comparator) if low <= number <= high else None
