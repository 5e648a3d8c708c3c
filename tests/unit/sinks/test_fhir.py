"""What becomes of a notice that is put to a FHIR server which answers anything. Tests worker.sinks.fhir."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from worker.model.alert import Notice
from worker.model.errors import ConfigError, TemporaryError
from worker.sinks.fhir import FhirSink, Resource, load_trusted
from worker.sinks.receipt import Fate
from worker.sources.http_server import HttpListener, HttpServer


@dataclass(frozen=True)
class Sent:
    """A row of the outbox."""

    notice: Notice
    target: str = ""
    kind: str = "alert-fhir"
    created_at_ms: int = 0


CONDITIONS = ("if-match", "if-none-match")


@dataclass
class Peer:
    """A server that remembers what is put to it and answers with `answer`; to a question with `look`: it has nothing."""

    answer: Callable[[Request], Awaitable[Response]]
    look: Callable[[Request], Awaitable[Response]] = field(default_factory=lambda: _always(404))
    conditions: list[tuple[str, str]] = field(default_factory=list)
    puts: list[tuple[str, str, bytes]] = field(default_factory=list)
    most: int = 0
    url: str = ""
    _now: int = 0

    async def __call__(self, scope, receive, send) -> None:  # noqa: ANN001  as ASGI names them
        request = Request(scope, receive)
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            if request.method == "GET":
                await (await self.look(request))(scope, receive, send)
                return
            body = await request.body()
            if "DetectedIssue" in request.url.path:
                told = [(name, request.headers[name]) for name in CONDITIONS if name in request.headers]
                self.conditions += told or [("", "")]
            self.puts.append((request.url.path, request.headers.get("authorization", ""), body))
            assert request.method == "PUT"
            assert request.headers["content-type"] == "application/fhir+json"
            await (await self.answer(request))(scope, receive, send)
        finally:
            self._now -= 1


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Awaitable[Response]]], Peer]]:
    """Start peers; they end with the test."""
    ends: list[tuple[Thread, Event]] = []

    def start(answer: Callable[[Request], Awaitable[Response]]) -> Peer:
        peer, is_up, end = Peer(answer), Event(), Event()

        async def work() -> None:
            server = HttpServer(HttpListener("peer", "127.0.0.1", 0), peer, lambda: 0)
            host, port = await server.start()
            peer.url = f"http://{host}:{port}/r4/"
            is_up.set()
            await asyncio.to_thread(end.wait)
            await server.drain()

        thread = Thread(target=lambda: asyncio.run(work()))
        thread.start()
        ends.append((thread, end))
        assert is_up.wait(60)
        return peer

    yield start
    for thread, end in ends:
        end.set()
        thread.join()


def _always(status: int) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        return Response(status_code=status)

    return answer


def _documents(notice: Notice) -> Sequence[Resource]:
    if notice.body == b"unreadable":
        raise ValueError("Jane Doe")
    return [
        ("DetectedIssue", notice.alert_id, notice.body),
        ("Communication", notice.notice_id, notice.body),
    ]


def _patient(peer: Peer, token: Callable[[], str] = str) -> FhirSink:
    """Give a sink that never gives a peer up, however slow the machine is."""
    return FhirSink(peer.url, _documents, token=token, timeout_s=60.0)


def _sent(number: int, body: bytes = b"{}") -> Sent:
    return Sent(Notice(f"n{number}", f"a{number}", 1, body))


def _fates(sink: FhirSink, *sent: Sent) -> list[tuple[Fate, str]]:
    try:
        return [(receipt.fate, receipt.reason) for receipt in sink.send("", sent)]
    finally:
        sink.close()


def test_alert_is_put_before_its_communication_with_the_token_of_now(serve) -> None:  # noqa: ANN001  a fixture
    peer = serve(_always(201))
    tokens = iter(["one", "two"])
    sink = _patient(peer, token=lambda: next(tokens))
    assert _fates(sink, _sent(1)) == [(Fate.ARRIVED, "")]
    assert _fates(sink, _sent(2)) == [(Fate.ARRIVED, "")]
    assert peer.puts == [
        ("/r4/DetectedIssue/a1", "Bearer one", b"{}"),
        ("/r4/Communication/n1", "Bearer one", b"{}"),
        ("/r4/DetectedIssue/a2", "Bearer two", b"{}"),
        ("/r4/Communication/n2", "Bearer two", b"{}"),
    ]


@pytest.mark.parametrize(
    ("status", "fate", "reason"),
    [
        (200, Fate.ARRIVED, ""),
        (400, Fate.REFUSED, "answered 400"),
        (413, Fate.REFUSED, "answered 413"),
        (422, Fate.REFUSED, "answered 422"),
        (409, Fate.FAILED, "answered 409"),
        (412, Fate.FAILED, "answered 412"),
        (500, Fate.FAILED, "answered 500"),
        (301, Fate.AWAY, "answered 301"),
        (401, Fate.AWAY, "answered 401, look at the token"),
        (403, Fate.AWAY, "answered 403, look at the rights of the token's owner"),
        (404, Fate.AWAY, "answered 404, look at the base URL, and whether the server takes this type"),
        (405, Fate.AWAY, "answered 405, the server must let updates create"),
        (429, Fate.AWAY, "answered 429"),
        (503, Fate.AWAY, "answered 503"),
        (599, Fate.AWAY, "answered 599"),
    ],
)
def test_each_status_has_its_fate(serve, status: int, fate: Fate, reason: str) -> None:  # noqa: ANN001
    peer = serve(_always(status))
    assert _fates(_patient(peer), _sent(1)) == [(fate, reason)]
    paths = {path for path, _, _ in peer.puts}
    assert len(paths) == (2 if fate is Fate.ARRIVED else 1), "what failed first ends it"


def _versions(*tags: str) -> Callable[[Request], Awaitable[Response]]:
    """Answer one question after the other: with a tag, without one, or that nothing is there."""
    left = list(tags)

    async def look(_request: Request) -> Response:
        tag = left.pop(0)
        if tag == "none":
            return Response(status_code=404)
        return Response(b"{}", headers={"etag": tag} if tag else {})

    return look


def _statuses(*statuses: int) -> Callable[[Request], Awaitable[Response]]:
    left = list(statuses)

    async def answer(_request: Request) -> Response:
        return Response(status_code=left.pop(0) if left else 200)

    return answer


NEW, FIRST, SECOND, PLAIN = ("if-none-match", "*"), ("if-match", 'W/"1"'), ("if-match", 'W/"2"'), ("", "")


@pytest.mark.parametrize(
    ("tags", "statuses", "conditions", "fate"),
    [
        (["none"], [201], [NEW], Fate.ARRIVED),
        (['W/"1"'], [200], [FIRST], Fate.ARRIVED),
        ([""], [200], [PLAIN], Fate.ARRIVED),
        (["none", 'W/"1"'], [412, 200], [NEW, FIRST], Fate.ARRIVED),
        (['W/"1"', 'W/"2"'], [412, 200], [FIRST, SECOND], Fate.ARRIVED),
        (['W/"1"', 'W/"2"'], [409, 409], [FIRST, SECOND], Fate.FAILED),
        # Servers, or proxies before them, that do not know what we mean.
        (['W/"1"', 'W/"1"'], [412, 200], [FIRST, PLAIN], Fate.ARRIVED),
        (["none", "none"], [412, 201], [NEW, PLAIN], Fate.ARRIVED),
        (["none"], [400, 201], [NEW, PLAIN], Fate.ARRIVED),
        (['W/"1"'], [501, 200], [FIRST, PLAIN], Fate.ARRIVED),
        (['W/"1"'], [400, 400], [FIRST, PLAIN], Fate.REFUSED),
        ([""], [412], [PLAIN], Fate.FAILED),
    ],
)
def test_alert_is_put_in_the_place_of_what_was_there(
    serve,  # noqa: ANN001  a fixture
    tags: list[str],
    statuses: list[int],
    conditions: list[tuple[str, str]],
    fate: Fate,
) -> None:
    peer = serve(_statuses(*statuses))
    peer.look = _versions(*tags)
    ((found, _),) = _fates(_patient(peer), _sent(1))
    assert (found, peer.conditions) == (fate, conditions)


@pytest.mark.parametrize(
    ("status", "fate", "puts"),
    [
        (401, Fate.ARRIVED, 2),
        (403, Fate.ARRIVED, 2),
        (405, Fate.ARRIVED, 2),
        (501, Fate.ARRIVED, 2),
        (503, Fate.AWAY, 0),
        (500, Fate.FAILED, 0),
    ],
)
def test_server_that_cannot_be_asked_is_told_all_the_same(serve, status: int, fate: Fate, puts: int) -> None:  # noqa: ANN001
    peer = serve(_always(200))
    peer.look = _always(status)
    ((found, _),) = _fates(_patient(peer), _sent(1))
    assert (found, len(peer.puts)) == (fate, puts)


def test_late_update_does_not_undo_a_later_one_also_where_it_creates(serve) -> None:  # noqa: ANN001
    held, go_on = Event(), Event()
    stored: list[bytes] = []

    async def look(_request: Request) -> Response:
        return Response(headers={"etag": f'W/"{len(stored)}"'}) if stored else Response(status_code=404)

    async def answer(request: Request) -> Response:
        body = await request.body()
        if "Communication" in request.url.path:
            return Response()
        if body == b"first" and not held.is_set():
            held.set()
            await asyncio.to_thread(go_on.wait)
        tag = f'W/"{len(stored)}"' if stored else None
        if request.headers.get("if-match") != tag:
            return Response(status_code=412)
        stored.append(body)
        return Response()

    peer = serve(answer)
    peer.look = look
    while not held.is_set():
        sink = FhirSink(peer.url, _documents, timeout_s=0.5)
        assert [fate for fate, _ in _fates(sink, _sent(1, b"first"))] == [Fate.AWAY]
    for body in (b"first", b"second"):
        assert _fates(_patient(peer), _sent(1, body)) == [(Fate.ARRIVED, "")]
    go_on.set()
    for _ in range(6_000):
        if not peer._now:
            break
        Event().wait(0.01)
    assert not peer._now
    assert stored == [b"first", b"second"]


def test_receipts_are_in_order_and_one_failure_hides_no_success(serve) -> None:  # noqa: ANN001
    async def answer(request: Request) -> Response:
        await asyncio.sleep(0.05 if request.url.path.endswith("1") else 0)
        return Response(status_code=422 if request.url.path.endswith("DetectedIssue/a2") else 200)

    peer = serve(answer)
    fates = _fates(_patient(peer), _sent(1), _sent(2), _sent(3, b"unreadable"), _sent(4))
    assert fates == [
        (Fate.ARRIVED, ""),
        (Fate.REFUSED, "answered 422"),
        (Fate.REFUSED, "its body cannot be converted"),
        (Fate.ARRIVED, ""),
    ]


def test_a_few_alerts_go_at_the_same_time(serve) -> None:  # noqa: ANN001
    async def answer(_request: Request) -> Response:
        while peer.most < 2:  # noqa: ASYNC110  nobody who sends one after the other would ever have an answer
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        return Response()

    peer = serve(answer)
    assert _fates(_patient(peer), *map(_sent, range(60))) == [(Fate.ARRIVED, "")] * 60
    assert 1 < peer.most <= 16


def test_server_that_does_not_answer_is_broken_off_in_time(serve) -> None:  # noqa: ANN001
    is_over = Event()

    async def never(_request: Request) -> Response:
        while not is_over.is_set():  # noqa: ASYNC110  it is set by another thread
            await asyncio.sleep(0.01)
        return Response()

    async def drip(_request: Request) -> Response:
        async def content():  # noqa: ANN202
            while not is_over.is_set():
                yield b" "
                await asyncio.sleep(0.05)

        return StreamingResponse(content())

    try:
        for answer in (never, drip):
            peer = serve(answer)
            sink = FhirSink(peer.url, _documents, timeout_s=0.3)
            assert _fates(sink, _sent(1), _sent(2)) == [(Fate.AWAY, "no answer in time")] * 2
            assert len(peer.puts) <= 2, "nothing is sent after the time is over"
    finally:
        is_over.set()


def test_server_that_does_not_answer_is_called_so_whose_ever_watch_says_it_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def late(*_: object) -> int:
        raise httpx2.ReadTimeout("")

    monkeypatch.setattr(FhirSink, "_look", late)
    assert _fates(FhirSink("http://127.0.0.1:1/", _documents), _sent(1)) == [(Fate.AWAY, "no answer in time")]


def test_answer_without_end_is_not_read(serve) -> None:  # noqa: ANN001
    async def flood(_request: Request) -> Response:
        async def content():  # noqa: ANN202
            for _ in range(1_000):
                yield b" " * 65_536
                await asyncio.sleep(0)

        return StreamingResponse(content())

    peer = serve(flood)
    assert _fates(_patient(peer), _sent(1)) == [(Fate.ARRIVED, "")]


def test_server_that_is_not_there_is_away() -> None:
    assert _fates(FhirSink("http://127.0.0.1:1/", _documents), _sent(1)) == [
        (Fate.AWAY, "cannot be reached (ConnectError)")
    ]


def test_token_that_cannot_be_read_keeps_the_notices() -> None:
    def token() -> str:
        raise TemporaryError("the token file cannot be read")

    sink = FhirSink("http://127.0.0.1:1/", _documents, token=token)
    assert _fates(sink, _sent(1)) == [(Fate.AWAY, "the token file cannot be read")]


@pytest.mark.parametrize(
    "url", ["", "fhir.example/r4", "ftp://x/", "https://", "https://u:p@x/", "https://x/?a=b", "http://[::1/"]
)
def test_base_url_that_is_none_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL"):
        FhirSink(url, _documents)


def test_ca_that_is_none_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate", encoding="ascii")
    for name in ("ca.pem", "missing.pem"):
        with pytest.raises(ConfigError, match="fhir_out_ca"):
            load_trusted(tmp_path / name)
