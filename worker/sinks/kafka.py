"""Notices as records of Kafka topics: an idempotent producer, one record for each notice, its key the alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError
from kafka.producer.future import FutureRecordMetadata

from worker.model.errors import TemporaryError
from worker.sinks.cloudevents import Convert, Event, event
from worker.sinks.kafka_client import connect
from worker.sinks.kafka_errors import REFUSALS, TOO_LARGE, reason_of
from worker.sinks.kafka_log import KafkaLog
from worker.sinks.receipt import Arrivals, Fate, Receipt, Shipment

_log = structlog.get_logger(__name__)

_LINGER_MS = 1
_MAX_RECORD_BYTES = 64 * 1024 * 1024
_CLOSE_S = 1.0
# Of the time that a send may take.
_DELIVERY = 0.7
_CLOSING = 0.2
_MS = 1_000


class KafkaSink:
    """Append notices to topics, and read topics back; used by one thread.

    One producer retries by itself under one sequence of numbers, so that a broker never takes a retry for a second record. Once
    a send has failed the producer is closed for good: what was under way has an unknown fate, and only the topic can tell.
    """

    def __init__(
        self,
        options: Mapping[str, object],
        source: str,
        *,
        name: str = "kafka",
        timeout_s: float = 10.0,
        settle_s: float = 0.5,
        convert: Mapping[str, Convert] | None = None,
    ) -> None:
        """Keep the client's options and the `source` of our events; connections are opened when they are needed.

        Shape: `timeout_s` bounds a `send`. `convert` gives the value of a kind of body that the outbox keeps in another form.
        """
        self._options = dict(options)
        self._source = source
        self._convert = dict(convert or {})
        self._log = KafkaLog(options, timeout_s=timeout_s / 2, settle_s=settle_s)
        self._producer: KafkaProducer | None = None
        self.name = name
        self.timeout_s = timeout_s

    def arrivals(self, target: str, since: Mapping[int, int]) -> Iterator[Arrivals]:
        """Read a topic back (see `KafkaLog`), and make ready to write it.

        Raises: TemporaryError where the topic cannot be read or written now.
        """
        yield from self._log.arrivals(target, since)
        try:
            self._open(target)
        except (KafkaError, ValueError) as error:
            self._drop()
            raise TemporaryError(reason_of(error), target) from error

    def send(self, target: str, shipments: Sequence[Shipment]) -> list[Receipt]:
        """Append notices of different alerts to a topic; give a receipt for each, in their order.

        Shape: what the broker says of a record is believed only where it was sent alone: one record that is refused makes the
        producer fail all others with the same words. Of several, those without an offset have FAILED.
        """
        ends_s = monotonic() + self._delivery_s
        events = [self._event(shipment) for shipment in shipments]
        try:
            producer = self._open(target)
        except (KafkaError, ValueError) as error:
            self._drop()
            return [Receipt(Fate.AWAY, reason_of(error))] * len(shipments)
        if ends_s - monotonic() < self._delivery_s / 2:
            # The first FHIR is slow to make. Nothing was sent: the next try finds all ready.
            return [Receipt(Fate.FAILED, "no time was left to send it")] * len(shipments)
        appended = [self._append(producer, target, made) for made in events]
        receipts = [_receipt(item, ends_s - monotonic(), is_alone=len(shipments) == 1) for item in appended]
        if any(receipt.fate is not Fate.ARRIVED for receipt in receipts):
            self._drop()
        return receipts

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        self._drop()
        self._log.close()

    @property
    def _delivery_s(self) -> float:
        return self.timeout_s * _DELIVERY

    def _open(self, target: str) -> KafkaProducer:
        if self._producer is None:
            delivery_ms = round(self._delivery_s * _MS)
            own = {
                "acks": "all",
                "enable_idempotence": True,
                "allow_auto_create_topics": False,
                "linger_ms": _LINGER_MS,
                "max_request_size": _MAX_RECORD_BYTES,
                "max_block_ms": delivery_ms,
                "delivery_timeout_ms": delivery_ms,
                "request_timeout_ms": delivery_ms // 2,
            }
            self._producer = connect(KafkaProducer, delivery_ms, {**self._options, **own})
        self._producer.partitions_for(target)
        return self._producer

    def _event(self, shipment: Shipment) -> Event | Receipt:
        try:
            return event(shipment, self._source, self._convert)
        except Exception as error:  # noqa: BLE001 - a body that cannot be converted holds up nobody else's
            _log.error("notice_not_convertible", sink=self.name, error=type(error).__name__)
            return Receipt(Fate.REFUSED, "its body cannot be converted")

    def _append(
        self, producer: KafkaProducer, target: str, made: Event | Receipt
    ) -> FutureRecordMetadata | Receipt:
        """Hand a record to the producer: give its future, or the receipt where there will be none."""
        if isinstance(made, Receipt):
            return made
        try:
            return producer.send(target, made.value, made.key, made.headers)
        except MessageSizeTooLargeError:
            return Receipt(Fate.REFUSED, TOO_LARGE)
        except KafkaError as error:
            return Receipt(Fate.FAILED, reason_of(error))

    def _drop(self) -> None:
        """Close the producer so that nothing of it is sent from now on."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # `close` alone waits for what is under way, and raises where that takes too long, with everything left open.
        producer._sender.force_close()  # noqa: SLF001  there is no public way to let go at once
        producer._sender.join(self.timeout_s * _CLOSING)  # noqa: SLF001
        try:
            producer.close(timeout=_CLOSE_S)
        except KafkaError as error:
            _log.warning("producer_not_closed", sink=self.name, error=type(error).__name__)


def _receipt(item: FutureRecordMetadata | Receipt, wait_s: float, *, is_alone: bool) -> Receipt:
    if isinstance(item, Receipt):
        return item
    try:
        told = item.get(timeout=max(0.0, wait_s))
    except KafkaError as error:
        if not is_alone:
            return Receipt(Fate.FAILED, reason_of(error))
        return Receipt(Fate.REFUSED if isinstance(error, REFUSALS) else Fate.AWAY, reason_of(error))
    return Receipt(Fate.ARRIVED, log=(told.partition, told.offset + 1) if told.offset >= 0 else None)
