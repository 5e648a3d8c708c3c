from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.mllp import FrameFaultKind
from worker.model.message import Form, RawMessage
from worker.model.time import DAY_MS
from worker.sources.kafka_messages import EMPTY, FOREIGN, part_name, to_headers, to_message

NOW = 1_790_000_000_000


@dataclass
class Record:
    value: bytes | None = b"MSH|"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    timestamp: int = NOW - 9
    topic: str = "labs"
    offset: int = 4


MESSAGES = st.builds(
    RawMessage,
    st.binary(min_size=1),
    st.sampled_from(Form),
    st.sampled_from(["mllp:2575", "http:8080", "file", "mllp:[::1]:2575"]),
    st.integers(NOW - 30 * DAY_MS, NOW),
    st.sampled_from(["", *(kind.value for kind in FrameFaultKind)]),
)


@given(MESSAGES, st.sampled_from(Form))
def test_what_is_written_to_a_topic_is_read_back(message: RawMessage, form: Form) -> None:
    assert to_message(Record(message.body, to_headers(message)), form, NOW) == message


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["lpwatch-received-at", "lpwatch-transport", "lpwatch-form", "lpwatch-fault", "x"]
            ),
            st.none() | st.binary(max_size=200),
        )
    ),
    st.none() | st.binary(max_size=50),
    st.integers(-1, NOW * 2),
)
def test_whatever_a_record_says_it_becomes_a_message(
    headers: list[tuple[str, bytes | None]], value: bytes | None, timestamp: int
) -> None:
    made = to_message(Record(value, headers, timestamp), Form.HL7V2, NOW)
    assert made.body == (value or b"")
    assert 0 <= made.received_at_ms <= NOW
    assert made.transport.isascii()
    assert len(made.transport) <= 120
    assert made.fault.isascii()


@pytest.mark.parametrize("value", [None, b""])
def test_a_record_without_bytes_is_a_fault(value: bytes | None) -> None:
    assert to_message(Record(value), Form.FHIR, NOW).fault == EMPTY


@pytest.mark.parametrize(
    ("header", "timestamp", "received_at_ms"),
    [
        (b"%d" % (NOW - 5), NOW - 9, NOW - 5),
        (b"%d" % (NOW + 5_000), NOW - 9, NOW),
        (b"-3", NOW - 9, NOW - 9),
        (b"%d" % (NOW - 38 * DAY_MS), NOW - 9, NOW - 9),
        (b"0", -1, NOW),
        (b"1e9", NOW - 9, NOW - 9),
        (None, NOW + 1, NOW),
        (None, -1, NOW),
    ],
)
def test_receipt_is_told_by_the_header_then_the_record_and_is_never_later_than_now(
    header: bytes | None, timestamp: int, received_at_ms: int
) -> None:
    record = Record(headers=[("lpwatch-received-at", header)], timestamp=timestamp)
    assert to_message(record, Form.HL7V2, NOW).received_at_ms == received_at_ms


def test_a_part_is_named_by_topic_and_partition() -> None:
    assert part_name("labs", 3) == "kafka:labs:3"


@pytest.mark.parametrize("phrase", [b"jane doe, 12 main street", b"x", b"\xff", b"Frame"])
def test_a_fault_in_words_of_another_producer_is_one_constant(phrase: bytes) -> None:
    record = Record(headers=[("lpwatch-fault", phrase)])
    assert to_message(record, Form.HL7V2, NOW).fault == FOREIGN
