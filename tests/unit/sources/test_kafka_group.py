"""Who claims what in a consumer group: a member that lost its partitions must not keep them from others."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

import pytest
from kafka import TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment, ConsumerProtocolSubscription

from worker.sources.kafka_group import Change, HonestAssignor, Membership

TOPIC = "labs"
PARTS = [TopicPartition(TOPIC, number) for number in range(4)]


class Cluster:
    def topics(self) -> set[str]:
        return {TOPIC}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return {part.partition for part in PARTS}


def given_out(returning: CooperativeStickyAssignor, fresh: CooperativeStickyAssignor) -> int:
    """Let a member that had everything and lost it join together with a new one; count what is given out."""
    returning.on_assignment(ConsumerProtocolAssignment(1, [(TOPIC, [0, 1, 2, 3])], b""), 1)
    members = []
    for name, assignor in (("a", returning), ("b", fresh)):
        told = ConsumerProtocolSubscription.decode(assignor.metadata({TOPIC}).encode())
        members.append(SimpleNamespace(member_id=name, metadata=told))
    given = fresh.assign(Cluster(), members)
    return sum(len(assignment.partitions()) for assignment in given.values())


def test_all_partitions_are_given_out_to_members_that_have_none() -> None:
    assert given_out(HonestAssignor(lambda: ()), HonestAssignor(lambda: ())) == len(PARTS)


def test_the_library_itself_withholds_what_a_member_claims_and_does_not_have() -> None:
    """Where this fails the library has been mended, and `HonestAssignor` can go."""
    assert given_out(CooperativeStickyAssignor(), CooperativeStickyAssignor()) < len(PARTS)


class Consumer:
    def __init__(self) -> None:
        self.told: list[tuple[str, TopicPartition, int | None]] = []

    def pause(self, partition: TopicPartition) -> None:
        self.told.append(("pause", partition, None))

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.told.append(("seek", partition, offset))


@pytest.mark.parametrize("gone", ["on_partitions_revoked", "on_partitions_lost"])
def test_partitions_are_held_when_they_come_and_forgotten_when_they_go(gone: str) -> None:
    members, consumer = Membership(), Consumer()
    members.consumer = consumer
    members.on_partitions_assigned(PARTS[:2])
    getattr(members, gone)(PARTS[:1])
    assert consumer.told == [
        (what, part, offset) for part in PARTS[:2] for what, offset in (("pause", None), ("seek", 0))
    ]
    assert members.owned() == PARTS[1:2]
    assert members.changes() == [changed(PARTS[:2], is_ours=True), changed(PARTS[:1], is_ours=False)]
    assert members.changes() == []


def changed(partitions: Sequence[TopicPartition], *, is_ours: bool) -> Change:
    return Change(frozenset(partitions), is_ours)
