"""The TLS of a listener, its files read again when they change: certificates are renewed while connections stay open."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import structlog

from worker.model.errors import ConfigError
from worker.sources.file_stamp import Stamp, stamp
from worker.sources.tls import TlsFiles, load_tls

if TYPE_CHECKING:
    from typing import Self

_log = structlog.get_logger(__name__)


class RenewedContext(ssl.SSLContext):
    """A context for asyncio's servers that shakes hands with what the files hold now.

    Files that cannot be used, as while one of two is written, change nothing; it is told once for each state that they are in.
    Connections that are open keep what they began with, and so does a client whose certificate is taken back.
    """

    _files: TlsFiles
    _stamps: tuple[Stamp, ...]
    _loaded: ssl.SSLContext

    def __new__(cls, files: TlsFiles) -> Self:
        """Read the files.

        Raises: ConfigError as `load_tls`.
        """
        self = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        self._files = files
        self._stamps = _stamps(files)
        self._loaded = load_tls(files)
        return self

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002  the standard library's own signature
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection; this is all that asyncio asks of a context."""
        self._refresh()
        return self._loaded.wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def _refresh(self) -> None:
        stamps = _stamps(self._files)
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self._loaded = load_tls(self._files)
        except ConfigError as error:
            _log.error("certificates_not_read", reason=error.reason, place=error.place)
        else:
            _log.info("certificates_read", place=str(self._files.certificate))


def _stamps(files: TlsFiles) -> tuple[Stamp, ...]:
    named = (files.certificate, files.key, files.client_ca)
    return tuple(stamp(path) for path in named if path is not None)
