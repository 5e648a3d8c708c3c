"""The MLLP server over real sockets on 127.0.0.1."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.integration.steady import run
from worker.decode.ack import AckCode
from worker.decode.mllp import MllpReader, frame
from worker.model.errors import ConfigError
from worker.model.message import RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.mllp_connection import MllpLimits
from worker.sources.reception import Reception

RECEIVED_AT = 1_767_600_000_000


@dataclass
class KeptMessages:
    """An intake in memory; `gate` holds the writer up, `failures` makes the next writes fail."""

    groups: list[list[RawMessage]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    failures: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.asked.set()
        self.gate.wait(60)
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        self.groups.append(list(messages))
        self.arrived.set()

    @property
    def messages(self) -> list[RawMessage]:
        return [message for group in self.groups for message in group]


@dataclass
class Observed:
    """Remember what the server told."""

    open: int = 0
    reasons: list[str] = field(default_factory=list)
    codes: list[AckCode] = field(default_factory=list)

    def connected(self, change: int) -> None:
        self.open += change

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None:
        self.codes += [code] * len(seconds)


@dataclass
class Site:
    """A started server with what it stores and tells."""

    address: tuple[str, int]
    kept: KeptMessages
    observed: Observed
    server: MllpServer
    reception: Reception
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


@dataclass
class Client:
    """A sender that reads acknowledgements."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    frames: MllpReader = field(default_factory=lambda: MllpReader(1_000_000))
    answers: list[bytes] = field(default_factory=list)

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def acks(self, count: int) -> list[tuple[str, str]]:
        """Read so many acknowledgements, as (code, control id)."""
        while len(self.answers) < count:
            data = await asyncio.wait_for(self.reader.read(65_536), 60)
            if not data:
                break
            self.answers += [piece for piece in self.frames.feed(data) if isinstance(piece, bytes)]
        taken, self.answers = self.answers[:count], self.answers[count:]
        return [_msa(answer) for answer in taken]

    async def is_closed_by_server(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 60) == b""
        except ConnectionResetError:
            return True

    async def close(self) -> None:
        self.writer.close()


def _msa(answer: bytes) -> tuple[str, str]:
    segment = next(line for line in answer.decode().split("\r") if line.startswith("MSA"))
    _, code, *rest = segment.split("|")
    return code, rest[0] if rest else ""


def _message(control_id: str, text: str = "x") -> bytes:
    return (
        f"MSH|^~\\&|LAB|NORTH|||20260105080000||ORU^R01|{control_id}|P|2.5.1\r"
        f"PID|1||A1^^^NORTH\rOBX|1|TX|1||{text}\r"
    ).encode()


def _framed(control_id: str, text: str = "x") -> bytes:
    return frame(_message(control_id, text))


@asynccontextmanager
async def _serving(listener: MllpListener | None = None) -> AsyncIterator[Site]:
    kept, observed = KeptMessages(), Observed()
    commit = GroupCommit(kept)
    server = MllpServer(listener or MllpListener("127.0.0.1", 0), commit, observed, lambda: RECEIVED_AT)
    reception = Reception(commit, {"mllp": server})
    site = Site((await reception.start())["mllp"], kept, observed, server, reception)
    try:
        yield site
    finally:
        kept.gate.set()
        await reception.drain()
        for writer in site.writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  an event would need to know what each test waits for
        await asyncio.sleep(0.005)


async def _connect(site: Site) -> Client:
    reader, writer = await asyncio.open_connection(*site.address)
    site.writers.append(writer)
    return Client(reader, writer)


def _run(scene: Callable[[Site], Awaitable[None]], listener: MllpListener | None = None) -> Site:
    async def play() -> Site:
        async with asyncio.timeout(120), _serving(listener) as site:
            await scene(site)
        return site

    return run(play())


def test_message_is_stored_whole_and_then_accepted() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(_framed("m1"))
        assert await client.acks(1) == [("AA", "m1")]
        assert [message.body for message in site.kept.messages] == [_message("m1")]

    site = _run(scene)
    (message,) = site.kept.messages
    assert message.transport == f"mllp:{site.address[1]}"
    assert message.received_at_ms == RECEIVED_AT
    assert message.fault == ""


def test_thousand_messages_in_one_write_are_answered_in_order() -> None:
    ids = [f"m{number}" for number in range(1_000)]

    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(b"".join(map(_framed, ids)))
        assert await client.acks(1_000) == [("AA", control_id) for control_id in ids]

    site = _run(scene)
    assert [message.body for message in site.kept.messages] == [_message(control_id) for control_id in ids]
    assert len(site.kept.groups) < 100


