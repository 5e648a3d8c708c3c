"""Certificates that are renewed under listeners that stay open."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.integration.identities import Identity, client_context, hang_up, make_identity
from tests.integration.steady import run
from worker.decode.ack import AckCode
from worker.decode.mllp import frame
from worker.model.message import RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.http import FhirLimits, FhirReceiver
from worker.sources.http_server import HttpListener, HttpServer
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.reception import Reception
from worker.sources.tls import TlsFiles

MLLP = frame(b"MSH|^~\\&|LAB|NORTH|||20260105080000||ORU^R01|m1|P|2.5.1\r")
HTTP = b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\n\r\n"
ASKED = {"mllp": (MLLP, b"MSA|AA|m1"), "fhir": (HTTP, b"HTTP/1.1 200")}

Ask = Callable[[ssl.SSLContext], Awaitable[bool]]


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Identity]:
    folder = tmp_path_factory.mktemp("tls")
    return {name: make_identity(folder, name) for name in ("old", "new", "client", "other")}


class _Kept:
    """Stores what comes and observes nothing."""

    def append(self, messages: Sequence[RawMessage]) -> None: ...

    def connected(self, change: int) -> None: ...

    def refused(self, reason: str) -> None: ...

    def answered(self, status: int, seconds: float) -> None: ...

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None: ...


@dataclass
class Site:
    """A listener, and the files that it was started with."""

    name: str
    port: int
    files: TlsFiles

    async def open(self, context: ssl.SSLContext) -> Connection:
        return Connection(self.name, *await asyncio.open_connection("127.0.0.1", self.port, ssl=context))

    async def answers(self, context: ssl.SSLContext) -> bool:
        """Tell whether a new connection is let in and answered."""
        try:
            connection = await self.open(context)
        except (ssl.SSLError, ConnectionError):
            return False
        try:
            return await connection.answers()
        finally:
            await hang_up(connection.writer)

    def put(self, identity: Identity) -> None:
        """Replace certificate and key, each at once and one after the other, as tools do that renew them."""
        _replace(identity.certificate, self.files.certificate)
        _replace(identity.key, self.files.key)


@dataclass
class Connection:
    """One connection to it."""

    name: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answers(self) -> bool:
        asked, answered = ASKED[self.name]
        self.writer.write(asked)
        try:
            return answered in await asyncio.wait_for(self.reader.read(65_536), 60)
        except (ssl.SSLError, ConnectionError):
            return False


def _replace(source: Path, target: Path) -> None:
    beside = target.with_suffix(".tmp")
    shutil.copyfile(source, beside)
    beside.replace(target)


def _run(
    name: str, files: TlsFiles, first: Identity, scene: Callable[[Site], Awaitable[None]], ca: Identity | None
) -> None:
    async def play() -> None:
        kept = _Kept()
        commit = GroupCommit(kept)
        server: MllpServer | HttpServer
        if name == "mllp":
            server = MllpServer(MllpListener("127.0.0.1", 0, files), commit, kept, lambda: 0)
        else:
            receiver = FhirReceiver(commit, None, FhirLimits(), kept, lambda: 0)
            server = HttpServer(HttpListener("fhir", "127.0.0.1", 0, files), receiver, lambda: 0, kept)
        reception = Reception(commit, {name: server})
        _, port = (await reception.start())[name]
        async with asyncio.timeout(120):
            await scene(Site(name, port, files))
            await reception.drain()

    for source, target in ((first.certificate, files.certificate), (first.key, files.key)):
        shutil.copyfile(source, target)
    if ca is not None and files.client_ca is not None:
        shutil.copyfile(ca.certificate, files.client_ca)
    run(play())


@pytest.mark.parametrize("name", ASKED)
def test_a_renewed_certificate_is_shown_to_the_next_client(
    name: str, identities: dict[str, Identity], tmp_path: Path
) -> None:
    old, new = client_context(identities["old"]), client_context(identities["new"])

    async def scene(site: Site) -> None:
        connection = await site.open(old)
        assert await connection.answers()
        site.put(identities["new"])
        assert await site.answers(new)
        assert not await site.answers(old)
        assert await connection.answers()
        await hang_up(connection.writer)

    _run(name, TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem"), identities["old"], scene, None)


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("broken", ["nothing", "", None])
def test_files_that_cannot_be_used_change_nothing_and_are_told_once(
    name: str, broken: str | None, identities: dict[str, Identity], tmp_path: Path
) -> None:
    old, new = client_context(identities["old"]), client_context(identities["new"])

    async def scene(site: Site) -> None:
        if broken is None:
            site.files.certificate.unlink()
        else:
            site.files.certificate.write_text(broken, encoding="ascii")
        for _ in range(3):
            assert await site.answers(old)
        _replace(identities["new"].certificate, site.files.certificate)  # its key is still the old one
        assert await site.answers(old)
        site.put(identities["new"])
        assert await site.answers(new)

    with capture_logs() as logs:
        _run(name, TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem"), identities["old"], scene, None)
    told = [line["event"] for line in logs if line["event"].startswith("certificates")]
    assert told == ["certificates_not_read", "certificates_not_read", "certificates_read"]
    assert {line["reason"] for line in logs if line["event"] == "certificates_not_read"} == {
        "certificate or key cannot be loaded; both must be PEM and belong together"
    }


@pytest.mark.parametrize("name", ASKED)
def test_another_ca_lets_in_other_clients(name: str, identities: dict[str, Identity], tmp_path: Path) -> None:
    ours = client_context(identities["old"], identities["client"])
    other = client_context(identities["old"], identities["other"])
    nobody = client_context(identities["old"])

    async def scene(site: Site) -> None:
        assert [await site.answers(each) for each in (ours, other, nobody)] == [True, False, False]
        assert site.files.client_ca is not None
        _replace(identities["other"].certificate, site.files.client_ca)
        assert [await site.answers(each) for each in (ours, other, nobody)] == [False, True, False]
        site.files.client_ca.write_text("", encoding="ascii")
        assert [await site.answers(each) for each in (ours, other, nobody)] == [False, True, False]

    files = TlsFiles(tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "ca.pem")
    _run(name, files, identities["old"], scene, identities["client"])
