"""Certificates for tests: self-signed, each its own CA."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SUBJECT = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate: it is its own CA."""

    certificate: Path
    key: Path


def make_identity(folder: Path, name: str) -> Identity:
    """Make a certificate and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: cannot make certificates")
    identity = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    files = ["-keyout", str(identity.key), "-out", str(identity.certificate), "-days", "2"]
    subprocess.run([*command, *files, *SUBJECT], check=True, capture_output=True)
    return identity


def client_context(server: Identity, client: Identity | None = None) -> ssl.SSLContext:
    """Trust a server, and show it a certificate where one is given."""
    context = ssl.create_default_context(cafile=str(server.certificate))
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


async def hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a connection and wait until it is: what TLS leaves open is met by a later test."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def make_expired(folder: Path, name: str) -> Identity:
    """Make a certificate whose time is long over."""
    identity = make_identity(folder, name)
    request, config = folder / f"{name}.csr", folder / f"{name}.cnf"
    config.write_text(
        f"[ca]\ndefault_ca=own\n[own]\nnew_certs_dir={folder}\ndatabase={folder}/{name}.index\nserial={folder}/{name}.serial\n"
        "default_md=sha256\npolicy=any\n[any]\ncommonName=supplied\n",
        encoding="ascii",
    )
    (folder / f"{name}.index").write_text("", encoding="ascii")
    (folder / f"{name}.serial").write_text("01\n", encoding="ascii")
    ask = [
        "openssl",
        "req",
        "-new",
        "-key",
        str(identity.key),
        "-out",
        str(request),
        "-subj",
        "/CN=localhost",
    ]
    sign = ["openssl", "ca", "-batch", "-selfsign", "-notext", "-config", str(config)]
    times = ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]
    files = ["-keyfile", str(identity.key), "-in", str(request), "-out", str(identity.certificate)]
    subprocess.run(ask, check=True, capture_output=True)
    subprocess.run([*sign, *times, *files], check=True, capture_output=True)
    return identity
