"""Compile what is expected of a watched patient: inputs of which the silence makes rules blind. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.rules.clauses import EpisodeClause, ReadingClause
from worker.rules.library import FINDING, Library, Scope, Uses
from worker.rules.rule import Expected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.decode.located_yaml import Located, Path
    from worker.rules.spec import ExpectedSpec

NOTE = "note"
_WITHIN = "within"


def expected_of(spec: ExpectedSpec, name: Path, located: Located, library: Library) -> Expected:
    """Compile one entry of `expected`; its problems are noted in the library.

    Shape: an entry of `note` is needed by whoever reads a finding, and a finding brings it as well as a note.
    """
    path: Path = ("expected", *name)
    scope = Scope(library, located, {_WITHIN: spec.within}, Uses())
    concepts = library.with_kinds(scope.check_concepts(spec.of, (*path, "of")))
    within_ms = scope.duration_ms(f"${_WITHIN}", (*path, _WITHIN, "unit"))
    told = [name for name, term in library.terms.items() if term.kind == FINDING] if NOTE in concepts else []
    parts = [part for concept in concepts if concept in library.sums for part in library.sums[concept].parts]
    return Expected(
        spec.title,
        frozenset((*concepts, *told)),
        tuple(dict.fromkeys((*concepts, *parts, *told))),
        within_ms,
        spec.once,
    )


@dataclass(frozen=True, slots=True)
class Needs:
    """Tell which rules can hold only where a fact of some concepts is there: what else they read only adds to it.

    Shape: `rules` and `definitions` are their conditions by name.
    """

    concepts: frozenset[str]
    rules: Mapping[str, EpisodeClause]
    definitions: Mapping[str, ReadingClause]

    def of_rule(self, name: str) -> bool:
        """Tell whether a rule is such; one that the pack does not have is none."""
        clause = self.rules.get(name)
        return clause is not None and self.of(clause)

    def of(self, clause: EpisodeClause) -> bool:
        """Tell whether a condition cannot hold without such a fact; `not` holds without any."""
        if any(map(self.of, clause.all or ())) or (clause.any and all(map(self.of, clause.any))):
            return True
        named = self.definitions.get(clause.is_ or "")
        if named is not None and self.of(named):
            return True
        if clause.rule is not None and self.of_rule(clause.rule):
            return True
        if clause.missing is not None and self._are_all(clause.missing.of):
            return True
        asked = (clause.reading, clause.finding, clause.count)
        if any(self._in(spec.of, spec.where) for spec in asked if spec is not None):
            return True
        return isinstance(clause, ReadingClause) and self._of_others(clause)

    def _of_others(self, clause: ReadingClause) -> bool:
        if clause.concept is not None and self._are_all(clause.concept):
            return True
        others = (clause.near, clause.preceded_by)
        return any(self._in(spec.of, spec.where) for spec in others if spec is not None)

    def _in(self, of: Iterable[str], where: ReadingClause | None) -> bool:
        return self._are_all(of) or (where is not None and self.of(where))

    def _are_all(self, of: Iterable[str]) -> bool:
        return self.concepts.issuperset(of)
