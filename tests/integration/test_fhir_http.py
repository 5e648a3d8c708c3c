"""The FHIR receiver over real sockets on 127.0.0.1, also for clients that mean no good."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from tests.integration.steady import run
from worker.model.errors import ConfigError
from worker.model.message import Form, RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.http import NOT_HTTP, FhirLimits, FhirReceiver
from worker.sources.http_server import HttpLimits, HttpListener, HttpServer
from worker.sources.reception import Reception

RECEIVED_AT = 1_767_600_000_000
OBSERVATION = b'{"resourceType":"Observation","id":"o1"}'
HEAD = b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"


@dataclass
class Kept:
    """An intake in memory and an observer; `gate` holds the writer up."""

    messages: list[RawMessage] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)
    statuses: list[int] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    open: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.arrived.set()
        self.gate.wait(60)
        self.messages += messages

    def answered(self, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.statuses.append(status)

    def connected(self, change: int) -> None:
        self.open += change
        self.most = max(self.most, self.open)

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)

    async def until(self, is_true: Callable[[int], bool]) -> None:
        """Wait until so many connections are open."""
        while not is_true(self.open):  # noqa: ASYNC110  an event would need to know what each test waits for
            await asyncio.sleep(0.01)


@dataclass
class Site:
    """A started receiver."""

    address: tuple[str, int]
    kept: Kept
    reception: Reception


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Client:
    """Speak HTTP byte by byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> Answer:
        head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)
        first, *lines = head.decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        body = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(first.split()[1]), headers, body)

    async def is_closed_by_server(self) -> bool:
        try:
            while await asyncio.wait_for(self.reader.read(65_536), 60):
                pass
        except ConnectionError:
            pass
        return True

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()


@asynccontextmanager
async def _serving(http: HttpLimits, fhir: FhirLimits) -> AsyncIterator[Site]:
    kept = Kept()
    commit = GroupCommit(kept)
    receiver = FhirReceiver(commit, None, fhir, kept, lambda: RECEIVED_AT)
    listener = HttpListener("fhir", "127.0.0.1", 0, has_tokens=False, limits=http)
    server = HttpServer(listener, receiver, lambda: RECEIVED_AT, kept, NOT_HTTP)
    reception = Reception(commit, {"fhir": server})
    address = (await reception.start())["fhir"]
    try:
        yield Site(address, kept, reception)
    finally:
        kept.gate.set()
        await reception.drain()


def _run(
    scene: Callable[[Site], Awaitable[None]], http: HttpLimits | None = None, fhir: FhirLimits | None = None
) -> Kept:
    async def play() -> Site:
        async with asyncio.timeout(120), _serving(http or HttpLimits(), fhir or FhirLimits()) as site:
            await scene(site)
        return site

    kept = run(play()).kept
    assert kept.open == 0
    return kept


async def _connect(site: Site) -> Client:
    return Client(*await asyncio.open_connection(*site.address))


def _post(body: bytes = OBSERVATION) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_document_is_stored_and_then_accepted() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(_post())
        answer = await client.answer()
        assert answer.status == 202
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.headers["date"] == "mon, 05 jan 2026 08:00:00 gmt"
        assert "server" not in answer.headers
        (message,) = site.kept.messages
        assert message == RawMessage(OBSERVATION, Form.FHIR, f"http:{site.address[1]}", RECEIVED_AT)
        await client.close()

    _run(scene)


