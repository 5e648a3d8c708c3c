"""What stands beside every alert of a lumbar puncture (LP) and decides nothing. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from worker.correlate.index import rank_fact
from worker.model.fact import Coded
from worker.rules.library import Library, Scope, Uses
from worker.rules.predicates.lacking import lacking
from worker.rules.rule import Circumstance

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.correlate.view import EpisodeView
    from worker.decode.located_yaml import Located
    from worker.model.fact import Fact
    from worker.rules.context import Blank, Context
    from worker.rules.spec import CircumstanceSpec

_FROM, _TO = "from", "to"
_DRUG = "medication"


class Beside(NamedTuple):
    """What is known of one circumstance: its title and the newest facts, by time, at least one."""

    title: str
    facts: tuple[Fact, ...]


def circumstance_of(spec: CircumstanceSpec, name: str, located: Located, library: Library) -> Circumstance:
    """Compile one entry of `circumstances`; its problems are noted in the library."""
    path = ("circumstances", name)
    scope = Scope(library, located, {_FROM: spec.from_, _TO: spec.to}, Uses())
    concepts = scope.check_concepts(spec.of, (*path, "of"))
    first_ms, last_ms = (scope.duration_ms(f"${end}", (*path, end, "unit")) for end in (_FROM, _TO))
    if last_ms < first_ms:
        scope.problem((*path, _TO), "ends before it starts")
    drugs = frozenset(concept for concept in concepts if library.terms[concept].kind == _DRUG)
    wanted = tuple(library.wanted((concept,)) for concept in concepts)
    return Circumstance(spec.title, concepts, drugs, first_ms, last_ms, wanted)


def lacking_of(context: Context, wanted: Iterable[Circumstance]) -> Iterator[Blank]:
    """Give what is not on file of circumstances, each concept by itself."""
    for each in wanted:
        span = (context.anchor_ms + each.first_ms, context.anchor_ms + each.last_ms)
        for concept in each.wanted:
            yield from lacking(concept, span, context)


def circumstances_of(view: EpisodeView, wanted: Iterable[Circumstance]) -> Iterator[Beside]:
    """Give what is known of each circumstance of an LP; nothing for one of which nothing is.

    Shape: in the order of the pack; of each concept the newest value, of drugs the newest dose of each.
    """
    for each in wanted:
        newest: dict[tuple[str, str], Fact] = {}
        found = view.between(each.concepts, view.anchor_ms + each.first_ms, view.anchor_ms + each.last_ms)
        for fact in found:
            drug = fact.value.code if fact.concept in each.drugs and isinstance(fact.value, Coded) else ""
            newest[fact.concept, drug] = fact
        if newest:
            yield Beside(each.title, tuple(sorted(newest.values(), key=rank_fact)))
