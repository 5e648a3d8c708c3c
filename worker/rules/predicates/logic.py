"""All, any, not, and clauses of one scope used in the other. Pure: no I/O, no clock.

Three-valued after Kleene: `all` is false as soon as one part is, `any` true as soon as one part is; `not` of unknown is
unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.finding import Trace, Truth
from worker.rules.context import EpisodeNode, Outcome, ReadingNode, Scanned
from worker.rules.interval import negate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Blank, Context, Hit


def all_of(truths: Iterable[Truth]) -> Truth:
    """Join by Kleene's "and"; true for nothing."""
    answer = Truth.TRUE
    for truth in truths:
        if truth is Truth.FALSE:
            return truth
        if truth is Truth.UNKNOWN:
            answer = truth
    return answer


def any_of(truths: Iterable[Truth]) -> Truth:
    """Join by Kleene's "or"; false for nothing."""
    answer = Truth.FALSE
    for truth in truths:
        if truth is Truth.TRUE:
            return truth
        if truth is Truth.UNKNOWN:
            answer = truth
    return answer


def fixed_part(clause: ReadingNode) -> ReadingNode | None:
    """Give what of a clause is fixed and must hold of r for the whole to hold; None for nothing."""
    if clause.is_fixed:
        return clause
    if not isinstance(clause, ReadingAll):
        return None
    parts = tuple(part for part in map(fixed_part, clause.parts) if part is not None)
    return ReadingAll(parts) if parts else None


def possible(
    key: int, fixed: ReadingNode | None, facts: tuple[Fact, ...], context: Context
) -> tuple[Fact, ...]:
    """Give the facts that the fixed part of a clause does not rule out, in their order.

    Of what was looked at before under this key, for the same LP, only what came after it is looked at.
    """
    if fixed is None or not facts:
        return facts
    known = context.scanned.get(key)
    kept: tuple[Fact, ...] = ()
    fresh = facts
    if known is not None and facts[: len(known.facts)] == known.facts:
        kept, fresh = known.kept, facts[len(known.facts) :]
    test = fixed.test
    kept = (*kept, *(fact for fact in fresh if test(fact, context) is not Truth.FALSE))
    context.scanned[key] = Scanned(facts, kept)
    return kept


class ReadingAll(ReadingNode):
    """All parts hold of r."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[ReadingNode, ...], label: str = "all") -> None:
        self.parts = tuple(sorted(parts, key=lambda part: part.cost))
        self.label = label

    @property
    def cost(self) -> int:
        return sum(part.cost for part in self.parts)

    @property
    def is_fixed(self) -> bool:
        return all(part.is_fixed for part in self.parts)

    def test(self, fact: Fact, context: Context) -> Truth:
        answer = Truth.TRUE
        for part in self.parts:
            truth = part.test(fact, context)
            if truth is Truth.FALSE:
                return truth
            if truth is Truth.UNKNOWN:
                answer = truth
        return answer

    def explain(self, fact: Fact, context: Context) -> Trace:
        children = tuple(part.explain(fact, context) for part in self.parts)
        return Trace(all_of(child.truth for child in children), self.label, children=children)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        return tuple(other for part in self.parts for other in part.support(fact, context))

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        found: list[Blank] = []
        for part in self.parts:
            if part.test(fact, context) is not Truth.TRUE:
                lacking = part.lacks(fact, context)
                if not lacking:
                    return ()
                found.extend(lacking)
        return tuple(found)

    def remarks(self, fact: Fact, context: Context) -> tuple[str, ...]:
        return tuple(remark for part in self.parts for remark in part.remarks(fact, context))


class ReadingAny(ReadingNode):
    """At least one part holds of r."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[ReadingNode, ...], label: str = "any") -> None:
        self.parts = tuple(sorted(parts, key=lambda part: part.cost))
        self.label = label

    @property
    def cost(self) -> int:
        return sum(part.cost for part in self.parts)

    @property
    def is_fixed(self) -> bool:
        return all(part.is_fixed for part in self.parts)

    def test(self, fact: Fact, context: Context) -> Truth:
        answer = Truth.FALSE
        for part in self.parts:
            truth = part.test(fact, context)
            if truth is Truth.TRUE:
                return truth
            if truth is Truth.UNKNOWN:
                answer = truth
        return answer

    def explain(self, fact: Fact, context: Context) -> Trace:
        children = tuple(part.explain(fact, context) for part in self.parts)
        return Trace(any_of(child.truth for child in children), self.label, children=children)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        holding = (part for part in self.parts if part.test(fact, context) is Truth.TRUE)
        return tuple(other for part in holding for other in part.support(fact, context))

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        if self.test(fact, context) is Truth.TRUE:
            return ()
        return tuple(blank for part in self.parts for blank in part.lacks(fact, context))

    def remarks(self, fact: Fact, context: Context) -> tuple[str, ...]:
        return tuple(remark for part in self.parts for remark in part.remarks(fact, context))


