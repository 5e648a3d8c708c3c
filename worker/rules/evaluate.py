"""Evaluate rules on one lumbar puncture (LP): a finding or none, when to look again, and why. Pure: no I/O, no clock.

A finding is a function of current facts, rules, `as_of` and how far the feeds are read; receipt times never enter. It does not
vanish when its window ends: its alert expires then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from worker.correlate.baseline import NO_BASELINE, Newness, compare
from worker.correlate.index import is_csf, rank_fact
from worker.model.fact import Assertion, Quantity
from worker.model.finding import Finding, RuleStatus, Severity, Truth
from worker.model.time import EpochMs
from worker.rules.context import Context, Hit, Outcome

if TYPE_CHECKING:
    from worker.correlate.view import EpisodeView
    from worker.model.fact import Fact
    from worker.model.finding import Trace
    from worker.rules.rule import Rule, RuleBook

ALL_HEARD: Final[Mapping[str, EpochMs]] = MappingProxyType({})
"""No feed is silent."""
SAY = "say"
"""The effect of a clause that changes no severity."""


class Now(NamedTuple):
    """As of when, how far the feeds are read, and the concepts whose feeds are silent, with up to when they were not."""

    as_of_ms: EpochMs
    consumed_until_ms: EpochMs
    unheard: Mapping[str, EpochMs] = ALL_HEARD


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one rule says of one LP.

    Shape: `finding` only when `truth` is true. `next_change_at_ms` is the next instant at which finding or alert may change by
    time alone (a gap falls due, the window ends); `awaits_feeds_until_ms` an instant already past up to which feeds must be
    consumed before a gap can be judged. `undecided` are the facts that leave an unknown answer unknown.
    """

    rule: Rule
    truth: Truth
    finding: Finding | None
    next_change_at_ms: EpochMs | None
    awaits_feeds_until_ms: EpochMs | None
    context: Context
    undecided: tuple[Fact, ...] = ()

    def seen_in(self, context: Context) -> Evaluation:
        """Return the same answer, explained by what is known now."""
        return Evaluation(
            self.rule,
            self.truth,
            self.finding,
            self.next_change_at_ms,
            self.awaits_feeds_until_ms,
            context,
            self.undecided,
        )

    @property
    def is_told(self) -> bool:
        """Tell whether people hear of its rule: neither in shadow nor silent."""
        return self.rule.status is not RuleStatus.SHADOW and not self.rule.is_silent

    @property
    def trace(self) -> Trace:
        """Return why, in full; made when asked for."""
        return self.rule.when.explain(self.context)

    @property
    def weighed(self) -> tuple[Weighed, ...]:
        """Return what raises, lowers or remarks, of the first hit that has the finding's severity; nothing without one."""
        if self.finding is None:
            return ()
        hits, _ = _decisive(self.rule, self.rule.when.ask(self.context).hits)
        for hit in hits:
            if _grade(self.rule, hit, self.context).severity == self.finding.severity:
                return tuple(_weigh(self.rule, hit, self.context))
        return ()


class Weighed(NamedTuple):
    """A clause on a hit: what it does where it holds ("raise to emergent"), what it says, and whether it holds and why."""

    effect: str
    say: str
    trace: Trace


class _Graded(NamedTuple):
    """A hit with its severity, the instant from which it had it, the facts it rests on, and what is said."""

    hit: Hit
    severity: Severity
    at_ms: EpochMs
    facts: tuple[Fact, ...]
    remarks: tuple[str, ...]


def evaluate_all(
    book: RuleBook,
    views: Iterable[EpisodeView],
    as_of_ms: EpochMs,
    consumed_until_ms: EpochMs,
    changed: Iterable[str] | None = None,
    unheard: Mapping[str, EpochMs] = ALL_HEARD,
) -> tuple[Evaluation, ...]:
    """Evaluate every rule on every LP of one patient group.

    Shape: by LP, then in the order of the book. With `changed` (concepts), only rules whose answer may differ; the rules that
    these refer to are asked too, but not returned. `unheard` are concepts whose feeds are silent, and up to when they were not.
    """
    wanted = book.rules if changed is None else book.rules_for(changed)
    names = frozenset(rule.id for rule in wanted)
    asked = book.rules if len(wanted) == len(book.rules) else _with_referred(book, wanted)
    found = []
    for view in views:
        context = Context(view, as_of_ms, consumed_until_ms, unheard=unheard)
        for rule in asked:
            evaluation = evaluate(rule, context)
            if rule.id in names:
                found.append(evaluation)
    return tuple(found)


