"""Which of the evidence of an alert no longer stands as it was told, and what came in between. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.model.alert import LastTold
    from worker.model.fact import Fact
    from worker.model.finding import Finding, Trace


class TakenBack(NamedTuple):
    """One fact as it was told, and as it stands now; None where nothing stands in its place."""

    was: Fact
    now: Fact | None


def taken_back(finding: Finding, current: Iterable[Fact]) -> tuple[TakenBack, ...]:
    """Return the facts of a finding, records of its LP included, that were corrected or taken back since.

    Shape: `current` what stands now of the patient group, any order; the LP first, then the evidence by time, no repeats. What
    was corrected under another number of the patient stands in its place.
    """
    standing = {_key(fact): fact for fact in current}
    elsewhere = {fact.key: fact for _, fact in sorted(standing.items())}
    told = {_key(fact): fact for fact in (*finding.episode.records, *finding.evidence)}
    pairs = (TakenBack(fact, standing.get(key) or elsewhere.get(fact.key)) for key, fact in told.items())
    return tuple(pair for pair in pairs if pair.now is None or _said(pair.was) != _said(pair.now))


def became_known(told: LastTold, deciding: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return the facts that decide now and were received after an alert was told, by time, no repeats.

    Shape: what was told of is not among them, corrected or not.
    """
    known = {_key(fact) for fact in told.finding.evidence}
    found = {
        _key(fact): fact
        for fact in deciding
        if fact.source.received_at_ms > told.at_ms and _key(fact) not in known
    }
    return tuple(sorted(found.values(), key=lambda fact: (fact.effective.start_ms, fact.concept, fact.key)))


def facts_of(trace: Trace) -> Iterator[Fact]:
    """Give every fact that the answer to a rule looked at."""
    yield from trace.facts
    for child in trace.children:
        yield from facts_of(child)


def _key(fact: Fact) -> tuple[str, str, str]:
    return (*fact.patient.key, fact.key)


def _said(fact: Fact) -> tuple[object, ...]:
    return (fact.concept, fact.effective, fact.value, fact.specimen, fact.qualifiers)
