"""The same fields from one message by each Python decoder.

The list, in this order: MSH-9.1 MSH-9.2 MSH-10 MSH-7; PID-3.1 and PID-3.4.1 of each repeat; PV1-3.1 PV1-19.1; TXA-2.1
TXA-12.1 where there is one; OBR-3.1 OBR-4.1 OBR-4.3 OBR-7 of each OBR; OBX-2 OBX-3.1 OBX-3.3 OBX-5 OBX-6.1 OBX-11 OBX-14
of each OBX.
"""

from __future__ import annotations

from typing import Any

import hl7
from hl7apy.parser import parse_message

from worker.decode.hl7v2 import decode_message


def with_lpwatch(body: bytes) -> list[str]:
    """Extract with our decoder."""
    message = decode_message(body)
    header = message.peek
    kind, _, trigger = header.message_type.partition("^")
    found = [kind, trigger, header.control_id, header.message_time]
    if pid := message.first("PID"):
        for repeat in pid.repeats(3):
            number, _, _, authority = repeat.components(4)
            found += (number, authority)
    if visit := message.first("PV1"):
        found += (visit.value(3), visit.value(19))
    if document := message.first("TXA"):
        found += (document.value(2), document.value(12))
    for obr in message.all("OBR"):
        code, _, system = obr.components(4, 3)
        found += (obr.value(3), code, system, obr.raw(7))
    for obx in message.all("OBX"):
        fields = obx.fields(14)
        code, _, system = obx.components(3, 3)
        found += (fields[2], code, system, obx.text(5), *obx.components(6, 1), fields[11], fields[14])
    return found


def with_python_hl7(body: bytes) -> list[str]:
    """Extract with python-hl7: its own containers, its own unescaping of texts."""
    message = hl7.parse(body.decode())
    header = message[0]
    found = [_of(header, 9), _of(header, 9, 2), str(header[10]), str(header[7])]
    names = {str(segment[0]) for segment in message}
    pid = message.segment("PID")
    for repeat in pid[3]:
        found += [str(repeat[0]), str(repeat[3][0]) if len(repeat) > 3 else ""]
    visit = message.segment("PV1")
    found += [_of(visit, 3), _of(visit, 19)]
    if "TXA" in names:
        document = message.segment("TXA")
        found += [_of(document, 2), _of(document, 12)]
    if "OBR" in names:
        for obr in message.segments("OBR"):
            found += [_of(obr, 3), _of(obr, 4), _of(obr, 4, 3), _of(obr, 7)]
    if "OBX" in names:
        for obx in message.segments("OBX"):
            text = message.unescape(str(obx[5]))
            found += [str(obx[2]), _of(obx, 3), _of(obx, 3, 3), text, _of(obx, 6), _of(obx, 11), _of(obx, 14)]
    return found


def _of(segment: Any, field: int, component: int = 1) -> str:  # noqa: ANN401 # python-hl7 has no types
    """Return a component of python-hl7's containers, which stop being nested where a separator is missing."""
    if field >= len(segment):
        return ""
    repeats = segment[field]
    repeat = repeats[0] if len(repeats) else ""
    if isinstance(repeat, str):
        return repeat if component == 1 else ""
    if component > len(repeat):
        return ""
    part = repeat[component - 1]
    return part if isinstance(part, str) else str(part[0])


def with_hl7apy(body: bytes) -> list[str]:
    """Extract with hl7apy, tolerant, as its documentation shows it."""
    message = parse_message(body.decode())
    header = message.msh
    found = [
        header.msh_9.msh_9_1.value,
        header.msh_9.msh_9_2.value,
        header.msh_10.value,
        header.msh_7.to_er7(),
    ]
    segments = list(_walk(message))
    for pid in (segment for segment in segments if segment.name == "PID"):
        for repeat in pid.pid_3:
            found += [repeat.cx_1.to_er7(), repeat.cx_4.hd_1.to_er7() if repeat.cx_4 else ""]
    plan = (("PV1", ("3.1", "19.1")), ("TXA", ("2.1", "12.1")), ("OBR", ("3.1", "4.1", "4.3", "7")))
    for name, fields in (*plan, ("OBX", ("2", "3.1", "3.3", "5", "6.1", "11", "14"))):
        for segment in segments:
            if segment.name == name:
                found += [_value(segment, field) for field in fields]
    return found


def _walk(element: Any) -> Any:  # noqa: ANN401 # hl7apy has no types
    for child in element.children:
        if child.classname == "Segment":
            yield child
        else:
            yield from _walk(child)


def _value(segment: Any, place: str) -> str:  # noqa: ANN401 # hl7apy has no types
    number, _, component = place.partition(".")
    field = getattr(segment, f"{segment.name}_{number}".lower())
    if not field:
        return ""
    text: str = field[0].to_er7()
    return (
        text.split("^")[int(component) - 1] if component and text.count("^") >= int(component) - 1 else text
    )