def test_connection_is_kept_for_the_next_request_and_requests_may_be_pipelined() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(_post() * 3)
        assert [(await client.answer()).status for _ in range(3)] == [202] * 3
        await client.send(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n")
        assert json.loads((await client.answer()).body)["fhirVersion"] == "4.0.1"
        await client.close()

    assert len(_run(scene).messages) == 3


def test_body_of_an_answer_does_not_wait_for_the_client_to_acknowledge_its_head() -> None:
    """Head and body leave apart; with Nagle's algorithm the second waits for an acknowledgement that comes 40 ms late."""

    async def scene(site: Site) -> None:
        client, waited_s = await _connect(site), 1.0
        for number in itertools.count():
            await client.send(_post())
            await client.reader.readuntil(b"\r\n\r\n")
            begun_s = asyncio.get_running_loop().time()
            await client.reader.readuntil(b"}]}")
            waited_s = asyncio.get_running_loop().time() - begun_s
            # The first are acknowledged at once in any case; one that is quick is enough, all others may meet a slow machine.
            if number >= 4 and waited_s < 0.02:
                break
            assert number < 400, "each waits for an acknowledgement"
        await client.close()

    _run(scene)


def test_body_in_chunks_and_expectation_of_100() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        for start in range(0, len(OBSERVATION), 7):
            piece = OBSERVATION[start : start + 7]
            await client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        await client.send(b"0\r\n\r\n")
        assert (await client.answer()).status == 202
        await client.close()

    assert [message.body for message in _run(scene).messages] == [OBSERVATION]


def test_too_large_body_is_refused_before_it_is_sent() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Content-Length: 100000000000\r\n\r\n")
        assert (await client.answer()).status == 413
        await client.close()

    assert _run(scene).messages == []


@pytest.mark.slow
def test_endless_chunks_are_refused_and_the_client_is_cut_off() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")

        async def pour() -> None:
            with suppress(ConnectionError):
                while True:
                    await client.send(b"1000\r\n" + b" " * 0x1000 + b"\r\n")

        pouring = asyncio.create_task(pour())
        assert (await client.answer()).status == 413
        await pouring
        await client.close()

    kept = _run(scene, HttpLimits(idle_s=4, drain_s=0.5), FhirLimits(max_body=100_000))
    assert kept.messages == []
    assert kept.reasons == ["idle"]


def test_slow_body_is_given_up_and_the_connection_closed() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Content-Length: 1000\r\n\r\n{")
        answer = await client.answer()
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert await client.is_closed_by_server()
        await client.close()

    assert _run(scene, fhir=FhirLimits(body_s=0.2)).messages == []


def test_body_that_is_never_finished_is_not_stored() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Content-Length: 1000\r\n\r\n" + OBSERVATION)
        await asyncio.sleep(0.1)
        await client.close()
        await site.kept.until(lambda number: number == 0)

    kept = _run(scene)
    assert kept.messages == []
    assert kept.statuses == [400]


@pytest.mark.parametrize("drip", [b"", b"POST /fhir HTTP/1.1\r\n", b"POST /fhir HTTP/1.1\r\nX: "])
def test_client_that_never_finishes_a_head_is_cut_off(drip: bytes) -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(drip)

        async def trickle() -> None:
            with suppress(ConnectionError):
                while True:
                    await client.send(b"x")
                    await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle() if drip.endswith(b" ") else asyncio.sleep(0))
        assert await client.is_closed_by_server()
        await trickling
        await client.close()

    assert _run(scene, HttpLimits(idle_s=0.5, drain_s=0.5)).reasons == ["idle"]


@pytest.mark.slow
def test_kept_connection_is_closed_when_it_is_idle() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(_post())
        await client.answer()
        assert await client.is_closed_by_server()
        await client.close()

    assert _run(scene, HttpLimits(idle_s=4, drain_s=60)).reasons == []


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x0bMSH|^~\\&|LAB|NORTH\r\x1c\r\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /fhir HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /fhir HTTP/1.1\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused_with_an_outcome(garbage: bytes) -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(garbage)
        answer = await client.answer()
        assert answer.status == 400
        assert json.loads(answer.body)["resourceType"] == "OperationOutcome"
        assert await client.is_closed_by_server()
        await client.close()

    assert _run(scene).messages == []


def test_head_without_end_is_cut_off() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)

        async def pour() -> None:
            while True:
                await client.send(b"y" * 65_536)

        await client.send(HEAD + b"X: ")
        with pytest.raises(ConnectionError):
            await pour()
        await client.close()

    assert _run(scene).messages == []


def test_wrong_length_never_joins_two_documents() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Content-Length: %d\r\n\r\n" % (len(OBSERVATION) - 1) + OBSERVATION)
        assert (await client.answer()).status == 400
        await client.send(b"\r\n\r\n")
        assert (await client.answer()).status == 400
        await client.close()

    assert _run(scene).messages == []


def test_connections_beyond_the_limit_are_turned_away() -> None:
    async def scene(site: Site) -> None:
        held = [await _connect(site) for _ in range(4)]
        await site.kept.until(lambda number: number == 4)
        extra = await _connect(site)
        assert await extra.is_closed_by_server()
        await held.pop().close()
        await site.kept.until(lambda number: number == 3)
        again = await _connect(site)
        await again.send(_post())
        assert (await again.answer()).status == 202
        for client in (extra, again, *held):
            await client.close()

    assert _run(scene, HttpLimits(max_connections=4)).reasons == ["too many connections"]


