"""How traces write facts: value, unit, hours from the LP. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import Assertion, Coded, EncounterValue, Puncture, Quantity
from worker.rules.interval import interval_of, write

if TYPE_CHECKING:
    from worker.model.fact import Fact
    from worker.rules.context import Context


def describe_value(fact: Fact) -> str:
    """Write the value of a fact: "38.4 Cel", "C", "present (severe)"."""
    match fact.value:
        case Quantity() as quantity:
            return f"{write(interval_of(quantity))} {quantity.unit}".replace(" {score}", "").rstrip()
        case Coded() as coded:
            return coded.code
        case Assertion() as assertion:
            qualifiers = f" ({', '.join(assertion.qualifiers)})" if assertion.qualifiers else ""
            return f"{assertion.status}{qualifiers}"
        case EncounterValue() as encounter:
            return encounter.encounter_class
        case Puncture() as puncture:
            return puncture.status
        case _:
            return ""


def describe(fact: Fact, context: Context) -> str:
    """Write one fact: "body-temperature 38.4 Cel at +10 h"."""
    return f"{fact.concept} {describe_value(fact)} at {context.hours(fact.effective.start_ms)}"
