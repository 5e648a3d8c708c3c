"""Kafka topics as a source: a member of a consumer group that reads where it is told to, and never asks Kafka for a position.

All methods are for one thread; the library's own thread keeps the connections and the heartbeats alive between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Event, Lock, Thread
from time import monotonic

import structlog
from kafka import KafkaConsumer, OffsetAndMetadata
from kafka.errors import KafkaConnectionError, KafkaError, LogTruncationError, OffsetOutOfRangeError
from kafka.net.compat import KafkaNetClient

from worker.sources.kafka_group import Change, HonestAssignor, Membership, Partition
from worker.sources.kafka_messages import Record, log_name

_log = structlog.get_logger(__name__)

_MEBIBYTE = 1024 * 1024
_MOST_OF_ONE = 4 * _MEBIBYTE
_LEAST_OF_ONE = _MEBIBYTE // 4
_ANSWER_MS = 750
# One question without an answer is a broker under load; two, a second apart, are one that is away.
_AWAY_S = 1.5
_FRESH_MS = 5
_CLOSE_MS = 3_000
_RETRY_S = 5.0
_SILENT = "kafka does not answer"
_UNREADABLE = "record cannot be read"
_SETTINGS: Mapping[str, object] = {
    "auto_offset_reset": "none",
    "enable_auto_commit": False,
    "isolation_level": "read_committed",
    "allow_auto_create_topics": False,
    "fetch_max_bytes": 16 * _MEBIBYTE,
    "max_partition_fetch_bytes": _MOST_OF_ONE,
    # How long the others wait in a rebalance for one that does not poll; its partitions then go to them.
    "max_poll_interval_ms": 120_000,
    "metadata_max_age_ms": 30_000,
    "reconnect_backoff_max_ms": 1_000,
    "metrics_enabled": False,
    # The first connection is waited for on a thread of its own, for as long as it takes.
    "bootstrap_timeout_ms": None,
}


class KafkaSource:
    """Read topics as a member of a group.

    Partitions come and go (`changes`); each is read from where it was placed (`place`) unless it is held (`hold`). One that
    cannot be read on is stopped and named in `stopped`; the others go on. While no broker answers there is nothing to read.
    """

    def __init__(
        self,
        options: Mapping[str, object],
        group: str,
        topics: Collection[str],
        *,
        fetched_bytes: int = 32 * _MEBIBYTE,
    ) -> None:
        """Keep what is needed to connect; the first `poll` begins to.

        Shape: about `fetched_bytes` wait here at most, over all partitions, of what was fetched and not given yet.
        """
        self._topics = tuple(topics)
        self._fetched_bytes = fetched_bytes
        self._members = Membership()
        self._options = {
            **_SETTINGS,
            **options,
            "group_id": group,
            "partition_assignment_strategy": (HonestAssignor(self._members.owned),),
        }
        self._consumer: KafkaConsumer | None = None
        self._connecting: _Connecting | None = None
        self._held: set[Partition] = set()
        self.stopped: dict[Partition, str] = {}
        self._since_s: float | None = None
        self._is_told = False
        self.trouble = ""
        self.failures = 0

    @property
    def is_connected(self) -> bool:
        """Tell whether a broker has answered since the start."""
        return self._consumer is not None

    def poll(self, seconds: float, limit: int) -> Mapping[Partition, Sequence[Record]]:
        """Give records of partitions that are placed and not held, after `seconds` at the latest; stay a member of the group.

        Shape: up to `limit` records, each partition's in the order of its log. With 0 seconds it gives what came since the last
        call, and waits a few milliseconds for what came just now only where there was something. Where `failures` has grown,
        records may have been read and lost on the way: whoever counts on all of them places each partition again.
        """
        consumer = self._connected(seconds)
        if consumer is None:
            return {}
        try:
            records = _poll(consumer, round(seconds * 1_000), limit)
            if not seconds and 0 < (room := limit - _count(records)) < limit:
                # These were asked for by the poll before. The fetch that this one sent brings what came since.
                records = _joined(records, _poll(consumer, _FRESH_MS, room))
        except OffsetOutOfRangeError as error:
            self._stop(error.args[0], "position out of range")
        except LogTruncationError as error:
            self._stop(error.divergent_offsets, "log was cut off before the position")
        except Exception as error:  # noqa: BLE001 - bytes that the library cannot read must not stop other partitions
            self._meet(consumer, error)
        else:
            return records
        self.failures += 1
        return {}

    def changes(self) -> list[Change]:
        """Tell which partitions became ours and which are ours no more, in order."""
        changes = self._members.changes()
        for change in changes:
            for partition in change.partitions:
                self.stopped.pop(partition, None)
                self._held.discard(partition)
                if change.is_ours:
                    self._held.add(partition)
        if changes:
            self._divide()
        return changes

    def place(self, partition: Partition, offset: int) -> None:
        """Read a partition from an offset on, with the next `poll`; one that is no longer ours is left alone."""
        if self._consumer is None or partition not in self._members.owned():
            return
        self.stopped.pop(partition, None)
        try:
            self._consumer.seek(partition, offset)
        except ValueError:
            return
        self.hold(partition, is_held=False)

    def hold(self, partition: Partition, *, is_held: bool = True) -> None:
        """Give no records of a partition until it is let go again; it stays ours."""
        if self._consumer is None or is_held == (partition in self._held):
            return
        try:
            (self._consumer.pause if is_held else self._consumer.resume)(partition)
        except KeyError:  # it was taken from us meanwhile
            return
        (self._held.add if is_held else self._held.discard)(partition)

    def reached(self, partition: Partition) -> int:
        """Give the offset after the last record that was given, and after whatever holds none; 0 where it is not known."""
        try:
            return int(self._consumer.position(partition, timeout_ms=0) or 0) if self._consumer else 0
        except (KafkaError, KeyError):
            return 0

    def begins(self, partitions: Collection[Partition]) -> Mapping[Partition, int] | None:
        """Give the offset of the first record that each log still holds, None while that cannot be told."""
        return self._ask(lambda consumer: consumer.beginning_offsets(partitions, timeout_ms=_ANSWER_MS))

    def ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int] | None:
        """Give the offset after the last committed record of each log, None while that cannot be told."""
        return self._ask(lambda consumer: consumer.end_offsets(partitions, timeout_ms=_ANSWER_MS))

    def partitions(self) -> dict[str, Collection[int]]:
        """Name the partitions of each topic; none where the topic is not known (yet)."""
        if self._consumer is None:
            return dict.fromkeys(self._topics, ())
        # What is cached, and refreshed twice a minute: the public question waits for an answer for as long as it takes.
        known = self._consumer._cluster  # noqa: SLF001
        return {topic: sorted(known.partitions_for_topic(topic) or ()) for topic in self._topics}

    def log_of(self, topic: str) -> str | None:
        """Name what a topic's partitions hold; "" where brokers give topics no ids, None where it is not known (yet)."""
        if self._consumer is None:
            return None
        known = self._consumer._cluster  # noqa: SLF001 - as above
        return log_name(known.topic_id(topic)) if known.partitions_for_topic(topic) else None

    def stop(self, partition: Partition, reason: str) -> None:
        """Read a partition no further until it is placed again."""
        self._stop([partition], reason)

    def mirror(self, offsets: Mapping[Partition, int], *, is_last: bool = False) -> None:
        """Tell Kafka how far we are, for tools that show lag; nobody reads from there, and whether it works does not matter."""
        consumer = self._consumer
        said = {partition: OffsetAndMetadata(offset, "", -1) for partition, offset in offsets.items()}
        if consumer is None or not said:
            return
        try:
            if is_last:
                consumer.commit(said, timeout_ms=_ANSWER_MS)
            else:
                consumer.commit_async(said)
        except KafkaError as error:
            _log.info("offsets_not_mirrored", error=type(error).__name__)

    def close(self) -> None:
        """Leave the group, so that others take over at once."""
        if self._connecting is not None:
            self._connecting.give_up()
        if self._consumer is not None:
            try:
                self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)
            except KafkaError as error:
                _log.info("group_not_left", error=type(error).__name__)
            self._consumer = None

    def _divide(self) -> None:
        """Let each partition have its part of what may wait: the library keeps one fetch of each that has more to give."""
        if self._consumer is not None:
            one = self._fetched_bytes // max(1, len(self._members.owned()))
            limit = max(_LEAST_OF_ONE, min(_MOST_OF_ONE, one))
            # Read with each fetch, and not to be set from outside.
            self._consumer._fetcher.config["max_partition_fetch_bytes"] = limit  # noqa: SLF001

    def _connected(self, seconds: float) -> KafkaConsumer | None:
        if self._consumer is None:
            began_s = monotonic()
            self._connecting = self._connecting or _Connecting(self._options)
            self._consumer = self._connecting.wait(seconds)
            if self._consumer is None:
                self._unanswered(began_s, self._connecting.problem)
                return None
            self._connecting = None
            self._answered()
            self._members.consumer = self._consumer
            self._consumer.subscribe(topics=self._topics, listener=self._members)
        return self._consumer

    def _ask(
        self, question: Callable[[KafkaConsumer], Mapping[Partition, int]]
    ) -> Mapping[Partition, int] | None:
        if self._consumer is None:
            return None
        asked_s = monotonic()
        try:
            answer = question(self._consumer)
        except (KafkaError, KeyError) as error:
            self._unanswered(asked_s, type(error).__name__)
            return None
        self._answered()
        return answer

    def _answered(self) -> None:
        self._since_s = None
        self.trouble = ""
        if self._is_told:
            self._is_told = False
            _log.info("kafka_back")

    def _unanswered(self, asked_s: float, reason: str) -> None:
        """Note a question without an answer; several in a row are brokers that are away, and so are those never met."""
        if self._since_s is None:
            self._since_s = asked_s
        if monotonic() - self._since_s >= _AWAY_S:
            self._away(reason)
        elif self._consumer is None:
            self.trouble = f"{_SILENT}: {reason}"

    def _away(self, reason: str) -> None:
        self.trouble = f"{_SILENT}: {reason}"
        if not self._is_told:
            self._is_told = True
            _log.warning("kafka_away", reason=reason)

    def _meet(self, consumer: KafkaConsumer, error: Exception) -> None:
        """Find out whether one partition is to blame, and stop it: its records would raise the same again for ever."""
        reading = consumer._fetcher._next_partition_records  # noqa: SLF001 - the error does not name it
        if reading:
            self._stop([reading.topic_partition], f"{_UNREADABLE}: {type(error).__name__}")
        else:
            self._away(type(error).__name__)

    def _stop(self, partitions: Iterable[Partition], reason: str) -> None:
        for partition in partitions:
            self.hold(partition)
            self.stopped[partition] = reason


