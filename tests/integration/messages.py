"""HL7 v2 messages of a patient whose temperature rises after a lumbar puncture, framed for MLLP."""

from __future__ import annotations

from worker.decode.mllp import frame


def message(kind: str, control_id: str, at: str, *segments: str) -> bytes:
    header = f"MSH|^~\\&|LAB|NORTH|||{at}+0000||{kind}|{control_id}|P|2.5.1"
    person = "PID|1||47110815^^^NORTH^MR||Testperson^Zaphira||19520229|F"
    return frame("\r".join([header, person, *segments, ""]).encode())


def puncture(control_id: str, at: str) -> bytes:
    return message(
        "ADT^A08", control_id, at, "PV1|1|I", f"PR1|1||277762005^Lumbar puncture^SCT||{at}+0000|D|10"
    )


def temperature(control_id: str, at: str, value: str, unit: str = "Cel") -> bytes:
    order = f"OBR|1|P{control_id}|F{control_id}|8310-5^Body temperature^LN|||{at}+0000"
    result = f"OBX|1|NM|8310-5^Body temperature^LN||{value}|{unit}|||||F|||{at}+0000"
    return message("ORU^R01", control_id, at, order, result)


def fever() -> list[bytes]:
    return [puncture("m1", "20260105080000"), temperature("m2", "20260105120000", "38.9")]
