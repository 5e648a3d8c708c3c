"""Read messages from files and folders: HL7 v2, MLLP captures, FHIR JSON and NDJSON, each also as `.gz`."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from worker.decode.mllp import FrameFault
from worker.model.errors import ConfigError
from worker.model.message import Form, RawMessage
from worker.sources.file_content import Content, cut, recognise

_GZIP = b"\x1f\x8b"
_HEAD = 64 * 1024
_UNREADABLE = {
    Content.EMPTY: "the file is empty",
    Content.UNKNOWN: "neither HL7 v2 nor FHIR JSON",
}
_TRUTH, _TRUTH_HEAD = "truth.ndjson", b'{"patient":['
_REMEDY = "give HL7 v2 (any line end, MLLP, batch) or FHIR JSON or NDJSON, plain or .gz"

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
_MAX_WHOLE = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file from which nothing was read, and why: for people to see, not to be lost in silence."""

    path: Path
    reason: str


def read_files(
    paths: Sequence[Path],
    *,
    received_at_ms: int,
    on_skipped: Callable[[SkippedFile], None],
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> Iterator[RawMessage]:
    """Read the messages of files and folders, in the order given; folders are walked in sorted order.

    Shape: every message bears `received_at_ms` and the transport "file"; a replay sets receipt times of its own. A damaged
    MLLP frame, and the beginning of a message of more than `max_bytes`, come out as messages with their `fault`.
    A file of a folder that holds no messages goes to `on_skipped`, as does the truth that `lpwatch simulate` writes beside
    its messages.
    Raises: ConfigError where a path does not exist or cannot be read, a file is too large to be cut, or a file that was named
    itself holds no messages.
    """
    for path in paths:
        for file in _walk(path):
            skipped = yield from _read_file(file, received_at_ms, max_bytes)
            if skipped is None:
                continue
            if file == path:
                raise ConfigError(f"{skipped.reason}; {_REMEDY}", str(path))
            on_skipped(skipped)


def _walk(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise ConfigError("no such file or folder", str(path))
    if path.is_dir():
        entries = [Path(folder, name) for folder, _, names in os.walk(path, onerror=_stop) for name in names]
        yield from sorted(entry for entry in entries if entry.is_file())
    else:
        yield path


def _stop(error: OSError) -> None:
    """Stop at a folder that cannot be listed: passed over, its messages would be missing in silence."""
    raise ConfigError(f"cannot be listed: {error.strerror}", str(error.filename)) from error


def _read_file(
    path: Path, received_at_ms: int, max_bytes: int
) -> Generator[RawMessage, None, SkippedFile | None]:
    with _reading(path), _open(path) as file:
        head = _read_head(file, max_bytes)
        if path.name == _TRUTH and head.startswith(_TRUTH_HEAD):
            return SkippedFile(path, "what is true of a simulated hospital, no messages")
        content = _lines_if_long(recognise(head), head, max_bytes)
        if reason := _UNREADABLE.get(content):
            return SkippedFile(path, reason)
        form = Form.FHIR if content in {Content.JSON, Content.NDJSON} else Form.HL7V2
        file.seek(0)
        for piece in cut(content, _bounded(file, path), max_bytes):
            yield _message(piece, form, received_at_ms)
    return None


def _bounded(file: IO[bytes], path: Path) -> Callable[[int], bytes]:
    """Read as the file does, but never all of a file that would fill the memory, as a small `.gz` can."""

    def read(size: int) -> bytes:
        if size >= 0:
            return file.read(size)
        content = file.read(_MAX_WHOLE + 1)
        if len(content) > _MAX_WHOLE:
            raise ConfigError(
                f"larger than {_MAX_WHOLE:,} bytes unpacked; give it in parts, or as an MLLP capture",
                str(path),
            )
        return content

    return read


def _message(piece: bytes | FrameFault, form: Form, received_at_ms: int) -> RawMessage:
    if isinstance(piece, FrameFault):
        return RawMessage(piece.body, form, "file", received_at_ms, fault=piece.kind.value)
    return RawMessage(piece, form, "file", received_at_ms)


def _read_head(file: IO[bytes], max_bytes: int) -> bytes:
    """Read the first bytes, and of JSON the whole first line: whether it is a document of its own says what the file is.

    Shape: a little more than `max_bytes` at most; one read of a compressed file may give fewer bytes than asked for.
    """
    head = bytearray()
    while len(head) < _HEAD and (more := file.read(_HEAD - len(head))):
        head += more
    if recognise(bytes(head)) is Content.JSON:
        _, end, rest = bytes(head).lstrip().partition(b"\n")
        while not rest.strip() and len(head) <= max_bytes and (more := file.read(_HEAD)):
            head += more
            _, end, rest = (b"", end, more) if end else more.partition(b"\n")
    return bytes(head)


def _lines_if_long(content: Content, head: bytes, max_bytes: int) -> Content:
    """Read a file whose first line is longer than a message may be line by line: it is set aside, and others may follow."""
    is_long = len(head) > max_bytes and b"\n" not in head.strip()
    return Content.NDJSON if content is Content.JSON and is_long else content


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise ConfigError("no permission to read; check the file's owner and mode", str(path)) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ConfigError(
            "damaged or cut gzip file; fetch it again, or unpack what can be saved", str(path)
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", str(path)) from error


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        is_compressed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        if is_compressed:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield cast("IO[bytes]", unpacked)  # it reads and seeks like one, but is not declared so
        else:
            yield file
