"""HAPI FHIR, the most used implementation, on the other side: its client sends to us, its server is told of alerts."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx2
import pytest

from tests.integration.messages import fever
from tests.integration.role_process import all_ended, await_until
from tools.java_peers import class_path
from tools.kafka_local import program
from tools.local_process import ServerError, bound_command, free_ports
from worker.model.alert import Notice
from worker.model.message import RawMessage
from worker.runtime.metrics import Metrics
from worker.sinks.fhir import FhirSink, Resource
from worker.sinks.receipt import Fate, Receipt
from worker.sources.group_commit import GroupCommit
from worker.sources.http import NOT_HTTP, FhirLimits, FhirReceiver
from worker.sources.http_server import HttpListener, HttpServer
from worker.sources.reception import Reception
from worker.sources.tokens import TokenFile

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PEER = Path(__file__).resolve().parents[1] / "peers" / "fhir"
TOKEN = "a-token-of-a-sender"
START_S = 180
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def java() -> list[str]:
    try:
        quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
        return [program("java"), "-Xmx256m", *quick, "-cp", class_path(PEER)]
    except ServerError as error:
        pytest.fail(str(error), pytrace=False)


# HAPI's client sends


class _Kept:
    def __init__(self) -> None:
        self.messages: list[RawMessage] = []

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.messages += messages


def test_client_of_hapi_takes_our_answers(java: list[str], tmp_path: Path) -> None:
    kept = _Kept()
    file = tmp_path / "tokens"
    file.write_text(TOKEN, encoding="utf-8")

    async def talk() -> list[str]:
        commit, observer = GroupCommit(kept), Metrics().fhir
        receiver = FhirReceiver(commit, TokenFile(file), FhirLimits(), observer, lambda: 0)
        server = HttpServer(HttpListener("fhir", "127.0.0.1", 0), receiver, lambda: 0, observer, NOT_HTTP)
        reception = Reception(commit, {"fhir": server})
        host, port = (await reception.start())["fhir"]
        command = [*java, "FhirSender", f"http://{host}:{port}/fhir", TOKEN]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        said, _ = await asyncio.wait_for(process.communicate(), START_S)
        await reception.drain()
        return said.decode().splitlines()

    assert asyncio.run(talk()) == [
        "capabilities 4.0.1",
        "create 201 information",
        "update 200 information",
        "conditional 200 information",
        "batch-response 202 Accepted 202 Accepted",
        "transaction-response 202 Accepted 202 Accepted",
        "read 405 not-supported",
    ]
    types = [json.loads(message.body)["resourceType"] for message in kept.messages]
    assert types == ["Observation"] * 3 + ["Bundle"] * 2


# HAPI's server is told


@dataclass(frozen=True)
class Sent:
    """A row of the outbox."""

    notice: Notice
    target: str = ""
    kind: str = "alert-fhir"
    created_at_ms: int = 0


@contextmanager
def _server(java: list[str], port: int) -> Iterator[httpx2.Client]:
    """Run HAPI's server; what it holds ends with it."""
    command = bound_command([*java, "FhirServer", str(port), TOKEN])
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == f"listens {port}\n"
            headers = {"authorization": f"Bearer {TOKEN}"}
            base_url = f"http://127.0.0.1:{port}"
            with httpx2.Client(base_url=base_url, headers=headers, trust_env=False, timeout=30) as client:
                yield client
        finally:
            process.kill()


def _documents(notice: Notice) -> Sequence[Resource]:
    severity = notice.body.decode()
    issue = {
        "resourceType": "DetectedIssue",
        "id": notice.alert_id,
        "status": "final",
        "severity": severity,
    }
    told = {
        "resourceType": "Communication",
        "id": notice.notice_id,
        "status": "completed",
        "about": [{"reference": f"DetectedIssue/{notice.alert_id}"}],
    }
    return [
        (document["resourceType"], document["id"], json.dumps(document).encode())
        for document in (issue, told)
    ]


def _sent(version: int, severity: str = "high", alert: str = "a1") -> Sent:
    return Sent(Notice(f"{alert}-{version}", alert, version, severity.encode()))


def _fault(client: httpx2.Client, status: int, times: int = 1, kind: str = "") -> None:
    client.post("/faults", params={"status": status, "times": times, "type": kind}).raise_for_status()


def _history(client: httpx2.Client, reference: str) -> list[str]:
    entries = client.get(f"/fhir/{reference}/_history").raise_for_status().json()["entry"]
    return [entry["resource"].get("severity", entry["resource"]["status"]) for entry in entries]