class ReadingNot(ReadingNode):
    """The part does not hold of r."""

    __slots__ = ("part",)

    def __init__(self, part: ReadingNode) -> None:
        self.part = part
        self.label = "not"

    @property
    def cost(self) -> int:
        return self.part.cost

    @property
    def is_fixed(self) -> bool:
        return self.part.is_fixed

    def test(self, fact: Fact, context: Context) -> Truth:
        return negate(self.part.test(fact, context))

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        is_unknown = self.part.test(fact, context) is Truth.UNKNOWN
        return self.part.lacks(fact, context) if is_unknown else ()

    def explain(self, fact: Fact, context: Context) -> Trace:
        child = self.part.explain(fact, context)
        return Trace(negate(child.truth), self.label, children=(child,))


class Unless(ReadingNode):
    """The clause is not known to hold of r: only what is true suppresses."""

    __slots__ = ("clause",)

    def __init__(self, clause: ReadingNode, say: str) -> None:
        self.clause = clause
        self.label = f"unless: {say}"

    @property
    def cost(self) -> int:
        return 1 + self.clause.cost

    @property
    def is_fixed(self) -> bool:
        return self.clause.is_fixed

    def test(self, fact: Fact, context: Context) -> Truth:
        return Truth.FALSE if self.clause.test(fact, context) is Truth.TRUE else Truth.TRUE

    def explain(self, fact: Fact, context: Context) -> Trace:
        child = self.clause.explain(fact, context)
        if child.truth is Truth.TRUE:
            return Trace(Truth.FALSE, self.label, "suppressed", children=(child,))
        reason = (
            "not suppressed, because this is not known" if child.truth is Truth.UNKNOWN else "not suppressed"
        )
        return Trace(Truth.TRUE, self.label, reason, children=(child,))


class Named(ReadingNode):
    """A definition: asked once for each fact, however many rules use it."""

    __slots__ = ("clause",)

    def __init__(self, clause: ReadingNode, name: str) -> None:
        self.clause = clause
        self.label = name

    @property
    def cost(self) -> int:
        return self.clause.cost

    @property
    def is_fixed(self) -> bool:
        return self.clause.is_fixed

    def test(self, fact: Fact, context: Context) -> Truth:
        answers = context.remembered.get(id(self))
        if answers is None:
            answers = context.remembered[id(self)] = {}
        truth = answers.get(id(fact))
        if truth is None:
            truth = answers[id(fact)] = self.clause.test(fact, context)
        return truth

    def explain(self, fact: Fact, context: Context) -> Trace:
        child = self.clause.explain(fact, context)
        return Trace(child.truth, self.label, children=(child,))

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        return self.clause.lacks(fact, context)

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        return self.clause.support(fact, context)

    def remarks(self, fact: Fact, context: Context) -> tuple[str, ...]:
        return self.clause.remarks(fact, context)


class OfEpisode(ReadingNode):
    """An episode clause inside a reading clause: the same answer for every r."""

    __slots__ = ("node",)

    def __init__(self, node: EpisodeNode) -> None:
        self.node = node
        self.label = node.label

    @property
    def is_fixed(self) -> bool:
        return self.node.is_fixed

    def test(self, fact: Fact, context: Context) -> Truth:
        return self.node.ask(context).truth

    def explain(self, fact: Fact, context: Context) -> Trace:
        return self.node.explain(context)

    def lacks(self, fact: Fact, context: Context) -> tuple[Blank, ...]:
        if self.test(fact, context) is Truth.TRUE:
            return ()
        return tuple(self.node.blanks(context))

    def support(self, fact: Fact, context: Context) -> tuple[Fact, ...]:
        return tuple(other for hit in self.node.ask(context).hits for other in (hit.fact, *hit.support))


