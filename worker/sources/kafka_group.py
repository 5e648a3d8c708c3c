"""Membership in a consumer group: which partitions are ours, told without ever asking Kafka for a position."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from kafka import KafkaConsumer
from kafka import TopicPartition as Partition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor

__all__ = ["Change", "HonestAssignor", "Membership", "Partition"]


@dataclass(frozen=True, slots=True)
class Change:
    """Partitions that became ours, or are ours no more."""

    partitions: frozenset[Partition]
    is_ours: bool


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """Hear of rebalances on the library's thread, and keep what changed until the engine's thread asks.

    A partition that becomes ours is held at offset 0 at once: it has a position then, so that the library never looks for one
    in Kafka, and it is not fetched before somebody places it.
    """

    def __init__(self) -> None:
        """Start without partitions."""
        self._lock = Lock()
        self._owned: set[Partition] = set()
        self._changes: list[Change] = []
        self.consumer: KafkaConsumer | None = None

    def owned(self) -> Collection[Partition]:
        """Give the partitions that are ours now."""
        with self._lock:
            return sorted(self._owned)

    def changes(self) -> list[Change]:
        """Give what changed since the last call, in order."""
        with self._lock:
            changes, self._changes = self._changes, []
            return changes

    def on_partitions_assigned(self, assigned: Iterable[Partition]) -> None:
        """Hold what became ours."""
        if self.consumer is None:
            return
        for partition in assigned:
            self.consumer.pause(partition)
            self.consumer.seek(partition, 0)
        self._note(assigned, is_ours=True)

    def on_partitions_revoked(self, revoked: Iterable[Partition]) -> None:
        """Let go of what was taken from us."""
        self._note(revoked, is_ours=False)

    def on_partitions_lost(self, lost: Iterable[Partition]) -> None:
        """Let go of what others may have had for a while already."""
        self._note(lost, is_ours=False)

    def _note(self, partitions: Iterable[Partition], *, is_ours: bool) -> None:
        named = frozenset(partitions)
        with self._lock:
            self._owned = self._owned | named if is_ours else self._owned - named
            self._changes.append(Change(named, is_ours))


class HonestAssignor(CooperativeStickyAssignor):  # type: ignore[misc]  # the library has no types
    """Cooperative-sticky that claims what is ours now.

    The library's own claims its last assignment for ever, also after the membership was lost. Then a partition can be withheld
    from its new owner in favour of a member that does not have it, and nobody asks for the round that would give it out.
    """

    def __init__(self, owned: Callable[[], Collection[Partition]]) -> None:
        """Keep who tells what is ours."""
        super().__init__()
        self._owned = owned

    def metadata(self, topics: Collection[str]) -> Any:  # noqa: ANN401 - the library's own structure
        """Say which topics we want, and which partitions we have."""
        self.member_assignment = list(self._owned())
        return super().metadata(topics)
