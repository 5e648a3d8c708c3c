"""Kafka partitions as an inlet: the store says where each is read, Kafka only what is there.

A partition goes through these steps: it becomes ours and is held · the store says where it stands; a new one begins at its
beginning, or with all others of a topic that nobody ever read at their ends, and that is stored before anything is read · it is
read on · it is taken from us, and what was read and not ingested is forgotten. One that cannot be read on, or whose topic was
made anew since its position was stored, is stopped until an operator moves its position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

import structlog

from worker.model.message import Form
from worker.model.time import EpochMs
from worker.runtime.clock import Clock, Stopwatch
from worker.runtime.inlet import Parcel, Room
from worker.runtime.journal import Entry
from worker.runtime.progress import Progress
from worker.sources.kafka import KafkaSource
from worker.sources.kafka_group import Change, Partition
from worker.sources.kafka_messages import Record, part_name, to_message, topic_name
from worker.storage.records import Position

_log = structlog.get_logger(__name__)

BACKLOG_BYTES = 32 * 1024 * 1024
_OVERHEAD = 512
"""What a message takes beside its bytes, about."""
_UNSEEN = 256 * 1024
"""How large messages are taken to be before the first came."""
_FADING = 0.9

_LOOK_EVERY_S = 1.0
_MIRROR_EVERY_S = 5.0
_REST_EVERY_S = 0.5

_ANOTHER_LOG = (
    "the topic is not the one that the position was stored for: it was made anew, or this is another cluster; "
    "say where to go on by: lpwatch db move-position"
)


class Observer(Protocol):
    """Hear what operators want to see."""

    def rebalanced(self) -> None:
        """Note that partitions came or went."""

    def lagging(self, part: str, messages: int | None) -> None:
        """Note how many messages of a part are not ingested yet; None for a part that is no longer ours."""

    def stopped(self, part: str, *, is_stopped: bool) -> None:
        """Note that a part cannot be read on, or can again."""


@dataclass(slots=True)
class _Lane:
    """One partition of ours.

    Shape: `backlog` was read and may not be ingested; it begins at `first` and ends before `tail`, all that Kafka holds in
    between. `reached` is where reading stands, `end` where the log was last seen to end. `goal` is an earlier end, seen at
    `goal_ms` and not ingested yet; `caught_up_ms` is the instant of the last one that is. `stuck_at` is the position of a
    stopped partition. `log` names the log in which the position counts, "" where brokers give no names.
    """

    name: str
    backlog: deque[Entry] = field(default_factory=deque)
    size: int = 0
    first: int = -1
    tail: int = -1
    reached: int = 0
    end: int | None = None
    goal: int | None = None
    goal_ms: EpochMs = 0
    caught_up_ms: EpochMs = 0
    stuck_at: int | None = None
    log: str = ""

    @property
    def is_placed(self) -> bool:
        return self.first >= 0

    @property
    def weight(self) -> int:
        """Give about how much memory the backlog takes."""
        return self.size + len(self.backlog) * _OVERHEAD

    def place(self, offset: int) -> None:
        self.backlog.clear()
        self.size, self.first, self.tail, self.reached = 0, offset, offset, offset

    def add(self, entries: Sequence[Entry]) -> None:
        self.backlog.extend(entries)
        self.size += sum([len(raw.body) for _, raw in entries])
        self.tail = max(self.tail, entries[-1][0] + 1)
        self.reached = max(self.reached, self.tail)

    def drop_below(self, offset: int) -> None:
        backlog = self.backlog
        while backlog and backlog[0][0] < offset:
            self.size -= len(backlog.popleft()[1].body)
        self.first = offset

    def head(self, room: Room) -> list[Entry]:
        """Give the first of the backlog that fit."""
        entries: list[Entry] = []
        size = 0
        for entry in self.backlog:
            entries.append(entry)
            size += len(entry[1].body)
            if len(entries) == room.messages or size >= room.size:
                break
        return entries

    def is_full(self, room: Room) -> bool:
        return len(self.backlog) >= room.messages or self.size >= room.size

    def see_end(self, end: int, asked_ms: EpochMs) -> None:
        """Note where the log ends now; under a steady load nobody would ever reach the newest end, so an older one stays."""
        self.end = end
        if self.goal is None or end < self.goal:
            self.goal, self.goal_ms = end, asked_ms

    def doubt_end(self, end: int) -> None:
        """Note where a log ends that is not the one we have read: to reach it says nothing."""
        self.end, self.goal = end, None

    def behind(self, next_: int) -> int:
        """Count what is not ingested yet."""
        return max(0, (self.end or 0) - self.ingested_to(next_))

    def note_ingested(self, next_: int) -> None:
        """Note that everything below a position is ingested."""
        if self.goal is not None and self.stuck_at is None and self.ingested_to(next_) >= self.goal:
            self.caught_up_ms = max(self.caught_up_ms, self.goal_ms)
            self.goal = None

    def ingested_to(self, next_: int) -> int:
        """Give the offset below which everything is ingested, with the gaps after the last message."""
        return next_ if next_ < self.tail else max(next_, self.reached)


class KafkaInlet:
    """Give what the partitions of ours hold."""

    is_shared = True

    def __init__(
        self,
        source: KafkaSource,
        forms: Mapping[str, Form],
        clock: Clock,
        observer: Observer,
        *,
        is_from_end: bool = False,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        """Keep the source, the form of each topic, and where a partition begins that nobody ever consumed.

        Shape: once what was read and is not ingested takes `backlog_bytes`, over all partitions, nothing more is read.
        """
        self._source = source
        self._forms = dict(forms)
        self._clock = clock
        self._observer = observer
        self._is_from_end = is_from_end
        self._backlog_bytes = backlog_bytes
        self._typical: float = _UNSEEN
        self._lanes: dict[Partition, _Lane] = {}
        self._room = Room()
        self._looked: Stopwatch | None = None
        self._mirrored: dict[Partition, int] = {}
        self._mirror_watch = Stopwatch()
        self._rest_watch: Stopwatch | None = None
        self._progress: Progress | None = None
        self._is_finished = False
        self._known: dict[str, Collection[int]] = {}
        self._has_told_of_ids = False

    @property
    def trouble(self) -> str:
        """Say what keeps messages from coming, "" for nothing."""
        if self._source.stopped:
            return f"{len(self._source.stopped)} partitions are stopped"
        return self._source.trouble

    def parts(self) -> Collection[str]:
        """Name all partitions, also after the end; a topic that is not known yet is one part that nobody has consumed."""
        named: list[str] = []
        for topic, now in self._source.partitions().items():
            partitions = self._known[topic] = now or self._known.get(topic, ())
            named.extend(part_name(topic, partition) for partition in partitions)
            if not partitions:
                named.append(topic_name(topic))
        return named

    def read(self, progress: Progress, room: Room, asked_ms: EpochMs) -> Sequence[Parcel]:
        """Read what came, and give what is next in each partition of ours."""
        if self._is_finished:
            return ()
        self._room, self._progress, self._rest_watch = room, progress, None
        self._poll(progress)
        self._place(progress)
        self._note_stopped(progress)
        if self._looked is None or self._looked.seconds >= _LOOK_EVERY_S:
            self._looked = Stopwatch()
            self._look(progress, asked_ms)
        parcels = []
        for partition, lane in self._lanes.items():
            if lane.is_placed:
                self._align(partition, lane, progress.position(lane.name).next)
                if entries := lane.head(room):
                    parcels.append(Parcel(lane.name, entries, len(entries) == len(lane.backlog)))
        return parcels

    def caught_up(self, progress: Progress) -> Mapping[str, EpochMs]:
        """Tell for each log the last instant at which it was seen to end below where we are."""
        placed = [lane for lane in self._lanes.values() if lane.is_placed]
        for lane in placed:
            lane.note_ingested(progress.position(lane.name).next)
        return {lane.name: lane.caught_up_ms for lane in placed}

    def wait(self, seconds: float, woken: Event) -> None:
        """Wait for messages; where no broker ever answered, for the time."""
        if self._is_finished:
            woken.wait(seconds)
        else:
            self._take_in(self._receive(seconds))

    def rest(self) -> None:
        """Stay a member of the group, holding every partition; no more often than needed."""
        if self._is_finished or (self._rest_watch and self._rest_watch.seconds < _REST_EVERY_S):
            return
        self._rest_watch = Stopwatch()
        for partition in self._lanes:
            self._source.hold(partition)
        self._take_in(self._receive(0))

    def trim(self, progress: Progress, received_before_ms: EpochMs) -> None:
        """Do nothing: the topic's own retention does it."""

    def finish(self) -> None:
        """Read nothing more, and leave the group so that others take over now; what is not ingested they find in Kafka."""
        self.close()

    def close(self) -> None:
        """Leave the group."""
        if not self._is_finished:
            self._is_finished = True
            if self._progress is not None:
                self._mirror(self._progress, is_last=True)
            self._source.close()

    def _receive(self, seconds: float) -> Mapping[Partition, Sequence[Record]]:
        """Give records that follow, without a hole, what was given before."""
        failures = self._source.failures
        records = self._source.poll(seconds, self._limit())
        if self._source.failures != failures:
            for partition, lane in self._lanes.items():
                if lane.is_placed and partition not in self._source.stopped:
                    self._source.place(partition, lane.tail)
        elsewhere = self._stop_where_made_anew()
        return {partition: found for partition, found in records.items() if partition not in elsewhere}

    def _stop_where_made_anew(self) -> Collection[Partition]:
        """Stop the partitions of topics that are others than those of their positions; what came before is still ingested."""
        logs = {topic: self._source.log_of(topic) for topic in self._forms}
        elsewhere = {
            partition
            for partition, lane in self._lanes.items()
            if lane.is_placed and _differ(lane.log, logs[partition.topic])
        }
        for partition in elsewhere:
            if self._lanes[partition].stuck_at is None:
                self._source.stop(partition, _ANOTHER_LOG)
        return elsewhere

    def _free(self) -> int:
        """Give how many bytes may still be read before something is ingested."""
        return self._backlog_bytes - sum(lane.weight for lane in self._lanes.values())

    def _limit(self) -> int:
        """Give how many messages may come: what was fetched may be compressed, and only we see how large it gets."""
        return max(1, min(self._room.messages, int(self._free() / self._typical)))

    def _poll(self, progress: Progress) -> None:
        for partition, lane in self._lanes.items():
            if lane.is_placed:
                self._align(partition, lane, progress.position(lane.name).next)
        is_crowded = self._free() <= 0
        for partition, lane in self._lanes.items():
            is_held = not lane.is_placed or partition in self._source.stopped or lane.is_full(self._room)
            self._source.hold(partition, is_held=is_held or is_crowded)
        records = self._receive(0)
        for change in self._source.changes():
            self._follow(change, progress)
        self._take_in(records)
        self._note_stopped(progress)

    def _follow(self, change: Change, progress: Progress) -> None:
        """Begin anew with partitions that became ours, forget those that others have."""
        self._observer.rebalanced()
        for partition in change.partitions:
            name = part_name(*partition)
            progress.forget(name)
            self._mirrored.pop(partition, None)
            if self._lanes.pop(partition, None) is not None:
                self._observer.stopped(name, is_stopped=False)
                self._observer.lagging(name, None)
            if change.is_ours:
                self._lanes[partition] = _Lane(name)
        _log.info(
            "partitions_changed", count=len(change.partitions), state="ours" if change.is_ours else "gone"
        )

    def _take_in(self, records: Mapping[Partition, Sequence[Record]]) -> None:
        now_ms = self._clock.now_ms()
        for partition, found in records.items():
            lane = self._lanes.get(partition)
            if lane is not None and lane.is_placed and found:
                form = self._forms[partition.topic]
                before = lane.weight
                lane.add([(record.offset, to_message(record, form, now_ms)) for record in found])
                self._typical = max((lane.weight - before) / len(found), self._typical * _FADING)

    def _note_stopped(self, progress: Progress) -> None:
        for partition, reason in self._source.stopped.items():
            lane = self._lanes.get(partition)
            if lane is not None and lane.is_placed and lane.stuck_at is None and not lane.backlog:
                lane.stuck_at = progress.position(lane.name).next
                self._observer.stopped(lane.name, is_stopped=True)
                _log.error("partition_stopped", part=lane.name, reason=reason, next_offset=lane.stuck_at)

    def _place(self, progress: Progress) -> None:
        """Let the store say where partitions are read that became ours."""
        fresh: list[Partition] = []
        for partition, lane in self._lanes.items():
            if not lane.is_placed and (log := self._source.log_of(partition.topic)) is not None:
                standing = progress.stored(lane.name)
                if standing is None:
                    fresh.append(partition)
                else:
                    self._settle(partition, standing, log, progress)
        for topic in sorted({partition.topic for partition in fresh}):
            mine = [partition for partition in fresh if partition.topic == topic]
            if self._is_from_end and not progress.has_begun(topic_name(topic)):
                self._begin_at_end(topic, mine, progress)
            else:
                for partition, offset in (self._source.begins(mine) or {}).items():
                    progress.begin(self._lanes[partition].name, offset)

    def _begin_at_end(self, topic: str, mine: Collection[Partition], progress: Progress) -> None:
        """Begin with a topic that nobody ever read: with all of its partitions at once, also those that others will read.

        A partition that has no position afterwards came later: what it holds was written since, and is read.
        """
        known = {Partition(topic, number) for number in self._source.partitions().get(topic, ())}
        ends = self._source.ends(sorted(known.union(mine)))
        if ends is not None:
            progress.begin_all(
                topic_name(topic), {part_name(*partition): offset for partition, offset in ends.items()}
            )

    def _settle(self, partition: Partition, standing: Position, log: str, progress: Progress) -> None:
        """Go on where the store stands, if that counts in the log that is there now; where nobody noted the log it does."""
        lane = self._lanes[partition]
        if not log and not self._has_told_of_ids:
            self._has_told_of_ids = True
            _log.info(
                "topics_without_ids",
                reason="a topic that is made anew is not noticed; Kafka 2.8 and newer give ids",
            )
        if log and not standing.log:
            progress.note_log(lane.name, log)
        lane.log = standing.log or log
        if _differ(lane.log, log):
            lane.place(standing.next)
            self._source.stop(partition, _ANOTHER_LOG)
        else:
            self._observer.stopped(lane.name, is_stopped=False)
            self._place_at(partition, lane, standing.next)

    def _place_at(self, partition: Partition, lane: _Lane, offset: int) -> None:
        lane.place(offset)
        self._source.place(partition, offset)
        _log.info("partition_placed", part=lane.name, next_offset=offset)

    def _align(self, partition: Partition, lane: _Lane, next_: int) -> None:
        """Go by the store, where it stands elsewhere than we thought: it was moved, or a failed commit was none."""
        if lane.first <= next_ <= lane.tail or next_ == lane.reached:
            lane.drop_below(next_)
        elif lane.stuck_at is None:
            self._place_at(partition, lane, next_)

    def _look(self, progress: Progress, asked_ms: EpochMs) -> None:
        """See where the logs end, and whether somebody moved a position."""
        placed = {partition: lane for partition, lane in self._lanes.items() if lane.is_placed}
        if placed:
            progress.refresh([lane.name for lane in placed.values()])
        ends = self._source.ends(list(placed)) if placed else None
        for partition, end in (ends or {}).items():
            lane = placed[partition]
            next_ = progress.position(lane.name).next
            lane.note_ingested(next_)
            if partition in self._source.stopped or end < next_:
                lane.doubt_end(end)
            else:
                lane.see_end(end, asked_ms)
            self._look_at(partition, lane, progress)
        self._look_at_stopped(
            [partition for partition, lane in placed.items() if lane.stuck_at is not None], progress
        )
        if self._mirror_watch.seconds >= _MIRROR_EVERY_S:
            self._mirror_watch = Stopwatch()
            self._mirror(progress)

    def _look_at(self, partition: Partition, lane: _Lane, progress: Progress) -> None:
        next_ = progress.position(lane.name).next
        if lane.stuck_at is None and not lane.backlog:
            lane.reached = max(lane.reached, self._source.reached(partition))
            if next_ == lane.tail < lane.reached:
                progress.skip(lane.name, lane.reached)
                lane.place(lane.reached)
        if lane.stuck_at is None:
            self._observer.lagging(lane.name, lane.behind(next_))
            if lane.log and not progress.position(lane.name).log:
                progress.note_log(lane.name, lane.log)  # an operator moved it who could not ask the brokers

    def _look_at_stopped(self, stopped: Collection[Partition], progress: Progress) -> None:
        """Tell what waits in stopped partitions, and go on with those whose position somebody moved."""
        firsts = (self._source.begins(stopped) or {}) if stopped else {}
        for partition in stopped:
            lane, log = self._lanes[partition], self._source.log_of(partition.topic)
            standing = progress.position(lane.name)
            if log is not None and (standing.next != lane.stuck_at or standing.log != lane.log):
                lane.stuck_at = None
                self._settle(partition, standing, log, progress)
            elif partition in firsts and lane.end is not None:
                first = firsts[partition]
                is_there = first <= standing.next <= lane.end and not _differ(lane.log, log)
                self._observer.lagging(lane.name, lane.end - (standing.next if is_there else first))

    def _mirror(self, progress: Progress, *, is_last: bool = False) -> None:
        standing = {
            partition: progress.position(lane.name).next
            for partition, lane in self._lanes.items()
            if lane.is_placed
        }
        news = {
            partition: next_
            for partition, next_ in standing.items()
            if self._mirrored.get(partition) != next_
        }
        if news:
            self._source.mirror(news, is_last=is_last)
            self._mirrored.update(news)


def _differ(noted: str, met: str | None) -> bool:
    """Tell whether two logs are known and not the same."""
    return bool(noted and met) and noted != met
