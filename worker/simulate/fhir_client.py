"""Send FHIR documents over HTTP and wait for each answer. Source: HL7 FHIR R4 (4.0.1) "RESTful API"."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import urlsplit

from worker.model.errors import TemporaryError
from worker.simulate.sending import Sent

if TYPE_CHECKING:
    from collections.abc import Iterable

CONTENT_TYPE: Final = "application/fhir+json"
_ACCEPTED: Final = range(200, 300)


class FhirClient:
    """One connection to the base URL of a FHIR server; documents go one after the other."""

    def __init__(self, url: str, token: str = "", timeout_s: float = 30.0) -> None:
        """Connect; `token` is shown as a bearer token.

        Raises: ValueError where the URL is none of http or https, TemporaryError where nobody listens.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"not a URL of a FHIR server: {url}")
        self._place = f"{parts.hostname}:{parts.port or parts.scheme}"
        self._path = parts.path or "/"
        self._headers = {"Content-Type": CONTENT_TYPE, "Accept": CONTENT_TYPE}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout_s)
        self.sent = Sent()
        try:
            self._connection.connect()
        except OSError as error:
            raise TemporaryError(f"cannot connect: {type(error).__name__}", self._place) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def send(self, body: bytes) -> None:
        """Post one document, a Bundle or a resource, to the base URL.

        Raises: TemporaryError where the connection breaks; whether the document was taken is not known then.
        """
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            raise TemporaryError(f"connection lost: {type(error).__name__}", self._place) from error
        self.sent.messages += 1
        self.sent.accepted += answer.status in _ACCEPTED

    def send_all(self, bodies: Iterable[bytes]) -> Sent:
        """Post documents.

        Raises: TemporaryError where the connection breaks before the last is answered.
        """
        for body in bodies:
            self.send(body)
        return self.sent

    def drain(self) -> None:
        """Do nothing: every document is answered before the next is sent."""
