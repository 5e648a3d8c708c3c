"""What becomes of the producer when something else than Kafka fails."""

from __future__ import annotations

import pytest

from worker.model.message import Form, RawMessage
from worker.sources.kafka_intake import KafkaIntake


class Producer:
    """A producer that fails in its own way, and is let go."""

    closed = 0

    def __init__(self) -> None:
        self._sender = self

    def send(self, *_args: object, **_more: object) -> None:
        raise RuntimeError

    def force_close(self) -> None:
        """Do nothing."""

    def join(self, _seconds: float) -> None:
        """Do nothing."""

    def close(self, timeout: float) -> None:  # noqa: ARG002
        self.closed += 1


def test_whatever_fails_the_producer_with_sends_under_way_is_let_go() -> None:
    intake = KafkaIntake({}, {Form.HL7V2: "labs"})
    producer = Producer()
    intake._producer = producer  # type: ignore[assignment] # a producer that is made up
    with pytest.raises(RuntimeError):
        intake.append([RawMessage(b"x", Form.HL7V2, "mllp:2575", 1)])
    assert producer.closed == 1
    assert intake._producer is None
