"""What a rule may refer to while it is compiled, and what it turned out to refer to. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.decode.located_yaml import Located, Path, Problems
from worker.rules.context import ReadingNode, Wanted, Window
from worker.rules.params import AGES_D, DURATIONS_MS, Limit
from worker.rules.words import with_unit

if TYPE_CHECKING:
    from worker.mapping.pack import MappingPack
    from worker.rules.spec import DefinitionSpec, ParamSpec, SumSpec, UnlessSpec

FINDING = "finding"
"""The kind of concept whose facts are statements: present, absent, ..."""

_DRUG = "medication"
_RESULTS = frozenset({"quantity", "code", "assessment"})

_RECORDS = {
    "lumbar-puncture": "procedure",
    "encounter": "encounter",
    "discharge": "encounter",
    "note": "note",
}


@dataclass(frozen=True, slots=True)
class Term:
    """What rules need to know of a concept: its kind, its canonical unit, the values that are not set aside, its answers."""

    kind: str
    unit: str = ""
    plausible: tuple[float, float] | None = None
    values: frozenset[str] = frozenset()


Terms = Mapping[str, Term]


def terms_of(mapping: MappingPack) -> Terms:
    """Return the concepts of a pack as rules see them."""
    records = {name: Term(kind) for name, kind in _RECORDS.items()}
    return records | {
        name: Term(concept.kind.value, concept.unit, concept.plausible, concept.values)
        for name, concept in mapping.concepts.items()
    }


@dataclass(slots=True)
class Library:
    """All that rules share.

    Shape: `definitions` with the file and path of each, for the place of an error; `params` the numbers of several rules;
    `named` definitions that are compiled already, with what they refer to.
    """

    terms: Terms
    definitions: Mapping[str, tuple[DefinitionSpec, Located, Path]]
    params: Mapping[str, ParamSpec]
    kinds: Mapping[str, tuple[str, ...]]
    sums: Mapping[str, SumSpec]
    rules: frozenset[str]
    disabled: frozenset[str]
    problems: Problems
    named: dict[str, tuple[ReadingNode, Uses]] = field(default_factory=dict)

    def with_kinds(self, concepts: tuple[str, ...]) -> tuple[str, ...]:
        """Return concepts with all that are a kind of them, each once."""
        found = dict.fromkeys(concepts)
        for concept in concepts:
            found.update(dict.fromkeys(self.kinds.get(concept, ())))
        return tuple(found)

    def wanted(self, concepts: tuple[str, ...]) -> Wanted:
        """Return what somebody could bring of concepts that the pack knows."""
        kinds = {concept: self.terms[concept].kind for concept in concepts}
        return Wanted(
            tuple(concept for concept, kind in kinds.items() if kind in _RESULTS),
            tuple(concept for concept, kind in kinds.items() if kind == _DRUG),
            FINDING in kinds.values(),
        )

    def is_stand_in(self, concept: str) -> bool:
        """Tell whether a concept is a total that is there only where a part of another cannot be had."""
        return concept in self.sums and self.sums[concept].without is not None


@dataclass(slots=True)
class Uses:
    """What one rule refers to, collected while it is compiled.

    Shape: `hits` are the concepts of facts that the rule can rest on first of all; a subset of `concepts`. `is_timed` where
    a clause about a fact asks for what was not done: its answer changes by time alone, and nobody is told when. `suppressors`
    are the clauses of its `unless`, once for each reading.
    """

    hits: set[str] = field(default_factory=set)
    concepts: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    params: set[str] = field(default_factory=set)
    is_timed: bool = False
    suppressors: list[ReadingNode] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a clause stands.

    Shape: `params` are what `$name` means here; `concepts` what r may be (empty outside a reading); `window` the default of
    readings; `unless` what suppresses hits (empty outside `when`); `stack` the definitions being opened; `where` the
    definition that stands around, for the names of parameters, and `rule` the scope of the rule around it;
    `is_about_fact` inside a clause about a fact, however deep.
    """

    library: Library
    located: Located
    params: Mapping[str, ParamSpec]
    uses: Uses
    window: Window | None = None
    unless: tuple[UnlessSpec, ...] = ()
    concepts: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    where: str = ""
    rule: Scope | None = None
    is_about_fact: bool = False

    def about(self, concepts: tuple[str, ...]) -> Scope:
        """Return the scope inside a reading of some concepts; nothing is suppressed in there."""
        return replace(self, concepts=concepts, unless=())

    def problem(self, path: Path, message: str) -> None:
        """Note a problem at a path of the file."""
        self.library.problems.add(self.located.place(path), message)

    def check_concepts(self, concepts: tuple[str, ...], path: Path) -> tuple[str, ...]:
        """Note concepts as inputs; a problem for each that the pack does not know."""
        known = []
        for at, concept in enumerate(concepts):
            if concept in self.library.terms:
                known.append(concept)
            else:
                self.problem((*path, at), f"unknown concept '{concept}'; name one of concepts/*.yaml")
        self.uses.concepts.update(known)
        for concept in known:
            total = self.library.sums.get(concept)
            if total is not None:
                self.uses.concepts.update(
                    total.parts if total.without is None else (*total.parts, total.without)
                )
        return tuple(known)

    def unit(self, path: Path) -> str:
        """Return the one canonical unit that r has here."""
        units = {self.library.terms[concept].unit for concept in self.concepts}
        if not self.concepts or units == {""}:
            self.problem(
                path, "compares a number, but r has none here; use it inside a reading of a quantity"
            )
            return ""
        if len(units - {""}) > 1:
            found = ", ".join(sorted(units))
            self.problem(path, f"the concepts have different units ({found}); give each its own reading")
        return max(units)

    def param(self, reference: str, path: Path) -> ParamSpec | None:
        """Return the parameter behind `$name`."""
        name = reference.removeprefix("$")
        found = self.params.get(name) or self.library.params.get(name)
        if found is None:
            self.problem(path, f"unknown parameter '{reference}'; add it under params")
        else:
            self.uses.params.add(f"{self.where}{name}")
        return found

    def limit(self, reference: str, unit: str, path: Path) -> Limit:
        """Return a number in one unit, by age where it says so."""
        found = self.param(reference, path)
        if found is None:
            return Limit(0.0)
        if found.unit != unit and unit:
            self.problem(
                path, f"'{reference}' is in {found.unit}, compared here in {unit}; write it in {unit}"
            )
        if found.by_age:
            self.uses.concepts.add("birth-date")
        bands = tuple((band.below * AGES_D[band.age_unit], band.value) for band in found.by_age)
        by_age = ", ".join(f"{band.value:g} under {band.below:g} {band.age_unit}" for band in found.by_age)
        words = with_unit(f"{found.value:g}", found.unit)
        return Limit(found.value, bands, f"{words} ({by_age})" if by_age else words)

    def duration_ms(self, reference: str, path: Path) -> int:
        """Return a duration in milliseconds."""
        found = self.param(reference, path)
        if found is None:
            return 0
        if found.unit not in DURATIONS_MS:
            units = ", ".join(DURATIONS_MS)
            self.problem(path, f"'{reference}' is in {found.unit}; a duration needs one of {units}")
            return 0
        return round(found.value * DURATIONS_MS[found.unit])

    def span_ms(self, reference: str, path: Path) -> int:
        """Return a length of time in milliseconds."""
        span_ms = self.duration_ms(reference, path)
        if span_ms < 0:
            self.problem(
                path, f"'{reference}' is {self.words(reference)}; how long something lasts is not below zero"
            )
        return max(span_ms, 0)

    def age_days(self, reference: str, path: Path) -> float:
        """Return an age in days."""
        found = self.param(reference, path)
        if found is None:
            return 0.0
        if found.unit not in AGES_D:
            self.problem(path, f"'{reference}' is in {found.unit}; an age needs one of {', '.join(AGES_D)}")
            return 0.0
        return found.value * AGES_D[found.unit]

    def count(self, reference: str, path: Path) -> int:
        """Return a count."""
        found = self.param(reference, path)
        if found is None:
            return 1
        if found.unit != "1" or found.value != int(found.value) or found.value < 1:
            self.problem(path, f"'{reference}' must be a whole number from 1, with unit '1'")
            return 1
        return int(found.value)

    def words(self, reference: str) -> str:
        """Write a parameter as traces show it: "24 h"."""
        name = reference.removeprefix("$")
        found = self.params.get(name) or self.library.params.get(name)
        return reference if found is None else with_unit(f"{found.value:g}", found.unit)
