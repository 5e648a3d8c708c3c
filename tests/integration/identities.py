"""Certificates for tests: self-signed, each its own CA."""

from __future__ import annotations

import shutil
import ssl
import subprocess
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
