"""Topics as the store of received messages: a sender hears that its message is stored when all replicas have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Final

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.producer.future import FutureRecordMetadata

from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.sources.kafka_cluster import Topic
from worker.sources.kafka_messages import to_headers

_log = structlog.get_logger(__name__)

_LINGER_MS: Final = 5
_MS: Final = 1_000
_CLOSE_S: Final = 2.0
_BATCH_BYTES: Final = 256 * 1024
# What a record and its batch need beside the body: headers, lengths, sums.
_OVERHEAD_BYTES: Final = 1024
# What a broker takes where nobody changed it; used where we may not read the topic's settings.
_USUAL_LIMIT: Final = 1_048_588


class KafkaIntake:
    """Append messages to the topic of their form; used by one thread.

    Messages go to any partition: what is found does not depend on their order. A message that was answered with an error may be
    in the topic all the same; it comes again, which changes nothing.
    """

    def __init__(
        self,
        options: Mapping[str, object],
        topics: Mapping[Form, str],
        *,
        timeout_s: float = 10.0,
        limit: int = _USUAL_LIMIT,
    ) -> None:
        """Keep what is needed to connect; the first `append` does.

        Shape: `timeout_s` bounds an `append`. `limit` is the size of the largest batch that each topic takes.
        """
        self._options = dict(options)
        self._topics = dict(topics)
        self._timeout_s = timeout_s
        self._limit = limit
        self._producer: KafkaProducer | None = None

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store messages durably: all of them have arrived when this returns.

        Raises: TemporaryError where some may not have arrived; all are to be sent again.
        """
        ends_s = monotonic() + self._timeout_s
        try:
            producer = self._open()
            futures = [self._send(producer, message) for message in messages]
            producer.flush(timeout=self._timeout_s)
            for future in futures:
                future.get(timeout=max(0.0, ends_s - monotonic()))
        except (KafkaError, ValueError) as error:
            self._drop()
            _log.warning("topic_not_written", error=type(error).__name__, count=len(messages))
            raise TemporaryError("the brokers did not take the messages", "kafka") from error

    def close(self) -> None:
        """Let go of the brokers."""
        self._drop()

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            timeout_ms = round(self._timeout_s * _MS)
            self._producer = KafkaProducer(
                **self._options,
                acks="all",
                enable_idempotence=True,
                allow_auto_create_topics=False,
                linger_ms=_LINGER_MS,
                batch_size=min(_BATCH_BYTES, self._limit // 2),
                max_request_size=self._limit,
                max_block_ms=timeout_ms,
                bootstrap_timeout_ms=timeout_ms,
                delivery_timeout_ms=timeout_ms,
                request_timeout_ms=timeout_ms // 2,
            )
        return self._producer

    def _send(self, producer: KafkaProducer, message: RawMessage) -> FutureRecordMetadata:
        headers = to_headers(message)
        topic = self._topics[message.form]
        return producer.send(topic, message.body, headers=headers, timestamp_ms=message.received_at_ms)

    def _drop(self) -> None:
        """Close the producer so that nothing of it is sent from now on."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # `close` alone waits for what is under way, and raises where that takes too long, with everything left open.
        producer._sender.force_close()  # noqa: SLF001  there is no public way to let go at once
        producer._sender.join(_CLOSE_S)  # noqa: SLF001
        try:
            producer.close(timeout=_CLOSE_S)
        except KafkaError as error:
            _log.warning("producer_not_closed", error=type(error).__name__)


def batch_limit(topic: Topic) -> int:
    """Give the size of the largest batch that a topic takes; what is usual where we may not read its settings."""
    settings = topic.settings or {}
    return int(settings.get("max.message.bytes", _USUAL_LIMIT))


def largest_message(topic: Topic) -> int:
    """Give the size of the largest message that fits into a topic; a larger one would be refused with all that came with it."""
    return max(0, batch_limit(topic) - _OVERHEAD_BYTES)
