"""What kafka-python leaves open fails no test; what we leave open does.

The library lets go of a socket without closing it where a connection is refused or takes too long, where a TLS handshake fails,
and where a client closes while one is being made. The interpreter closes it and warns, a warning is an error here, and the
test that happens to run then fails. So the sockets that the library itself makes close without a word; every other socket
warns as ever, those by which the library wakes its own thread included: they are open where a client was not closed.
"""

from __future__ import annotations

import sys
from socket import SocketType, socket
from ssl import SSLContext, SSLSocket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Socket(socket):
    __del__ = SocketType.close


class _TlsSocket(SSLSocket):
    __del__ = SocketType.close


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Change the library if it is imported: in a run of every test it is by now, and who runs one need not wait for it."""
    if "kafka" not in sys.modules:
        return
    from kafka.net.inet import KafkaNetSocket  # noqa: PLC0415 - see above
    from kafka.net.transport import KafkaSSLTransport  # noqa: PLC0415 - see above

    if KafkaNetSocket.socket is _plain:
        return
    build = KafkaSSLTransport._build_ssl_context

    def build_quiet(config: Mapping[str, object]) -> SSLContext:
        context: SSLContext = build(config)
        context.sslsocket_class = _TlsSocket
        return context

    KafkaNetSocket.socket = _plain
    KafkaSSLTransport._build_ssl_context = staticmethod(build_quiet)


def _plain(_self: object, *kind: int) -> socket:
    return _Socket(*kind)