class EpisodeAll(EpisodeNode):
    """All parts hold of the LP: from the last instant at which one began to."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[EpisodeNode, ...], label: str = "all") -> None:
        self.parts = parts
        self.label = label

    @property
    def is_fixed(self) -> bool:
        return all(part.is_fixed for part in self.parts)

    def evaluate(self, context: Context) -> Outcome:
        outcomes = [part.ask(context) for part in self.parts]
        truth = all_of(outcome.truth for outcome in outcomes)
        next_ms, awaits_ms = _times(outcomes)
        if truth is not Truth.TRUE:
            return Outcome(truth, next_ms=next_ms, awaits_ms=awaits_ms)
        since = max((outcome.since_ms for outcome in outcomes if outcome.since_ms is not None), default=None)
        return Outcome(truth, _closed_together(outcomes), since, next_ms, awaits_ms)

    def explain(self, context: Context) -> Trace:
        children = tuple(part.explain(context) for part in self.parts)
        return Trace(all_of(child.truth for child in children), self.label, children=children)

    def blanks(self, context: Context) -> Iterator[Blank]:
        is_true = self.ask(context).truth is Truth.TRUE
        found: list[Blank] = []
        for part in self.parts:
            if is_true or part.ask(context).truth is not Truth.TRUE:
                lacking = tuple(part.blanks(context))
                if not lacking and not is_true:
                    return
                found.extend(lacking)
        yield from found

    def undecided(self, context: Context) -> Iterator[Fact]:
        yield from _undecided(self, self.parts, context)


class EpisodeAny(EpisodeNode):
    """At least one part holds of the LP: from the first instant at which one did."""

    __slots__ = ("parts",)

    def __init__(self, parts: tuple[EpisodeNode, ...], label: str = "any") -> None:
        self.parts = parts
        self.label = label

    @property
    def is_fixed(self) -> bool:
        return all(part.is_fixed for part in self.parts)

    def evaluate(self, context: Context) -> Outcome:
        outcomes = [part.ask(context) for part in self.parts]
        truth = any_of(outcome.truth for outcome in outcomes)
        next_ms, awaits_ms = _times(outcomes)
        if truth is not Truth.TRUE:
            return Outcome(truth, next_ms=next_ms, awaits_ms=awaits_ms)
        holding = [outcome for outcome in outcomes if outcome.truth is Truth.TRUE]
        since = min((outcome.since_ms for outcome in holding if outcome.since_ms is not None), default=None)
        return Outcome(truth, _joined(holding), since, next_ms, awaits_ms)

    def explain(self, context: Context) -> Trace:
        children = tuple(part.explain(context) for part in self.parts)
        return Trace(any_of(child.truth for child in children), self.label, children=children)

    def blanks(self, context: Context) -> Iterator[Blank]:
        for part in self.parts:
            yield from part.blanks(context)

    def undecided(self, context: Context) -> Iterator[Fact]:
        yield from _undecided(self, self.parts, context)


class EpisodeNot(EpisodeNode):
    """The part does not hold of the LP."""

    __slots__ = ("part",)

    def __init__(self, part: EpisodeNode) -> None:
        self.part = part
        self.label = "not"

    @property
    def is_fixed(self) -> bool:
        return self.part.is_fixed

    def evaluate(self, context: Context) -> Outcome:
        outcome = self.part.ask(context)
        return Outcome(negate(outcome.truth), next_ms=outcome.next_ms, awaits_ms=outcome.awaits_ms)

    def explain(self, context: Context) -> Trace:
        child = self.part.explain(context)
        return Trace(negate(child.truth), self.label, children=(child,))

    def blanks(self, context: Context) -> Iterator[Blank]:
        if self.ask(context).truth is Truth.UNKNOWN:
            yield from self.part.blanks(context)

    def undecided(self, context: Context) -> Iterator[Fact]:
        yield from _undecided(self, (self.part,), context)


def _undecided(node: EpisodeNode, parts: tuple[EpisodeNode, ...], context: Context) -> Iterator[Fact]:
    if node.ask(context).truth is Truth.UNKNOWN:
        for part in parts:
            yield from part.undecided(context)


def _joined(outcomes: list[Outcome]) -> tuple[Hit, ...]:
    if len(outcomes) == 1:
        return outcomes[0].hits
    return tuple(sorted((hit for outcome in outcomes for hit in outcome.hits), key=lambda hit: hit.at_ms))


def _closed_together(outcomes: list[Outcome]) -> tuple[Hit, ...]:
    """Return the hits of parts that hold together: where one part is nothing but gaps that ended, all of it ended."""
    hits = _joined(outcomes)
    if any(outcome.hits and all(hit.is_closed for hit in outcome.hits) for outcome in outcomes):
        return tuple(hit._replace(is_closed=True) for hit in hits)
    return hits


def _times(outcomes: list[Outcome]) -> tuple[EpochMs | None, EpochMs | None]:
    next_ms = min((outcome.next_ms for outcome in outcomes if outcome.next_ms is not None), default=None)
    awaits_ms = min(
        (outcome.awaits_ms for outcome in outcomes if outcome.awaits_ms is not None), default=None
    )
    return next_ms, awaits_ms
