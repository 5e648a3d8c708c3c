"""MLLP over TLS: encrypted, and with client certificates where a CA for them is given."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.identities import Identity, client_context, hang_up, make_identity
from worker.decode.ack import AckCode
from worker.decode.mllp import frame
from worker.model.errors import ConfigError
from worker.model.message import RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.mllp import MllpListener, MllpServer
from worker.sources.reception import Reception
from worker.sources.tls import TlsFiles, check_listener, load_tls

MESSAGE = b"MSH|^~\\&|LAB|NORTH|||20260105080000||ORU^R01|m1|P|2.5.1\r"


@pytest.fixture(scope="module")
def server_identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module")
def client_identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "client")


class _Kept:
    def __init__(self) -> None:
        self.messages: list[RawMessage] = []

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.messages += messages


class _Unobserved:
    def connected(self, change: int) -> None: ...

    def refused(self, reason: str) -> None: ...

    def acknowledged(self, code: AckCode, seconds: Sequence[float]) -> None: ...


def _send(files: TlsFiles, context: ssl.SSLContext | None) -> tuple[bytes, list[RawMessage]]:
    """Send one message and return the answer (empty where the server hung up) and what was stored."""

    async def talk() -> tuple[bytes, list[RawMessage]]:
        kept = _Kept()
        commit = GroupCommit(kept)
        server = MllpServer(MllpListener("127.0.0.1", 0, files), commit, _Unobserved(), lambda: 0)
        reception = Reception(commit, {"mllp": server})
        host, port = (await reception.start())["mllp"]
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        writer.write(frame(MESSAGE))
        try:
            answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 60)
        except (asyncio.IncompleteReadError, ssl.SSLError, ConnectionError):
            answer = b""
        await hang_up(writer)
        await reception.drain()
        return answer, kept.messages

    return asyncio.run(talk())


def test_message_over_tls_is_accepted(server_identity: Identity) -> None:
    files = TlsFiles(server_identity.certificate, server_identity.key)
    answer, stored = _send(files, client_context(server_identity))
    assert b"MSA|AA|m1" in answer
    assert len(stored) == 1


def test_client_with_a_certificate_of_the_ca_is_let_in(
    server_identity: Identity, client_identity: Identity
) -> None:
    files = TlsFiles(server_identity.certificate, server_identity.key, client_identity.certificate)
    answer, _ = _send(files, client_context(server_identity, client_identity))
    assert b"MSA|AA|m1" in answer


def test_client_without_a_certificate_is_kept_out(
    server_identity: Identity, client_identity: Identity
) -> None:
    files = TlsFiles(server_identity.certificate, server_identity.key, client_identity.certificate)
    assert _send(files, client_context(server_identity)) == (b"", [])


def test_client_with_a_foreign_certificate_is_kept_out(
    server_identity: Identity, client_identity: Identity
) -> None:
    files = TlsFiles(server_identity.certificate, server_identity.key, client_identity.certificate)
    assert _send(files, client_context(server_identity, server_identity)) == (b"", [])


def test_plaintext_client_of_a_tls_listener_stores_nothing(server_identity: Identity) -> None:
    files = TlsFiles(server_identity.certificate, server_identity.key)
    assert _send(files, None) == (b"", [])


def test_certificate_without_its_key_is_a_configuration_error(
    server_identity: Identity, client_identity: Identity
) -> None:
    with pytest.raises(ConfigError, match=r"server\.pem"):
        load_tls(TlsFiles(server_identity.certificate, client_identity.key))


def test_client_ca_that_is_no_certificate_is_a_configuration_error(
    server_identity: Identity, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("nothing", encoding="ascii")
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        load_tls(TlsFiles(server_identity.certificate, server_identity.key, tmp_path / "ca.pem"))


ANYWHERE = "0.0.0.0"  # noqa: S104  never opened, only judged
FILES = TlsFiles(Path("c.pem"), Path("k.pem"))
MUTUAL = TlsFiles(Path("c.pem"), Path("k.pem"), Path("ca.pem"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_certificates(host: str) -> None:
    check_listener("mllp", host, None, allow_insecure=False)


@pytest.mark.parametrize("host", [ANYWHERE, "::", "10.0.0.5", "engine.example"])
@pytest.mark.parametrize("tls", [None, FILES])
def test_reachable_listener_needs_encryption_and_client_certificates(host: str, tls: TlsFiles | None) -> None:
    with pytest.raises(ConfigError, match="mllp_allow_insecure"):
        check_listener("mllp", host, tls, allow_insecure=False)


def test_listener_without_tls_does_not_ask_for_certificates() -> None:
    with pytest.raises(ConfigError, match="http_allow_insecure") as refused:
        check_listener("http", ANYWHERE, None, allow_insecure=False, has_tls=False)
    assert "cert" not in str(refused.value)


def test_tokens_stand_in_for_client_certificates_but_not_for_encryption() -> None:
    check_listener("fhir", ANYWHERE, FILES, allow_insecure=False, has_tokens=True)
    check_listener("fhir", ANYWHERE, MUTUAL, allow_insecure=False, has_tokens=False)
    with pytest.raises(ConfigError, match="plaintext"):
        check_listener("fhir", ANYWHERE, None, allow_insecure=False, has_tokens=True)
    with pytest.raises(ConfigError, match="fhir_token_file"):
        check_listener("fhir", ANYWHERE, FILES, allow_insecure=False, has_tokens=False)


@pytest.mark.parametrize(("tls", "is_allowed"), [(MUTUAL, False), (None, True), (FILES, True)])
def test_mutual_tls_or_an_explicit_permission_opens_a_reachable_listener(
    tls: TlsFiles | None, *, is_allowed: bool
) -> None:
    check_listener("mllp", ANYWHERE, tls, allow_insecure=is_allowed)
