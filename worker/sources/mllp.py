"""Listen for HL7 v2 messages over MLLP: store each message durably, then acknowledge it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from worker.model.errors import ConfigError
from worker.model.time import EpochMs
from worker.sources.addresses import write_address
from worker.sources.group_commit import GroupCommit
from worker.sources.mllp_connection import MllpConnection, MllpLimits, MllpObserver, MllpRoom
from worker.sources.renewed_tls import RenewedContext
from worker.sources.tls import TlsFiles, check_listener

_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class MllpListener:
    """Say where and how to listen; port 0 lets the system choose. `allow_insecure` opens what `check_listener` refuses."""

    host: str
    port: int
    tls: TlsFiles | None = None
    allow_insecure: bool = False
    limits: MllpLimits = field(default_factory=MllpLimits)


class MllpServer:
    """Serve many MLLP connections: `start`, then `drain`."""

    def __init__(
        self,
        listener: MllpListener,
        commit: GroupCommit,
        observer: MllpObserver,
        now_ms: Callable[[], EpochMs],
    ) -> None:
        """Keep what is needed to start; nothing is opened yet. `commit` must be started first, and drained afterwards."""
        self._listener = listener
        self._commit = commit
        self._observer = observer
        self._now_ms = now_ms
        self._server: asyncio.Server | None = None
        self._room: MllpRoom | None = None
        self._sweeper: asyncio.Task[None] | None = None

    async def start(self) -> tuple[str, int]:
        """Listen, and return the bound address.

        Raises: ConfigError where the listener is unsafe, its certificates cannot be loaded, or the address is taken.
        """
        listener = self._listener
        check_listener("mllp", listener.host, listener.tls, allow_insecure=listener.allow_insecure)
        context = None if listener.tls is None else RenewedContext(listener.tls)
        server = await self._bind(context)
        host, port = server.sockets[0].getsockname()[:2]
        self._server = server
        self._room = MllpRoom(self._commit, listener.limits, self._observer, self._now_ms, f"mllp:{port}")
        await server.start_serving()
        self._sweeper = asyncio.create_task(self._sweep(self._room))
        return str(host), int(port)

    async def drain(self) -> None:
        """Accept nothing more, store what was received, answer it, and close.

        Shape: clients that do not take their answers are cut off after `drain_s`.
        """
        if self._server is None or self._room is None or self._sweeper is None:
            return
        self._server.close()
        self._sweeper.cancel()
        for connection in tuple(self._room.connections):
            connection.end()
        await self._leave(self._room, self._listener.limits.drain_s)
        for connection in tuple(self._room.connections):
            connection.abort()
        await self._leave(self._room, self._listener.limits.drain_s)

    async def _bind(self, context: ssl.SSLContext | None) -> asyncio.Server:
        listener = self._listener
        try:
            return await asyncio.get_running_loop().create_server(
                self._connect,
                listener.host,
                listener.port,
                ssl=context,
                ssl_handshake_timeout=None if context is None else listener.limits.handshake_s,
                backlog=_BACKLOG,
                start_serving=False,
            )
        except OSError as error:
            place = f"mllp {write_address(listener.host, listener.port)}"
            raise ConfigError(f"cannot listen: {error.strerror}; choose another address", place) from error

    def _connect(self) -> MllpConnection:
        if self._room is None:
            msg = "connected before the server was started"
            raise RuntimeError(msg)
        return MllpConnection(self._room)

    async def _leave(self, room: MllpRoom, seconds: float) -> None:
        """Wait until every connection is closed, at most this long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await room.is_empty.wait()

    async def _sweep(self, room: MllpRoom) -> None:
        """Close connections that were silent for too long."""
        loop = asyncio.get_running_loop()
        idle_s = self._listener.limits.idle_s
        while True:
            await asyncio.sleep(idle_s / 4)
            for connection in tuple(room.connections):
                if loop.time() - connection.heard_at_s > idle_s:
                    connection.close_idle()
