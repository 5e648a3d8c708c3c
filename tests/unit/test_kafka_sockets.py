"""A socket that kafka-python lets go of fails no test, and a socket that we let go of does."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

LEAKS = """
import gc
import socket

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.inet import KafkaNetSocket, create_connection
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport


@pytest.fixture
def address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


def test_theirs_refused(address):
    net = NetworkSelector()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(KafkaConnectionError, match="ECONNREFUSED"):
            net.run(create_connection, net, *held.getsockname())
    net.close()
    gc.collect()


def test_theirs_closed_while_connecting(address):
    net = NetworkSelector()
    net.call_soon_with_future(create_connection, net, *address)
    net.poll(timeout_ms=0)
    net.close()


def test_theirs_over_tls(address):
    plain = KafkaNetSocket().socket(socket.AF_INET)
    plain.connect(address)
    KafkaSSLTransport(None, plain, host="localhost")


def test_ours(address):
    socket.create_connection(address)


def test_our_client_that_is_not_closed():
    NetworkSelector()
"""


def test_only_sockets_of_the_library_may_be_left_open(pytester: pytest.Pytester, root: Path) -> None:
    pytester.makepyfile(LEAKS)
    found = pytester.runpytest(
        "-c", root / "pyproject.toml", "-p", "tests.kafka_sockets", "-p", "no:cacheprovider"
    )
    found.assert_outcomes(passed=3, failed=2)
    found.stdout.fnmatch_lines(
        [
            "E *Exception ignored in: <socket.socket *, family=2, *, raddr=*",
            "E *Exception ignored in: <socket.socket *, family=1, *",
            "FAILED *::test_ours*",
            "FAILED *::test_our_client_that_is_not_closed*",
        ]
    )
