"""Bearer tokens from a file, one on each line, so that a new one can be added before the old one is taken away.

Source: RFC 6750 (The OAuth 2.0 Authorization Framework: Bearer Token Usage), section 2.1.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from pathlib import Path

import structlog

from worker.model.errors import ConfigError
from worker.sources.file_stamp import stamp

_log = structlog.get_logger(__name__)

_SHORTEST = 16


class TokenFile:
    """Know the tokens that are let in; a changed file counts from the next request on."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises: ConfigError where it cannot be read, holds no token, or one that is too short to be a secret.
        """
        self._path = path
        self._stamp = stamp(path)
        self._digests = _read(path)

    def allows(self, authorization: str) -> bool:
        """Tell whether the value of an `Authorization` header holds one of the tokens; how long it takes tells nothing."""
        self._refresh()
        scheme, _, token = authorization.partition(" ")
        digest = sha256(token.strip().encode()).digest()
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return scheme.lower() == "bearer" and any(matches)

    def _refresh(self) -> None:
        """Read a changed file; one that cannot be used leaves the tokens as they were."""
        now = stamp(self._path)
        if now == self._stamp:
            return
        self._stamp = now
        try:
            self._digests = _read(self._path)
        except ConfigError as error:
            _log.error("tokens_not_read", reason=error.reason)
        else:
            _log.info("tokens_read", count=len(self._digests))


def _read(path: Path) -> tuple[bytes, ...]:
    return tuple(sha256(line.encode()).digest() for line in _lines(path))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the token file cannot be read", str(path)) from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise ConfigError("the token file holds no token; write one on each line", str(path))
    if min(map(len, lines)) < _SHORTEST:
        raise ConfigError(f"a token is shorter than {_SHORTEST} characters; make a longer one", str(path))
    return lines
