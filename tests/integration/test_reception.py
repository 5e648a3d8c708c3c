"""Several servers over one group commit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from worker.decode.mllp import frame
from worker.model.errors import ConfigError
from worker.model.message import RawMessage
from worker.runtime.metrics import Metrics
from worker.sources.group_commit import GroupCommit
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.reception import Reception

MESSAGE = b"MSH|^~\\&|LAB|NORTH|||20260105080000||ORU^R01|m1|P|2.5.1\rPID|1||A1^^^NORTH\r"


class _Kept:
    def __init__(self) -> None:
        self.messages: list[RawMessage] = []
        self.threads: set[int] = set()

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.threads.add(threading.get_ident())
        self.messages += messages


def _mllp(commit: GroupCommit, port: int = 0) -> MllpServer:
    return MllpServer(MllpListener("127.0.0.1", port), commit, Metrics(), lambda: 0)


def test_servers_share_one_writing_thread() -> None:
    kept = _Kept()

    async def talk() -> None:
        commit = GroupCommit(kept)
        reception = Reception(commit, {"one": _mllp(commit), "two": _mllp(commit)})
        addresses = await reception.start()
        for address in addresses.values():
            reader, writer = await asyncio.open_connection(*address)
            writer.write(frame(MESSAGE))
            assert b"MSA|AA|m1" in await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
            writer.close()
        await reception.drain()

    asyncio.run(talk())
    assert len(kept.messages) == 2
    assert len(kept.threads) == 1


def test_where_one_server_cannot_start_none_listens() -> None:
    async def talk() -> None:
        other = Reception(commit := GroupCommit(_Kept()), {"other": _mllp(commit)})
        taken = (await other.start())["other"][1]
        first = _mllp(commit := GroupCommit(_Kept()))
        reception = Reception(commit, {"first": first, "second": _mllp(commit, taken)})
        with pytest.raises(ConfigError, match="cannot listen"):
            await reception.start()
        assert first._server is not None
        assert not first._server.is_serving()
        await other.drain()

    asyncio.run(talk())


def test_messages_before_the_start_are_refused_aloud() -> None:
    with pytest.raises(RuntimeError, match="before"):
        GroupCommit(_Kept()).submit([])
