"""Which results, notes and specimens belong to which order and patient."""

from __future__ import annotations

from worker.decode.hl7v2 import ResultGroup, Segment, decode_message, result_groups


def _groups(kind: str, *lines: str) -> tuple[ResultGroup, ...]:
    return result_groups(decode_message("\r".join([f"MSH|^~\\&|A|B|||20260101||{kind}|1", *lines]).encode()))


def _numbers(segments: tuple[Segment, ...]) -> list[str]:
    return [segment.raw(1) for segment in segments]


def _name(segment: Segment | None) -> str:
    return segment.line if segment else ""


def test_results_stand_with_their_order_and_patient() -> None:
    (group,) = _groups("ORU^R01", "PID|p", "PV1|v", "ORC|c", "OBR|r", "OBX|1", "OBX|2")
    assert (_name(group.pid), _name(group.pv1)) == ("PID|p", "PV1|v")
    assert (_name(group.orc), _name(group.obr)) == ("ORC|c", "OBR|r")
    assert _numbers(tuple(item.obx for item in group.obxs)) == ["1", "2"]


def test_each_patient_result_keeps_its_own_patient() -> None:
    groups = _groups("ORU^R01", "PID|p1", "PV1|v1", "OBR|r1", "OBX|1", "PID|p2", "OBR|r2", "OBX|2")
    assert [(_name(group.pid), _name(group.pv1), _name(group.obr)) for group in groups] == [
        ("PID|p1", "PV1|v1", "OBR|r1"),
        ("PID|p2", "", "OBR|r2"),
    ]


def test_second_order_of_a_message_has_no_order_control_of_the_first() -> None:
    first, second = _groups("ORU^R01", "PID|p", "ORC|c", "OBR|r1", "OBX|1", "OBR|r2", "OBX|2")
    assert (_name(first.orc), _name(second.orc)) == ("ORC|c", "")


def test_notes_belong_to_what_they_follow() -> None:
    (group,) = _groups(
        "ORU^R01", "PID|p", "NTE|pn", "OBR|r", "NTE|rn", "OBX|1", "NTE|a", "NTE|b", "OBX|2", "SPM|s", "NTE|sn"
    )
    assert _numbers(group.patient_ntes) == ["pn"]
    assert _numbers(group.ntes) == ["rn", "sn"]
    assert [_numbers(item.ntes) for item in group.obxs] == [["a", "b"], []]


def test_specimen_may_stand_before_or_after_the_results() -> None:
    before, after = _groups(
        "ORU^R01", "PID|p", "OBR|r1", "SPM|s1", "OBX|1", "OBR|r2", "OBX|2", "SPM|s2", "OBX|3"
    )
    assert (_numbers(before.spms), _numbers(after.spms)) == (["s1"], ["s2"])
    assert len(after.obxs) == 2


def test_specimen_of_an_oul_goes_before_its_orders() -> None:
    groups = _groups(
        "OUL^R22",
        "PID|p",
        "SPM|s1",
        "OBR|r1",
        "ORC|c1",
        "OBX|1",
        "OBR|r2",
        "ORC|c2",
        "OBX|2",
        "SPM|s2",
        "OBR|r3",
    )
    assert [(_numbers(group.spms), _name(group.orc), len(group.obxs)) for group in groups] == [
        (["s1"], "ORC|c1", 1),
        (["s1"], "ORC|c2", 1),
        (["s2"], "", 0),
    ]


def test_orders_without_results_are_groups() -> None:
    groups = _groups("ORM^O01", "PID|p", "PV1|v", "ORC|c1", "OBR|r1", "NTE|n", "ORC|c2", "OBR|r2", "ORC|c3")
    assert [(_name(group.orc), _name(group.obr)) for group in groups] == [
        ("ORC|c1", "OBR|r1"),
        ("ORC|c2", "OBR|r2"),
        ("ORC|c3", ""),
    ]


def test_treatments_stand_with_their_order_control() -> None:
    groups = _groups(
        "RAS^O17", "PID|p", "ORC|c1", "RXE|e", "RXR|r", "RXA|a1", "RXA|a2", "ORC|c2", "RXO|o", "OBX|1"
    )
    assert [[segment.name for segment in group.treatments] for group in groups] == [
        ["RXE", "RXR", "RXA", "RXA"],
        ["RXO"],
    ]
    assert len(groups[1].obxs) == 1


def test_document_stands_with_its_text_and_its_order() -> None:
    (plain,) = _groups("MDM^T02", "EVN|T02", "PID|p", "PV1|v", "TXA|t", "OBX|1", "OBX|2")
    assert (_name(plain.txa), len(plain.obxs)) == ("TXA|t", 2)
    (ordered,) = _groups("MDM^T02", "PID|p", "PV1|v", "ORC|c", "OBR|r", "TXA|t", "OBX|1")
    assert (_name(ordered.orc), _name(ordered.obr), _name(ordered.txa)) == ("ORC|c", "OBR|r", "TXA|t")
    first, second = _groups("MDM^T02", "PID|p", "TXA|t1", "OBX|1", "TXA|t2", "OBX|2")
    assert (_name(first.txa), _name(second.txa)) == ("TXA|t1", "TXA|t2")


def test_results_without_an_order_are_a_group() -> None:
    (group,) = _groups("ADT^A01", "EVN|A01", "PID|p", "PV1|v", "OBX|1", "OBX|2", "AL1|x")
    assert group.obr is None
    assert len(group.obxs) == 2


def test_problem_ends_the_group_before_it() -> None:
    first, second = _groups("PPR^PC1", "PID|p", "PRB|1", "OBX|1", "PRB|2", "OBX|2")
    assert (len(first.obxs), len(second.obxs)) == (1, 1)


def test_message_without_orders_and_results_has_no_group() -> None:
    assert _groups("ADT^A01", "EVN|A01", "PID|p", "PV1|v") == ()
    assert _groups("SIU^S12", "SCH|1", "PID|p", "AIS|1") == ()