def test_message_that_comes_byte_by_byte_is_accepted() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        for byte in _framed("slow"):
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await client.acks(1) == [("AA", "slow")]

    assert len(_run(scene).kept.messages) == 1


def test_several_connections_get_their_own_answers() -> None:
    async def talk(site: Site, name: str) -> None:
        client = await _connect(site)
        for number in range(20):
            await client.send(_framed(f"{name}{number}"))
            assert await client.acks(1) == [("AA", f"{name}{number}")]
        await client.close()

    async def scene(site: Site) -> None:
        await asyncio.gather(*(talk(site, name) for name in "abcdefgh"))

    assert len(_run(scene).kept.messages) == 160


def test_connection_stays_open_between_messages() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        for control_id in ("first", "second", "third"):
            await client.send(_framed(control_id) + b"\n")
            assert await client.acks(1) == [("AA", control_id)]

    _run(scene)


def test_nothing_is_accepted_before_it_is_stored() -> None:
    async def scene(site: Site) -> None:
        site.kept.gate.clear()
        client = await _connect(site)
        await client.send(_framed("m1"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.2)
        site.kept.gate.set()
        assert await client.acks(1) == [("AA", "m1")]

    _run(scene)


def test_messages_that_arrive_during_a_commit_form_the_next_group() -> None:
    async def scene(site: Site) -> None:
        site.kept.gate.clear()
        client = await _connect(site)
        await client.send(_framed("first"))
        await asyncio.to_thread(site.kept.asked.wait, 60)
        await client.send(b"".join(_framed(f"m{number}") for number in range(50)))
        await _until(lambda: len(site.reception._commit._waiting) == 50)
        site.kept.gate.set()
        await client.acks(51)

    assert [len(group) for group in _run(scene).kept.groups] == [1, 50]


def test_failed_store_is_answered_with_an_error_and_the_connection_goes_on() -> None:
    async def scene(site: Site) -> None:
        site.kept.failures = 1
        client = await _connect(site)
        await client.send(_framed("m1"))
        assert await client.acks(1) == [("AE", "m1")]
        await client.send(_framed("m1"))
        assert await client.acks(1) == [("AA", "m1")]

    site = _run(scene)
    assert len(site.kept.messages) == 1
    assert site.observed.codes == [AckCode.ERROR, AckCode.ACCEPT]


def test_oversize_frame_is_rejected_kept_and_the_next_one_accepted() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(_framed("big", "x" * 50_000) + _framed("small"))
        assert await client.acks(2) == [("AR", "big"), ("AA", "small")]

    site = _run(scene, MllpListener("127.0.0.1", 0, limits=MllpLimits(max_frame=2_000)))
    big, small = site.kept.messages
    assert (big.fault, len(big.body)) == ("frame larger than the limit", 2_000)
    assert small.fault == ""


def test_garbage_between_frames_is_kept_but_not_answered() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(b"GET / HTTP/1.1\r\n" + _framed("m1"))
        assert await client.acks(1) == [("AA", "m1")]

    garbage, _ = _run(scene).kept.messages
    assert garbage.fault == "bytes between frames"
    assert garbage.body == b"GET / HTTP/1.1"


def test_frame_without_a_header_is_rejected_and_kept() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(frame(b"PID|1||A1\r") + frame(b"") + _framed("m1"))
        assert [code for code, _ in await client.acks(3)] == ["AR", "AR", "AA"]

    assert len(_run(scene).kept.messages) == 3


def test_frame_that_was_never_finished_is_rejected_and_kept() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(b"\x0b" + _message("cut") + _framed("m1"))
        assert await client.acks(2) == [("AR", "cut"), ("AA", "m1")]

    assert [message.fault for message in _run(scene).kept.messages] == ["frame without an end block", ""]


def test_frame_with_two_messages_gives_two_messages_and_two_answers() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(frame(_message("m1") + _message("m2")))
        assert await client.acks(2) == [("AA", "m1"), ("AA", "m2")]

    assert len(_run(scene).kept.messages) == 2


def test_half_closed_connection_still_gets_its_answers() -> None:
    async def scene(site: Site) -> None:
        site.kept.gate.clear()
        client = await _connect(site)
        await client.send(_framed("m1") + _framed("m2"))
        client.writer.write_eof()
        await asyncio.sleep(0.05)
        site.kept.gate.set()
        assert await client.acks(2) == [("AA", "m1"), ("AA", "m2")]
        assert await client.is_closed_by_server()

    _run(scene)


def test_connection_that_breaks_inside_a_frame_leaves_its_bytes() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(b"\x0b" + _message("cut"))
        await asyncio.sleep(0.05)
        client.writer.transport.abort()
        assert await asyncio.to_thread(site.kept.arrived.wait, 60)

    (message,) = _run(scene).kept.messages
    assert (message.fault, message.body) == ("frame without an end block", _message("cut"))


def test_sender_that_wants_no_answer_gets_none() -> None:
    async def scene(site: Site) -> None:
        quiet = _message("quiet").replace(b"|2.5.1\r", b"|2.5.1|||NE|NE\r")
        commit = _message("commit").replace(b"|2.5.1\r", b"|2.5.1|||AL|NE\r")
        client = await _connect(site)
        await client.send(frame(quiet) + frame(commit))
        assert await client.acks(1) == [("CA", "commit")]

    assert len(_run(scene).kept.messages) == 2


def test_connections_beyond_the_limit_are_turned_away() -> None:
    async def scene(site: Site) -> None:
        first = await _connect(site)
        await first.send(_framed("m1"))
        await first.acks(1)
        second = await _connect(site)
        assert await second.is_closed_by_server()
        await first.send(_framed("m2"))
        assert await first.acks(1) == [("AA", "m2")]

    site = _run(scene, MllpListener("127.0.0.1", 0, limits=MllpLimits(max_connections=1)))
    assert site.observed.reasons == ["too many connections"]
    assert site.observed.open == 0


def test_silent_connection_is_closed() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        assert await client.is_closed_by_server()

    site = _run(scene, MllpListener("127.0.0.1", 0, limits=MllpLimits(idle_s=0.1)))
    assert site.observed.reasons == ["idle"]


def test_connection_is_not_read_while_too_much_of_it_waits() -> None:
    async def scene(site: Site) -> None:
        site.kept.gate.clear()
        client = await _connect(site)
        size = len(_framed("m0000", "x" * 10_000))
        sent = [f"m{number:04}" for number in range(2_000)]
        sending = asyncio.create_task(client.send(b"".join(_framed(each, "x" * 10_000) for each in sent)))
        await asyncio.sleep(0.3)
        (connection,) = site.server._room.connections  # type: ignore[union-attr]  # it is started
        assert connection._buffered < 100_000 + 40 * size
        site.kept.gate.set()
        assert await client.acks(2_000) == [("AA", control_id) for control_id in sent]
        await sending

    _run(scene, MllpListener("127.0.0.1", 0, limits=MllpLimits(max_buffered=100_000)))


def test_drain_stores_and_answers_what_was_received_and_then_closes() -> None:
    async def scene(site: Site) -> None:
        site.kept.gate.clear()
        client = await _connect(site)
        await client.send(_framed("m1") + _framed("m2"))
        await asyncio.to_thread(site.kept.asked.wait, 60)
        draining = asyncio.create_task(site.reception.drain())
        await asyncio.sleep(0.05)
        site.kept.gate.set()
        assert await client.acks(2) == [("AA", "m1"), ("AA", "m2")]
        await draining
        assert await client.is_closed_by_server()
        with pytest.raises(OSError, match="Connect"):
            await _connect(site)

    assert len(_run(scene).kept.messages) == 2


def test_drain_cuts_off_a_client_that_takes_no_answers() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        client.reader._limit = 1  # type: ignore[attr-defined]  # the client stops reading
        flood = b"".join(_framed(f"m{number}") for number in range(20_000))
        sending = asyncio.create_task(client.send(flood))
        await asyncio.sleep(0.3)
        await asyncio.wait_for(site.reception.drain(), 60)
        sending.cancel()

    _run(scene, MllpListener("127.0.0.1", 0, limits=MllpLimits(drain_s=0.2)))


def test_plaintext_on_a_reachable_address_is_refused() -> None:
    async def scene(site: Site) -> None:
        pass

    with pytest.raises(ConfigError, match="plaintext"):
        _run(scene, MllpListener("0.0.0.0", 0))  # noqa: S104  the refusal is what is tested


def test_taken_port_is_a_configuration_error() -> None:
    async def scene(site: Site) -> None:
        taken = MllpListener("127.0.0.1", site.address[1])
        other = MllpServer(taken, GroupCommit(KeptMessages()), Observed(), lambda: RECEIVED_AT)
        with pytest.raises(ConfigError, match="cannot listen"):
            await other.start()

    _run(scene)
