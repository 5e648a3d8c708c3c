"""Make clients of Kafka that leave nothing behind where no broker answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from kafka.net.compat import KafkaNetClient

Client = TypeVar("Client")

_CONNECTION_LIMITS = ("socket_connection_setup_timeout_ms", "socket_connection_setup_timeout_max_ms")


def connect(make: Callable[..., Client], timeout_ms: int, options: Mapping[str, object]) -> Client:
    """Make a producer, a consumer or an admin client; it reaches a broker before this returns.

    Shape: a broker that takes a connection and says nothing gets a third of `timeout_ms`, now and later; the library
    would wait ten seconds for it, and ask no other meanwhile.
    Raises: KafkaError where none answers in time: then the thread and the sockets are let go, which the client itself keeps.
    """
    opened: list[KafkaNetClient] = []

    def network(**configs: object) -> KafkaNetClient:
        limits = dict.fromkeys(_CONNECTION_LIMITS, timeout_ms // 3)
        opened.append(KafkaNetClient(**{**configs, **limits}))
        return opened[-1]

    try:
        return make(**options, bootstrap_timeout_ms=timeout_ms, kafka_client=network)
    except BaseException:
        for client in opened:
            client.close()
            client._net.stop()  # noqa: SLF001  clients do the same in their own `close`
        raise
