"""The health pages over a real socket on 127.0.0.1."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from worker.model.errors import ConfigError
from worker.runtime.health import HealthServer, Probes

Talk = Callable[[str, int], Awaitable[bytes]]


def _probes(not_alive: str = "", not_ready: str = "") -> Probes:
    return Probes(lambda: not_alive, lambda: not_ready, lambda: ("text/plain", b"lpwatch_x 1\n"))


def _ask(request: bytes, probes: Probes) -> bytes:
    async def talk() -> bytes:
        server = HealthServer("127.0.0.1", 0, probes)
        host, port = await server.start()
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
        await server.close()
        return answer

    return asyncio.run(talk())


def _get(path: str, probes: Probes) -> tuple[int, str]:
    answer = _ask(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode(), probes)
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def test_alive_and_ready_answer_ok() -> None:
    assert _get("/healthz", _probes()) == (200, "ok\n")
    assert _get("/readyz?verbose=1", _probes()) == (200, "ok\n")


def test_trouble_is_said_with_503() -> None:
    assert _get("/healthz", _probes(not_alive="engine stopped")) == (503, "engine stopped\n")
    assert _get("/readyz", _probes(not_ready="draining")) == (503, "draining\n")


def test_metrics_are_given_as_they_are() -> None:
    assert _get("/metrics", _probes()) == (200, "lpwatch_x 1\n")


def test_unknown_page_and_method_are_refused() -> None:
    assert _get("/admin", _probes())[0] == 404
    assert _ask(b"POST /healthz HTTP/1.1\r\nHost: x\r\n\r\n", _probes()).startswith(b"HTTP/1.1 405 ")


def test_head_has_no_body() -> None:
    assert _ask(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", _probes()).endswith(b"\r\n\r\n")


def test_endless_header_is_refused() -> None:
    assert _ask(b"GET /" + b"x" * 100_000, _probes()).startswith(b"HTTP/1.1 400 ")


def test_address_that_others_can_reach_must_be_allowed() -> None:
    with pytest.raises(ConfigError, match="allow"):
        asyncio.run(HealthServer("0.0.0.0", 0, _probes()).start())  # noqa: S104  the refusal is what is tested


def test_taken_port_is_a_configuration_error() -> None:
    async def twice() -> None:
        first = HealthServer("127.0.0.1", 0, _probes())
        _, port = await first.start()
        try:
            await HealthServer("127.0.0.1", port, _probes()).start()
        finally:
            await first.close()

    with pytest.raises(ConfigError, match="cannot listen"):
        asyncio.run(twice())
