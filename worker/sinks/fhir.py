"""Notices as resources of a FHIR server: each alert is put under ids that do not change, so that a repeat changes nothing.

A resource that later notices replace is put only in the place of what was there when we looked: a server that finishes an
update after we gave it up must not put an older version over a later one.

Source: HL7 FHIR R4 (4.0.1) "RESTful API", update, managing resource contention; RFC 9110 section 13.1.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final, TypeAlias

import httpx2
import structlog

from worker.model.alert import Notice
from worker.model.errors import ConfigError, LpwatchError
from worker.sinks.receipt import Fate, Receipt, Shipment

_log = structlog.get_logger(__name__)

Resource: TypeAlias = tuple[str, str, bytes]
"""A resource to be put: its type, its id, its JSON."""

Documents: TypeAlias = Callable[[Notice], Sequence[Resource]]
"""What a notice says as resources, in the order in which they must exist: a Communication refers to its DetectedIssue."""

_REPLACED: Final = "DetectedIssue"
_CONTENT_TYPE: Final = "application/fhir+json"
_AT_ONCE: Final = 16
_MAX_ANSWER: Final = 64 * 1024
_ARRIVED: Final = Receipt(Fate.ARRIVED)
_LATE: Final = Receipt(Fate.AWAY, "no answer in time")
# What no retry of the same resource can help. Everything else that is no success is tried again: refusals of all
# resources alike (a token, an address) are for people to mend, and no alert may be lost until they have.
_HOPELESS: Final = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
# What says something about this resource and not about the server.
_OWN: Final = frozenset(
    {
        HTTPStatus.CONFLICT,
        HTTPStatus.PRECONDITION_FAILED,
        HTTPStatus.LOCKED,
        HTTPStatus.INTERNAL_SERVER_ERROR,
    }
)
_CHANGED: Final = frozenset({HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED})
# What a server may mean that knows no conditions; without them it is asked again.
_UNCONDITIONAL: Final = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_IMPLEMENTED})
_ADVICE: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "look at the token",
    HTTPStatus.FORBIDDEN: "look at the rights of the token's owner",
    HTTPStatus.NOT_FOUND: "look at the base URL, and whether the server takes this type",
    HTTPStatus.METHOD_NOT_ALLOWED: "the server must let updates create",
}


class FhirSink:
    """Put notices to a FHIR server; used by one thread, and a `NetworkSink` that needs no reading back."""

    def __init__(
        self,
        base_url: str,
        documents: Documents,
        *,
        token: Callable[[], str] = str,
        tls: ssl.SSLContext | None = None,
        name: str = "fhir",
        timeout_s: float = 5.0,
    ) -> None:
        """Keep what is needed; connections are opened when they are needed.

        Shape: `token` gives the bearer token of now, "" for none; it is asked for each time.
        Raises: ConfigError where the base URL is none.
        """
        check_base_url(base_url)
        self.name = name
        self.timeout_s = timeout_s
        self._base_url = base_url.rstrip("/")
        self._documents = documents
        self._token = token
        self._tls = tls or load_trusted()
        self._runner: asyncio.Runner | None = None
        self._client: httpx2.AsyncClient | None = None

    def send(self, target: str, shipments: Sequence[Shipment]) -> list[Receipt]:  # noqa: ARG002  there is one place
        """Put the resources of notices of different alerts, several at a time; give a receipt for each, in their order.

        Shape: takes no longer than `timeout_s`; what is not answered by then is broken off.
        """
        try:
            token = self._token()
        except LpwatchError as error:
            return [Receipt(Fate.AWAY, error.reason)] * len(shipments)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._send(shipments, headers))

    def close(self) -> None:
        """Let go of the connections; the next call opens them again."""
        if self._runner is None:
            return
        if self._client is not None:
            self._runner.run(self._client.aclose())
        self._runner.close()
        self._runner = self._client = None

    async def _send(self, shipments: Sequence[Shipment], headers: dict[str, str]) -> list[Receipt]:
        ends_s = asyncio.get_running_loop().time() + self.timeout_s
        free = asyncio.Semaphore(_AT_ONCE)

        async def put(shipment: Shipment) -> Receipt:
            try:
                async with asyncio.timeout_at(ends_s), free:
                    return await self._put_all(shipment, headers)
            except TimeoutError:
                return _LATE

        return await asyncio.gather(*map(put, shipments))

    async def _put_all(self, shipment: Shipment, headers: dict[str, str]) -> Receipt:
        """Put the resources of one notice, in their order; the first that fails ends it."""
        try:
            resources = self._documents(shipment.notice)
        except Exception as error:  # noqa: BLE001 - a body that cannot be converted holds up nobody else's
            _log.error("notice_not_convertible", sink=self.name, error=type(error).__name__)
            return Receipt(Fate.REFUSED, "its body cannot be converted")
        for resource in resources:
            put = self._replace if resource[0] == _REPLACED else self._put
            try:
                receipt = await put(resource, headers)
            except (
                httpx2.TimeoutException
            ):  # the library's own, which may come first where the machine stood still
                return _LATE
            except httpx2.HTTPError as error:
                return Receipt(Fate.AWAY, f"cannot be reached ({type(error).__name__})")
            if receipt.fate is not Fate.ARRIVED:
                return receipt
        return _ARRIVED

    async def _replace(self, resource: Resource, headers: dict[str, str]) -> Receipt:
        """Put a resource in the place of what is there now, where the server says what that is.

        Shape: a server that refuses a condition although nothing changed does not know it as we mean it: a proxy's ETag, for
        instance, is none of a version. It is asked without one.
        """
        looked, condition = await self._look(resource, headers)
        if looked >= HTTPStatus.INTERNAL_SERVER_ERROR and looked != HTTPStatus.NOT_IMPLEMENTED:
            return _receipt(looked)
        status = await self._status_of_put(resource, headers | condition)
        if condition and status in _CHANGED:
            tried = condition
            _, condition = await self._look(resource, headers)
            condition = {} if condition == tried else condition
            status = await self._status_of_put(resource, headers | condition)
        if condition and status in _UNCONDITIONAL:
            status = await self._status_of_put(resource, headers)
        return _receipt(status)

    async def _look(self, resource: Resource, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
        """Ask for a resource; give the status, and the condition under which it may be replaced, none where it is not known."""
        async with self._opened().stream("GET", self._url(resource), headers=headers) as answer:
            await _read(answer)
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return answer.status_code, {"if-none-match": "*"}
        tag = answer.headers.get("etag", "")
        return answer.status_code, {"if-match": tag} if answer.status_code == HTTPStatus.OK and tag else {}

    async def _put(self, resource: Resource, headers: dict[str, str]) -> Receipt:
        return _receipt(await self._status_of_put(resource, headers))

    async def _status_of_put(self, resource: Resource, headers: dict[str, str]) -> int:
        _, _, body = resource
        async with self._opened().stream("PUT", self._url(resource), content=body, headers=headers) as answer:
            await _read(answer)
        return answer.status_code

    def _url(self, resource: Resource) -> str:
        kind, resource_id, _ = resource
        return f"{self._base_url}/{kind}/{resource_id}"

    def _opened(self) -> httpx2.AsyncClient:
        if self._client is None:
            headers = {"content-type": _CONTENT_TYPE, "accept": _CONTENT_TYPE, "prefer": "return=minimal"}
            self._client = httpx2.AsyncClient(
                headers=headers, verify=self._tls, timeout=self.timeout_s, trust_env=False
            )
        return self._client


def load_trusted(ca: Path | None = None) -> ssl.SSLContext:
    """Give the TLS context that trusts the CAs of a PEM file, or those of the system.

    Raises: ConfigError where the file cannot be loaded.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the CA cannot be loaded; it must be a PEM file", f"fhir_out_ca ({ca})") from error


