"""Notices as NDJSON: to a file that holds each notice once, or to an open stream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from worker.model.alert import Notice
from worker.model.errors import ConfigError, TemporaryError


class _Line(msgspec.Struct):
    """One line: the notice's id, what it is about, and the alert as rendered."""

    id: str
    alert_id: str
    version: int
    alert: msgspec.Raw


class _LineId(msgspec.Struct):
    """As much of a line as tells repeats apart."""

    id: str


_ids = msgspec.json.Decoder(_LineId)
_LINE_START = b'{"id":"'
_FOREIGN = "holds something else than notices; give another file, it is left as it is"


class StreamSink:
    """Write notices to an open stream (stdout), flushed; after a crash the last ones may be written again."""

    def __init__(self, stream: BinaryIO, name: str = "stdout") -> None:
        """Keep a binary stream, which its owner closes."""
        self._stream = stream
        self.name = name

    def send(self, notices: Sequence[Notice]) -> None:
        """Write one line for each notice.

        Raises: TemporaryError where the stream is closed or full.
        """
        try:
            self._stream.write(b"".join(map(_line, notices)))
            self._stream.flush()
        except (OSError, ValueError) as error:
            raise TemporaryError("stream cannot be written", self.name) from error


class NdjsonSink:
    """Append notices to a file, each id once, even when a crash came between writing it and noting that.

    On opening, a last line that was torn by a crash is cut off, and the ids already there are read. A notice is sent when
    its line is on disk (`fsync`).
    """

    def __init__(self, path: Path, name: str = "ndjson") -> None:
        """Keep the path; the file is opened by the first notice."""
        self._path = path
        self._file: BinaryIO | None = None
        self._seen: set[str] = set()
        self.name = name

    def check(self) -> None:
        """Open the file before there is a notice.

        Raises: ConfigError where it cannot be written, or holds something else than notices.
        """
        try:
            self._open()
        except OSError as error:
            raise ConfigError(f"notices cannot be written: {error.strerror}", str(self._path)) from error
        except msgspec.DecodeError:
            raise ConfigError(_FOREIGN, str(self._path)) from None
        finally:
            self.close()

    def send(self, notices: Sequence[Notice]) -> None:
        """Append the notices that are not in the file yet.

        Raises: TemporaryError where the file cannot be written; the next call opens it afresh.
        """
        try:
            file = self._file or self._open()
            new = [notice for notice in notices if notice.notice_id not in self._seen]
            file.write(b"".join(map(_line, new)))
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            self.close()
            raise TemporaryError("file cannot be written", self.name) from error
        except msgspec.DecodeError as error:
            self.close()
            raise TemporaryError("file holds something else than notices", self.name) from error
        self._seen.update(notice.notice_id for notice in new)

    def close(self) -> None:
        """Close the file; the next notice opens it again."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.close()
            except OSError:
                return  # what was not written is still in the outbox

    def _open(self) -> BinaryIO:
        file = self._path.open("a+b")
        self._file = file
        file.seek(0)
        self._seen, end = set(), 0
        for line in file:
            if not line.endswith(b"\n"):
                _check_torn(line)
                break
            end += len(line)
            self._seen.add(_ids.decode(line).id)
        file.truncate(end)
        file.seek(0, os.SEEK_END)
        return file


def _check_torn(line: bytes) -> None:
    """Make sure that a line without end is the start of one of ours, and may be cut off; a crash may leave zeros in it."""
    start = line.rstrip(b"\0")[: len(_LINE_START)]
    if not _LINE_START.startswith(start):
        msg = "not the start of a notice"
        raise msgspec.DecodeError(msg)


def _line(notice: Notice) -> bytes:
    line = _Line(notice.notice_id, notice.alert_id, notice.version, msgspec.Raw(notice.body))
    return msgspec.json.encode(line) + b"\n"
