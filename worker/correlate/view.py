"""What the rules see of one lumbar puncture (LP): its own facts, what came before, ages, hours. Pure: no I/O, no clock."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from worker.correlate.episodes import nearest_anchor
from worker.correlate.index import FactIndex, Series, is_csf, is_lumbar, make_series, rank_fact
from worker.correlate.limits import DEFAULT_LIMITS
from worker.correlate.stays import IN_HOUSE, Stay, discharge_times, find_stays, stay_around, stay_at
from worker.model.fact import Moment
from worker.model.time import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from worker.correlate.limits import Limits
    from worker.model.episode import Episode
    from worker.model.fact import Fact
    from worker.model.time import EpochMs

NEVER_MS: EpochMs = 2**62
"""An instant after every other: where a window has no end."""


class EpisodeView:
    """One LP with the facts that rules may look at.

    A fact is the LP's *own* when its clinical time is at or after the LP's anchor and before the next LP. Facts of CSF belong
    to the nearest LP within six hours by specimen time instead (of two equally near, the later: fluid is drawn before
    the documented end); those from a shunt, drain or ventricle to none. Everything else before the anchor is look-back.
    """

    __slots__ = (
        "_anchors",
        "_bound",
        "_position",
        "_returns",
        "_stays",
        "anchor_ms",
        "at_baseline",
        "episode",
        "index",
        "limits",
        "until_ms",
    )

    anchor_ms: EpochMs
    """The instant of the LP."""
    until_ms: EpochMs
    """The instant (exclusive) at which the next LP takes over; `NEVER_MS` for the latest."""
    at_baseline: dict[tuple[tuple[str, ...], int | None], tuple[Fact, ...]]
    """What `baseline.present_at_baseline` has answered, which is asked for each of a hundred lines."""

    def __init__(
        self,
        index: FactIndex,
        episode: Episode,
        episodes: Sequence[Episode],
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        """Look at `episode`, one of `episodes` (all of the patient group, sorted by anchor)."""
        self.index = index
        self.episode = episode
        self.anchor_ms = episode.anchor_ms
        self.until_ms = NEVER_MS if episode.until_ms is None else episode.until_ms
        self.limits = limits
        self._anchors = tuple(other.anchor_ms for other in episodes)
        self._position = tuple(episodes).index(episode)
        self.at_baseline = {}
        self._bound: dict[str, Series] = {}
        self._stays: tuple[Stay, ...] | None = None
        self._returns: tuple[Stay, ...] | None = None

    def readings(self, concept: str) -> tuple[Fact, ...]:
        """Return the LP's own facts of one concept, by clinical time."""
        if is_csf(concept):
            return self._csf(concept).facts
        return self.index.series(concept).within(self.anchor_ms, self.until_ms - 1)

    def before(self, concepts: Iterable[str], span_ms: int) -> tuple[Fact, ...]:
        """Return the look-back facts of the `span_ms` before the LP, by clinical time; CSF has none."""
        return self.between(concepts, self.anchor_ms - span_ms, self.anchor_ms - 1)

    def between(
        self,
        concepts: Iterable[str],
        start_ms: EpochMs,
        end_ms: EpochMs,
        *,
        include_before: bool = True,
    ) -> tuple[Fact, ...]:
        """Return facts of several concepts in [start_ms, end_ms], by clinical time, both ends included.

        Facts that belong to a later LP are never among them; those before this LP only when `include_before`.
        """
        first_ms = start_ms if include_before else max(start_ms, self.anchor_ms)
        last_ms = min(end_ms, self.until_ms - 1)
        index = self.index
        filled = {}
        for concept in concepts:
            if concept not in index:
                continue
            part = (
                self._csf(concept).within(start_ms, end_ms)
                if is_csf(concept)
                else index.series(concept).within(first_ms, last_ms)
            )
            if part:
                filled[concept] = part
        if len(filled) <= 1:
            return next(iter(filled.values()), ())
        return make_series([fact for part in filled.values() for fact in part]).facts

    def last_of(self, concept: str) -> Fact | None:
        """Return the newest of the LP's own facts of one concept."""
        if is_csf(concept):
            return next(reversed(self._csf(concept).facts), None)
        found = self.index.series(concept).last_before(self.until_ms)
        return found if found is not None and found.effective.start_ms >= self.anchor_ms else None

    def last_before(self, concept: str, at_ms: EpochMs) -> Fact | None:
        """Return the newest fact of a concept strictly before an instant, of whatever LP."""
        return self.index.series(concept).last_before(at_ms)

    @property
    def birth(self) -> Fact | None:
        """Return the fact that gives the birth date, the newest statement where several are on file."""
        known = [fact for fact in self.index.series("birth-date").facts if isinstance(fact.value, Moment)]
        return max(known, key=lambda fact: (fact.version, rank_fact(fact)), default=None)

    @property
    def age_days(self) -> int | None:
        """Return the age in whole days at the LP, None where no birth date is known."""
        birth = self.birth
        if birth is None or not isinstance(birth.value, Moment):
            return None
        return (self.anchor_ms - birth.value.at_ms) // DAY_MS

    @property
    def stays(self) -> tuple[Stay, ...]:
        """Return all stays and visits of the patient group by their start."""
        if self._stays is None:
            self._stays = find_stays(self.index)
        return self._stays

    @property
    def returns(self) -> tuple[Stay, ...]:
        """Return the stays and visits since the LP with which the patient came from outside."""
        if self._returns is None:
            limits = self.limits
            self._returns = tuple(
                stay
                for stay in self.stays
                if stay.start_ms > self.anchor_ms
                and stay_around(stay.fact, self.stays, IN_HOUSE, limits.away_ms) is None
            )
        return self._returns

    def encounter_at(self, at_ms: EpochMs) -> Stay | None:
        """Return the stay that covers an instant, the latest begun where several do; None when there is none."""
        return stay_at(self.stays, at_ms)

    @property
    def discharged_at(self) -> EpochMs | None:
        """Return when the patient first left at or after the LP, None where no discharge is on file."""
        times = discharge_times(self.index, self.stays)
        position = bisect_left(times, self.anchor_ms)
        return times[position] if position < len(times) else None

    def _csf(self, concept: str) -> Series:
        bound = self._bound.get(concept)
        if bound is None:
            span = self.limits.binding_ms
            near = self.index.series(concept).within(self.anchor_ms - span, self.anchor_ms + span)
            bound = make_series(fact for fact in near if is_lumbar(fact) and self._is_nearest(fact))
            self._bound[concept] = bound
        return bound

    def _is_nearest(self, fact: Fact) -> bool:
        at_ms = fact.effective.start_ms
        return nearest_anchor(self._anchors, at_ms, self.limits.binding_ms) == self._position


def build_views(
    facts: Iterable[Fact] | FactIndex,
    episodes: Sequence[Episode],
    limits: Limits = DEFAULT_LIMITS,
) -> tuple[EpisodeView, ...]:
    """Make a view for each LP of one patient group, sharing one index.

    Shape: `facts` current facts in any order, or their index; `episodes` as `find_episodes` gives them; views in their order.
    """
    index = facts if isinstance(facts, FactIndex) else FactIndex(facts)
    return tuple(EpisodeView(index, episode, episodes, limits) for episode in episodes)
