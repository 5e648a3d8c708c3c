"""Predicates about one LP: a reading, so many readings, an age, the puncture, another rule. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.model.fact import Puncture, Quantity
from worker.model.finding import Trace, Truth
from worker.rules.context import NOTHING, UNKNOWN, Blank, EpisodeNode, Hit, Outcome
from worker.rules.params import DAYS_A_YEAR
from worker.rules.predicates.lacking import NO_DATA, NONE_GIVEN, NOT_DOCUMENTED, lacking
from worker.rules.predicates.logic import fixed_part, possible
from worker.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.model.fact import Fact
    from worker.rules.context import Context, ReadingNode, Wanted, Window
    from worker.rules.params import Limits

_SHOWN = 3
_FIRST_YEARS = 2


class Reading(EpisodeNode):
    """`reading` and `finding`: each reading in the window for which `where` holds is a hit.

    Without any reading the answer is unknown; a finding that no note states is false as soon as there is a note.
    """

    __slots__ = ("apart_ms", "concepts", "count", "fixed", "is_finding", "wanted", "where", "window")

    def __init__(
        self,
        concepts: tuple[str, ...],
        wanted: Wanted,
        window: Window,
        where: ReadingNode,
        *,
        is_finding: bool,
        label: str,
        spaced: tuple[int, int] = (1, 0),
    ) -> None:
        self.concepts = concepts
        self.wanted = wanted
        self.window = window
        self.where = where
        self.fixed = fixed_part(where)
        self.is_finding = is_finding
        self.label = label
        self.count, self.apart_ms = spaced

    def evaluate(self, context: Context) -> Outcome:
        hits, is_unsure, is_empty = self._scan(context)
        if self.count > 1:
            hits = _spaced(hits, self.count, self.apart_ms)
        if hits:
            return Outcome(Truth.TRUE, tuple(hits), hits[0].at_ms)
        if is_unsure or (is_empty and not self._is_charted(context)):
            return UNKNOWN
        return NOTHING

    def explain(self, context: Context) -> Trace:
        outcome = self.ask(context)
        facts = self._facts(context)
        hits = tuple(hit.fact for hit in outcome.hits)
        reason = self._no_data(context) if not facts else f"{len(hits)} of {len(facts)} in the window"
        shown = hits[-_SHOWN:] or self._telling(facts, context)
        children = tuple(self._explain_one(fact, context) for fact in shown)
        return Trace(outcome.truth, self.label, reason, hits, children)

    def blanks(self, context: Context) -> Iterator[Blank]:
        if self.ask(context).truth is Truth.TRUE:
            return
        yield from lacking(self.wanted, self.window.bounds(context), context)
        for fact in possible(id(self), self.fixed, self._facts(context), context):
            if self._is_unsure(fact, context):
                yield self._undecided(fact, context)
            else:
                yield from self.where.lacks(fact, context)

    def undecided(self, context: Context) -> Iterator[Fact]:
        if self.ask(context).truth is Truth.UNKNOWN:
            facts = possible(id(self), self.fixed, self._facts(context), context)
            yield from (fact for fact in facts if self._is_unsure(fact, context))

    def _is_unsure(self, fact: Fact, context: Context) -> bool:
        return self.where.test(fact, context) is Truth.UNKNOWN

    def _undecided(self, fact: Fact, context: Context) -> Blank:
        trace = self.where.explain(fact, context)
        while below := next((child for child in trace.children if child.truth is Truth.UNKNOWN), None):
            trace = below
        said = f"undecided: {describe(fact, context)} ({trace.reason or trace.label})"
        return Blank(said, is_on_file=True)

    def _scan(self, context: Context) -> tuple[list[Hit], bool, bool]:
        test = self.where.test
        hits: list[Hit] = []
        is_unsure = False
        facts = self._facts(context)
        for fact in possible(id(self), self.fixed, facts, context):
            truth = test(fact, context)
            if truth is Truth.TRUE:
                hits.append(self._hit(fact, context))
            elif truth is Truth.UNKNOWN:
                is_unsure = True
        hits.sort(key=_at)
        return hits, is_unsure, not facts

    def _hit(self, fact: Fact, context: Context) -> Hit:
        support = self.where.support(fact, context)
        return make_hit(fact, support, context)._replace(remarks=self.where.remarks(fact, context))

    def _facts(self, context: Context) -> tuple[Fact, ...]:
        return self._between(self.concepts, context)

    def _is_charted(self, context: Context) -> bool:
        return self.is_finding and bool(self._between(("note",), context))

    def _between(self, concepts: tuple[str, ...], context: Context) -> tuple[Fact, ...]:
        view = context.view
        if view.index.lacks(concepts):
            return ()
        first_ms, last_ms = self.window.bounds(context)
        return view.between(concepts, first_ms, last_ms)

    def _no_data(self, context: Context) -> str:
        if self._is_charted(context):
            return "not stated in any note of the window"
        newest = self._newest_before(context)
        if newest is None:
            return NO_DATA
        return f"stale: the newest is {describe(newest, context)}, before the window"

    def _newest_before(self, context: Context) -> Fact | None:
        first_ms, _ = self.window.bounds(context)
        older = [found for name in self.concepts if (found := context.view.last_before(name, first_ms))]
        return max(older, key=rank_fact, default=None)

    def _telling(self, facts: tuple[Fact, ...], context: Context) -> tuple[Fact, ...]:
        """Choose what to show when nothing hit: what is undecided, the highest and the newest."""
        unsure = [fact for fact in facts if self._is_unsure(fact, context)][-_SHOWN:]
        numbered = [
            (fact.value.value, rank_fact(fact), fact) for fact in facts if isinstance(fact.value, Quantity)
        ]
        highest = [max(numbered, key=lambda entry: entry[:2])[2]] if numbered else []
        chosen = {id(fact): fact for fact in (*unsure, *highest, *facts[-1:])}
        return tuple(sorted(chosen.values(), key=rank_fact))

    def _explain_one(self, fact: Fact, context: Context) -> Trace:
        trace = self.where.explain(fact, context)
        inner = trace.children if trace.label == "all" else (trace,)
        return Trace(trace.truth, describe(fact, context), children=inner)


class StandIn(Reading):
    """A reading of what is there only where another value cannot be: nobody misses it."""

    __slots__ = ()

    def blanks(self, context: Context) -> Iterator[Blank]:
        yield from ()


class Age(EpisodeNode):
    """`age`: the age at the LP against a limit."""

    __slots__ = ("limits",)

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.label = f"age {limits.words}"

    @property
    def is_fixed(self) -> bool:
        return True

    def evaluate(self, context: Context) -> Outcome:
        if context.age_days is None:
            return UNKNOWN
        return Outcome(self.limits.decide_exact(context.age_days, context.age_days))

    def explain(self, context: Context) -> Trace:
        reason = "no birth date" if context.age_days is None else f"{_age_words(context.age_days)} at the LP"
        return Trace(self.ask(context).truth, self.label, reason)

    def blanks(self, context: Context) -> Iterator[Blank]:
        if context.age_days is None:
            yield Blank(NO_DATA, ("birth-date",))


class Documented(EpisodeNode):
    """`puncture`: what the records of the LP say of it; what no record says is unknown."""

    __slots__ = ("asked", "is_traumatic", "passes")

    def __init__(self, *, is_traumatic: bool, passes: Limits | None) -> None:
        self.is_traumatic = is_traumatic
        self.passes = passes
        self.asked = (("traumatic LP",) if is_traumatic else ()) + (("attempts",) if passes else ())
        told = (("traumatic",) if is_traumatic else ()) + ((f"passes {passes.words}",) if passes else ())
        self.label = f"LP documented with {' or '.join(told)}"

    def evaluate(self, context: Context) -> Outcome:
        verdicts = [(record, self._judge(record, context)) for record in context.view.episode.records]
        hits = tuple(make_hit(record, (), context) for record, truth in verdicts if truth is Truth.TRUE)
        if hits:
            return Outcome(Truth.TRUE, hits, hits[0].at_ms)
        return NOTHING if any(truth is Truth.FALSE for _, truth in verdicts) else UNKNOWN

    def explain(self, context: Context) -> Trace:
        outcome = self.ask(context)
        reason = NOT_DOCUMENTED if outcome.truth is Truth.UNKNOWN else ""
        return Trace(outcome.truth, self.label, reason, tuple(hit.fact for hit in outcome.hits))

    def blanks(self, context: Context) -> Iterator[Blank]:
        if self.ask(context).truth is Truth.UNKNOWN:
            yield Blank(NOT_DOCUMENTED, self.asked)

    def _judge(self, record: Fact, context: Context) -> Truth:
        puncture = record.value
        if not isinstance(puncture, Puncture):
            return Truth.UNKNOWN
        told = []
        if self.is_traumatic and puncture.is_traumatic is not None:
            told.append(Truth.TRUE if puncture.is_traumatic else Truth.FALSE)
        if self.passes is not None and puncture.passes is not None:
            told.append(self.passes.decide_exact(puncture.passes, context.age_days))
        if not told:
            return Truth.UNKNOWN
        return Truth.TRUE if Truth.TRUE in told else Truth.FALSE


class Drug(EpisodeNode):
    """`active_drug`: a drug that acts at some instant of the span, one dose acting for a fixed time."""

    __slots__ = ("active_ms", "concepts", "during", "where")

    def __init__(
        self, concepts: tuple[str, ...], active_ms: int, during: Window, where: ReadingNode, label: str
    ) -> None:
        self.concepts = concepts
        self.active_ms = active_ms
        self.during = during
        self.where = where
        self.label = label

    def evaluate(self, context: Context) -> Outcome:
        hits = [
            make_hit(fact, (), context)
            for fact in self._given(context)
            if self.where.test(fact, context) is Truth.TRUE
        ]
        if hits:
            return Outcome(Truth.TRUE, tuple(sorted(hits, key=_at)), min(hit.at_ms for hit in hits))
        return NOTHING if self._given(context) else UNKNOWN

    def explain(self, context: Context) -> Trace:
        given = self._given(context)
        reason = ", ".join(describe(fact, context) for fact in given[-_SHOWN:]) or NONE_GIVEN
        outcome = self.ask(context)
        return Trace(outcome.truth, self.label, reason, tuple(hit.fact for hit in outcome.hits))

    def blanks(self, context: Context) -> Iterator[Blank]:
        if self.ask(context).truth is Truth.UNKNOWN:
            yield Blank(NONE_GIVEN, self.concepts)

    def _given(self, context: Context) -> Sequence[Fact]:
        """Return the doses and courses that reach into the span, by clinical time."""
        first_ms, last_ms = self.during.bounds(context)
        given = context.view.between(self.concepts, first_ms - _COURSE_MS, last_ms)
        return [fact for fact in given if fact.effective.last_ms + self.active_ms >= first_ms]


class OtherRule(EpisodeNode):
    """`rule`: another rule holds for the same LP."""

    __slots__ = ("rule",)

    def __init__(self, rule: str) -> None:
        self.rule = rule
        self.label = f"rule {rule} holds"

    def evaluate(self, context: Context) -> Outcome:
        return context.outcomes.get(self.rule, UNKNOWN)

    def blanks(self, context: Context) -> Iterator[Blank]:
        if self.ask(context).truth is not Truth.TRUE:
            yield Blank("", rule=self.rule)

    def explain(self, context: Context) -> Trace:
        outcome = self.ask(context)
        facts = tuple(hit.fact for hit in outcome.hits)
        return Trace(
            outcome.truth, self.label, "" if self.rule in context.outcomes else "not evaluated", facts
        )


_COURSE_MS = 90 * 86_400_000
"""How long before the span a course of a drug may have begun and still run."""


def _age_words(days: int) -> str:
    """Write an age as people say it: days in the first two years, then years."""
    years = int(days / DAYS_A_YEAR)
    return f"{days} d" if years < _FIRST_YEARS else f"{years} years"


def make_hit(fact: Fact, support: tuple[Fact, ...], context: Context) -> Hit:
    """Make a hit that holds once all its facts do; no rule holds before the LP that it is about."""
    at_ms = max(fact.effective.start_ms, context.anchor_ms)
    for other in support:
        at_ms = max(at_ms, other.effective.start_ms)
    return Hit(fact, at_ms, support)


def _at(hit: Hit) -> tuple[int, tuple[object, ...]]:
    return hit.at_ms, rank_fact(hit.fact)


def _spaced(hits: list[Hit], count: int, apart_ms: int) -> list[Hit]:
    """Keep the hits from the `count`-th on that stand far enough after the one counted before."""
    counted: list[Hit] = []
    for hit in hits:
        if not counted or hit.at_ms - counted[-1].at_ms >= apart_ms:
            counted.append(hit)
    if len(counted) < count:
        return []
    earlier = tuple(hit.fact for hit in counted[: count - 1])
    return [hit._replace(support=(*hit.support, *earlier)) for hit in counted[count - 1 :]]
