"""The predicate of what was not done: no reading for too long while the patient was in the house. Pure: no I/O, no clock.

A gap begins at the end of the LP, at the start of a stay, or at a reading g, and is judged at g + gap + grace: true when
no reading stands in (g, g + gap], the stay covers it all and is not ended by then. Only gaps that end in the window count.
An instant that feeds have not been read up to yet is not judged: silence of a feed is not silence of the ward.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

from worker.correlate.view import NEVER_MS
from worker.model.finding import Trace, Truth
from worker.model.time import HOUR_MS
from worker.rules.context import EpisodeNode, Hit, Outcome
from worker.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.correlate.stays import Stay
    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Context, Window


class _Gap(NamedTuple):
    """A span without a reading: where it begins, when it is judged, and whether a reading came after it."""

    fact: Fact
    due_ms: EpochMs
    is_closed: bool
    stay: Stay


class Missing(EpisodeNode):
    """`missing`: no reading of any of the concepts for `gap`, judged `grace` later."""

    __slots__ = ("classes", "concepts", "gap_ms", "grace_ms", "window")

    def __init__(
        self,
        concepts: tuple[str, ...],
        window: Window,
        gap_ms: int,
        grace_ms: int,
        classes: frozenset[str],
        label: str,
    ) -> None:
        self.concepts = concepts
        self.window = window
        self.gap_ms = gap_ms
        self.grace_ms = grace_ms
        self.classes = classes
        self.label = label

    def evaluate(self, context: Context) -> Outcome:
        gaps = list(self._gaps(context))
        heard = [context.unheard[name] for name in self.concepts if name in context.unheard]
        known_ms = min(context.as_of_ms, context.consumed_until_ms, *heard)
        hits = tuple(
            Hit(gap.fact, gap.due_ms, (gap.stay.fact,), gap.is_closed)
            for gap in gaps
            if gap.due_ms <= known_ms
        )
        next_ms = min((gap.due_ms for gap in gaps if gap.due_ms > context.as_of_ms), default=None)
        awaits_ms = min(
            (gap.due_ms for gap in gaps if known_ms < gap.due_ms <= context.as_of_ms), default=None
        )
        if hits:
            return Outcome(Truth.TRUE, hits, hits[0].at_ms, next_ms, awaits_ms)
        is_unknown = awaits_ms is not None or not self._is_watched(context)
        return Outcome(Truth.UNKNOWN if is_unknown else Truth.FALSE, next_ms=next_ms, awaits_ms=awaits_ms)

    def explain(self, context: Context) -> Trace:
        outcome = self.ask(context)
        facts = tuple(hit.fact for hit in outcome.hits)
        return Trace(outcome.truth, self.label, self._reason(outcome, context), facts)

    def _reason(self, outcome: Outcome, context: Context) -> str:
        if outcome.hits:
            last = outcome.hits[-1]
            return f"none for {self.gap_ms / HOUR_MS:g} h after {describe(last.fact, context)}"
        if outcome.awaits_ms is not None:
            is_unheard = not context.unheard.keys().isdisjoint(self.concepts)
            why = (
                "a feed of it is silent since before"
                if is_unheard
                else "the feeds are not read up to then yet"
            )
            return f"due at {context.hours(outcome.awaits_ms)}, but {why}"
        if not self._is_watched(context):
            return "no stay or visit on file in the window"
        if outcome.next_ms is not None:
            return f"not due before {context.hours(outcome.next_ms)}"
        return f"every gap was closed in time, or no {' or '.join(sorted(self.classes))} stay covered it"

    def _is_watched(self, context: Context) -> bool:
        """Tell whether any stay or visit is known: without one nobody knows whether the patient is in the house."""
        first_ms, last_ms = self.window.bounds(context)
        return any(
            stay.start_ms <= last_ms and (stay.end_ms is None or stay.end_ms > first_ms)
            for stay in context.view.stays
        )

    def _gaps(self, context: Context) -> Iterator[_Gap]:
        first_ms, last_ms = self.window.bounds(context)
        view = context.view
        readings = view.between(self.concepts, first_ms, last_ms)
        times = [reading.effective.start_ms for reading in readings]
        for start_ms, fact in self._starts(context, readings, times):
            end_ms, due_ms = start_ms + self.gap_ms, start_ms + self.gap_ms + self.grace_ms
            if end_ms > last_ms or end_ms >= view.until_ms:
                continue
            following = bisect_right(times, start_ms)
            if following < len(times) and times[following] <= end_ms:
                continue
            stay = self._stay(context, start_ms, due_ms)
            if stay is not None:
                is_closed = bool(view.between(self.concepts, end_ms + 1, view.until_ms))
                yield _Gap(fact, due_ms, is_closed, stay)

    def _starts(
        self, context: Context, readings: Sequence[Fact], times: Sequence[EpochMs]
    ) -> list[tuple[EpochMs, Fact]]:
        """Return each instant from which the clock runs, with the fact that tells of it, by time.

        Readings that another follows within the gap are left out: where many are charted, these are nearly all.
        """
        first_ms, last_ms = self.window.bounds(context)
        starts = {first_ms: context.view.episode.records[0]}
        for stay in context.view.stays:
            if first_ms < stay.start_ms <= last_ms:
                starts[stay.start_ms] = stay.fact
        following = [*times[1:], NEVER_MS][: len(times)]
        starts |= {
            at_ms: reading
            for reading, at_ms, next_ms in zip(readings, times, following, strict=True)
            if next_ms - at_ms > self.gap_ms
        }
        return sorted(starts.items(), key=lambda start: start[0])

    def _stay(self, context: Context, start_ms: EpochMs, due_ms: EpochMs) -> Stay | None:
        stay = context.view.encounter_at(start_ms)
        if stay is None or stay.encounter_class not in self.classes:
            return None
        return stay if stay.end_ms is None or stay.end_ms > due_ms else None
