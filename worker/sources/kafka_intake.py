"""Topics as the place where the gateway keeps what it receives: answered for when all replicas in sync have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import monotonic

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError
from kafka.net.compat import KafkaNetClient

from worker.model.errors import TemporaryError
from worker.model.message import Form, RawMessage
from worker.sources.group_commit import TooLargeError
from worker.sources.kafka_cluster import Topic
from worker.sources.kafka_messages import to_headers

_log = structlog.get_logger(__name__)

_USUAL_LIMIT = 1_048_588
_AROUND = 1_024
_BATCH = 256 * 1024
_LINGER_MS = 5
_MAX_REQUEST = 64 * 1024 * 1024
_DELIVERY = 0.8
_CLOSE_S = 1.0
_MS = 1_000
_REFUSED = (MessageSizeTooLargeError, RecordListTooLargeError)


def batch_limit(topic: Topic) -> int:
    """Give the size of the largest batch that a topic takes; what is usual where we may not read its settings."""
    settings = topic.settings or {}
    return int(settings.get("max.message.bytes", _USUAL_LIMIT))


def largest_message(topic: Topic) -> int:
    """Give the size of the largest message that fits into a topic, with what a record and its batch need around it."""
    return max(0, batch_limit(topic) - _AROUND)


class KafkaIntake:
    """Append messages to topics, all or none as far as their senders are told; used by one thread.

    With acks=all and an idempotent producer a retry of the producer itself is no second record. After a failure what was under
    way has an unknown fate: the senders send again, and repeats are harmless. The producer is then closed for good.
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

        Shape: `timeout_s` bounds an `append`. `limit` is the `batch_limit` that all topics keep.
        """
        self._options = dict(options)
        self._topics = dict(topics)
        self._limit = limit
        self._timeout_s = timeout_s
        self._producer: KafkaProducer | None = None
        self._client: KafkaNetClient | None = None

    def check(self) -> None:
        """Connect, and find every topic.

        Raises: TemporaryError where no broker answers in time, or a topic is not there.
        """
        try:
            producer = self._open()
            for topic in self._topics.values():
                producer.partitions_for(topic)
        except (KafkaError, ValueError) as error:
            self._drop()
            raise TemporaryError(f"no answer: {type(error).__name__}", "kafka") from error

    def append(self, messages: Sequence[RawMessage]) -> None:
        """Store the messages durably, all or none.

        Raises: TooLargeError where one is larger than its topic takes; TemporaryError, after `timeout_s` at the latest, where
        some may not be stored.
        """
        if any(len(message.body) > self._limit - _AROUND for message in messages):
            raise TooLargeError("larger than the topic takes", "max.message.bytes")
        ends_s = monotonic() + self._timeout_s
        try:
            self._send(messages, ends_s)
        except _REFUSED as error:
            self._drop()
            raise TooLargeError("larger than the topic takes", "max.message.bytes") from error
        except (KafkaError, ValueError) as error:
            self._drop()
            raise TemporaryError(f"not stored: {type(error).__name__}", "kafka") from error
        except BaseException:  # whatever it is, some may be under way: the next batch must not wait for them
            self._drop()
            raise

    def close(self) -> None:
        """Let go of the connections."""
        self._drop()

    def _send(self, messages: Sequence[RawMessage], ends_s: float) -> None:
        producer = self._open()
        sent = [
            producer.send(
                self._topics[message.form],
                message.body,
                headers=to_headers(message),
                timestamp_ms=message.received_at_ms,
            )
            for message in messages
        ]
        producer.flush(timeout=max(0.0, ends_s - monotonic()))
        for each in sent:
            each.get(timeout=0)

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            delivery_ms = round(self._timeout_s * _DELIVERY * _MS)
            bounds = {
                "max_block_ms": delivery_ms // 2,
                "bootstrap_timeout_ms": delivery_ms // 2,
                "delivery_timeout_ms": delivery_ms,
                "request_timeout_ms": delivery_ms // 2,
            }
            try:
                self._producer = KafkaProducer(
                    **self._options,
                    **bounds,
                    acks="all",
                    enable_idempotence=True,
                    allow_auto_create_topics=False,
                    linger_ms=_LINGER_MS,
                    batch_size=min(_BATCH, self._limit // 2),
                    max_request_size=_MAX_REQUEST,
                    metrics_enabled=False,
                    kafka_client=self._remember,
                )
            except KafkaError:
                # A producer that never came to be leaves its connections behind.
                if self._client is not None:
                    self._client.close()
                    self._client._net.stop()  # noqa: SLF001  clients do the same in their own `close`
                raise
        return self._producer

    def _remember(self, **configs: object) -> KafkaNetClient:
        self._client = KafkaNetClient(**configs)
        return self._client

    def _drop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # `close` alone waits for what is under way, and raises where that takes too long, with everything left open.
        producer._sender.force_close()  # noqa: SLF001  there is no public way to let go at once
        producer._sender.join(_CLOSE_S)  # noqa: SLF001
        try:
            producer.close(timeout=_CLOSE_S)
        except KafkaError as error:
            _log.info("producer_not_closed", error=type(error).__name__)
