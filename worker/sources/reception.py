"""All servers of a process, with the one thread that stores what they receive."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from worker.sources.group_commit import GroupCommit


class Server(Protocol):
    """Take messages from clients."""

    async def start(self) -> tuple[str, int]:
        """Listen, and return the bound address.

        Raises: ConfigError where it cannot.
        """

    async def drain(self) -> None:
        """Accept nothing more, store what was received, answer it, and close."""


class Reception:
    """Start the servers of one process, and end them: what they receive is stored in common groups."""

    def __init__(self, commit: GroupCommit, servers: Mapping[str, Server]) -> None:
        """Keep the group commit that all these servers were given, and the servers by their role."""
        self._commit = commit
        self._servers = dict(servers)

    async def start(self) -> dict[str, tuple[str, int]]:
        """Listen everywhere, and return the bound addresses by role.

        Raises: ConfigError where a server cannot be started; then none listens.
        """
        self._commit.start()
        try:
            return {role: await server.start() for role, server in self._servers.items()}
        except BaseException:
            await self.drain()
            raise

    async def drain(self) -> None:
        """End all servers at the same time, and the writing thread after the last message is stored."""
        await asyncio.gather(*(server.drain() for server in self._servers.values()))
        await self._commit.drain()
