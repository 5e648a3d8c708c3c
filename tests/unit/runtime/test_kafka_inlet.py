"""What the inlet of Kafka does with a source that is made up: no broker, every turn of events at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import NamedTuple

import pytest

from worker.model.errors import TemporaryError
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.runtime.clock import FixedClock
from worker.runtime.inlet import Room
from worker.runtime.kafka_inlet import KafkaInlet
from worker.runtime.progress import Progress
from worker.storage.memory import MemoryState
from worker.storage.records import Batch

NOW = 1_790_000_000_000
ROOM = Room(3, 1_000)


class Part(NamedTuple):
    topic: str
    partition: int


class Change(NamedTuple):
    partitions: Collection[Part]
    is_ours: bool


@dataclass
class Record:
    topic: str
    offset: int
    value: bytes
    timestamp: int = NOW - 1
    headers: tuple[tuple[str, bytes], ...] = ()


A, B = Part("labs", 0), Part("labs", 1)
NAME = "kafka:labs:0"


@dataclass
class Source:
    """Logs in lists; partitions come and go, fail and stop as told."""

    logs: dict[Part, list[Record | None]]
    trouble: str = ""
    stopped: dict[Part, str] = field(default_factory=dict)
    failures: int = 0
    places: dict[Part, int] = field(default_factory=dict)
    held: set[Part] = field(default_factory=set)
    pending: list[Change] = field(default_factory=list)
    mirrored: dict[Part, int] = field(default_factory=dict)
    is_failing: bool = False
    is_closed: bool = False
    log: str | None = "first"

    def give(self, *parts: Part) -> None:
        self.held |= set(parts)
        self.pending.append(Change(parts, is_ours=True))

    def take(self, *parts: Part) -> None:
        self.pending.append(Change(parts, is_ours=False))

    def poll(self, _seconds: float, limit: int) -> Mapping[Part, Sequence[Record]]:
        if self.is_failing:
            self.is_failing, self.failures = False, self.failures + 1
            for part in self.places:
                self.places[part] += limit  # read, and lost on the way
            return {}
        found = {}
        for part, at in self.places.items():
            if part not in self.held:
                log = self.logs[part]
                found[part] = [record for record in log[at : at + limit] if record is not None]
                self.places[part] = min(at + limit, len(log))
        return {part: records for part, records in found.items() if records}

    def changes(self) -> list[Change]:
        changes, self.pending = self.pending, []
        return changes

    def place(self, part: Part, offset: int) -> None:
        self.stopped.pop(part, None)
        self.places[part] = offset
        self.held.discard(part)

    def hold(self, part: Part, *, is_held: bool = True) -> None:
        (self.held.add if is_held else self.held.discard)(part)

    def reached(self, part: Part) -> int:
        return self.places[part]

    def begins(self, parts: Collection[Part]) -> Mapping[Part, int]:
        return dict.fromkeys(parts, 0)

    def ends(self, parts: Collection[Part]) -> Mapping[Part, int]:
        return {part: len(self.logs[part]) for part in parts}

    def partitions(self) -> dict[str, list[int]]:
        return {"labs": [0, 1], "late": []}

    def log_of(self, _topic: str) -> str | None:
        return self.log

    def stop(self, part: Part, reason: str) -> None:
        self.held.add(part)
        self.stopped[part] = reason

    def mirror(self, offsets: Mapping[Part, int], *, is_last: bool = False) -> None:  # noqa: ARG002
        self.mirrored.update(offsets)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Heard:
    lag: dict[str, int | None] = field(default_factory=dict)
    stuck: set[str] = field(default_factory=set)
    told: dict[str, bool] = field(default_factory=dict)

    def rebalanced(self) -> None:
        """Say nothing."""

    def lagging(self, part: str, messages: int | None) -> None:
        self.lag[part] = messages
        if messages is None:
            self.told.pop(part, None)

    def stopped(self, part: str, *, is_stopped: bool) -> None:
        (self.stuck.add if is_stopped else self.stuck.discard)(part)
        self.told[part] = is_stopped


class Rig:
    """An inlet over made-up logs, with a store."""

    def __init__(self, count: int = 8, *, is_from_end: bool = False) -> None:
        self.source = Source({part: log(part, range(count)) for part in (A, B)})
        self.heard = Heard()
        self.inlet = KafkaInlet(
            self.source, {"labs": Form.HL7V2}, FixedClock(NOW), self.heard, is_from_end=is_from_end
        )
        self.store = MemoryState()
        self.read: list[bytes] = []
        self.progress = Progress(self.store, self._reading)

    def _reading(self, raw: RawMessage) -> Reading:
        self.read.append(raw.body)
        return Reading(Outcome(OutcomeKind.PROCESSED), "ward")

    def step(self, times: int = 1) -> list[bytes]:
        """Read and ingest; give the bodies that were ingested."""
        before = len(self.read)
        for _ in range(times):
            self.inlet._looked = None
            for parcel in self.inlet.read(self.progress, ROOM, NOW):
                self.progress.take(parcel.part, parcel.entries)
        return self.read[before:]

    def peek(self) -> list[int]:
        """Read, and ingest nothing."""
        return [
            offset for parcel in self.inlet.read(self.progress, ROOM, NOW) for offset, _ in parcel.entries
        ]


def log(part: Part, offsets: range) -> list[Record | None]:
    return [Record(part.topic, offset, body(offset, part)) for offset in offsets]


def body(offset: int, part: Part = A) -> bytes:
    return b"%d/%d" % (part.partition, offset)


def test_a_part_is_read_from_its_beginning_and_its_position_is_stored_first() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step()
    assert rig.store.positions()[NAME].next == 0
    assert rig.step(9) == [body(offset) for offset in range(8)]
    rig.step()
    assert rig.heard.lag == {NAME: 0}


def test_a_part_may_begin_at_its_end() -> None:
    rig = Rig(is_from_end=True)
    rig.source.give(A)
    rig.step(3)
    rig.source.logs[A] += log(A, range(8, 10))
    assert rig.step(3) == [body(8), body(9)]


def test_a_partition_that_another_worker_reads_begins_at_the_same_end() -> None:
    rig = Rig(is_from_end=True)
    rig.source.give(A)
    rig.step()
    assert {part: found.next for part, found in rig.store.positions().items()} == {NAME: 8, "kafka:labs:1": 8}
    rig.source.logs[B] += log(B, range(8, 10))
    rig.source.give(B)
    assert rig.step(3) == [body(8, B), body(9, B)], "what was written before it became ours is read"


def test_a_partition_that_was_added_later_begins_at_its_beginning() -> None:
    rig = Rig(is_from_end=True)
    rig.source.partitions = lambda: {"labs": [0]}
    rig.source.give(A)
    rig.step(3)
    rig.source.partitions = lambda: {"labs": [0, 1]}
    rig.source.give(B)
    assert rig.step(9) == [body(offset, B) for offset in range(8)]


def test_nothing_begins_while_the_ends_cannot_be_told() -> None:
    rig = Rig(is_from_end=True)
    ends, rig.source.ends = rig.source.ends, lambda _parts: None
    rig.source.give(A)
    assert rig.step(3) == []
    assert rig.store.positions() == {}
    rig.source.ends = ends
    rig.step(2)
    assert set(rig.store.positions()) == {NAME, "kafka:labs:1"}


def test_messages_that_were_not_ingested_are_given_again() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    given = rig.peek()
    assert given == rig.peek() == [3, 4, 5]


def test_a_commit_whose_answer_was_lost_is_found_by_the_position() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    assert rig.peek() == [3, 4, 5]
    assert rig.store.record(Batch(NAME, 3, 6, NOW))
    rig.progress.resume()
    assert rig.peek() == [6, 7]


@pytest.mark.parametrize(("moved", "first"), [(0, 0), (2, 2), (5, 5), (7, 7)])
def test_a_position_that_was_moved_is_followed(moved: int, first: int) -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    rig.peek()
    rig.store.move_position(NAME, moved)
    again = rig.step(6)
    assert again == [body(offset) for offset in range(first, 8)]
    assert rig.store.position(NAME).next == 8


def test_nothing_is_missing_when_a_poll_failed_after_it_had_read() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    rig.source.is_failing = True
    rig.step(6)
    assert rig.read == [body(offset) for offset in range(8)]


def test_a_part_with_a_full_batch_waiting_is_held() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    for _ in range(5):
        rig.peek()
    assert A in rig.source.held
    assert rig.source.places[A] == 6


def test_resting_holds_every_part_and_loses_nothing() -> None:
    rig = Rig()
    rig.source.give(A, B)
    rig.step(3)
    rig.inlet.rest()
    assert {A, B} <= rig.source.held
    rig.step(9)
    assert sorted(rig.read) == sorted(body(offset, part) for part in (A, B) for offset in range(8))


def test_what_was_read_of_a_part_that_went_is_forgotten() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    rig.peek()
    rig.source.take(A)
    assert rig.peek() == []
    assert rig.heard.lag[NAME] is None
    rig.store.record(Batch(NAME, 3, 7, NOW))
    rig.source.give(A)
    assert rig.step(4) == [body(7)]


def test_offsets_without_a_message_are_stepped_over_in_the_store_too() -> None:
    rig = Rig(2)
    rig.source.logs[A] += [None, None]
    rig.source.give(A)
    rig.step(6)
    assert rig.store.position(NAME).next == 4
    assert rig.inlet.caught_up(rig.progress) == {NAME: NOW}


def test_a_part_is_caught_up_only_when_all_of_it_is_ingested() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(3)
    assert rig.inlet.caught_up(rig.progress) == {NAME: 0}
    rig.step(3)
    assert rig.inlet.caught_up(rig.progress) == {NAME: NOW}


def test_what_was_read_of_a_part_before_it_stopped_is_ingested_first() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(2)
    assert rig.peek() == [0, 1, 2]
    rig.source.hold(A)
    rig.source.stopped[A] = "position out of range"
    assert rig.step(3) == [body(0), body(1), body(2)]
    assert rig.heard.stuck == {NAME}
    assert rig.inlet.trouble == "1 partitions are stopped"
    rig.store.move_position(NAME, 6)
    assert rig.step(3) == [body(6), body(7)]
    assert rig.heard.stuck == set()


def made_anew(rig: Rig, offsets: range) -> None:
    """Let the topic be another one with other messages; what was placed stays at its offset, as with a real broker."""
    rig.source.log = "second"
    rig.source.logs[A] = log(A, offsets)


def test_a_topic_that_was_made_anew_is_not_read_on_and_what_the_old_one_gave_is_ingested() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(2)
    assert rig.peek() == [0, 1, 2]
    made_anew(rig, range(20, 40))
    assert rig.step(6) == [body(0), body(1), body(2)]
    assert (rig.heard.stuck, rig.heard.lag[NAME]) == ({NAME}, 20)
    assert rig.inlet.caught_up(rig.progress) == {NAME: 0}
    rig.store.move_position(NAME, 3, "second")
    assert rig.step(9) == [body(offset) for offset in range(23, 40)], "the same offset, if that is meant"
    assert (rig.heard.stuck, rig.heard.lag[NAME]) == (set(), 0)


def test_a_topic_that_was_made_anew_while_nobody_looked_is_not_read_on() -> None:
    rig = Rig()
    rig.source.log = "second"
    rig.store.move_position(NAME, 8, "first")
    rig.source.give(A)
    assert rig.step(5) == []
    assert rig.heard.stuck == {NAME}
    assert rig.inlet.caught_up(rig.progress) == {NAME: 0}, "its end is not that of what was read"
    rig.store.move_position(NAME, 2)
    assert rig.step(5) == [body(offset) for offset in range(2, 8)]
    assert rig.store.position(NAME).log == "second"


def test_a_position_that_was_moved_by_who_could_not_ask_the_brokers_counts_in_the_log_that_is_read() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(6)
    rig.store.move_position(NAME, 5)
    rig.step(6)
    assert rig.store.position(NAME).log == "first"


def test_brokers_without_topic_ids_are_read_unchecked() -> None:
    rig = Rig()
    rig.source.log = ""
    rig.store.move_position(NAME, 2, "first")
    rig.source.give(A, B)
    rig.step(9)
    assert len(rig.read) == 6 + 8
    assert rig.store.position("kafka:labs:1").log == ""


def test_nothing_is_read_of_a_topic_that_the_brokers_do_not_know_yet() -> None:
    rig = Rig()
    rig.source.log = None
    rig.source.give(A)
    assert rig.step(3) == []
    rig.source.log = "first"
    assert rig.step(6) == [body(offset) for offset in range(8)]


@pytest.mark.parametrize(("next_", "waiting"), [(3, 5), (50, 8)])
def test_what_waits_in_a_stopped_part_is_counted(next_: int, waiting: int) -> None:
    rig = Rig()
    rig.store.move_position(NAME, next_, "first")
    rig.source.give(A)
    rig.inlet.read(rig.progress, Room(0, 0), NOW)
    rig.source.stop(A, "position out of range")
    rig.inlet._lanes[A].backlog.clear()
    rig.step(2)
    assert (rig.heard.stuck, rig.heard.lag[NAME]) == ({NAME}, waiting)


def test_every_part_that_is_read_is_told_not_to_be_stopped_until_it_goes() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(2)
    assert rig.heard.told == {NAME: False}
    rig.source.take(A)
    rig.step()
    assert rig.heard.told == {}


def test_a_store_that_is_away_when_a_part_comes_is_asked_again() -> None:
    rig = Rig()
    rig.source.give(A)

    class Away(MemoryState):
        def positions(self) -> dict[str, object]:
            raise TemporaryError("away", "storage")

    rig.progress._store = Away()
    with pytest.raises(TemporaryError):
        rig.step()
    rig.progress._store = rig.store
    assert rig.step(9) == [body(offset) for offset in range(8)]


def test_all_parts_are_named_and_a_topic_that_is_not_there_is_one_that_nobody_consumed() -> None:
    assert list(Rig().inlet.parts()) == ["kafka:labs:0", "kafka:labs:1", "kafka:late"]


def test_at_the_end_the_group_is_told_how_far_we_are_and_left() -> None:
    rig = Rig()
    rig.source.give(A)
    rig.step(9)
    rig.inlet.finish()
    assert rig.source.mirrored == {A: 8}
    assert rig.source.is_closed
    assert rig.step() == []
    rig.inlet.rest()
    rig.inlet.wait(0, Event())
    rig.inlet.close()


def test_a_part_that_another_worker_began_with_meanwhile_is_read_from_there() -> None:
    rig = Rig(is_from_end=True)
    rig.source.give(A)
    ends = rig.source.ends

    def slow_ends(parts: Collection[Part]) -> Mapping[Part, int]:
        rig.store.begin_all("kafka:labs", {NAME: 0})
        return ends(parts)

    rig.source.ends = slow_ends
    assert rig.step(9) == [body(offset) for offset in range(8)]


def test_under_a_steady_load_the_instant_moves_on_although_the_newest_end_is_never_reached() -> None:
    rig = Rig(3)
    rig.source.give(A)
    rig.step(3)
    for second in range(5):
        rig.source.logs[A] += log(A, range(3 * second + 3, 3 * second + 6))
        rig.inlet._looked = None
        for parcel in rig.inlet.read(rig.progress, ROOM, NOW + second):
            rig.progress.take(parcel.part, parcel.entries[:2])
    assert NOW < rig.inlet.caught_up(rig.progress)[NAME] < NOW + 4


def test_after_the_end_all_parts_keep_their_names() -> None:
    rig = Rig()
    named = list(rig.inlet.parts())
    rig.source.partitions = lambda: {"labs": [], "late": []}
    rig.inlet.finish()
    assert list(rig.inlet.parts()) == named