def evaluate_again(
    book: RuleBook,
    views: Iterable[EpisodeView],
    now: Now,
    before: Iterable[Evaluation],
    changed: Iterable[str],
    *,
    keep_scans: bool,
) -> tuple[Evaluation, ...]:
    """Evaluate every rule on every LP, as `evaluate_all` does, but ask only those whose answer may differ from `before`.

    Shape: `before` are all evaluations of the same LPs, in the order of `evaluate_all`, at an instant not later and with feeds
    read no further; `changed` are the concepts of which facts came or went since, none of which shapes LPs, stays or ages. With
    `keep_scans` none went, and each that came is later than every other of its concept, and than the LPs.
    """
    concepts = frozenset(changed)
    known = iter(before)
    found = []
    for view in views:
        context = Context(view, now.as_of_ms, now.consumed_until_ms, unheard=now.unheard)
        others: set[str] = set()
        for rule, previous in zip(book.rules, known, strict=False):
            if keep_scans:
                context.scanned = previous.context.scanned
            outcome = previous.context.outcomes[rule.id]
            if _may_differ(rule, previous, concepts, others, now.as_of_ms):
                found.append(evaluate(rule, context))
                if context.outcomes[rule.id] != outcome:
                    others.add(rule.id)
            else:
                context.outcomes[rule.id] = outcome
                found.append(previous.seen_in(context))
    return tuple(found)


def _may_differ(
    rule: Rule, previous: Evaluation, changed: frozenset[str], others: set[str], as_of_ms: EpochMs
) -> bool:
    """Tell whether a rule may say something else: of other facts, as other rules do (`others`), or by time alone."""
    return (
        rule.is_timed
        or not rule.inputs.isdisjoint(changed)
        or not rule.refers_to.isdisjoint(others)
        or _is_due(previous, as_of_ms)
    )


def _is_due(evaluation: Evaluation, as_of_ms: EpochMs) -> bool:
    """Tell whether time alone may have changed an answer since."""
    next_ms = evaluation.next_change_at_ms
    return evaluation.awaits_feeds_until_ms is not None or (next_ms is not None and next_ms <= as_of_ms)


def evaluate(rule: Rule, context: Context) -> Evaluation:
    """Evaluate one rule; `context` remembers its answer for the rules that refer to it.

    Shape: the rules that `rule` refers to were evaluated with the same context before.
    """
    outcome = rule.when.ask(context)
    finding = _finding(rule, outcome, context) if outcome.truth is Truth.TRUE else None
    context.outcomes[rule.id] = outcome
    next_ms = outcome.next_ms
    if finding is not None and not rule.is_silent and finding.window_end_ms > context.as_of_ms:
        next_ms = finding.window_end_ms if next_ms is None else min(next_ms, finding.window_end_ms)
    undecided = tuple(rule.when.undecided(context)) if outcome.truth is Truth.UNKNOWN else ()
    return Evaluation(rule, outcome.truth, finding, next_ms, outcome.awaits_ms, context, undecided)


def _with_referred(book: RuleBook, wanted: Sequence[Rule]) -> tuple[Rule, ...]:
    by_id = book.by_id
    names: set[str] = set()
    open_ = [rule.id for rule in wanted]
    while open_:
        name = open_.pop()
        if name not in names and name in by_id:
            names.add(name)
            open_.extend(by_id[name].refers_to)
    return tuple(rule for rule in book.rules if rule.id in names)