def check_base_url(base_url: str, *, has_token: bool = False) -> None:
    """Make sure that resources can be put below a base URL, and that no token goes over the net in the clear.

    Raises: ConfigError that says what to write.
    """
    try:
        url = httpx2.URL(base_url)
    except httpx2.InvalidURL:
        url = httpx2.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.query or url.userinfo:
        raise ConfigError(
            "write a base URL such as https://fhir.example/r4, without user or query", "fhir_out"
        )
    if has_token and is_in_clear(url):
        raise ConfigError("the token would be sent in the clear; write https://", "fhir_out")


def is_in_clear(url: httpx2.URL) -> bool:
    """Tell whether others could read what is sent to this URL."""
    if url.scheme != "http" or url.host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(url.host).is_loopback
    except ValueError:
        return True


async def _read(answer: httpx2.Response) -> None:
    """Read an answer to its end, so that the connection can be used again, unless it is too long for that."""
    size = 0
    async for chunk in answer.aiter_raw():
        size += len(chunk)
        if size > _MAX_ANSWER:
            return


def _receipt(status: int) -> Receipt:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return _ARRIVED
    reason = ", ".join([f"answered {status}", *filter(None, [_ADVICE.get(status)])])
    if status in _HOPELESS:
        return Receipt(Fate.REFUSED, reason)
    return Receipt(Fate.FAILED if status in _OWN else Fate.AWAY, reason)
