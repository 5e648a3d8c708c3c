"""Which readings nobody can hear of, because the feed that brings them is silent. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.mapping.feeds import Feed
    from worker.model.time import EpochMs


def silent_feeds(feeds: Iterable[Feed], heard: Mapping[str, EpochMs], now_ms: EpochMs) -> dict[str, EpochMs]:
    """Give the feeds that are silent at an instant, and up to when the silence of each was ordinary.

    Shape: `heard` is when each feed was last heard of; one that was never heard of is not known to be connected.
    """
    ordinary = {
        feed.id: heard[feed.id] + feed.quiet_after_ms
        for feed in feeds
        if feed.quiet_after_ms and feed.id in heard
    }
    return {feed: until_ms for feed, until_ms in ordinary.items() if until_ms < now_ms}


def unheard_concepts(feeds: Mapping[str, Feed], silent: Mapping[str, EpochMs]) -> dict[str, EpochMs]:
    """Give the concepts that silent feeds chart, with the instant up to which each of their feeds was heard."""
    found: dict[str, EpochMs] = {}
    for feed, until_ms in silent.items():
        for concept in feeds[feed].charts:
            found[concept] = min(until_ms, found.get(concept, until_ms))
    return found