def _finding(rule: Rule, outcome: Outcome, context: Context) -> Finding:
    hits, status = _decisive(rule, outcome.hits)
    graded = [_grade(rule, hit, context) for hit in hits]
    severity = max((each.severity for each in graded), default=rule.severity)
    top = [each for each in graded if each.severity == severity]
    since_ms = context.anchor_ms if outcome.since_ms is None else outcome.since_ms
    if len(hits) < len(outcome.hits):
        since_ms = max(since_ms, min(hit.at_ms for hit in hits))
    return Finding(
        episode=context.view.episode,
        rule=rule.id,
        rule_version=rule.version,
        status=status,
        severity=severity,
        effective_ms=since_ms,
        latest_ms=max([since_ms, *(_told_ms(each) for each in top)]),
        window_end_ms=context.anchor_ms + rule.expires_ms,
        evidence=_evidence(graded),
        remarks=tuple(dict.fromkeys(remark for each in top for remark in each.remarks)),
        peak=_peak(hits) if rule.renotify_rise is not None else None,
        gap_closed=bool(hits) and all(hit.is_closed for hit in hits),
    )


def _decisive(rule: Rule, hits: tuple[Hit, ...]) -> tuple[tuple[Hit, ...], RuleStatus]:
    """Return the hits that count: those that only shadow never decide what people are told."""
    if not rule.shadow_concepts:
        return hits, rule.status
    told = tuple(hit for hit in hits if hit.fact.concept not in rule.shadow_concepts)
    return (told, rule.status) if told else (hits, RuleStatus.SHADOW)


def _grade(rule: Rule, hit: Hit, context: Context) -> _Graded:
    severity, at_ms = rule.severity, hit.at_ms
    facts = [hit.fact, *hit.support]
    remarks = []
    for clause in rule.raises:
        if clause.to > severity and clause.when.test(hit.fact, context) is Truth.TRUE:
            severity = clause.to
            support = clause.when.support(hit.fact, context)
            at_ms = max(at_ms, *(fact.effective.start_ms for fact in support)) if support else at_ms
            facts.extend(support)
            remarks.append(clause.say)
    for clause in rule.lowers:
        if clause.when.test(hit.fact, context) is Truth.TRUE:
            severity = _lower(severity, clause.to, is_one_lower=clause.is_one_lower)
            facts.extend(clause.when.support(hit.fact, context))
            remarks.append(clause.say)
    remarks.extend(clause.say for clause in rule.remarks if clause.when.test(hit.fact, context) is Truth.TRUE)
    remarks.extend(hit.remarks)
    if (
        isinstance(hit.fact.value, Assertion)
        and compare(context.view, hit.fact).newness is Newness.UNDOCUMENTED
    ):
        remarks.append(NO_BASELINE)
    return _Graded(hit, severity, at_ms, tuple(facts), tuple(remarks))


def _weigh(rule: Rule, hit: Hit, context: Context) -> Iterator[Weighed]:
    for clause in rule.raises:
        yield Weighed(
            f"raise to {clause.to.name.lower()}", clause.say, clause.when.explain(hit.fact, context)
        )
    for clause in rule.lowers:
        to = "by one level" if clause.is_one_lower else f"to {clause.to.name.lower()}"
        yield Weighed(f"lower {to}", clause.say, clause.when.explain(hit.fact, context))
    for clause in rule.remarks:
        yield Weighed(SAY, clause.say, clause.when.explain(hit.fact, context))


def _told_ms(graded: _Graded) -> EpochMs:
    """Return when the evidence of a hit could be known: a laboratory's result not before the laboratory reported it."""
    reported = (fact.version.stated_ms for fact in graded.facts if fact.specimen or is_csf(fact.concept))
    return max([graded.at_ms, *reported])


def _lower(severity: Severity, to: Severity, *, is_one_lower: bool) -> Severity:
    if is_one_lower:
        return Severity(max(severity - 1, Severity.INFO))
    return min(severity, to)


def _evidence(graded: Iterable[_Graded]) -> tuple[Fact, ...]:
    unique = {id(fact): fact for each in graded for fact in each.facts}
    return tuple(sorted(unique.values(), key=rank_fact))


def _peak(hits: Iterable[Hit]) -> float | None:
    values = (hit.fact.value for hit in hits)
    return max((value.value for value in values if isinstance(value, Quantity)), default=None)
