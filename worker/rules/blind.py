"""Where the rules of one lumbar puncture (LP) are blind, since when and why. Pure: no I/O, no clock.

A rule is asked here only while it is told to people, is in its window and does not hold. It is blind where what it needs
is silent for longer than the pack expects (`expected` of `definitions.yaml`), where the patient is no longer in the house,
where messages of the patient could not be used, where the time of the LP is not known, or where the evaluation answers unknown
for a value that decides nothing. An outcome names instants, not the present: it stays right until a fact comes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from worker.correlate.index import is_csf, rank_fact
from worker.correlate.stays import IN_HOUSE, stay_at
from worker.model.document import UNREAD, unread_subjects
from worker.model.fact import PunctureStatus
from worker.model.finding import Truth
from worker.model.message import IssueKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from worker.correlate.stays import Stay
    from worker.correlate.view import EpisodeView
    from worker.model.fact import Fact
    from worker.model.message import Unused
    from worker.model.time import EpochMs
    from worker.rules.evaluate import Evaluation
    from worker.rules.rule import Expected

OF_NOTES = frozenset({IssueKind.UNREADABLE_TEXT, IssueKind.CHARSET})
"""What leaves a note unread: any rule may miss what it says."""


class Blindness(StrEnum):
    """Name why rules are blind."""

    SILENT = "silent"
    STALE = "stale"
    LEFT = "left"
    UNMAPPED = "unmapped"
    UNREADABLE = "unreadable"
    UNDECIDED = "undecided"
    LP_TIME = "lp-time"


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """One reason why rules are blind for one LP.

    Shape: it holds in [`since_ms`, `until_ms`), which may lie ahead; `rules` sorted. `what` is said in words from the pack and
    the code side of messages only, but `last` is the patient's: the newest fact that was heard.
    """

    kind: Blindness
    since_ms: EpochMs
    until_ms: EpochMs
    rules: tuple[str, ...]
    what: str
    feed: str = ""
    last: Fact | None = None

    def holds_at(self, at_ms: EpochMs) -> bool:
        """Tell whether it holds at an instant."""
        return self.since_ms <= at_ms < self.until_ms


class _Span(NamedTuple):
    """A rule in its window."""

    evaluation: Evaluation
    first_ms: EpochMs
    last_ms: EpochMs

    @property
    def rule(self) -> str:
        return self.evaluation.rule.id

    @property
    def needs_observation(self) -> bool:
        return self.evaluation.rule.needs_observation


def blind_spots(
    evaluations: Iterable[Evaluation], expected: Sequence[Expected], unused: Sequence[Unused] = ()
) -> tuple[BlindSpot, ...]:
    """Say where the rules of one LP are blind, now or later if nothing more comes.

    Shape: `evaluations` of one LP; `unused` what could not be used of the patient's messages, any order. By instant.
    """
    spans = [_span(each) for each in evaluations if _is_asked(each)]
    if not spans:
        return ()
    view = spans[0].evaluation.context.view
    as_of_ms = spans[0].evaluation.context.as_of_ms
    left = _left(view, as_of_ms)
    silent = [spot for each in expected for spot in _silent(each, spans, view, left)]
    found = [
        *silent,
        *_gone(spans, expected, view, left),
        *_unused(unused, spans, silent, view),
        *_unread(spans, view),
        *_undecided(spans),
        *_uncertain(spans, view),
    ]
    return tuple(sorted((spot for spot in found if spot.since_ms < spot.until_ms), key=_order))


def at_instant(spots: Iterable[BlindSpot], at_ms: EpochMs) -> tuple[BlindSpot, ...]:
    """Give what holds at an instant, each reason once with all rules that are blind by it, the oldest first."""
    found: dict[tuple[Blindness, str, str], BlindSpot] = {}
    for spot in spots:
        if spot.holds_at(at_ms):
            key = (spot.kind, spot.what, spot.feed)
            known = found.get(key, spot)
            found[key] = replace(
                spot,
                since_ms=min(known.since_ms, spot.since_ms),
                until_ms=max(known.until_ms, spot.until_ms),
                rules=tuple(sorted({*known.rules, *spot.rules})),
            )
    return tuple(sorted(found.values(), key=_order))


def is_watched(evaluations: Iterable[Evaluation], at_ms: EpochMs) -> bool:
    """Tell whether some rule that is told to people is in its window at an instant; `evaluations` of one LP."""
    spans = (_span(each) for each in evaluations if each.is_told)
    return any(span.first_ms <= at_ms < span.last_ms for span in spans)


def _order(spot: BlindSpot) -> tuple[EpochMs, str, str]:
    return spot.since_ms, spot.kind.value, spot.what


def _is_asked(evaluation: Evaluation) -> bool:
    return evaluation.truth is not Truth.TRUE and evaluation.is_told


def _span(evaluation: Evaluation) -> _Span:
    """Give the window of a rule; a rule on CSF, which counts by collection, waits as long as an alert of it would last."""
    context, rule = evaluation.context, evaluation.rule
    first_ms, last_ms = rule.window.bounds(context)
    if rule.hits and all(map(is_csf, rule.hits)):
        last_ms = max(last_ms, context.anchor_ms + rule.expires_ms - 1)
    return _Span(evaluation, max(first_ms, context.anchor_ms), min(last_ms + 1, context.view.until_ms))


class _Left(NamedTuple):
    """Since when the patient is not in the house, and how that is known."""

    at_ms: EpochMs
    words: str


def _left(view: EpisodeView, as_of_ms: EpochMs) -> _Left | None:
    """Tell since when the patient is out of the house; None where he is in it, or nothing is on file."""
    if stay_at(view.stays, as_of_ms) is not None:
        return None
    ended = [stay.end_ms for stay in view.stays if stay.end_ms is not None and stay.end_ms <= as_of_ms]
    left_ms = max((ms for ms in ended if ms >= view.anchor_ms), default=None)
    return None if left_ms is None else _Left(left_ms, "left the hospital")


def _stay(view: EpisodeView, as_of_ms: EpochMs) -> Stay | None:
    return stay_at(view.stays, as_of_ms)


def _newest(expected: Expected, view: EpisodeView) -> Fact | None:
    found = [
        fact for name in expected.heard if name in view.index and (fact := view.last_of(name)) is not None
    ]
    return max(found, key=rank_fact, default=None)


def _silent(
    expected: Expected, spans: Sequence[_Span], view: EpisodeView, left: _Left | None
) -> Iterator[BlindSpot]:
    """Give the silence of one input, once for all rules that become blind by it at one instant.

    A result of which one is enough comes wherever the patient is by then.
    """
    needing = [span for span in spans if span.rule in expected.rules]
    newest = _newest(expected, view) if needing else None
    if not needing or (expected.is_once and (newest is not None or _cannot_come(expected, view))):
        return
    stay = _stay(view, needing[0].evaluation.context.as_of_ms)
    # Who came back is watched from then on.
    returned_ms = 0 if stay is None or expected.is_once else stay.start_ms
    heard_ms = view.anchor_ms if newest is None else newest.effective.start_ms
    is_out = not expected.is_once and stay is not None and stay.encounter_class not in IN_HOUSE
    kind = Blindness.SILENT if newest is None else Blindness.STALE
    words = _words(expected, newest, is_out=is_out, is_known=bool(view.stays))
    feed, last = _last_heard(expected, newest, view)
    for since_ms, last_ms, rules in _timed(
        (max(heard_ms, returned_ms, span.first_ms) + expected.within_ms, span) for span in needing
    ):
        until_ms = last_ms if left is None or expected.is_once else min(last_ms, left.at_ms)
        yield BlindSpot(Blindness.LEFT if is_out else kind, since_ms, until_ms, rules, words, feed, last)


def _cannot_come(expected: Expected, view: EpisodeView) -> bool:
    """Tell whether a result is of CSF and the needle drew none."""
    return view.episode.status is PunctureStatus.ATTEMPTED and all(map(is_csf, expected.heard))


def _timed(spans: Iterable[tuple[EpochMs, _Span]]) -> Iterator[tuple[EpochMs, EpochMs, tuple[str, ...]]]:
    """Give each pair of instants, from which and until which rules are blind, with their names."""
    found: dict[tuple[EpochMs, EpochMs], list[str]] = {}
    for since_ms, span in spans:
        found.setdefault((since_ms, span.last_ms), []).append(span.rule)
    for (since_ms, last_ms), rules in found.items():
        yield since_ms, last_ms, tuple(sorted(rules))


def _words(expected: Expected, newest: Fact | None, *, is_out: bool, is_known: bool) -> str:
    hours = f"{expected.within_ms / 3_600_000:g} h"
    since = "of this LP" if newest is None else "any more"
    told = f"no {expected.title.removeprefix('a ').removeprefix('the ')} {since}; expected within {hours}"
    if is_out:
        return f"{told}, but the patient is here for an outpatient visit only"
    return told if is_known else f"{told}; no stay or visit is on file"


def _last_heard(expected: Expected, newest: Fact | None, view: EpisodeView) -> tuple[str, Fact | None]:
    """Give the newest fact, from before the LP where there is none since, and the feed that it came by."""
    if newest is None:
        older = [
            fact
            for name in expected.heard
            if name in view.index and (fact := view.last_before(name, view.anchor_ms))
        ]
        newest = max(older, key=rank_fact, default=None)
    return ("", None) if newest is None else (newest.source.feed, newest)


def _gone(
    spans: Sequence[_Span], expected: Sequence[Expected], view: EpisodeView, left: _Left | None
) -> Iterator[BlindSpot]:
    """Give the rules that watch nobody since the patient left, unless something was heard of him after that.

    Who comes back, and a late result, are seen by rules that need nobody to look.
    """
    if left is None:
        return
    watching = [span for span in spans if span.needs_observation]
    heard = [
        (fact.effective.start_ms + each.within_ms, fact)
        for each in expected
        if not each.is_once and (fact := _newest(each, view)) and fact.effective.start_ms > left.at_ms
    ]
    quiet_ms, last = max(heard, key=lambda pair: pair[0], default=(left.at_ms, None))
    words = f"{left.words}; not observed since"
    for since_ms, last_ms, rules in _timed((max(span.first_ms, quiet_ms), span) for span in watching):
        yield BlindSpot(Blindness.LEFT, since_ms, last_ms, rules, words, last=last)


def _unused(
    unused: Sequence[Unused], spans: Sequence[_Span], silent: Sequence[BlindSpot], view: EpisodeView
) -> Iterator[BlindSpot]:
    """Give what messages held and nobody could use: of a concept, for its rules; of no concept, where an input is silent.

    A value that can be used ends it: whatever the lost one said, somebody looked again.
    """
    if not unused:
        return
    inputs = frozenset(concept for span in spans for concept in span.evaluation.rule.inputs)
    for item in dict.fromkeys(unused):
        if item.at_ms < view.anchor_ms or item.at_ms >= view.until_ms:
            continue
        if item.kind in OF_NOTES:
            yield _spot(Blindness.UNREADABLE, spans, item.at_ms, item.shown, item.feed)
        elif named := item.names() & inputs:
            needing = [span for span in spans if named & span.evaluation.rule.inputs]
            spot = _spot(Blindness.UNMAPPED, needing, item.at_ms, item.shown, item.feed)
            later_ms = min(_usable_after(item, named, view), default=spot.until_ms)
            yield replace(spot, until_ms=min(spot.until_ms, later_ms))
        elif silent and item.kind is IssueKind.UNMAPPED_CODE:
            blind = {rule for spot in silent for rule in spot.rules}
            since_ms = max(item.at_ms, min(spot.since_ms for spot in silent))
            needing = [span for span in spans if span.rule in blind]
            yield _spot(Blindness.UNMAPPED, needing, since_ms, item.shown, item.feed)


def _unread(spans: Sequence[_Span], view: EpisodeView) -> Iterator[BlindSpot]:
    """Give what of documents could not be read and was not read since, by when it came."""
    for fact in view.index.series(UNREAD).facts:
        at_ms = fact.source.received_at_ms
        if view.anchor_ms <= at_ms < view.until_ms:
            for subject in unread_subjects(fact):
                yield _spot(Blindness.UNREADABLE, spans, at_ms, subject, fact.source.feed)


def _usable_after(item: Unused, named: frozenset[str], view: EpisodeView) -> Iterator[EpochMs]:
    """Give the instants since which there is a value that can be used; of CSF, which is as old as the LP, its receipt."""
    charted = view.between(named, item.at_ms + 1, view.until_ms - 1)
    yield from (fact.effective.start_ms for fact in charted)
    received = (fact.source.received_at_ms for name in named if is_csf(name) for fact in view.readings(name))
    yield from (at_ms for at_ms in received if at_ms > item.at_ms)


def _spot(kind: Blindness, spans: Sequence[_Span], since_ms: EpochMs, what: str, feed: str) -> BlindSpot:
    names = tuple(sorted(span.rule for span in spans if span.last_ms > since_ms))
    until_ms = max((span.last_ms for span in spans), default=since_ms)
    return BlindSpot(kind, since_ms, until_ms, names, what, feed)


def _undecided(spans: Iterable[_Span]) -> Iterator[BlindSpot]:
    """Give the values for which a rule answers unknown: a comparator that does not settle it, another unit, an age unknown."""
    found: dict[tuple[str, EpochMs], tuple[list[_Span], Fact]] = {}
    for span in spans:
        for fact in span.evaluation.undecided:
            found.setdefault((fact.key, fact.effective.start_ms), ([], fact))[0].append(span)
    for members, fact in found.values():
        yield BlindSpot(
            Blindness.UNDECIDED,
            max(fact.effective.start_ms, min(span.first_ms for span in members)),
            max(span.last_ms for span in members),
            tuple(sorted({span.rule for span in members})),
            f"a value of {fact.concept} decides nothing",
            fact.source.feed,
            fact,
        )


def _uncertain(spans: Sequence[_Span], view: EpisodeView) -> Iterator[BlindSpot]:
    if view.episode.is_time_uncertain:
        yield BlindSpot(
            Blindness.LP_TIME,
            view.anchor_ms,
            max(span.last_ms for span in spans),
            tuple(sorted(span.rule for span in spans)),
            "the time of the LP is not known; windows count from the earliest possible instant",
        )
