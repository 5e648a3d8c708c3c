"""A sink that appends to logs in memory, as Kafka does, and can fail in every way that Kafka can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from worker.model.errors import TemporaryError
from worker.sinks.receipt import Arrivals, Fate, Receipt, Shipment


@dataclass
class Topics:
    """What a broker holds; it outlives its clients."""

    logs: dict[tuple[str, int], list[Shipment]] = field(default_factory=dict)
    parts: int = 2
    missing: set[str] = field(default_factory=set)
    largest: int = 1_000

    def append(self, target: str, shipment: Shipment) -> tuple[int, int]:
        part = sum(shipment.notice.alert_id.encode()) % self.parts
        log = self.logs.setdefault((target, part), [])
        log.append(shipment)
        return part, len(log)

    def ids(self, target: str) -> list[str]:
        return [
            item.notice.notice_id
            for (topic, _), log in sorted(self.logs.items(), key=lambda pair: pair[0])
            if topic == target
            for item in log
        ]

    def versions(self, target: str, alert: str) -> list[int]:
        return [
            item.notice.version
            for (topic, _), log in self.logs.items()
            if topic == target
            for item in log
            if item.notice.alert_id == alert
        ]


class TopicSink:
    """Write to topics; `fail` is asked before and after each append and may raise."""

    def __init__(
        self, topics: Topics, fail: Callable[[str, Shipment], Fate | None] = lambda _moment, _shipment: None
    ) -> None:
        self.name = "kafka"
        self.timeout_s = 1.0
        self.topics = topics
        self.fail = fail
        self.waves: list[list[str]] = []
        self.closed = 0

    def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        if target in self.topics.missing:
            raise TemporaryError("the topic does not exist", target)
        ends = {part: len(self.topics.logs.get((target, part), [])) for part in range(self.topics.parts)}
        if not since:
            yield Arrivals(frozenset(), ends)
            return
        for part, end in ends.items():
            for offset in range(since.get(part, 0), end):
                yield Arrivals(
                    frozenset({self.topics.logs[target, part][offset].notice.notice_id}), {part: offset + 1}
                )

    def send(self, target: str, shipments: Sequence[Shipment]) -> list[Receipt]:
        self.waves.append([shipment.notice.notice_id for shipment in shipments])
        return [self._one(target, shipment) for shipment in shipments]

    def close(self) -> None:
        self.closed += 1

    def _one(self, target: str, shipment: Shipment) -> Receipt:
        if target in self.topics.missing:
            return Receipt(Fate.AWAY, "the topic does not exist")
        if len(shipment.notice.body) > self.topics.largest:
            return Receipt(Fate.REFUSED, "larger than the topic takes")
        before = self.fail("before", shipment)
        if before is not None:
            return Receipt(before, "before")
        log = self.topics.append(target, shipment)
        after = self.fail("after", shipment)
        return Receipt(Fate.ARRIVED, log=log) if after is None else Receipt(after, "no answer")
