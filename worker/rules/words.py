"""How traces write facts: value, unit, hours from the LP. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import Assertion, Coded, EncounterValue, Location, Puncture, Quantity
from worker.rules.interval import interval_of, write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.model.fact import Fact
    from worker.rules.context import Context


_SAID_OTHERWISE = {"baseline": "stated as why the patient came"}


def said(qualifiers: Iterable[str]) -> str:
    """Write what was said with a statement: " (severe, stated as why the patient came)"; empty for nothing.

    "baseline" is how rules name what stands in such a section. Of a return after the LP it is none, and would be misread.
    """
    words = ", ".join(_SAID_OTHERWISE.get(each, each) for each in qualifiers)
    return f" ({words})" if words else ""


def with_unit(number: str, unit: str) -> str:
    """Write a number with its unit; what counts or scores has none that anybody reads: "13", "1.5", "38.4 Cel"."""
    is_plain = unit in {"", "1"} or (unit.startswith("{") and unit.endswith("}"))
    return number if is_plain else f"{number} {unit}"


def describe_value(fact: Fact) -> str:
    """Write the value of a fact: "38.4 Cel", "C", "present (severe)"."""
    match fact.value:
        case Quantity() as quantity:
            return with_unit(write(interval_of(quantity)), quantity.unit)
        case Coded() as coded:
            return coded.code
        case Assertion() as assertion:
            return f"{assertion.status}{said(assertion.qualifiers)}"
        case EncounterValue() as encounter:
            why = f': "{encounter.reason}"' if encounter.reason and fact.concept == "encounter" else ""
            return f"{encounter.encounter_class}{why}"
        case Location() as location:
            return location.unit
        case Puncture() as puncture:
            return puncture.status
        case _:
            return ""


def describe(fact: Fact, context: Context) -> str:
    """Write one fact: "body-temperature 38.4 Cel at +10 h"."""
    return f"{fact.concept} {describe_value(fact)} at {context.hours(fact.effective.start_ms)}"
