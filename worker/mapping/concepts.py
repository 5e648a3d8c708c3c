"""Concepts as the mapping uses them: looked up by code, ready to convert and to compare. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from worker.mapping.concept_spec import Kind
from worker.mapping.reasons import Reasons
from worker.mapping.results import Results
from worker.mapping.units import Linear


@dataclass(frozen=True, slots=True)
class Concept:
    """One clinical idea that rules speak of.

    Shape: `conversions` from each accepted UCUM unit to `unit`; `answers` from "system|code", `words` from the folded text
    to the value that rules compare; `body_sites` from a body site class to the concept that a value there means; at
    `excluded_sites` a value is about something else.
    `specimen` is the class a result is about; where `is_specimen_implied` is false the message must name it.
    `unverified` lists codes that nobody confirmed, with system and display.
    """

    id: str
    kind: Kind
    title: str = ""
    unit: str = ""
    decimals: int = 2
    plausible: tuple[float, float] | None = None
    is_continuous: bool = False
    conversions: Mapping[str, Linear] = field(default_factory=dict)
    specimen: str = ""
    is_specimen_implied: bool = False
    body_sites: Mapping[str, str] = field(default_factory=dict)
    excluded_sites: frozenset[str] = frozenset()
    answers: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    results: Results | None = None
    qualifier_words: tuple[tuple[str, tuple[str, ...]], ...] = ()
    unverified: tuple[str, ...] = ()
    reasons: Reasons | None = None
    qualifier_overrides: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_dimensionless(self) -> bool:
        """Tell whether a value without a unit is complete (scores, INR)."""
        return self.unit == "1" or (self.unit.startswith("{") and self.unit.endswith("}"))


_WORD = re.compile(r"[^\W_]+")
_IGNORED_KIND = Kind.IGNORED
IGNORED = Concept("ignored", _IGNORED_KIND)
"""What a code means that the pack knows and does not use."""


class Coding(msgspec.Struct, frozen=True, gc=False):
    """A coded element as sent: CWE.1-3 or CWE.4-6, `Coding`. `system` is an HL7 table name or a URI."""

    code: str
    text: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What a code means in a feed.

    Shape: `answer` is the value that the code itself stands for (a drug of a class); `answers` maps values as this code's
    source sends them (folded); `unit` is the UCUM unit of values without one; `body_site` and `specimen` are classes.
    """

    concept: Concept
    answer: str = ""
    unit: str = ""
    body_site: str = ""
    specimen: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    qualifiers: tuple[str, ...] = ()

    @property
    def is_ignored(self) -> bool:
        """Tell whether the code is known and not used."""
        return self.concept.kind is _IGNORED_KIND


def words_of(text: str) -> str:
    """Return the words of a text, case folded, one blank between them: marks and hyphens say nothing."""
    return " ".join(_WORD.findall(text.casefold()))


def fold(text: str) -> str:
    """Return text as phrases are compared: case folded, runs of blanks made one."""
    return " ".join(text.casefold().split())
