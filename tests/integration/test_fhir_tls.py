"""FHIR over HTTPS: tokens, client certificates, and clients that never finish a handshake."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest

from tests.integration.identities import Identity, client_context, hang_up, make_identity
from tests.integration.steady import run
from worker.model.alert import Notice
from worker.model.errors import ConfigError
from worker.model.message import RawMessage
from worker.sinks.fhir import FhirSink
from worker.sinks.receipt import Fate
from worker.sources.group_commit import GroupCommit
from worker.sources.http import FhirLimits, FhirReceiver
from worker.sources.http_server import HttpLimits, HttpListener, HttpServer
from worker.sources.reception import Reception
from worker.sources.tls import TlsFiles
from worker.sources.tokens import TokenFile

TOKEN = "a-token-of-a-sender"
HEADERS = {"content-type": "application/fhir+json"}
OBSERVATION = b'{"resourceType":"Observation","id":"o1"}'


@pytest.fixture(scope="module")
def server_identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def client_identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "client")


@dataclass
class Site:
    """A receiver, what it stores, and how many connections it had."""

    port: int = 0
    messages: list[RawMessage] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    open: int = 0
    most: int = 0

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.messages += messages

    def answered(self, status: int, seconds: float) -> None: ...

    def connected(self, change: int) -> None:
        self.open += change
        self.most = max(self.most, self.open)

    def refused(self, reason: str) -> None:
        self.reasons.append(reason)

    async def post(self, context: ssl.SSLContext, token: str = "") -> int:
        """Post one resource; 0 where TLS lets nobody in."""
        headers = HEADERS | ({"authorization": f"Bearer {token}"} if token else {})
        url = f"https://127.0.0.1:{self.port}/fhir"
        async with httpx2.AsyncClient(verify=context, trust_env=False, timeout=60) as client:
            try:
                return (await client.post(url, content=OBSERVATION, headers=headers)).status_code
            except httpx2.TransportError:
                return 0


def _run(
    scene: Callable[[Site], Awaitable[None]],
    files: TlsFiles,
    tokens: TokenFile | None = None,
    limits: HttpLimits | None = None,
) -> Site:
    async def play() -> Site:
        site = Site()
        commit = GroupCommit(site)
        receiver = FhirReceiver(commit, tokens, FhirLimits(), site, lambda: 0)
        listener = HttpListener("fhir", "127.0.0.1", 0, files, limits=limits or HttpLimits())
        reception = Reception(commit, {"fhir": HttpServer(listener, receiver, lambda: 0, site)})
        _, site.port = (await reception.start())["fhir"]
        async with asyncio.timeout(120):
            await scene(site)
            await reception.drain()
        assert site.open == 0
        return site

    return run(play())


def test_token_over_tls_lets_in(server_identity: Identity, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(TOKEN, encoding="utf-8")

    async def scene(site: Site) -> None:
        context = client_context(server_identity)
        assert await site.post(context, TOKEN) == 202
        assert await site.post(context, "another-token-of-it") == 401
        assert await site.post(context) == 401

    files = TlsFiles(server_identity.certificate, server_identity.key)
    assert len(_run(scene, files, TokenFile(file)).messages) == 1


def test_client_certificate_lets_in(server_identity: Identity, client_identity: Identity) -> None:
    async def scene(site: Site) -> None:
        assert await site.post(client_context(server_identity, client_identity)) == 202
        assert await site.post(client_context(server_identity)) == 0
        assert await site.post(client_context(server_identity, server_identity)) == 0

    files = TlsFiles(server_identity.certificate, server_identity.key, client_identity.certificate)
    assert len(_run(scene, files).messages) == 1


@pytest.mark.slow
def test_handshakes_that_are_never_finished_hold_few_places_for_a_short_time(
    server_identity: Identity,
) -> None:
    async def scene(site: Site) -> None:
        silent = []
        for _ in range(200):
            with suppress(OSError):
                silent.append(await asyncio.open_connection("127.0.0.1", site.port))
        assert site.most == 10
        while site.open:  # noqa: ASYNC110  an event would need to know what this test waits for
            await asyncio.sleep(0.01)
        assert await site.post(client_context(server_identity)) == 202
        for _, writer in silent:
            await hang_up(writer)

    limits = HttpLimits(max_connections=10, handshake_s=3)  # long enough for 200 to come meanwhile
    site = _run(scene, TlsFiles(server_identity.certificate, server_identity.key), limits=limits)
    assert site.most == 10
    assert site.reasons.count("too many connections") == 190


def test_plaintext_gets_no_answer(server_identity: Identity) -> None:
    async def scene(site: Site) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP" not in await reader.read()
        await hang_up(writer)

    _run(scene, TlsFiles(server_identity.certificate, server_identity.key))


def test_key_of_another_certificate_is_a_configuration_error(
    server_identity: Identity, client_identity: Identity
) -> None:
    async def scene(_site: Site) -> None: ...

    with pytest.raises(ConfigError, match="belong together"):
        _run(scene, TlsFiles(server_identity.certificate, client_identity.key))


def test_sink_trusts_the_ca_it_was_given_and_no_other(
    server_identity: Identity, client_identity: Identity
) -> None:
    def send(port: int, context: ssl.SSLContext) -> Fate:
        resource = ("Observation", "o1", OBSERVATION)
        sink = FhirSink(f"https://127.0.0.1:{port}/fhir", lambda _: [resource], tls=context)
        try:
            (receipt,) = sink.send("", [_Sent()])
        finally:
            sink.close()
        return receipt.fate

    async def scene(site: Site) -> None:
        right, wrong = client_context(server_identity), client_context(client_identity)
        assert await asyncio.to_thread(send, site.port, right) is Fate.ARRIVED
        assert await asyncio.to_thread(send, site.port, wrong) is Fate.AWAY

    files = TlsFiles(server_identity.certificate, server_identity.key)
    assert len(_run(scene, files).messages) == 1


@dataclass(frozen=True)
class _Sent:
    notice: Notice = field(default_factory=lambda: Notice("n1", "a1", 1, b"{}"))
    target: str = ""
    kind: str = "alert-fhir"
    created_at_ms: int = 0
