"""Whatever a client asks, it is told in FHIR; and what is accepted is stored, nothing else. Tests worker.sources.http."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from fhir.resources.R4B import get_fhir_model_class
from hypothesis import example, given
from hypothesis import strategies as st

from worker.decode.fhir import decode_document
from worker.model.message import RawMessage
from worker.sources.group_commit import GroupCommit
from worker.sources.http import FhirLimits, FhirReceiver

SECRET = "Zaphira"
SAID = frozenset({200, 201, 202, 400, 404, 405, 413, 415, 422})
MAX_BODY = 400


@dataclass
class Kept:
    """An intake and an observer."""

    messages: list[RawMessage] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def append(self, messages: Sequence[RawMessage]) -> None:
        self.messages += messages

    def answered(self, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.statuses.append(status)


@dataclass(frozen=True)
class Asked:
    """A request as uvicorn hands it over: the path is decoded, the body comes in pieces."""

    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    pieces: tuple[bytes, ...]
    is_whole: bool = True


def _ask(asked: Asked) -> tuple[int, dict[bytes, bytes], bytes, Kept]:
    kept, sent = Kept(), []
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in asked.pieces]
    messages.append({"type": "http.request", "body": b""} if asked.is_whole else {"type": "http.disconnect"})

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    async def send(message: dict) -> None:
        sent.append(message)

    async def talk() -> None:
        commit = GroupCommit(kept)
        commit.start()
        receiver = FhirReceiver(commit, None, FhirLimits(MAX_BODY), kept, lambda: 0)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "method": asked.method,
            "path": asked.path,
            "raw_path": asked.path.encode("utf-8", "surrogatepass"),
            "query_string": b"",
            "root_path": "",
            "headers": list(asked.headers),
        }
        await receiver(scope, receive, send)
        await commit.drain()

    asyncio.run(talk())
    start, *bodies = sent
    content = b"".join(body.get("body", b"") for body in bodies)
    return start["status"], dict(start["headers"]), content, kept


_types = (
    st.sampled_from(["Observation", "Patient", "Bundle", "Unheard", "metadata", "", "..", "$x"]) | st.text()
)
_ids = st.sampled_from(["o1", "", "metadata", SECRET]) | st.text(max_size=8)
_paths = st.one_of(
    st.sampled_from(["/fhir", "/fhir/", "/", "/fhir/metadata", "/fhir//", "//fhir"]),
    _types.map(lambda kind: f"/fhir/{kind}"),
    st.tuples(_types, _ids).map(lambda pair: f"/fhir/{pair[0]}/{pair[1]}"),
    st.text().map(lambda text: f"/{text}"),
)
_methods = st.sampled_from(["POST", "PUT", "GET", "HEAD", "DELETE", "PATCH", "OPTIONS", "BREW"])
_resources = st.fixed_dictionaries(
    {"text": st.just(SECRET)},
    optional={
        "resourceType": _types,
        "id": _ids | st.integers() | st.none(),
        "type": st.sampled_from(["batch", "transaction", "collection"]) | st.none(),
        "entry": st.lists(
            st.fixed_dictionaries({}, optional={"request": st.dictionaries(st.just("method"), _methods)})
            | st.none()
        )
        | st.text(),
    },
).map(lambda resource: json.dumps(resource).encode())
_contents = st.sampled_from(
    [
        b"application/fhir+json",
        b"application/json; charset=utf-8",
        b"application/fhir+json;charset",
        b";",
        b"text/plain",
        b"\xff",
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> Asked:
    body = draw(_resources | st.binary(max_size=2 * MAX_BODY))
    cut = draw(st.integers(0, len(body)))
    headers = [(b"content-type", draw(_contents))] if draw(st.booleans()) else []
    if draw(st.booleans()):
        headers.append((b"content-length", str(len(body)).encode()))
    headers += draw(
        st.lists(st.tuples(st.just(b"content-encoding"), st.sampled_from([b"", b"gzip", b"\xe4"])))
    )
    pieces = (body[:cut], body[cut:])
    return Asked(draw(_methods), draw(_paths), tuple(headers), pieces, draw(st.booleans()))


def _wanted(body: bytes) -> Asked:
    headers = ((b"content-type", b"application/fhir+json"),)
    return Asked("POST", "/fhir", headers, (body,))


@given(requests())
@example(_wanted(b'{"resourceType":"Bundle","type":"batch","entry":[null,{"request":{"method":"GET"}}]}'))
@example(_wanted(b'{"resourceType":"Observation","text":"Zaphira"}'))
@example(Asked("DELETE", "/fhir/Observation/1", (), ()))
def test_every_request_is_told_in_fhir_and_only_what_is_accepted_is_stored(asked: Asked) -> None:
    status, headers, content, kept = _ask(asked)

    assert status in SAID
    assert kept.statuses == [status]
    is_stored = status < 300 and asked.method in {"POST", "PUT", "DELETE"}
    stored = [message.body for message in kept.messages]
    if asked.method == "DELETE":
        assert [len(decode_document(body).deletions) for body in stored] == [1] * is_stored
    else:
        assert stored == ([b"".join(asked.pieces)] if is_stored else [])
    assert SECRET.encode() not in content
    if content and asked.method != "HEAD":
        assert headers[b"content-type"] == b"application/fhir+json"
        told = json.loads(content)
        get_fhir_model_class(told["resourceType"]).model_validate(told)
    else:
        assert asked.method == "HEAD" or not asked.is_whole, "only nobody is told nothing"
