"""A sink that appends to logs in memory, as Kafka does, and can fail in every way that Kafka can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from worker.model.errors import TemporaryError
from worker.sinks.receipt import Arrivals, Fate, Parcel, Receipt


@dataclass
class Topics:
    """What a broker holds; it outlives its clients."""

    logs: dict[tuple[str, int], list[Parcel]] = field(default_factory=dict)
    parts: int = 2
    missing: set[str] = field(default_factory=set)
    largest: int = 1_000

    def append(self, target: str, parcel: Parcel) -> tuple[int, int]:
        part = sum(parcel.notice.alert_id.encode()) % self.parts
        log = self.logs.setdefault((target, part), [])
        log.append(parcel)
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
        self, topics: Topics, fail: Callable[[str, Parcel], Fate | None] = lambda _moment, _parcel: None
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

    def send(self, target: str, parcels: Sequence[Parcel]) -> list[Receipt]:
        self.waves.append([parcel.notice.notice_id for parcel in parcels])
        return [self._one(target, parcel) for parcel in parcels]

    def close(self) -> None:
        self.closed += 1

    def _one(self, target: str, parcel: Parcel) -> Receipt:
        if target in self.topics.missing:
            return Receipt(Fate.AWAY, "the topic does not exist")
        if len(parcel.notice.body) > self.topics.largest:
            return Receipt(Fate.REFUSED, "larger than the topic takes")
        before = self.fail("before", parcel)
        if before is not None:
            return Receipt(before, "before")
        log = self.topics.append(target, parcel)
        after = self.fail("after", parcel)
        return Receipt(Fate.ARRIVED, log=log) if after is None else Receipt(after, "no answer")