def _poll(consumer: KafkaConsumer, timeout_ms: int, limit: int) -> Mapping[Partition, Sequence[Record]]:
    _mend(consumer)
    records: Mapping[Partition, Sequence[Record]] = consumer.poll(timeout_ms=timeout_ms, max_records=limit)
    return records


def _count(records: Mapping[Partition, Sequence[Record]]) -> int:
    return sum([len(found) for found in records.values()])


def _joined(
    first: Mapping[Partition, Sequence[Record]], then: Mapping[Partition, Sequence[Record]]
) -> Mapping[Partition, Sequence[Record]]:
    return {place: [*first.get(place, ()), *then.get(place, ())] for place in {**first, **then}}


def _mend(consumer: KafkaConsumer) -> None:
    """Keep two faults of kafka-python 3.0.12 from stopping the reading for ever; each was met, and has a test.

    A rebalance that began because a topic changed is forgotten where `poll` ended before its answer came: the leader's own
    answer makes the library believe that nothing is left to do, and no heartbeat is sent from then on. And records that were
    fetched before their partition was held are given again after it is let go only where no other partition was read since.
    """
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001
    if coordinator.rejoining:
        coordinator.request_rejoin()
    if not fetcher._next_partition_records:  # noqa: SLF001
        fetcher._next_partition_records = None  # noqa: SLF001


