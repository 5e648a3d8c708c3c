"""HL7 v2 messages: a lazy decoder for the hot path. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2."""

from __future__ import annotations

from worker.decode.hl7v2.groups import ObservationGroup, ResultGroup, result_groups
from worker.decode.hl7v2.message import Hl7Message, decode_message
from worker.decode.hl7v2.peek import Peek, peek
from worker.decode.hl7v2.segment import Field, Segment
from worker.decode.hl7v2.separators import Separators, read_separators
from worker.decode.hl7v2.split import split_messages

__all__ = [
    "Field",
    "Hl7Message",
    "ObservationGroup",
    "Peek",
    "ResultGroup",
    "Segment",
    "Separators",
    "decode_message",
    "peek",
    "read_separators",
    "result_groups",
    "split_messages",
]
