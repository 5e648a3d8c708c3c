"""Make clients of Kafka that leave nothing behind where no broker answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from kafka.net.compat import KafkaNetClient

Client = TypeVar("Client")


def connect(make: Callable[..., Client], **options: object) -> Client:
    """Make a producer, a consumer or an admin client; it reaches a broker before this returns.

    Raises: KafkaError where none answers in time: then the thread and the sockets are let go, which the client itself keeps.
    """
    opened: list[KafkaNetClient] = []

    def network(**configs: object) -> KafkaNetClient:
        opened.append(KafkaNetClient(**configs))
        return opened[-1]

    try:
        return make(**options, kafka_client=network)
    except BaseException:
        for client in opened:
            client.close()
            client._net.stop()  # noqa: SLF001  clients do the same in their own `close`
        raise
