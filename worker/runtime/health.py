"""Answer `/healthz`, `/readyz` and `/metrics` over HTTP: GET only, one request for each connection.

It runs in the event loop of the MLLP server: a loop that hangs does not answer, which is what a liveness check must notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from worker.model.errors import ConfigError
from worker.sources.addresses import write_address
from worker.sources.tls import check_listener

_MAX_REQUEST = 8 * 1024
_REQUEST_S = 5.0
_TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: status, content type and body."""

    status: HTTPStatus
    content_type: str
    body: bytes


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
        self._host = host
        self._port = port
        self._probes = probes
        self._allow_insecure = allow_insecure
        self._server: asyncio.Server | None = None

    async def start(self) -> tuple[str, int]:
        """Listen, and return the bound address.

        Raises: ConfigError where the address is taken, or others can reach it and that was not allowed.
        """
        check_listener("http", self._host, None, allow_insecure=self._allow_insecure, has_tls=False)
        try:
            self._server = await asyncio.start_server(self._serve, self._host, self._port, limit=_MAX_REQUEST)
        except OSError as error:
            place = f"http {write_address(self._host, self._port)}"
            raise ConfigError(f"cannot listen: {error.strerror}; choose another address", place) from error
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    async def close(self) -> None:
        """Accept nothing more."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_S):
                page, is_head = await self._answer(reader)
                writer.write(_response(page, is_head=is_head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that stalls or leaves gets no answer
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[Page, bool]:
        request = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = request.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in {b"GET", b"HEAD"}:
            return Page(HTTPStatus.METHOD_NOT_ALLOWED, _TEXT, b"only GET\n"), False
        return self._page(path), method == b"HEAD"

    def _page(self, path: bytes) -> Page:
        if path == b"/healthz":
            return _verdict(self._probes.not_alive())
        if path == b"/readyz":
            return _verdict(self._probes.not_ready())
        if path == b"/metrics":
            content_type, body = self._probes.metrics()
            return Page(HTTPStatus.OK, content_type, body)
        return Page(HTTPStatus.NOT_FOUND, _TEXT, b"/healthz, /readyz or /metrics\n")


def _verdict(trouble: str) -> Page:
    if trouble:
        return Page(HTTPStatus.SERVICE_UNAVAILABLE, _TEXT, trouble.encode() + b"\n")
    return Page(HTTPStatus.OK, _TEXT, b"ok\n")


def _response(page: Page, *, is_head: bool) -> bytes:
    head = (
        f"HTTP/1.1 {page.status.value} {page.status.phrase}\r\n"
        f"Content-Type: {page.content_type}\r\n"
        f"Content-Length: {len(page.body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (b"" if is_head else page.body)
