"""Numbers as sources write them: comparator, number, and a unit that stands in the same field. Pure: no I/O, no clock.

Standard: HL7 v2.5.1 ch. 2.A (NM, SN). Real fields also hold "102.1F oral", "38,9 C", ">140", "?7" and "60~120": the first
three are numbers, the last two are not, and nothing is guessed.
"""

from __future__ import annotations

import math
import re

import msgspec

from worker.model.fact import Comparator

_NUMBER = re.compile(
    r"\s*(?P<comparator><=|>=|<|>|≤|≥)?\s*"
    r"(?P<number>[+-]?(?:[0-9]+(?:[.,][0-9]+)?|[.,][0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
    r"(?P<rest>.*)",
    re.DOTALL,
)
# What nearly all fields hold: digits and a point, too short to be anything but finite.
_USUAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_USUAL_LENGTH = 15
# A comma before exactly three digits is a decimal sign to some and a thousands sign to others.
_AMBIGUOUS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")
_UNIT_START = re.compile(r"[^\W\d_]|[%°/\[{(]")
_COMPARATORS = {
    "": Comparator.EXACT,
    "<": Comparator.BELOW,
    "<=": Comparator.AT_MOST,
    "≤": Comparator.AT_MOST,
    ">": Comparator.ABOVE,
    ">=": Comparator.AT_LEAST,
    "≥": Comparator.AT_LEAST,
}


class Number(msgspec.Struct, frozen=True, gc=False):
    """A number, how it bounds the true one, and the text behind it (a unit and remarks, or empty)."""

    value: float
    comparator: Comparator = Comparator.EXACT
    rest: str = ""


def read_number(text: str) -> Number | None:
    """Read a number; None where the text is no number, a range, a ratio or ambiguous."""
    if len(text) <= _USUAL_LENGTH and _USUAL.fullmatch(text):
        return Number(float(text))
    found = _NUMBER.fullmatch(text)
    if found is None or _AMBIGUOUS.fullmatch(found["number"]):
        return None
    rest = found["rest"].strip()
    if rest and not _UNIT_START.match(rest):
        return None
    value = float(found["number"].replace(",", "."))
    if not math.isfinite(value):
        return None
    return Number(value, _COMPARATORS[found["comparator"] or ""], rest)


def read_structured(comparator: str, first: str, separator: str, second: str) -> Number | None:
    """Read the four components of SN; None for a range or ratio, where one number would be a guess."""
    if separator.strip() or second.strip() or comparator.strip() not in _COMPARATORS:
        return None
    number = read_number(first)
    if number is None or number.comparator is not Comparator.EXACT:
        return None
    return Number(number.value, _COMPARATORS[comparator.strip()], number.rest)
