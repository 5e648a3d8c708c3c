"""Read back what a topic holds, to tell what arrived of notices whose fate nobody knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from time import monotonic, sleep
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, OffsetSpec, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, LeaderNotAvailableError, for_code
from kafka.protocol.consumer import ListOffsetsRequest

from worker.model.errors import TemporaryError
from worker.sinks.cloudevents import EVENT_ID
from worker.sinks.kafka_client import connect
from worker.sinks.kafka_errors import reason_of
from worker.sinks.receipt import Arrivals

_POLL_RECORDS = 500
_POLL_MS = 500
_FETCH_BYTES = 4 * 1024 * 1024
_MS = 1_000

_CONSUMER = -1
_OBSERVER = -2


class _Admin(KafkaAdminClient):  # type: ignore[misc]  # kafka-python ships no types
    """An admin client that can ask for the end of a log as its leader has it, replicated or not.

    A consumer is told the end of what all replicas have. A record that one of them has not taken yet would be missed, sent
    again, and stand there twice as soon as the replica has caught up.
    """

    asks_as = _CONSUMER

    def _list_partition_offsets_request(self, specs: object, isolation: object) -> ListOffsetsRequest:
        request = KafkaAdminClient._list_partition_offsets_request(specs, isolation)  # noqa: SLF001  the one place that builds it
        request.replica_id = self.asks_as
        return request


class KafkaLog:
    """Read the ids of events from topics; used by one thread.

    A record that was on its way when its sender died may come to its broker a moment after it is looked for: so the leaders
    are asked for an answer first, and `settle_s` later for the end of the log, which is read to, replicated or not.
    """

    def __init__(
        self, options: Mapping[str, object], *, timeout_s: float = 10.0, settle_s: float = 0.5
    ) -> None:
        """Keep the client's options; connections are opened when they are needed."""
        self._options = dict(options)
        self._timeout_s = timeout_s
        self._settle_s = settle_s
        self._admin: _Admin | None = None

    def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        """Read a topic from these offsets on to its present end, a few hundred records at a time.

        Shape: `since` by partition; empty for a topic that was never written: nothing is read, and its present end is told.
        A partition that is not in `since`, or no longer or not yet has that offset, is read from its beginning.
        Raises: TemporaryError where the topic cannot be read now.
        """
        try:
            yield from self._arrivals(target, since)
        except (KafkaError, ValueError) as error:
            self.close()
            raise TemporaryError(reason_of(error), target) from error

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()

    def _arrivals(self, topic: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        admin = self._open()
        parts = _partitions(admin, topic)
        ends = _offsets(admin, parts, OffsetSpec.LATEST)
        if not since:
            yield Arrivals(frozenset(), ends)
            return
        sleep(self._settle_s)
        ends = _offsets(admin, parts, OffsetSpec.LATEST, _OBSERVER)
        # An observer is answered by whoever was the leader; this is answered by the leader alone.
        begins = _offsets(admin, parts, OffsetSpec.EARLIEST)
        first = {part: _first(since.get(part), begins[part], ends[part]) for part in ends}
        yield Arrivals(frozenset(), first)
        unread = {TopicPartition(topic, part): ends[part] for part in ends if first[part] < ends[part]}
        if unread:
            yield from self._read(unread, first)

    def _read(self, unread: dict[TopicPartition, int], first: Mapping[int, int]) -> Iterator[Arrivals]:
        consumer = self._consumer()
        try:
            consumer.assign(list(unread))
            for place in unread:
                consumer.seek(place, first[place.partition])
            heard = monotonic()
            while unread:
                polled = consumer.poll(timeout_ms=_POLL_MS)
                reached = {place: consumer.position(place) for place in unread}
                yield Arrivals(_ids(polled), {place.partition: next_ for place, next_ in reached.items()})
                unread = {place: end for place, end in unread.items() if reached[place] < end}
                if polled:
                    heard = monotonic()
                elif monotonic() - heard > self._timeout_s:
                    raise KafkaTimeoutError
        finally:
            consumer.close()

    def _open(self) -> _Admin:
        if self._admin is None:
            own = {"request_timeout_ms": self._wait_ms}
            self._admin = connect(_Admin, self._wait_ms, {**self._options, **own})
        return self._admin

    def _consumer(self) -> KafkaConsumer:
        own = {
            "request_timeout_ms": self._wait_ms,
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "allow_auto_create_topics": False,
            "max_poll_records": _POLL_RECORDS,
            "fetch_max_bytes": _FETCH_BYTES,
            "max_partition_fetch_bytes": _FETCH_BYTES,
        }
        return connect(KafkaConsumer, self._wait_ms, {**self._options, **own})

    @property
    def _wait_ms(self) -> int:
        return round(self._timeout_s * _MS)


def _partitions(admin: _Admin, topic: str) -> list[TopicPartition]:
    (told,) = admin.describe_topics([topic])
    if told["error_code"]:
        raise for_code(told["error_code"])
    if any(part["leader_id"] < 0 for part in told["partitions"]):
        raise LeaderNotAvailableError
    return [TopicPartition(topic, part["partition_index"]) for part in told["partitions"]]


def _offsets(
    admin: _Admin, parts: list[TopicPartition], spec: OffsetSpec, asks_as: int = _CONSUMER
) -> dict[int, int]:
    admin.asks_as = asks_as
    found = admin.list_partition_offsets(dict.fromkeys(parts, spec))
    return {place.partition: told.offset for place, told in found.items()}


def _first(since: int | None, begin: int, end: int) -> int:
    return since if since is not None and begin <= since <= end else begin


def _ids(polled: Mapping[TopicPartition, list[Any]]) -> frozenset[str]:  # Any: kafka-python ships no types
    return frozenset(
        value.decode(errors="replace")
        for records in polled.values()
        for record in records
        for name, value in record.headers
        if name == EVENT_ID and value is not None
    )
