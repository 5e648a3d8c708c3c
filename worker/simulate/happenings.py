"""What happens to a made-up patient, before anybody writes it down: the facts that writers turn into messages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from datetime import date

    from worker.model.fact import Identifier
    from worker.model.time import EpochMs

Scalar: TypeAlias = int | float | str
"""A number, a code of the concept, or text as a laboratory sends it ("<7", "No organisms seen")."""


NO_UNIT: Final = "none"
"""Stands for the unit of a value that is sent without one."""

MERGE: Final = "merge"
"""Stands for the concept where nothing is stated but that two numbers name one patient."""


class Revision(StrEnum):
    """Say whether a happening is told for the first time, told again otherwise, or taken back."""

    ORIGINAL = "original"
    CORRECTED = "corrected"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up patient; the first identifier is the one that every message carries."""

    identifiers: tuple[Identifier, ...]
    family: str
    given: str
    birth_date: date | None
    sex: str = "U"


@dataclass(frozen=True, slots=True)
class Happening:
    """One statement about one patient, and when it reaches us.

    Shape: `name` names the statement for the patient's whole life: a correction repeats it. `concept` is a concept of the
    pack. `value` is None where the concept says it all (a note, a lumbar puncture); `status` is a lumbar puncture's
    (completed, stopped, cancelled, entered-in-error); `text` a note's text or the reason for a visit. `is_revised`
    tells that a later message will change it. `qualifiers` are said beside the value (a prophylactic dose, a planned
    visit); `specimen` is a class of fluid other than the usual one; `is_date_only` leaves out the hour. `under` is another
    number of the patient, which alone the message names.
    Units: `unit` in UCUM; empty is the unit that the sender always uses, `NO_UNIT` sends none.
    """

    name: str
    concept: str
    at_ms: EpochMs
    received_at_ms: EpochMs
    value: Scalar | None = None
    unit: str = ""
    status: str = ""
    text: str = ""
    title: str = ""
    revision: Revision = Revision.ORIGINAL
    is_revised: bool = False
    qualifiers: tuple[str, ...] = ()
    specimen: str = ""
    is_date_only: bool = False
    under: str = ""

    def unit_or(self, usual: str) -> str:
        """Return the unit to write; empty for none."""
        return "" if self.unit == NO_UNIT else self.unit or usual


@dataclass(frozen=True, slots=True)
class Written:
    """One message as written, and when it reaches us."""

    body: bytes
    received_at_ms: EpochMs


def number_text(value: Scalar) -> str:
    """Write a number as people do: no trailing zeros, no exponent."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
