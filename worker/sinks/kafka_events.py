"""Events of our own on a topic, outside the outbox: one that gets lost is followed by the next."""

from __future__ import annotations

from collections.abc import Mapping

from kafka import KafkaProducer
from kafka.errors import KafkaError

from worker.model.errors import TemporaryError
from worker.sinks.cloudevents import attributes
from worker.sinks.kafka_client import connect
from worker.sinks.kafka_errors import reason_of

_CLOSE_S = 1.0
_MS = 1_000


class KafkaEvents:
    """Write events to one topic; used by one thread."""

    def __init__(
        self, options: Mapping[str, object], topic: str, source: str, *, timeout_s: float = 5.0
    ) -> None:
        """Keep the client's options; a connection is opened by the first event."""
        self._options = dict(options)
        self._topic = topic
        self._source = source
        self._timeout_s = timeout_s
        self._producer: KafkaProducer | None = None

    def publish(self, kind: str, event_id: str, at_ms: int, subject: str, value: bytes) -> None:
        """Write one event with its subject as key.

        Raises: TemporaryError where the topic did not take it in time.
        """
        headers = attributes(kind, event_id, self._source, at_ms, subject)
        try:
            producer = self._open()
            producer.send(self._topic, value, subject.encode(), headers).get(timeout=self._timeout_s)
        except (KafkaError, ValueError) as error:
            self.close()
            raise TemporaryError(reason_of(error), self._topic) from error

    def close(self) -> None:
        """Let go of the connection; what was not sent by now is dropped."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            producer.close(timeout=_CLOSE_S)
        except KafkaError:
            producer._sender.force_close()  # noqa: SLF001  `close` gives up, and leaves its thread at work

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            wait_ms = round(self._timeout_s * _MS)
            own = {
                "allow_auto_create_topics": False,
                "max_block_ms": wait_ms,
                "delivery_timeout_ms": wait_ms,
                "request_timeout_ms": wait_ms // 2,
            }
            self._producer = connect(KafkaProducer, wait_ms, {**self._options, **own})
        return self._producer
