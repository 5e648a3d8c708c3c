"""Sending FHIR over HTTP: every document waits for its answer, and a broken connection is told."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from worker.model.errors import TemporaryError
from worker.simulate.fhir_client import FhirClient


class Server(HTTPServer):
    """Answer documents with the statuses given, the last one for ever; status 0 closes the connection."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.statuses = [200]
        self.received: list[tuple[str, str, str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/fhir"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = self.headers.get("Content-Type", ""), self.headers.get("Authorization", "")
        self.server.received.append((self.path, *told, body))
        statuses = self.server.statuses
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        if not status:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_documents_are_posted_one_after_the_other_and_the_accepted_are_counted(server: Server) -> None:
    server.statuses = [200, 202, 422]
    with FhirClient(server.url, "secret") as client:
        sent = client.send_all([b"{1}", b"{2}", b"{3}"])
    assert (sent.messages, sent.accepted) == (3, 2)
    expected = ("/fhir", "application/fhir+json", "Bearer secret")
    assert server.received == [(*expected, body) for body in (b"{1}", b"{2}", b"{3}")]


def test_without_a_token_none_is_shown(server: Server) -> None:
    with FhirClient(server.url) as client:
        client.send(b"{}")
    assert server.received[0][2] == ""


def test_a_broken_connection_is_told(server: Server) -> None:
    server.statuses = [0]
    with FhirClient(server.url) as client, pytest.raises(TemporaryError, match="connection lost"):
        client.send(b"{}")


def test_nobody_listening_is_told_with_the_place() -> None:
    with pytest.raises(TemporaryError, match="cannot connect") as told:
        FhirClient("http://127.0.0.1:1/fhir")
    assert told.value.place == "127.0.0.1:1"


@pytest.mark.parametrize("url", ["127.0.0.1:8090", "ftp://host/fhir", "http://"])
def test_what_is_no_address_of_a_fhir_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not a URL of a FHIR server"):
        FhirClient(url)
