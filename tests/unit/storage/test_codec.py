from __future__ import annotations

from dataclasses import replace
from inspect import signature
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from worker.model.alert import Alert, AlertState, LastTold, Target, Variant
from worker.model.episode import Episode
from worker.model.errors import LpwatchError
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    Comparator,
    EncounterValue,
    Fact,
    Group,
    Identifier,
    Location,
    Moment,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.finding import Finding, RuleStatus, Severity
from worker.model.time import ClinicalTime, Precision
from worker.storage.codec import (
    decode_alert,
    decode_fact,
    decode_keys,
    encode_alert,
    encode_fact,
    encode_keys,
)

TEXT = st.text(max_size=12)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
INSTANT = st.integers(-(2**63), 2**63 - 1)
NUMBER = st.floats(allow_nan=False)
FLAG = st.booleans()

TIMES = st.builds(ClinicalTime, INSTANT, st.sampled_from(Precision), TEXT, st.none() | INSTANT)
VALUES: dict[type[object], st.SearchStrategy[Value]] = {
    Quantity: st.builds(Quantity, NUMBER, TEXT, st.sampled_from(Comparator), TEXT),
    Coded: st.builds(Coded, TEXT, TEXT),
    Puncture: st.builds(
        Puncture,
        st.sampled_from(PunctureStatus),
        st.sampled_from(PunctureSource),
        TEXTS,
        st.none() | INSTANT,
        st.none() | FLAG,
    ),
    Assertion: st.builds(
        Assertion,
        st.sampled_from(AssertionStatus),
        TEXTS,
        st.none() | st.tuples(INSTANT, INSTANT),
        TEXT,
        st.none() | st.tuples(INSTANT, INSTANT),
        TEXT,
        TEXT,
    ),
    EncounterValue: st.builds(EncounterValue, TEXT, TEXT, TEXT),
    Location: st.builds(Location, TEXT, TEXT, TEXT, TEXT, TEXT),
    Moment: st.builds(Moment, INSTANT),
    type(None): st.none(),
}
PATIENTS = st.builds(Identifier, TEXT, TEXT, TEXT)
FACTS = st.builds(
    Fact,
    PATIENTS,
    TEXT,
    st.builds(Version, INSTANT, INSTANT, TEXT),
    TEXT,
    TIMES,
    st.one_of(*VALUES.values()),
    st.builds(SourceRef, TEXT, TEXT, TEXT, INSTANT),
    st.none() | st.builds(Group, TEXT, st.tuples(INSTANT, INSTANT), FLAG),
    FLAG,
    TEXT,
    TEXT,
    TEXTS,
)
FACT_TUPLES = st.lists(FACTS, max_size=2).map(tuple)
EPISODES = st.builds(
    Episode, TIMES, st.sampled_from(PunctureStatus), FACT_TUPLES, FLAG, FLAG, INSTANT, st.none() | INSTANT
)
FINDINGS = st.builds(
    Finding,
    EPISODES,
    TEXT,
    INSTANT,
    st.sampled_from(RuleStatus),
    st.sampled_from(Severity),
    INSTANT,
    INSTANT,
    INSTANT,
    FACT_TUPLES,
    TEXTS,
    st.none() | NUMBER,
    TEXT,
    FLAG,
)
ALERTS = st.builds(
    Alert,
    TEXT,
    TEXT,
    TEXT,
    INSTANT,
    st.sampled_from(RuleStatus),
    st.sampled_from(AlertState),
    st.sampled_from(Severity),
    INSTANT,
    INSTANT,
    INSTANT,
    FINDINGS,
    FLAG,
    st.none() | st.sampled_from(Severity),
    st.none() | NUMBER,
    st.lists(st.builds(Target, TEXT, st.sampled_from(Variant)), max_size=3).map(tuple),
    st.none()
    | st.builds(LastTold, INSTANT, FINDINGS, st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)),
)


