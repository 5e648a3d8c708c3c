"""What a FHIR client is answered, and what is stored of what it sent. Tests worker.sources.http without a socket."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome

from worker.decode.fhir import Deletion, decode_document
from worker.model.message import Form, RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.http import FhirLimits, FhirReceiver
from worker.sources.tokens import TokenFile

RECEIVED_AT = 1_767_600_000_000
TOKEN = "a-token-of-a-sender"
FHIR = {"content_type": "application/fhir+json"}
OBSERVATION = b'{"resourceType":"Observation","id":"o1","status":"final"}'


@dataclass
class Site:
    """A receiver with what it stores and tells."""

    limits: FhirLimits = field(default_factory=FhirLimits)
    tokens: TokenFile | None = None
    is_failing: bool = False
    messages: list[RawMessage] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    receiver: FhirReceiver = field(init=False)

    def __post_init__(self) -> None:
        self.gate.set()

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.gate.wait(60)
        if self.is_failing:
            raise OSError("disk full")
        self.messages += messages
        self.groups.append(len(messages))

    def answered(self, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.statuses.append(status)

    def ask(self, *requests: httpx2.Request) -> list[httpx2.Response]:
        """Send requests at the same time."""

        async def talk() -> list[httpx2.Response]:
            commit = GroupCommit(self)
            commit.start()
            self.receiver = receiver = FhirReceiver(
                commit, self.tokens, self.limits, self, lambda: RECEIVED_AT
            )
            transport = httpx2.ASGITransport(receiver)
            async with asyncio.timeout(120), httpx2.AsyncClient(transport=transport) as client:
                answers = await asyncio.gather(*map(client.send, requests))
            await commit.drain()
            assert receiver._waiting == 0
            return answers

        return asyncio.run(talk())


def _request(
    method: str, path: str, body: bytes | AsyncIterator[bytes] = OBSERVATION, **headers: str
) -> httpx2.Request:
    given = {name.replace("_", "-"): value.encode("latin-1") for name, value in (FHIR | headers).items()}
    return httpx2.Request(method, f"http://127.0.0.1:8080{path}", content=body, headers=given)


def _ask(site: Site, method: str, path: str, body: bytes = OBSERVATION, **headers: str) -> httpx2.Response:
    return site.ask(_request(method, path, body, **headers))[0]


def _outcome(answer: httpx2.Response) -> tuple[int, str]:
    """Check that the answer is an OperationOutcome, and return the status and what it says."""
    assert answer.headers["content-type"] == "application/fhir+json"
    (issue,) = OperationOutcome.model_validate(answer.json()).issue
    return answer.status_code, issue.diagnostics


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/fhir/Observation", 201),
        ("PUT", "/fhir/Observation/o1", 200),
        ("PUT", "/fhir/Observation?identifier=a%7C1", 200),
        ("POST", "/fhir", 202),
        ("POST", "/fhir/", 202),
    ],
)
def test_resource_is_stored_as_it_came_and_then_accepted(method: str, path: str, status: int) -> None:
    site = Site()
    assert _outcome(_ask(site, method, path))[0] == status
    assert site.messages == [RawMessage(OBSERVATION, Form.FHIR, "http:8080", RECEIVED_AT)]
    assert site.statuses == [status]


def test_a_deletion_is_stored_as_a_bundle_of_one_entry() -> None:
    site = Site()
    assert _outcome(_ask(site, "DELETE", "/fhir/Observation/o1", b""))[0] == 202
    (message,) = site.messages
    document = decode_document(message.body)
    assert document.message_at == "2026-01-05T08:00:00Z"
    assert document.deletions == (Deletion("Bundle.entry[0]", "Observation/o1", ""),)
    Bundle.model_validate_json(message.body)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/fhir+json; charset=UTF-8", 'application/json; charset="utf-8"'],
)
def test_usual_content_types_are_taken(content_type: str) -> None:
    assert _ask(Site(), "POST", "/fhir/Observation", content_type=content_type).status_code == 201


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_batch_and_transaction_are_answered_entry_by_entry(kind: str) -> None:
    methods = ["POST", "PUT", "GET", "DELETE"]
    entries = [{"request": {"method": method, "url": "Observation"}} for method in methods]
    body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
    site = Site()
    answer = _ask(site, "POST", "/fhir", body)
    assert answer.status_code == 200
    bundle = Bundle.model_validate(answer.json())
    assert bundle.type == f"{kind}-response"
    told = [entry.response.status[:3] for entry in bundle.entry]
    assert told == ["202", "202", "405", "202"]
    assert [message.body for message in site.messages] == [body]


@pytest.mark.parametrize("kind", ["collection", "document", "message", "searchset", "history"])
def test_other_bundles_are_accepted_whole(kind: str) -> None:
    site = Site()
    body = json.dumps({"resourceType": "Bundle", "type": kind}).encode()
    assert _outcome(_ask(site, "POST", "/fhir", body))[0] == 202
    assert len(site.messages) == 1


def test_what_decoding_will_not_understand_is_stored_all_the_same() -> None:
    bodies = [
        b'{"resourceType":"Observation","status":7}',
        b'{"resourceType":"Unheard"}',
        b'{"resourceType":"Bundle","entry":{}}',
    ]
    site = Site()
    assert [_ask(site, "POST", "/fhir", body).status_code for body in bodies] == [202, 202, 202]
    assert [message.body for message in site.messages] == bodies


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/fhir", b"", 400, "not valid JSON"),
        ("POST", "/fhir", b"MSH|^~\\&|", 400, "not valid JSON"),
        ("POST", "/fhir", b"[]", 400, "not a JSON object"),
        ("POST", "/fhir", b'{"x":' + b"[" * 9_999 + b"]" * 9_999 + b"}", 400, "nested too deeply"),
        ("POST", "/fhir", b'{"id":"o1"}', 422, "no resourceType"),
        ("POST", "/fhir/Patient", OBSERVATION, 400, "the URL names another resource type"),
        ("PUT", "/fhir/Patient/o1", OBSERVATION, 400, "the URL names another resource type"),
        ("PUT", "/fhir/Observation/o2", OBSERVATION, 400, "the URL names another id, or the resource none"),
        ("GET", "/fhir/Observation/o1", b"", 405, "Method Not Allowed"),
        ("DELETE", "/fhir/Observation", b"", 405, "Method Not Allowed"),
        ("DELETE", "/fhir/Observation/o_1", b"", 400, "the URL names no resource type and id"),
        ("PATCH", "/fhir/Observation/o1", b"[]", 405, "Method Not Allowed"),
        ("POST", "/", OBSERVATION, 404, "Not Found"),
        ("POST", "/fhir/Observation/o1/x", OBSERVATION, 404, "Not Found"),
        ("POST", "/fhir/../fhir/Observation/x", OBSERVATION, 404, "Not Found"),
    ],
)
def test_what_is_no_request_we_know_is_refused_and_not_stored(
    method: str, path: str, body: bytes, status: int, said: str
) -> None:
    site = Site()
    answer = _ask(site, method, path, body)
    if path.endswith("/x") and answer.status_code == 405:  # the client wrote the path without the dots
        return
    assert _outcome(answer) == (status, said)
    assert site.messages == []
    assert b"o1" not in answer.content


def test_bundle_of_too_many_entries_is_refused() -> None:
    body = b'{"resourceType":"Bundle","type":"batch","entry":[' + b"{}," * 60_000 + b"{}]}"
    site = Site()
    assert _outcome(_ask(site, "POST", "/fhir", body)) == (413, "too many elements")
    assert site.messages == []


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/fhir+xml"},
        {"content_type": "text/plain"},
        {"content_type": ""},
        {"content_type": "application/json; charset=latin-1"},
        {"content_encoding": "gzip"},
    ],
)
def test_other_formats_are_refused(headers: dict[str, str]) -> None:
    site = Site()
    assert _outcome(_ask(site, "POST", "/fhir", **headers))[0] == 415
    assert site.messages == []


def test_body_that_is_too_large_is_not_read_to_its_end() -> None:
    read: list[int] = []

    async def endless() -> AsyncIterator[bytes]:
        while True:
            read.append(1_000)
            yield b" " * 1_000

    site = Site(FhirLimits(max_body=5_000))
    # httpx2's ASGI transport cannot stream without end, so the size is stated to be more than is read.
    stated = _request("POST", "/fhir", b" " * 6_000)
    assert _outcome(site.ask(stated)[0]) == (413, "the body is larger than 5000 bytes")
    unstated = _request("POST", "/fhir", endless())
    assert _outcome(site.ask(unstated)[0]) == (413, "the body is larger than 5000 bytes")
    assert sum(read) <= 7_000
    assert _ask(site, "POST", "/fhir", OBSERVATION.ljust(5_000)).status_code == 202


def test_slow_body_is_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(10)
        yield b"}"

    site = Site(FhirLimits(body_s=0.05))
    (answer,) = site.ask(_request("POST", "/fhir", slow()))
    assert _outcome(answer) == (408, "the body came too slowly")
    assert answer.headers["connection"] == "close"


def test_failing_store_asks_to_send_again() -> None:
    site = Site(is_failing=True)
    answer = _ask(site, "POST", "/fhir")
    assert _outcome(answer) == (503, "not stored, send again")
    assert answer.headers["retry-after"] == "5"


def test_more_than_may_wait_is_put_off_and_later_taken() -> None:
    site = Site(FhirLimits(max_waiting=3 * len(OBSERVATION)))
    site.gate.clear()

    async def last() -> AsyncIterator[bytes]:
        while site.receiver._waiting < 3 * len(OBSERVATION):  # noqa: ASYNC110  the receiver tells nobody of what waits
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_later(0.2, site.gate.set)
        yield OBSERVATION

    bodies: Iterable[bytes | AsyncIterator[bytes]] = [OBSERVATION, OBSERVATION, OBSERVATION, last()]
    answers = site.ask(*[_request("POST", "/fhir", body) for body in bodies])
    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert _outcome(answers[3])[1] == "too much waits to be stored"
    assert answers[3].headers["retry-after"] == "5"
    assert _ask(site, "POST", "/fhir").status_code == 202


def test_many_requests_at_once_are_stored_in_few_groups() -> None:
    site = Site()
    answers = site.ask(*[_request("POST", "/fhir") for _ in range(200)])
    assert {answer.status_code for answer in answers} == {202}
    assert sum(site.groups) == 200
    assert len(site.groups) < 50


def _guarded(folder: Path) -> Site:
    file = folder / "tokens"
    file.write_text(f"{TOKEN}\nanother-token-of-it\n", encoding="utf-8")
    return Site(tokens=TokenFile(file))


def test_token_lets_in(tmp_path: Path) -> None:
    site = _guarded(tmp_path)
    for token in (TOKEN, "another-token-of-it"):
        assert _ask(site, "POST", "/fhir", authorization=f"Bearer {token}").status_code == 202


@pytest.mark.parametrize("path", ["/fhir", "/fhir/metadata", "/elsewhere"])
@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer \xe4"])
def test_without_a_token_nothing_is_told_or_stored(tmp_path: Path, path: str, given: str) -> None:
    site = _guarded(tmp_path)
    answer = _ask(site, "POST", path, authorization=given)
    assert _outcome(answer) == (401, "a valid bearer token is needed")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert site.messages == []
    assert site.statuses == [401]


def test_capability_statement_is_valid_and_names_what_is_read() -> None:
    answer = _ask(Site(), "GET", "/fhir/metadata", b"")
    assert answer.status_code == 200
    statement = CapabilityStatement.model_validate(answer.json())
    assert statement.fhirVersion == "4.0.1"
    assert "Observation" in [resource.type for resource in statement.rest[0].resource]


def test_own_failure_is_told_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    site = Site(limits=FhirLimits(body_s="oops o1"))  # type: ignore[arg-type]  # to make it fail
    with pytest.raises(TypeError):  # uvicorn would hear of it; the client is answered before
        _ask(site, "POST", "/fhir")
    assert site.statuses == [500]
    assert "oops" not in capsys.readouterr().out
