"""The MLLP servers that are compared, each a process of its own: `python -m bench.mllp.servers NAME FOLDER`.

A server prints its port as the only line on standard output and serves until it is terminated.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hl7
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

from worker.decode.ack import AckCode
from worker.runtime.clock import WallClock
from worker.sources.group_commit import GroupCommit
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.reception import Reception
from worker.storage.intake import SqlJournal
from worker.storage.migrate import upgrade

END = b"\x1c\r"


def _acknowledge(body: bytes) -> bytes:
    control_id = body.split(b"|", 10)[9]
    return (
        b"\x0bMSH|^~\\&|B|B|A|A|20260105080000||ACK|"
        + control_id
        + b"|P|2.5.1\rMSA|AA|"
        + control_id
        + b"\r"
        + END
    )


class Bare(asyncio.Protocol):
    """What no MLLP server in Python can be faster than: find the end of a frame, answer."""

    def __init__(self) -> None:
        self.buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Keep where to answer."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Cut frames."""
        *bodies, self.buffer = (self.buffer + data).split(END)
        if bodies:
            self.take(bodies)

    def take(self, bodies: Sequence[bytes]) -> None:
        """Answer at once."""
        self.transport.write(b"".join(map(_acknowledge, bodies)))


class Committer:
    """The same with a group commit to SQLite, and nothing else, before the answers."""

    def __init__(self, folder: Path) -> None:
        self.waiting: list[tuple[bytes, Storing]] = []
        self.is_busy = False
        self.writer = ThreadPoolExecutor(max_workers=1)
        self.conn = sqlite3.connect(folder / "bare.db", isolation_level=None, check_same_thread=False)
        for statement in (
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "CREATE TABLE journal (id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
        ):
            self.conn.execute(statement)

    def submit(self, bodies: Sequence[bytes], storing: Storing) -> None:
        """Let messages wait for the next group."""
        self.waiting += [(body, storing) for body in bodies]
        if not self.is_busy:
            self.is_busy = True
            asyncio.get_running_loop().call_soon(self.write)

    def write(self) -> None:
        """Write all that waits."""
        group, self.waiting = self.waiting, []
        writing = asyncio.get_running_loop().run_in_executor(
            self.writer, self.store, [body for body, _ in group]
        )
        writing.add_done_callback(lambda _: self.answer(group))

    def store(self, bodies: Sequence[bytes]) -> None:
        """Commit a group, in the writing thread."""
        self.conn.execute("BEGIN")
        self.conn.executemany("INSERT INTO journal (body) VALUES (?)", [(body,) for body in bodies])
        self.conn.execute("COMMIT")

    def answer(self, group: Sequence[tuple[bytes, Storing]]) -> None:
        """Answer a group that is stored."""
        for body, storing in group:
            storing.transport.write(_acknowledge(body))
        if self.waiting:
            self.write()
        else:
            self.is_busy = False


class Storing(Bare):
    """A connection of the server that commits."""

    def __init__(self, committer: Committer) -> None:
        super().__init__()
        self.committer = committer

    def take(self, bodies: Sequence[bytes]) -> None:
        """Answer after the commit."""
        self.committer.submit(bodies, self)


class Unobserved:
    """Count nothing."""

    def connected(self, change: int) -> None:
        """Do nothing."""

    def refused(self, reason: str) -> None:
        """Do nothing."""

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None:
        """Do nothing."""


async def bare(_folder: Path) -> int:
    """Serve without storing."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    return _port(server)


async def bare_commit(folder: Path) -> int:
    """Serve with a bare group commit, synchronous=FULL."""
    committer = Committer(folder)
    server = await asyncio.get_running_loop().create_server(lambda: Storing(committer), "127.0.0.1", 0)
    return _port(server)


async def lpwatch(folder: Path) -> int:
    """Serve as `lpwatch run` receives: the journal with synchronous=FULL, then the answer."""
    url = f"sqlite:///{folder / 'intake.db'}"
    upgrade(url, "intake")
    commit = GroupCommit(SqlJournal(url))
    server = MllpServer(MllpListener("127.0.0.1", 0), commit, Unobserved(), WallClock().now_ms)
    reception = Reception(commit, {"mllp": server})
    _kept.append(reception)
    return (await reception.start())["mllp"][1]


async def python_hl7(_folder: Path) -> int:
    """Serve with python-hl7's MLLP server, as its documentation shows; nothing is stored."""

    async def talk(reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        try:
            while True:
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    return _port(await start_hl7_server(talk, "127.0.0.1", 0))


def _port(server: asyncio.Server) -> int:
    _kept.append(server)
    return int(server.sockets[0].getsockname()[1])


SERVERS: dict[str, Callable[[Path], Awaitable[int]]] = {
    "bare": bare,
    "bare-commit": bare_commit,
    "lpwatch": lpwatch,
    "python-hl7": python_hl7,
}
_kept: list[object] = [hl7.__version__]  # servers live as long as somebody holds them


async def _serve(name: str, folder: Path) -> None:
    print(await SERVERS[name](folder), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], Path(sys.argv[2])))
