"""What is sent in place of a notice that is larger than its topic takes: people must hear that there is something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import msgspec

from worker.alerts.documents import AlertDocument
from worker.alerts.minimal import minimal
from worker.model.dead_letter import decode_dead_letter, encode_dead_letter
from worker.runtime.dead_letters import KIND as DEAD_LETTER
from worker.storage.records import PendingNotice

_alerts = msgspec.json.Decoder(AlertDocument)


def shrink(item: PendingNotice) -> PendingNotice | None:
    """Give the smaller form of a notice under the same id, None where there is none.

    Shape: of a full alert the minimal one; of a dead letter the one without the message, which the quarantine has.
    """
    make = _SMALLER.get(item.kind)
    made = make(item.notice.body) if make is not None else None
    if made is None:
        return None
    kind, body = made
    return replace(item, kind=kind, notice=replace(item.notice, body=body))


def _minimal(body: bytes) -> tuple[str, bytes]:
    return "alert-minimal", msgspec.json.encode(minimal(_alerts.decode(body)))


def _without_message(body: bytes) -> tuple[str, bytes] | None:
    letter = decode_dead_letter(body)
    if not letter.body:
        return None
    kept = msgspec.structs.replace(letter, body=b"", omitted=len(letter.body))
    return DEAD_LETTER, encode_dead_letter(kept)


_SMALLER: Mapping[str, Callable[[bytes], tuple[str, bytes] | None]] = {
    "alert": _minimal,
    DEAD_LETTER: _without_message,
}