@given(FACTS)
def test_a_fact_comes_back_as_it_was(fact: Fact) -> None:
    decoded = decode_fact(encode_fact(fact), fact.patient)
    assert decoded == fact
    assert repr(decoded) == repr(fact), "types too, not only equal values"


@given(FACTS)
def test_a_statement_that_was_stored_before_its_place_in_the_sentence_was_kept_is_read(fact: Fact) -> None:
    said = Assertion(AssertionStatus.PRESENT, (), (3, 9), "Is confused.")
    row = msgspec.msgpack.decode(encode_fact(structs.replace(fact, value=said)))
    at = next(number for number, each in enumerate(row) if isinstance(each, list) and each[:1] == ["a"])
    row[at] = row[at][:5]
    assert decode_fact(msgspec.msgpack.encode(row), fact.patient).value == said


@given(ALERTS)
def test_an_alert_comes_back_as_it_was(alert: Alert) -> None:
    decoded = decode_alert(encode_alert(alert))
    assert decoded == alert
    assert repr(decoded) == repr(alert)


@given(st.frozensets(st.tuples(TEXT, TEXT, TEXT), max_size=4))
def test_record_keys_come_back_as_they_were(keys: frozenset[tuple[str, str, str]]) -> None:
    assert decode_keys(encode_keys(keys)) == keys


def test_every_kind_of_value_is_tried() -> None:
    assert set(VALUES) == set(get_args(Value))


@pytest.mark.parametrize(
    ("kind", "count"),
    [(Fact, 12), (Episode, 7), (Finding, 13), (Alert, 16), (ClinicalTime, 4), (Version, 3), (Group, 3)],
)
def test_a_new_field_of_the_model_is_noticed(kind: type[object], count: int) -> None:
    assert len(signature(kind).parameters) == count, "extend the codec, its strategies and this number"


@given(FACTS)
def test_the_patient_is_not_repeated_in_the_bytes(fact: Fact) -> None:
    other = Identifier("other", "other", "other")
    assert decode_fact(encode_fact(fact), other).patient == other


def test_a_form_of_a_later_release_is_refused() -> None:
    with pytest.raises(LpwatchError, match="stored form 4"):
        decode_keys(msgspec.msgpack.encode((4,)))


def as_before(data: bytes, *, without: int = 0, form: int = 1) -> bytes:
    """Write what an earlier release wrote: its form, without the last fields."""
    _, *rest = msgspec.msgpack.decode(data)
    return msgspec.msgpack.encode((form, *rest[: len(rest) - without]))


@given(ALERTS)
def test_an_alert_of_the_first_release_is_read_and_was_told_nowhere(alert: Alert) -> None:
    before = as_before(encode_alert(alert), without=2)
    assert decode_alert(before) == replace(alert, told=(), last_told=None)


@given(ALERTS)
def test_an_alert_that_was_told_before_numbers_were_kept_does_not_know_them(alert: Alert) -> None:
    *head, last = msgspec.msgpack.decode(encode_alert(alert))
    before = msgspec.msgpack.encode((*head, last and last[:2]))
    told = alert.last_told and replace(alert.last_told, names=())
    assert decode_alert(before) == replace(alert, last_told=told)


@given(ALERTS)
def test_an_alert_of_the_second_form_does_not_know_what_was_told_last(alert: Alert) -> None:
    before = as_before(encode_alert(alert), without=1, form=2)
    assert decode_alert(before) == replace(alert, last_told=None)


@given(ALERTS)
def test_what_was_told_last_is_not_written_twice(alert: Alert) -> None:
    same = replace(alert, last_told=LastTold(1, alert.finding))
    assert decode_alert(encode_alert(same)) == same
    assert len(encode_alert(same)) <= len(encode_alert(replace(alert, last_told=None))) + 4


@given(FACTS)
def test_a_fact_of_the_first_release_is_read(fact: Fact) -> None:
    assert decode_fact(as_before(encode_fact(fact)), fact.patient) == fact
