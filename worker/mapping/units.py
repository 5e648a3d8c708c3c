"""Units as people write them, to UCUM and to the unit that rules compare. Pure: no I/O, no clock.

Standard: UCUM, case-sensitive form. A table instead of a UCUM parser: the parser reads `C` as coulomb and `K/uL` as kelvin per
microlitre, and takes a thousand times longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from worker.mapping.concept_spec import UnitSpec


@dataclass(frozen=True, slots=True)
class Linear:
    """A conversion: factor × value + offset."""

    factor: float = 1.0
    offset: float = 0.0

    def apply(self, value: float) -> float:
        """Convert a value."""
        return self.factor * value + self.offset


IDENTITY = Linear()


@dataclass(frozen=True, slots=True)
class UnitTable:
    """Spellings of units.

    Shape: `exact` as written, blanks removed; `folded` without regard to case, only where that is unambiguous. `sentinels`
    are numbers by which devices say that they have no value; `remarks` folded words that may stand behind a number.
    """

    exact: Mapping[str, str]
    folded: Mapping[str, str]
    sentinels: frozenset[float] = frozenset()
    remarks: frozenset[str] = frozenset()

    def ucum(self, written: str) -> str:
        """Return the UCUM unit of a spelling, or "" where it is unknown."""
        known = self.exact.get(written)
        if known is not None:
            return known
        squeezed = "".join(written.split())
        return self.exact.get(squeezed) or self.folded.get(squeezed.casefold(), "")

    def in_text(self, rest: str) -> str | None:
        """Return the UCUM unit at the start of the text behind a number, "" where only remarks stand there.

        Shape: None where anything else stands there: such a text may say that the number is not one.
        """
        words = rest.split()
        for length in range(len(words), -1, -1):
            unit = self.ucum(" ".join(words[:length])) if length else ""
            if (unit or not length) and all(
                word.casefold().strip("().,;") in self.remarks for word in words[length:]
            ):
                return unit
        return None


def compile_units(
    specs: Iterable[UnitSpec], sentinels: Iterable[float] = (), remarks: Iterable[str] = ()
) -> UnitTable:
    """Build the table of spellings.

    Raises: ValueError where one spelling stands for two units.
    """
    exact: dict[str, str] = {}
    folded: dict[str, set[str]] = {}
    for spec in specs:
        for spelling in (spec.unit, *spec.aliases):
            squeezed = "".join(spelling.split())
            if exact.setdefault(squeezed, spec.unit) != spec.unit:
                raise ValueError(f"'{spelling}' stands for {exact[squeezed]} and for {spec.unit}; remove one")
            folded.setdefault(squeezed.casefold(), set()).add(spec.unit)
    unambiguous = {spelling: min(units) for spelling, units in folded.items() if len(units) == 1}
    return UnitTable(exact, unambiguous, frozenset(sentinels), frozenset(word.casefold() for word in remarks))


def linear(factor: str, offset: str) -> Linear:
    """Read factor and offset, each a decimal number or a fraction.

    Raises: ValueError for a factor of zero or a fraction over zero.
    """
    try:
        made = Linear(float(_fraction(factor)), float(_fraction(offset)))
    except ZeroDivisionError:
        raise ValueError("a fraction over zero") from None
    if made.factor == 0:
        raise ValueError("the factor must not be 0")
    return made


def _fraction(text: str) -> Fraction:
    top, _, bottom = text.partition("/")
    return Fraction(top) / Fraction(bottom or "1")
