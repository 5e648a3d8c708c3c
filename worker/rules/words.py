"""How traces write facts: value, unit, hours from the LP. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import Assertion, Coded, EncounterValue, Location, Puncture, Quantity
from worker.rules.interval import interval_of, write

if TYPE_CHECKING:
    from worker.model.fact import Fact
    from worker.rules.context import Context


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
            qualifiers = f" ({', '.join(assertion.qualifiers)})" if assertion.qualifiers else ""
            return f"{assertion.status}{qualifiers}"
        case EncounterValue() as encounter:
            return encounter.encounter_class
        case Location() as location:
            return location.unit
        case Puncture() as puncture:
            return puncture.status
        case _:
            return ""


def describe(fact: Fact, context: Context) -> str:
    """Write one fact: "body-temperature 38.4 Cel at +10 h"."""
    return f"{fact.concept} {describe_value(fact)} at {context.hours(fact.effective.start_ms)}"
