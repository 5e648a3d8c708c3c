"""Find the stored lumbar puncture (LP) again under the same surrogate id. Pure: no I/O, no clock.

A stored LP that shares a record with a present one is the same. Where two stored ones have become one, the oldest id is kept
and the other points to it; where one has split, the part that shares most records keeps the id, of equal parts the one at its
time: what rests on it is of there. A stored LP that shares
no record with any has vanished: its alerts are withdrawn, and it is found again should its record come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker.model.episode import Episode
    from worker.model.time import EpochMs

RecordKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class StoredEpisode:
    """What storage remembers of an LP.

    Shape: `record_keys` (patient authority, patient value, fact key) of every record it ever had. `created_at_ms` orders ids by
    age; `anchor_ms` is its time when it was found last.
    """

    episode_id: str
    record_keys: frozenset[RecordKey]
    created_at_ms: EpochMs
    anchor_ms: EpochMs


@dataclass(frozen=True, slots=True)
class EpisodeMatch:
    """Ids for the present LPs.

    Shape: `ids` parallel to the episodes; `created` those of `ids` that are new; `redirects` pairs (old id, kept id) of stored
    LPs that joined another; `vanished` stored ids without an LP.
    """

    ids: tuple[str, ...]
    created: tuple[str, ...]
    redirects: tuple[tuple[str, str], ...]
    vanished: tuple[str, ...]


def match_episodes(
    episodes: Sequence[Episode],
    stored: Iterable[StoredEpisode],
    new_id: Callable[[], str],
) -> EpisodeMatch:
    """Give each LP its surrogate id.

    Shape: `episodes` as `find_episodes` gives them; `stored` all of this patient group that are not redirected, in any order;
    `new_id` is called once for each LP that is new, in order of the anchors.
    """
    kept: dict[int, str] = {}
    joined: list[tuple[str, int]] = []
    vanished: list[str] = []
    for known in sorted(stored, key=lambda known: (known.created_at_ms, known.episode_id)):
        positions = _sharing(episodes, known)
        free = [position for position in positions if position not in kept]
        if free:
            kept[free[0]] = known.episode_id
        elif positions:
            joined.append((known.episode_id, positions[0]))
        else:
            vanished.append(known.episode_id)
    created = {position: new_id() for position in range(len(episodes)) if position not in kept}
    return EpisodeMatch(
        ids=tuple(kept.get(position) or created[position] for position in range(len(episodes))),
        created=tuple(created.values()),
        redirects=tuple((old, kept[position]) for old, position in joined),
        vanished=tuple(sorted(vanished)),
    )


def _sharing(episodes: Sequence[Episode], known: StoredEpisode) -> list[int]:
    """Return the positions of the LPs that share a record, most shared records first, then the nearest in time."""
    shared = {
        position: len(episode.record_keys & known.record_keys) for position, episode in enumerate(episodes)
    }
    return sorted(
        (position for position, count in shared.items() if count),
        key=lambda position: (
            -shared[position],
            abs(episodes[position].anchor_ms - known.anchor_ms),
            position,
        ),
    )
