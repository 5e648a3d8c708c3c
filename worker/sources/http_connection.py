"""One HTTP/1.1 connection: uvicorn's protocol, with a place among a bounded number and an end to idleness."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


class HttpObserver(Protocol):
    """Count the connections of a server."""

    def connected(self, change: int) -> None:
        """Note that a connection opened (1) or closed (-1)."""

    def refused(self, reason: str) -> None:
        """Note that a connection was turned away or closed, and why."""


class Unobserved:
    """Count nothing; an `HttpObserver`."""

    def connected(self, change: int) -> None:
        """Take no note."""

    def refused(self, reason: str) -> None:
        """Take no note."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """What is answered to bytes that are no HTTP request."""

    content_type: str = "text/plain; charset=utf-8"
    body: bytes = b"not an HTTP request\n"


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(frozen=True, slots=True)
class HttpRoom:
    """What the connections of one server share; who shakes hands for TLS has its place already."""

    config: Config
    observer: HttpObserver
    malformed: Malformed
    state: ServerState = field(default_factory=ServerState)
    connections: set[HttpConnection] = field(default_factory=set)
    is_empty: asyncio.Event = field(default_factory=_set_event)

    def enter(self) -> HttpConnection:
        """Make a connection and count it in."""
        connection = HttpConnection(self)
        self.connections.add(connection)
        self.is_empty.clear()
        self.observer.connected(1)
        return connection

    def leave(self, connection: HttpConnection) -> None:
        """Count a connection out."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self.observer.connected(-1)
        if not self.connections:
            self.is_empty.set()


class HttpConnection(H11Protocol):
    """Speak HTTP with one client."""

    def __init__(self, room: HttpRoom) -> None:
        """Start with nothing received."""
        super().__init__(room.config, room.state, {})
        self._room = room
        self._is_open = False
        self._idle_since_s = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Begin; a handshake for TLS is over now, asyncio limited its time."""
        super().connection_made(transport)
        self._is_open = True
        self._idle_since_s = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the application know, and give the place back."""
        super().connection_lost(exc)
        self._is_open = False
        self._room.leave(self)

    def on_response_complete(self) -> None:
        """Begin to be idle, until the next whole request head."""
        self._idle_since_s = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's text is replaced by ours
        """Answer bytes that are no HTTP request, and close."""
        answer = self._room.malformed
        headers = [
            ("content-type", answer.content_type),
            ("content-length", str(len(answer.body))),
            ("connection", "close"),
        ]
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            for event in (
                h11.Response(status_code=400, headers=headers, reason="Bad Request"),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        self.transport.close()

    def end(self) -> None:
        """Close when the request that is being answered, if any, is answered."""
        if self._is_open:
            with suppress(h11.ProtocolError):  # a connection that is broken is aborted in the end
                self.shutdown()

    def abort(self) -> None:
        """Close without waiting for the client."""
        if self._is_open:
            self.transport.abort()

    def abort_idle(self, idle_s: float) -> None:
        """Cut off a client that has for so long not finished the head of a request, or not taken its answer."""
        # None until the first request, whatever uvicorn's annotation says
        is_answering = self.cycle is not None and not self.cycle.response_complete  # type: ignore[redundant-expr]  # see above
        if self._is_open and not is_answering and self.loop.time() - self._idle_since_s > idle_s:
            self._room.observer.refused("idle")
            self.transport.abort()
