"""Serve an ASGI application over HTTP/1.1 in the event loop of the role: no signals, no log lines and no exit of its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate

from starlette.types import ASGIApp
from uvicorn.config import Config

from worker.model.errors import ConfigError
from worker.model.time import SECOND_MS, EpochMs
from worker.sources.addresses import write_address
from worker.sources.http_connection import HttpConnection, HttpObserver, HttpRoom, Malformed, Unobserved
from worker.sources.renewed_tls import RenewedContext
from worker.sources.tls import TlsFiles, check_listener

_BACKLOG = 128
_SWEEP_S = 1.0
_NO_SOCKETS_S = 1.0


@dataclass(frozen=True, slots=True)
class HttpLimits:
    """Bound what clients can make a server keep; `max_head` in bytes."""

    max_connections: int = 256
    max_head: int = 16 * 1024
    idle_s: float = 60.0
    handshake_s: float = 10.0
    drain_s: float = 5.0


@dataclass(frozen=True, slots=True)
class HttpListener:
    """Say where and how to listen; port 0 lets the system choose.

    Shape: the settings of the listener begin with `name`. `has_tls` and `has_tokens` as in `check_listener`, whose refusal
    `allow_insecure` lifts.
    """

    name: str
    host: str
    port: int
    tls: TlsFiles | None = None
    has_tls: bool = True
    has_tokens: bool | None = None
    allow_insecure: bool = False
    limits: HttpLimits = field(default_factory=HttpLimits)


class HttpServer:
    """Serve many HTTP connections: `start`, then `drain`."""

    def __init__(
        self,
        listener: HttpListener,
        app: ASGIApp,
        now_ms: Callable[[], EpochMs],
        observer: HttpObserver | None = None,
        malformed: Malformed | None = None,
    ) -> None:
        """Keep what is needed to start; nothing is opened yet. `malformed` is answered to what is no HTTP request."""
        self._listener = listener
        self._app = app
        self._observer = observer or Unobserved()
        self._now_ms = now_ms
        self._malformed = malformed or Malformed()
        self._room: HttpRoom | None = None
        self._socket: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> tuple[str, int]:
        """Listen, and return the bound address.

        Raises: ConfigError where the listener is unsafe, its certificates cannot be loaded, or the address is taken.
        """
        given = self._listener
        check_listener(
            given.name,
            given.host,
            given.tls,
            allow_insecure=given.allow_insecure,
            has_tls=given.has_tls,
            has_tokens=given.has_tokens,
        )
        context = None if given.tls is None else RenewedContext(given.tls)
        self._socket = _bind(given)
        self._room = HttpRoom(_config(self._app, given.limits), self._observer, self._malformed)
        self._begin(self._accept(self._room, self._socket, context))
        self._begin(self._sweep(self._room))
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    async def drain(self) -> None:
        """Accept nothing more, answer the requests that are being answered, and close.

        Shape: clients that do not finish their request or take their answer within `drain_s` are cut off.
        """
        if self._socket is None or self._room is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()
        for connection in tuple(self._room.connections):
            connection.end()
        await self._leave(self._room)
        for connection in tuple(self._room.connections):
            connection.abort()
        await self._leave(self._room)

    async def _accept(self, room: HttpRoom, listening: socket.socket, context: ssl.SSLContext | None) -> None:
        # asyncio's server would shake hands for TLS with any number of clients before we hear of the first.
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listening)
            except OSError:  # no descriptor is free, or the client has gone already
                await asyncio.sleep(_NO_SOCKETS_S)
                continue
            if len(room.connections) >= self._listener.limits.max_connections:
                room.observer.refused("too many connections")
                client.close()
            else:
                self._begin(self._open(room, room.enter(), client, context))

    async def _open(
        self,
        room: HttpRoom,
        connection: HttpConnection,
        client: socket.socket,
        context: ssl.SSLContext | None,
    ) -> None:
        seconds = None if context is None else self._listener.limits.handshake_s
        loop = asyncio.get_running_loop()
        try:
            # asyncio does so only for sockets that name their protocol; an answer is written in two pieces.
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(
                lambda: connection, client, ssl=context, ssl_handshake_timeout=seconds
            )
        except BaseException as error:
            room.leave(connection)
            if not isinstance(error, OSError):  # a handshake that failed or took too long is one
                raise

    async def _sweep(self, room: HttpRoom) -> None:
        """Keep the `Date` header right, and cut off who is idle."""
        limits = self._listener.limits
        while True:
            date = formatdate(self._now_ms() / SECOND_MS, usegmt=True)
            room.state.default_headers = [(b"date", date.encode())]
            for connection in tuple(room.connections):
                connection.abort_idle(limits.idle_s + limits.drain_s)
            await asyncio.sleep(_SWEEP_S)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _leave(self, room: HttpRoom) -> None:
        """Wait until every connection is closed, at most for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._listener.limits.drain_s):
                await room.is_empty.wait()


def _bind(listener: HttpListener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    try:
        bound = socket.create_server((listener.host, listener.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        place = f"{listener.name} {write_address(listener.host, listener.port)}"
        raise ConfigError(f"cannot listen: {error.strerror}; choose another address", place) from error
    bound.setblocking(False)  # noqa: FBT003  the standard library's own signature
    return bound


def _config(app: ASGIApp, limits: HttpLimits) -> Config:
    config = Config(
        app,
        interface="asgi3",
        http=HttpConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",  # paths hold ids, and whoever sends garbage could fill the log
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=int(limits.idle_s),
        h11_max_incomplete_event_size=limits.max_head,
    )
    config.load()
    return config