def test_server_of_hapi_is_told_of_alerts_through_errors_and_restarts(java: list[str]) -> None:
    (port,) = free_ports(1)
    sink = FhirSink(f"http://127.0.0.1:{port}/fhir", _documents, token=lambda: TOKEN, timeout_s=PATIENCE_S)

    def send(*sent: Sent) -> list[Receipt]:
        return sink.send("", sent)

    try:
        assert send(_sent(1)) == [Receipt(Fate.AWAY, "cannot be reached (ConnectError)")]
        with _server(java, port) as client:
            assert send(_sent(1), _sent(1, alert="b1")) == [Receipt(Fate.ARRIVED)] * 2
            assert send(_sent(2, "moderate")) == [Receipt(Fate.ARRIVED)]
            assert _history(client, "DetectedIssue/a1") == ["moderate", "high"]
            assert _history(client, "Communication/a1-2") == ["completed"]

            _fault(client, 503)
            assert send(_sent(3)) == [Receipt(Fate.AWAY, "answered 503")]
            _fault(client, 500, kind="Communication")
            assert send(_sent(3)) == [Receipt(Fate.FAILED, "answered 500")]
            assert client.get("/fhir/Communication/a1-3").status_code == 404
            assert send(_sent(3)) == [Receipt(Fate.ARRIVED)]
            assert _history(client, "DetectedIssue/a1")[0] == "high"

            assert send(_sent(4, "no such code")) == [Receipt(Fate.REFUSED, "answered 400")]
            assert send(_sent(4, alert="b1"))[0].fate is Fate.ARRIVED
        assert send(_sent(5))[0].fate is Fate.AWAY
        with _server(java, port) as client:
            assert send(_sent(5, "low")) == [Receipt(Fate.ARRIVED)]
            assert _history(client, "DetectedIssue/a1") == ["low"]

            sink.timeout_s = 0.5
            _fault(client, 0)
            assert send(_sent(6)) == [Receipt(Fate.AWAY, "no answer in time")]
            sink.timeout_s = PATIENCE_S
            assert send(_sent(6)) == [Receipt(Fate.ARRIVED)]
    finally:
        sink.close()
    stranger = FhirSink(f"http://127.0.0.1:{port}/fhir", _documents, token=lambda: "another-token-of-it")
    with _server(java, port):
        assert stranger.send("", [_sent(1)]) == [Receipt(Fate.AWAY, "answered 401, look at the token")]
        stranger.close()


def test_update_that_is_carried_out_late_does_not_undo_a_later_version(java: list[str]) -> None:
    (port,) = free_ports(1)
    sink = FhirSink(f"http://127.0.0.1:{port}/fhir", _documents, token=lambda: TOKEN, timeout_s=PATIENCE_S)

    def send(version: int, severity: str) -> Receipt:
        (receipt,) = sink.send("", [_sent(version, severity)])
        return receipt

    with _server(java, port) as client:
        assert send(1, "low") == Receipt(Fate.ARRIVED)
        _fault(client, 1)
        sink.timeout_s = 1.0
        assert send(2, "moderate") == Receipt(Fate.AWAY, "no answer in time")
        sink.timeout_s = PATIENCE_S
        assert send(2, "moderate") == Receipt(Fate.ARRIVED)
        assert send(3, "high") == Receipt(Fate.ARRIVED)
        await_until(lambda: client.get("/faults").text == "1", "the late update")
        # Where the machine is slow the late one comes before it is sent again, and stands twice.
        stored = groupby(_history(client, "DetectedIssue/a1"))
        assert [severity for severity, _ in stored] == ["high", "moderate", "low"]
    sink.close()


def test_run_tells_a_fhir_server_of_an_alert_as_soon_as_it_is_there(java: list[str], tmp_path: Path) -> None:
    (port,) = free_ports(1)
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n", encoding="utf-8")
    settings = {"fhir_out": f"http://127.0.0.1:{port}/fhir", "fhir_out_token_file": str(token)}
    with all_ended() as start:
        run = start(tmp_path, "run", data=str(tmp_path / "data"), clock="messages", **settings)
        assert [b"MSA|AA|" in answer for answer in run.send(*fever())] == [True, True]
        await_until(lambda: "cannot be reached" in run.log_text(), "the relay has tried")
        with _server(java, port) as client:
            _fault(client, 503)
            await_until(lambda: client.get("/fhir/DetectedIssue").json().get("total") == 1, "an alert")
            await_until(lambda: client.get("/fhir/Communication").json().get("total") == 1, "a notice")
            (issue,) = [entry["resource"] for entry in client.get("/fhir/DetectedIssue").json()["entry"]]
            (told,) = [entry["resource"] for entry in client.get("/fhir/Communication").json()["entry"]]
            assert run.end() == 0
    assert told["about"][0]["reference"] == f"DetectedIssue/{issue['id']}"
    (line,) = (tmp_path / "data" / "notices.ndjson").read_text(encoding="utf-8").splitlines()
    notice = json.loads(line)
    assert issue["id"] == notice["alert_id"]
    assert "Testperson" not in run.log_text()
