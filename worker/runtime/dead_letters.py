"""Messages that were set aside, handed on to those who mend feeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worker.model.alert import Notice
from worker.model.dead_letter import DeadLetter, encode_dead_letter
from worker.storage.records import Outgoing, Quarantined

KIND = "dead-letter"


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The sink and the topic that whole messages in quarantine go to; each once.

    Shape: the id is `{part}:{offset}:{digest}`. A topic that was made anew, and a journal that was deleted, give their offsets
    again: without the digest of its bytes the next message there would count as told.
    """

    sink: str
    topic: str

    def outgoing(self, part: str, quarantined: Sequence[Quarantined]) -> tuple[Outgoing, ...]:
        """Make the notices of a batch: written with it, they are sent exactly where the message was set aside."""
        return tuple(self._one(part, item) for item in quarantined if item.kind == "message")

    def _one(self, part: str, item: Quarantined) -> Outgoing:
        message = item.message
        if message is None:
            raise ValueError("a dead letter without its message")
        notice_id = f"{part}:{item.offset}:{message.digest}"
        letter = DeadLetter(
            message.body,
            message.form,
            message.transport,
            message.received_at_ms,
            item.reason,
            item.place,
            item.feed,
        )
        return Outgoing(
            self.sink, self.topic, KIND, Notice(notice_id, notice_id, 1, encode_dead_letter(letter))
        )
