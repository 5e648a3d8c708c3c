"""Answer `/healthz`, `/readyz` and `/metrics` over HTTP: GET only, one request for each connection.

It runs in the event loop of the role: a loop that hangs does not answer, which is what a liveness check must notice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.runtime.clock import WallClock
from worker.sources.http_server import HttpLimits, HttpListener, HttpServer

_LIMITS: Final = HttpLimits(max_connections=64, max_head=8 * 1024, idle_s=5.0, drain_s=1.0)
_HEADERS: Final = {"cache-control": "no-store", "connection": "close"}


@dataclass(frozen=True, slots=True)
class Probes:
    """What the pages tell.

    Shape: `not_alive` and `not_ready` return "" when all is well, else what is wrong, in words without patient data. `metrics`
    returns (content type, body).
    """

    not_alive: Callable[[], str]
    not_ready: Callable[[], str]
    metrics: Callable[[], tuple[str, bytes]]


class HealthServer:
    """Serve the three pages: `start`, then `close`."""

    def __init__(self, host: str, port: int, probes: Probes, *, allow_insecure: bool = False) -> None:
        """Keep what is needed to start; nothing is opened yet."""
        listener = HttpListener(
            "http", host, port, has_tls=False, allow_insecure=allow_insecure, limits=_LIMITS
        )
        self._server = HttpServer(listener, _pages(probes), WallClock().now_ms)

    async def start(self) -> tuple[str, int]:
        """Listen, and return the bound address.

        Raises: ConfigError where the address is taken, or others can reach it and that was not allowed.
        """
        return await self._server.start()

    async def close(self) -> None:
        """Accept nothing more."""
        await self._server.drain()


def _pages(probes: Probes) -> Starlette:
    async def alive(_request: Request) -> Response:
        return _verdict(probes.not_alive())

    async def ready(_request: Request) -> Response:
        return _verdict(probes.not_ready())

    async def metrics(_request: Request) -> Response:
        content_type, body = probes.metrics()
        return Response(body, headers=_HEADERS | {"content-type": content_type})

    async def unknown(_request: Request, _error: Exception) -> Response:
        return _text(HTTPStatus.NOT_FOUND, "/healthz, /readyz or /metrics")

    async def not_allowed(_request: Request, _error: Exception) -> Response:
        return _text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET")

    return Starlette(
        routes=[Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)],
        exception_handlers={HTTPStatus.NOT_FOUND: unknown, HTTPStatus.METHOD_NOT_ALLOWED: not_allowed},
    )


def _verdict(trouble: str) -> Response:
    return _text(HTTPStatus.SERVICE_UNAVAILABLE if trouble else HTTPStatus.OK, trouble or "ok")


def _text(status: HTTPStatus, text: str) -> Response:
    return Response(f"{text}\n", status, _HEADERS, "text/plain")