class _Connecting:
    """Wait for the first broker to answer on a thread of its own: whoever has other things to do goes on."""

    def __init__(self, options: Mapping[str, object]) -> None:
        self._options = options
        self._lock = Lock()
        self._client: KafkaNetClient | None = None
        self._consumer: KafkaConsumer | None = None
        self._done = Event()
        self._given_up = Event()
        self.problem = "no broker has answered"
        self._thread = Thread(target=self._connect, name="kafka-connect", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> KafkaConsumer | None:
        self._done.wait(seconds)
        return self._consumer

    def give_up(self) -> None:
        """Let go of the connections, at whatever moment of their making."""
        with self._lock:
            self._given_up.set()
        if self._client is not None:
            self._client.close()

    def _connect(self) -> None:
        while not self._given_up.is_set():
            try:
                consumer = KafkaConsumer(**self._options, kafka_client=self._remember)
            except Exception as error:  # noqa: BLE001 - nobody to tell but who asks whether we are connected
                self.problem = type(error).__name__
                self._given_up.wait(_RETRY_S)
            else:
                self._consumer = consumer
                self._done.set()
                return

    def _remember(self, **configs: object) -> KafkaNetClient:
        client = KafkaNetClient(**configs)
        with self._lock:
            if self._given_up.is_set():
                client.close()
                raise KafkaConnectionError
            # Started by the library a moment later it would run, and fail, also where it was closed meanwhile.
            client._net.start()  # noqa: SLF001
            client._net.start = _do_nothing  # noqa: SLF001
            self._client = client
        return client


def _do_nothing() -> None:
    """Do nothing."""
