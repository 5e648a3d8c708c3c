"""Every message ends in exactly one outcome."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.hl7v2 import map_hl7
from worker.mapping.pack import MappingPack
from worker.model.fact import PunctureStatus
from worker.model.message import Form, IssueKind, Outcome, OutcomeKind, RawMessage, Reading
from worker.notes.reader import NoteDocument, NotePuncture, NoteReading

Read = Callable[..., Reading]


@pytest.mark.parametrize(
    "kind",
    [
        *("ORU^R01", "ORU", "OUL^R22", "ORM^O01", "OML^O21", "OMG^O19", "OMP^O09", "RDE^O11", "RAS^O17"),
        *("RDS^O13", "RGV^O15", "MDM^T02", "PPR^PC1", "ADT^A01", "ADT^A08", "ADT^A28", "ADT^A31"),
    ],
)
def test_handled_types_are_processed_even_when_they_say_nothing(read: Read, kind: str) -> None:
    reading = read(kind=kind)
    assert reading.outcome == Outcome(OutcomeKind.PROCESSED)
    assert (reading.message_type, reading.message_id, reading.feed) == (kind, "M1", "default")


@pytest.mark.parametrize("kind", ["ADT^A05", "ADT^A14", "ORR^O02", "SIU^S12", "VXU^V04", "ACK", "ORU^R40"])
def test_types_that_the_feed_names_are_ignored_by_name(read: Read, kind: str) -> None:
    reading = read(kind=kind)
    assert reading.outcome == Outcome(OutcomeKind.IGNORED, f"message type {kind}")
    assert (reading.facts, reading.patients, reading.links) == ((), (), ())


@pytest.mark.parametrize("kind", ["ZPI^Z01", "ADT^A99", "CRM^C01"])
def test_types_that_nobody_names_are_ignored_and_say_so(read: Read, kind: str) -> None:
    assert read(kind=kind).outcome == Outcome(
        OutcomeKind.IGNORED, f"message type {kind} not named by feed default"
    )


def test_a_type_that_is_no_type_is_not_repeated(read: Read) -> None:
    outcome = read(kind="Mrs Example^1975").outcome
    assert outcome.reason == "message type unreadable not named by feed default"


def test_a_feed_may_ignore_what_is_handled(read: Read, site: Callable[[str], MappingPack]) -> None:
    outcome = read(kind="ADT^A31", using=site("ignore_messages: {ADT^A31: sent every night}")).outcome
    assert outcome == Outcome(OutcomeKind.IGNORED, "message type ADT^A31")


def test_a_message_without_type_is_dead_lettered(read: Read) -> None:
    assert read(kind="").outcome == Outcome(OutcomeKind.DEAD_LETTERED, "no message type", "MSH-9")


@pytest.mark.parametrize("body", [b"", b"PID|1||P1", b"MSH", b"MSH||||"])
def test_bytes_without_a_header_are_dead_lettered(pack: MappingPack, body: bytes) -> None:
    reading = map_hl7(RawMessage(body, Form.HL7V2, "file", 0), pack, _Silent())
    assert reading.outcome.kind is OutcomeKind.DEAD_LETTERED
    assert reading.outcome.reason


def test_what_was_odd_about_the_bytes_is_an_issue(pack: MappingPack) -> None:
    body = b"MSH|^~\\&|A|B|||20260105||ADT^A31|1|P|2.5||||||KLINGON\rPID|1||P1^^^HOSP||\xe9\r"
    reading = map_hl7(RawMessage(body, Form.HL7V2, "file", 0), pack, _Silent())
    assert [issue.kind for issue in reading.issues] == [IssueKind.CHARSET]


class _Silent:
    """A note reader that finds nothing."""

    def read(self, document: NoteDocument) -> NoteReading:
        return NoteReading((), None if document.text else NotePuncture(PunctureStatus.PLANNED))


SEGMENTS = [
    "PID",
    "PV1",
    "PV2",
    "ORC",
    "OBR",
    "OBX",
    "NTE",
    "SPM",
    "TXA",
    "EVN",
    "MRG",
    "PR1",
    "DG1",
    "AL1",
    "PRB",
]
SEGMENTS += ["RXA", "RXE", "RXO", "RXD", "RXG", "IAM", "ZZZ"]
KINDS = ["ORU^R01", "OUL^R22", "ORM^O01", "OML^O21", "RDE^O11", "RAS^O17", "MDM^T02", "MDM^T10", "MDM^T11"]
KINDS += [
    "PPR^PC1",
    "ADT^A01",
    "ADT^A03",
    "ADT^A08",
    "ADT^A11",
    "ADT^A13",
    "ADT^A24",
    "ADT^A40",
    "ADT",
    "",
    "^",
]
PARTS = [
    "8310-5^T^LN",
    "277762005^LP^SCT",
    "11506-3^N^LN",
    "664-3^G^LN",
    "11289^W^RXNORM",
    "NM",
    "ED",
    "SN",
    "CWE",
]
PARTS += [
    "C",
    "D",
    "F",
    "20260105",
    "20260105110000",
    "99999999",
    '""',
    "P1^^^HOSP^MR",
    "38.4",
    "Cel",
    "^^txt^^x",
]
FIELD = st.one_of(st.just(""), st.sampled_from(PARTS), st.text(alphabet="|^~\\&ab1.\"<>{}'", max_size=6))


@st.composite
def _messages(draw: st.DrawFn) -> bytes:
    kind, at = draw(st.sampled_from(KINDS)), draw(st.sampled_from(["20260105120000", "", "soon"]))
    lines = [f"MSH|^~\\&|SIMHOSP|SFAC|||{at}||{kind}|1|P|2.3", "PID|1||P1^^^HOSP^MR||||1980"]
    names = draw(st.lists(st.sampled_from(SEGMENTS), max_size=8))
    lines += ["|".join([name, *draw(st.lists(FIELD, max_size=24))]) for name in names]
    return "\r".join(lines).encode()


@given(_messages())
def test_any_message_ends_in_one_outcome_with_sound_facts(pack: MappingPack, body: bytes) -> None:
    reading = map_hl7(RawMessage(body, Form.HL7V2, "file", 0), pack, _Silent())
    assert (reading.outcome.reason == "") is (reading.outcome.kind is OutcomeKind.PROCESSED)
    for fact in reading.facts:
        assert fact.key.startswith(f"{reading.feed}|")
        assert fact.concept in pack.concepts
        assert fact.is_deleted or fact.value is not None or fact.concept == "note"
        assert fact.patient.value


@given(st.binary(max_size=200))
def test_any_bytes_end_in_one_outcome(pack: MappingPack, body: bytes) -> None:
    for data in (body, b"MSH|^~\\&|A|B|||20260105||ORU^R01|1|P|2.5\rPID|1||P1\r" + body):
        assert map_hl7(RawMessage(data, Form.HL7V2, "file", 0), pack, _Silent()).outcome.kind in OutcomeKind


@given(_messages())
def test_reading_does_not_depend_on_receipt(pack: MappingPack, body: bytes) -> None:
    first = map_hl7(RawMessage(body, Form.HL7V2, "file", 0), pack, _Silent())
    again = map_hl7(RawMessage(body, Form.HL7V2, "file", 10**12), pack, _Silent())
    assert [(fact.key, fact.version, fact.effective) for fact in first.facts] == [
        (fact.key, fact.version, fact.effective) for fact in again.facts
    ]
