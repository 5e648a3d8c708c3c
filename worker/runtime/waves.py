"""Which notices are handed to a sink at once: what may arrive in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.storage.records import PendingNotice


def by_target(items: Sequence[PendingNotice]) -> dict[str, list[PendingNotice]]:
    """Part notices by their place, in their order."""
    parted: dict[str, list[PendingNotice]] = {}
    for item in items:
        parted.setdefault(item.target, []).append(item)
    return parted


def waves(items: Sequence[PendingNotice], *, alone: bool) -> Iterator[list[PendingNotice]]:
    """Give the notices of one place in waves, each sent when the one before has been answered.

    Shape: a wave holds one version of each alert at most, the earlier before the later. One that failed before goes by itself,
    so that it fails no other and the answer is about it; with `alone` each does.
    """
    depths: dict[str, int] = {}
    layers: list[list[PendingNotice]] = []
    for item in items:
        depth = depths.get(item.notice.alert_id, 0)
        depths[item.notice.alert_id] = depth + 1
        if depth == len(layers):
            layers.append([])
        layers[depth].append(item)
    for layer in layers:
        together = [item for item in layer if not (alone or item.attempts)]
        if together:
            yield together
        yield from ([item] for item in layer if alone or item.attempts)
