"""Current facts of one patient group by concept and time, sorted only when somebody looks. Pure: no I/O, no clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from worker.model.fact import Fact
    from worker.model.time import EpochMs

    Settle: TypeAlias = Callable[[str, Sequence[Fact]], Sequence[Fact]]

Rank = tuple[int, str, tuple[str, str], str, str]

_OTHER_CSF = frozenset({"opening-pressure"})
_NOT_LUMBAR = ("shunt", "drain", "ventric")


def rank_fact(fact: Fact) -> Rank:
    """Return the one order in which facts are shown and walked: clinical time first, then what cannot tie."""
    return (fact.effective.start_ms, fact.concept, fact.patient.key, fact.key, fact.version.digest)


@cache
def is_csf(concept: str) -> bool:
    """Tell whether a concept is measured in or during the taking of cerebrospinal fluid (CSF)."""
    return concept.startswith("csf-") or concept in _OTHER_CSF


def is_lumbar(fact: Fact) -> bool:
    """Tell whether CSF may have come through the needle: not from a shunt, a drain or a ventricle."""
    words = " ".join((fact.specimen, *fact.qualifiers)).casefold()
    return not any(word in words for word in _NOT_LUMBAR)


@dataclass(frozen=True, slots=True)
class Series:
    """Facts of one concept by clinical time.

    Shape: `facts` by `rank_fact`; `starts` their times, to bisect.
    """

    facts: tuple[Fact, ...]
    starts: tuple[EpochMs, ...]

    def within(self, first_ms: EpochMs, last_ms: EpochMs) -> tuple[Fact, ...]:
        """Return the facts of [first_ms, last_ms], both ends included."""
        return self.facts[bisect_left(self.starts, first_ms) : bisect_right(self.starts, last_ms)]

    def followed_by(self, facts: Sequence[Fact]) -> Series:
        """Return the series with more facts, all later than those that it has."""
        more = make_series(facts)
        return Series(self.facts + more.facts, self.starts + more.starts)

    def last_before(self, at_ms: EpochMs) -> Fact | None:
        """Return the newest fact strictly before an instant."""
        position = bisect_left(self.starts, at_ms)
        return self.facts[position - 1] if position else None


def _start(fact: Fact) -> EpochMs:
    return fact.effective.start_ms


EMPTY = Series((), ())


def make_series(facts: Iterable[Fact]) -> Series:
    """Sort facts into a series; only facts of one instant need the whole rank, which is costly to build."""
    ordered = sorted(facts, key=_start)
    starts = [fact.effective.start_ms for fact in ordered]
    first = 0
    for position in range(1, len(starts) + 1):
        if position == len(starts) or starts[position] != starts[first]:
            if position - first > 1:
                ordered[first:position] = sorted(ordered[first:position], key=rank_fact)
            first = position
    return Series(tuple(ordered), tuple(starts))


class FactIndex:
    """Current facts of one patient group, shared by the views of all its LPs.

    One pass groups them; a concept is sorted when it is first asked for, so that rules pay for what they read.
    """

    __slots__ = ("_grouped", "_made", "_plain", "_settle", "_sorted")

    def __init__(self, facts: Iterable[Fact], settle: Settle | None = None) -> None:
        """Group `facts` (any order, no repeats: the outcome of `current_facts`).

        `settle` says what the facts of a concept count as, before anybody sees them.
        """
        grouped: dict[str, list[Fact]] = {}
        for fact in facts:
            try:
                grouped[fact.concept].append(fact)
            except KeyError:
                grouped[fact.concept] = [fact]
        self._grouped: Mapping[str, list[Fact]] = grouped
        self._settle = settle
        self._sorted: dict[str, Series] = {}
        self._plain: set[str] = set()
        self._made: dict[str, Sequence[Fact]] = {}

    @property
    def facts(self) -> Iterator[Fact]:
        """Give all facts, in no order."""
        return chain.from_iterable(self._settled(concept) for concept in self._grouped)

    def __contains__(self, concept: str) -> bool:
        """Tell whether there is any fact of a concept."""
        return concept in self._grouped

    def lacks(self, concepts: Collection[str]) -> bool:
        """Tell whether there is no fact of any of some concepts; most rules ask for what nobody measured."""
        return self._grouped.keys().isdisjoint(concepts)

    @property
    def concepts(self) -> tuple[str, ...]:
        """Return the concepts that have facts, sorted."""
        return tuple(sorted(self._grouped))

    def series(self, concept: str) -> Series:
        """Return the facts of one concept; empty where there are none."""
        known = self._sorted.get(concept)
        if known is None:
            known = make_series(self._settled(concept)) if concept in self._grouped else EMPTY
            self._sorted[concept] = known
        return known

    def _settled(self, concept: str) -> Sequence[Fact]:
        facts = self._grouped[concept]
        if self._settle is None or concept in self._plain:
            return facts
        settled = self._made.get(concept)
        if settled is None:
            settled = self._settle(concept, facts)
            if settled is facts:
                self._plain.add(concept)
            else:
                self._made[concept] = settled
        return settled

    def stated(self, concept: str) -> Sequence[Fact]:
        """Return the facts of one concept as they were stated, in no order."""
        return self._grouped.get(concept, ())

    def stated_at(self, concept: str, instants: Collection[EpochMs]) -> Iterator[Fact]:
        """Give the facts of one concept that begin at one of some instants, as they were stated, in no order."""
        if concept in self._grouped and self.counts_as_stated(concept):
            series = self.series(concept)
            return (fact for at_ms in instants for fact in series.within(at_ms, at_ms))
        return (fact for fact in self.stated(concept) if fact.effective.start_ms in instants)

    def counts_as_stated(self, concept: str) -> bool:
        """Tell whether every fact of a concept counts as it was stated."""
        return concept not in self._grouped or self._settled(concept) is self._grouped[concept]

    def changed(self, removed: Iterable[Fact], added: Iterable[Fact]) -> FactIndex:
        """Return the index without some of its facts and with others; concepts that have neither are shared."""
        gone: dict[str, set[int]] = {}
        for fact in removed:
            gone.setdefault(fact.concept, set()).add(id(fact))
        new: dict[str, list[Fact]] = {}
        for fact in added:
            new.setdefault(fact.concept, []).append(fact)
        other = FactIndex((), self._settle)
        grouped, ordered = dict(self._grouped), dict(self._sorted)
        other._grouped, other._sorted, other._plain = grouped, ordered, set(self._plain)
        other._made = dict(self._made)
        for concept in gone.keys() | new.keys():
            fresh, old = new.get(concept, []), ordered.pop(concept, None)
            other._made.pop(concept, None)
            kept, lost = grouped.get(concept, []), gone.get(concept)
            if lost:
                kept = [fact for fact in kept if id(fact) not in lost]
            grouped[concept] = kept + fresh
            if self._settle is not None and self._settle(concept, fresh) is not fresh:
                other._plain.discard(concept)
            if not grouped[concept]:
                del grouped[concept]
            elif old is not None and not lost and _all_after(fresh, old) and other.counts_as_stated(concept):
                ordered[concept] = old.followed_by(fresh)
        return other


def _all_after(facts: Iterable[Fact], series: Series) -> bool:
    return not series.starts or all(fact.effective.start_ms > series.starts[-1] for fact in facts)
