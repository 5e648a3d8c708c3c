"""Acknowledgements. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.9 (processing rules), 2.15.8 (MSA), table 0008, table 0155."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from worker.decode.hl7v2.charset import codec_of
from worker.decode.hl7v2.escapes import escape
from worker.decode.hl7v2.separators import read_separators
from worker.model.time import SECOND_MS, to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.decode.hl7v2.peek import Peek
    from worker.decode.hl7v2.separators import Separators
    from worker.model.time import EpochMs


class AckCode(StrEnum):
    """Name the answers of original mode; `acknowledge` gives their commit codes where the sender asks for those."""

    ACCEPT = "AA"
    ERROR = "AE"
    REJECT = "AR"


_COMMIT = {AckCode.ACCEPT: "CA", AckCode.ERROR: "CE", AckCode.REJECT: "CR"}
_VERSION = "2.5.1"
_STRUCTURE_SINCE = (2, 3, 1)  # MSH-9.3 exists from this version on


def acknowledge(peek: Peek | None, code: AckCode, *, now_ms: EpochMs, text: str = "") -> bytes:
    """Write the acknowledgement of a message, ready to be framed.

    Shape: sender and receiver swapped, MSH-10 echoed in MSA-2, `text` in MSA-3 (nothing of the patient), separators,
    processing id, version and character set of the sender. Enhanced mode: CA, CE, CR where MSH-15 is valued and not NE; a
    sender that fills MSH-16 alone waits for an application answer, so it gets AA, AE, AR. `peek` None: the header could
    not be read, so AR.
    """
    if peek is None:
        return _write(read_separators("|^~\\&"), ("",) * 22, AckCode.REJECT.value, now_ms, text).encode(
            "ascii", "replace"
        )
    answer = _COMMIT[AckCode(code)] if wants_commit(peek) else AckCode(code).value
    header = peek.header
    codec = codec_of(header[18], peek.separators.repetition)
    return _write(peek.separators, header, answer, now_ms, text).encode(codec, "replace")


def wants_commit(peek: Peek) -> bool:
    """Tell whether the sender asks for commit acknowledgements (MSH-15 AL, ER or SU; HL7 table 0155)."""
    return peek.header[15] not in {"", "NE", '""'}


def wants_answer(peek: Peek, code: AckCode) -> bool:
    """Tell whether the sender wants this answer at all, by MSH-15, or by MSH-16 where that alone is valued.

    Shape: true in original mode; NE never, ER only for errors and rejections, SU only for acceptance.
    """
    conditions = [condition for condition in peek.header[15:17] if condition not in {"", '""'}]
    if not conditions or "AL" in conditions:
        return True
    wanted = "SU" if code == AckCode.ACCEPT else "ER"
    return wanted in conditions


def _write(separators: Separators, header: Sequence[str], answer: str, now_ms: EpochMs, text: str) -> str:
    sign = separators.field
    encoding = header[2] or "^~\\&"
    version = header[12]
    msh = [
        "MSH",
        encoding,
        header[5],
        header[6],
        header[3],
        header[4],
        _stamp(now_ms - now_ms % SECOND_MS),
        "",
        _message_type(header[9], version, separators),
        f"{now_ms:x}{crc32(header[10].encode()):08x}",
        header[11] or "P",
        version or _VERSION,
        *[""] * 5,
        header[18],
    ]
    msa = ["MSA", answer, header[10]]
    if text:
        msa.append(escape(text, separators))
    return f"{sign.join(msh).rstrip(sign)}\r{sign.join(msa)}\r"


@lru_cache(maxsize=4)
def _stamp(second_ms: EpochMs) -> str:
    """Write MSH-7; many answers fall into one second."""
    return to_datetime(second_ms).strftime("%Y%m%d%H%M%S") + "+0000"


@lru_cache(maxsize=256)
def _message_type(received: str, version: str, separators: Separators) -> str:
    """Return ACK with the trigger event of the message, and the structure where the version has one."""
    sign = separators.component
    trigger = received.split(sign)[1] if sign in received else ""
    if not trigger:
        return "ACK"
    parts = ["ACK", trigger]
    if _numbers(version.split(sign, maxsplit=1)[0]) >= _STRUCTURE_SINCE:
        parts.append("ACK")
    return sign.join(parts)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isascii() and part.isdigit())
