"""Decide whether a listener is safe to open, and load its certificates."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from worker.model.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Name the PEM files of a listener; with `client_ca`, only clients with a certificate from it are let in."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only; a name other than localhost counts as reachable."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listener(
    name: str,
    host: str,
    tls: TlsFiles | None,
    *,
    allow_insecure: bool,
    has_tls: bool = True,
    has_tokens: bool | None = None,
) -> None:
    """Refuse a listener that others can reach without encryption or without proving who they are.

    Shape: the settings of the listener begin with `name`; `has_tls` says whether it knows TLS at all, `has_tokens` whether
    it asks for a token, None where it knows none.
    Raises: ConfigError that names the way out.
    """
    if allow_insecure or is_loopback(host):
        return
    if tls is None:
        files = f"give {name}_cert, {name}_key and {name}_client_ca, " if has_tls else ""
        raise ConfigError(
            f"listens in plaintext on an address that other machines can reach; {files}"
            f"listen on 127.0.0.1, or allow it explicitly by the setting {name}_allow_insecure",
            name,
        )
    if tls.client_ca is None and not has_tokens:
        proof, files = "a certificate", f"{name}_client_ca"
        if has_tokens is not None:
            proof, files = "a certificate or a token", f"{name}_client_ca or {name}_token_file"
        raise ConfigError(
            f"listens without asking clients for {proof}; give {files}, listen on 127.0.0.1, or allow it "
            f"explicitly by the setting {name}_allow_insecure",
            name,
        )


def load_tls(tls: TlsFiles) -> ssl.SSLContext:
    """Build the server side's TLS context: TLS 1.2 or newer, client certificates where a CA for them is given.

    Raises: ConfigError where a file cannot be read or key and certificate do not belong together.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            "certificate or key cannot be loaded; both must be PEM and belong together", str(tls.certificate)
        ) from error
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                "client CA cannot be loaded; it must be a PEM file", str(tls.client_ca)
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context
