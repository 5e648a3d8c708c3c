"""Compile what is expected of a watched patient: inputs of which the silence makes rules blind. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.library import FINDING, Library, Scope, Uses
from worker.rules.rule import Expected

if TYPE_CHECKING:
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