@pytest.mark.slow
def test_ten_thousand_attempts_are_bounded_and_then_forgotten() -> None:
    async def attempt(site: Site) -> None:
        with suppress(OSError):
            client = await _connect(site)
            await client.close()

    async def scene(site: Site) -> None:
        for _ in range(100):
            await asyncio.gather(*[attempt(site) for _ in range(100)])
        await site.kept.until(lambda number: number == 0)
        client = await _connect(site)
        await client.send(_post())
        assert (await client.answer()).status == 202
        await client.close()

    kept = _run(scene, HttpLimits(max_connections=20))
    assert kept.most <= 20


def test_damaged_requests_of_every_kind_leave_the_server_as_it_was() -> None:
    """Whole requests with bytes dropped, doubled and changed, cut anywhere, some clients gone before the answer."""
    rng = random.Random(7)  # noqa: S311  a seed must give the same damage again
    complaints: list[object] = []

    async def attempt(site: Site) -> None:
        client = await _connect(site)
        with suppress(ConnectionError):
            for piece in _damaged(rng):
                await client.send(piece)
                await asyncio.sleep(0)
            if rng.random() < 0.5:
                with suppress(TimeoutError):
                    await asyncio.wait_for(client.reader.read(65_536), rng.uniform(0, 0.05))
        await client.close()

    async def scene(site: Site) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        for _ in range(40):
            await asyncio.gather(*[attempt(site) for _ in range(25)])
        await site.kept.until(lambda number: number == 0)
        client = await _connect(site)
        await client.send(_post())
        assert (await client.answer()).status == 202
        await client.close()

    kept = _run(scene)
    assert complaints == []
    assert set(kept.statuses) <= {200, 201, 202, 400, 404, 405, 413, 415, 422}
    assert all(json.loads(message.body)["resourceType"] for message in kept.messages)


def _damaged(rng: random.Random) -> list[bytes]:
    chunked = (
        HEAD
        + b"Transfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(OBSERVATION), OBSERVATION)
    )
    get = b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
    data = bytearray(b"".join(rng.choices([_post(), chunked, get], k=rng.randint(1, 3))))
    for _ in range(rng.randint(0, 4)):
        at = rng.randrange(len(data))
        upto = min(len(data), at + rng.randint(1, 40))
        data[at:upto] = rng.choice([b"", data[at:upto] * 2, rng.randbytes(3), b"\r\n", b"9"]) or b""
        data += b" " * (not data)
    cut = rng.randint(0, len(data))
    return [bytes(data[:cut]), bytes(data[cut:])]


def test_drain_answers_what_was_received_and_then_closes() -> None:
    async def scene(site: Site) -> None:
        idle, busy = await _connect(site), await _connect(site)
        await idle.send(_post())
        await idle.answer()
        site.kept.arrived.clear()
        site.kept.gate.clear()
        await busy.send(_post())
        await asyncio.to_thread(site.kept.arrived.wait, 60)
        draining = asyncio.create_task(site.reception.drain())
        assert await idle.is_closed_by_server()
        with pytest.raises(ConnectionRefusedError):
            await _connect(site)
        site.kept.gate.set()
        assert (await busy.answer()).status == 202
        assert await busy.is_closed_by_server()
        await asyncio.wait_for(draining, 60)
        await idle.close()
        await busy.close()

    assert len(_run(scene).messages) == 2


def test_drain_cuts_off_a_client_that_does_not_finish_its_body() -> None:
    async def scene(site: Site) -> None:
        client = await _connect(site)
        await client.send(HEAD + b"Content-Length: 1000\r\n\r\n{")
        await site.kept.until(lambda number: number == 1)
        await asyncio.wait_for(site.reception.drain(), 60)
        assert await client.is_closed_by_server()
        await client.close()

    assert _run(scene, HttpLimits(drain_s=0.2)).messages == []


def test_taken_port_is_a_configuration_error() -> None:
    async def scene(site: Site) -> None:
        listener = HttpListener("fhir", "127.0.0.1", site.address[1])
        other = HttpServer(listener, lambda *_: asyncio.sleep(0), lambda: RECEIVED_AT)
        with pytest.raises(ConfigError, match="cannot listen"):
            await other.start()

    _run(scene)
