"""Take FHIR over HTTP: store each document durably, then answer.

`POST /fhir` takes a Bundle of any type or a resource, `POST|PUT /fhir/{type}[/{id}]` one resource; `DELETE /fhir/{type}/{id}`
is stored as a Bundle that holds it. An answer in the 200s
says that the document is stored, not that it was understood: that turns out later, and its sender could do nothing about
it. So only what is no FHIR at all, too large, too slow or not stored is refused, always with an OperationOutcome.
Source: HL7 FHIR R4 (4.0.1) "RESTful API"; docs/adr/0014-fhir-over-http.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

import structlog
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from worker.decode.fhir import parse_literal
from worker.decode.fhir.envelope import NO_TYPE, TOO_MANY, Envelope, read_envelope
from worker.model.errors import DecodeError
from worker.model.message import Form, RawMessage
from worker.model.time import EpochMs
from worker.sources.fhir_answers import (
    CONTENT_TYPE,
    capability_statement,
    deletion,
    refusal,
    stored,
    stored_bundle,
)
from worker.sources.group_commit import GroupCommit, Received
from worker.sources.http_connection import Malformed
from worker.sources.tokens import TokenFile

_log = structlog.get_logger(__name__)

NOT_HTTP = Malformed(CONTENT_TYPE, refusal(HTTPStatus.BAD_REQUEST, "not an HTTP request"))

_JSON = frozenset({CONTENT_TYPE, "application/json", "application/json+fhir"})
_STATUSES = {
    NO_TYPE: HTTPStatus.UNPROCESSABLE_ENTITY,
    TOO_MANY: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_AGAIN = {"retry-after": "5"}
_CLOSE = {"connection": "close"}
_MAX_WAITING = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FhirLimits:
    """Bound what requests can make the receiver keep; sizes in bytes, `max_waiting` of all requests together."""

    max_body: int = 16 * 1024 * 1024
    max_waiting: int = _MAX_WAITING
    body_s: float = 30.0

    @classmethod
    def of(cls, max_body: int) -> FhirLimits:
        """Give the limits for bodies of this size: a few of the largest may wait at one time."""
        return cls(max_body, max(4 * max_body, _MAX_WAITING))


class FhirObserver(Protocol):
    """Count what a receiver does."""

    def answered(self, status: int, seconds: float) -> None:
        """Note an answer, and how long it took from the head of its request."""


class FhirReceiver:
    """Answer FHIR requests; an ASGI application."""

    def __init__(
        self,
        commit: GroupCommit,
        tokens: TokenFile | None,
        limits: FhirLimits,
        observer: FhirObserver,
        now_ms: Callable[[], EpochMs],
    ) -> None:
        """Keep what is needed to answer; without `tokens` whoever can connect is let in."""
        self._commit = commit
        self._tokens = tokens
        self._limits = limits
        self._observer = observer
        self._now_ms = now_ms
        self._waiting = 0
        self._app = Starlette(
            routes=[
                Route("/fhir", self._interact, methods=["POST"]),
                Route("/fhir/", self._interact, methods=["POST"]),
                Route("/fhir/metadata", _describe, methods=["GET"]),
                Route("/fhir/{type}", self._keep, methods=["POST", "PUT"]),
                Route("/fhir/{type}/{id}", self._keep, methods=["PUT"]),
                Route("/fhir/{type}/{id}", self._delete, methods=["DELETE"]),
            ],
            exception_handlers={HTTPException: _refuse, ClientDisconnect: _let_go, Exception: _fail},
        )
        self._app.router.redirect_slashes = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()

        async def count(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._observer.answered(message["status"], loop.time() - started_s)
            await send(message)

        app = self._app if self._lets_in(Headers(scope=scope)) else _UNAUTHORIZED
        await app(scope, receive, count)

    def _lets_in(self, headers: Headers) -> bool:
        return self._tokens is None or self._tokens.allows(headers.get("authorization", ""))

    async def _interact(self, request: Request) -> Response:
        """Take a Bundle to be worked on (batch, transaction), or anything else to be kept."""
        envelope = await self._store(request, lambda _: None)
        if envelope.bundle_type in {"batch", "transaction"}:
            return _answer(HTTPStatus.OK, stored_bundle(envelope))
        return _answer(HTTPStatus.ACCEPTED, stored())

    async def _keep(self, request: Request) -> Response:
        """Take one resource; a PUT that names no id is a conditional update."""

        def check(envelope: Envelope) -> None:
            if envelope.resource_type != request.path_params["type"]:
                raise HTTPException(HTTPStatus.BAD_REQUEST, "the URL names another resource type")
            if envelope.resource_id != request.path_params.get("id", envelope.resource_id):
                raise HTTPException(HTTPStatus.BAD_REQUEST, "the URL names another id, or the resource none")

        await self._store(request, check)
        return _answer(HTTPStatus.CREATED if request.method == "POST" else HTTPStatus.OK, stored())

    async def _delete(self, request: Request) -> Response:
        """Take the deletion of one resource; a body, which it should not have, is not read."""
        type_name, id_ = request.path_params["type"], request.path_params["id"]
        if parse_literal(f"{type_name}/{id_}") is None:
            raise HTTPException(HTTPStatus.BAD_REQUEST, "the URL names no resource type and id")
        now_ms = self._now_ms()
        await self._commit_one(_message(deletion(type_name, id_, now_ms), request, now_ms))
        return _answer(HTTPStatus.ACCEPTED, stored())

    async def _store(self, request: Request, check: Callable[[Envelope], None]) -> Envelope:
        """Read the document of a request and store it.

        Raises: HTTPException with what to answer where it is not stored.
        """
        _check_content(request.headers, self._limits.max_body)
        body = bytearray()
        try:
            await self._read(request, body)
            document = bytes(body)
            envelope = _envelope(document)
            check(envelope)
            await self._commit_one(_message(document, request, self._now_ms()))
        finally:
            self._waiting -= len(body)
        return envelope

    async def _read(self, request: Request, body: bytearray) -> None:
        """Read a body, never more than may wait."""
        try:
            async with asyncio.timeout(self._limits.body_s):
                async for chunk in request.stream():
                    self._waiting += len(chunk)
                    body += chunk
                    _check_size(len(body), self._limits.max_body)
                    if self._waiting > self._limits.max_waiting:
                        raise HTTPException(
                            HTTPStatus.TOO_MANY_REQUESTS, "too much waits to be stored", _AGAIN
                        )
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, "the body came too slowly", _CLOSE) from None

    async def _commit_one(self, message: RawMessage) -> None:
        loop = asyncio.get_running_loop()
        sender = _Waiting(loop.create_future())
        self._commit.submit([Received(message, None, sender, loop.time())])
        if not await sender.is_stored:
            raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, "not stored, send again", _AGAIN)


@dataclass(eq=False, slots=True)
class _Waiting:
    """Wait for the fate of one message; a `Sender` for the group commit."""

    is_stored: asyncio.Future[bool]

    def settle(self, received: object, *, is_stored: bool) -> None:  # noqa: ARG002  there is only one
        if not self.is_stored.done():
            self.is_stored.set_result(is_stored)


def _message(document: bytes, request: Request, received_at_ms: EpochMs) -> RawMessage:
    return RawMessage(document, Form.FHIR, f"http:{request.scope['server'][1]}", received_at_ms)


def _check_content(headers: Headers, max_body: int) -> None:
    """Refuse by its head what need not be read.

    Raises: HTTPException.
    """
    kind, *parameters = [part.strip().lower() for part in headers.get("content-type", "").split(";")]
    if kind not in _JSON:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send FHIR JSON, Content-Type: {CONTENT_TYPE}"
        )
    if any(
        each.replace('"', "") not in _NO_OTHER_CHARSET for each in parameters if each.startswith("charset")
    ):
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "FHIR JSON is UTF-8")
    if headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
        # A body that unpacks to more than was sent would need a second set of limits.
        accepts = {"accept-encoding": "identity"}
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body uncompressed", accepts)
    _check_size(int(headers.get("content-length", "0")), max_body)


def _check_size(size: int, max_body: int) -> None:
    if size > max_body:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {max_body} bytes")


def _envelope(body: bytes) -> Envelope:
    try:
        return read_envelope(body)
    except DecodeError as error:
        raise HTTPException(_STATUSES.get(error.reason, HTTPStatus.BAD_REQUEST), error.reason) from None


async def _describe(_request: Request) -> Response:
    return _answer(HTTPStatus.OK, capability_statement())


async def _refuse(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _answer(error.status_code, refusal(error.status_code, error.detail), error.headers)


async def _let_go(_request: Request, _error: Exception) -> Response:
    """Answer a client that left in the middle of its request: nobody hears it, but it is counted."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _fail(_request: Request, error: Exception) -> Response:
    """Answer a request that we failed at; the text of an error may hold what was sent, so only its class is logged."""
    _log.error("http_failed", error=type(error).__name__)
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(status, refusal(status, "the receiver failed; send again"))


def _answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, CONTENT_TYPE)


_NO_OTHER_CHARSET = frozenset({"charset=utf-8", "charset=utf8"})
_UNAUTHORIZED = _answer(
    HTTPStatus.UNAUTHORIZED,
    refusal(HTTPStatus.UNAUTHORIZED, "a valid bearer token is needed"),
    {"www-authenticate": "Bearer"},
)
