"""What a FHIR document is, read without what it says. Tests worker.decode.fhir.envelope."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.fhir.envelope import MAX_ENTRIES, NO_TYPE, TOO_MANY, Envelope, read_envelope
from worker.model.errors import DecodeError


def test_resource_is_named_by_type_and_id() -> None:
    body = b'{"id":"o1","status":["whatever"],"resourceType":"Observation"}'
    assert read_envelope(body) == Envelope("Observation", "o1")
    assert read_envelope(b"\xef\xbb\xbf" + body) == Envelope("Observation", "o1")


@pytest.mark.parametrize("wrong", [b"", b'"id":7,', b'"id":null,', b'"id":["x"],', b'"id":"\xff",'])
def test_id_that_is_no_text_is_none(wrong: bytes) -> None:
    assert read_envelope(b"{" + wrong + b'"resourceType":"Patient"}') == Envelope("Patient")


def test_bundle_tells_the_method_of_each_entry() -> None:
    entries: list[object] = [
        {"resource": {"resourceType": "Patient"}, "request": {"method": "PUT", "url": "Patient/1"}},
        {"request": {"method": "GET", "url": "Patient/1"}},
        {"resource": {"resourceType": "Patient"}},
        None,
        {"request": "POST"},
    ]
    body = json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode()
    assert read_envelope(body) == Envelope("Bundle", "", "batch", ("PUT", "GET", "", "", ""))


def test_bundle_of_another_shape_is_still_a_bundle() -> None:
    assert read_envelope(b'{"resourceType":"Bundle","type":"batch","entry":{}}') == Envelope("Bundle")
    assert read_envelope(b'{"resourceType":"Bundle","type":7}') == Envelope("Bundle")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"MSH|^~\\&|", "not valid JSON"),
        (b'{"resourceType":"Patient"} x', "not valid JSON"),
        (b'{"resourceType":"Patient","x":NaN}', "not valid JSON"),
        (b'{"\xff":1}', NO_TYPE),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'"Patient"', "not a JSON object"),
        (b"{}", NO_TYPE),
        (b'{"resourceType":null}', NO_TYPE),
        (b'{"resourceType":"Pat ient"}', NO_TYPE),
        (b'{"resourceType":"\xff"}', NO_TYPE),
        (b'{"resourceType":"Patient","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"resourceType":"Bundle","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_what_can_be_no_resource_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_envelope(body)
    assert caught.value.reason == reason


@pytest.mark.parametrize("entry", [b"0", b"null", b"{}", b'{"request":{}}'])
def test_more_entries_than_are_answered_are_too_many(entry: bytes) -> None:
    def bundle(count: int) -> bytes:
        return b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([entry] * count) + b"]}"

    assert len(read_envelope(bundle(MAX_ENTRIES)).methods) == MAX_ENTRIES
    for count in (MAX_ENTRIES + 1, 1_100_000):
        with pytest.raises(DecodeError) as caught:
            read_envelope(bundle(count))
        assert caught.value.reason == TOO_MANY


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["resourceType", "id", "type", "entry", "request", "method"]) | st.text(), inner
        )
    ),
)


@given(st.binary() | _JSON.map(lambda value: json.dumps(value).encode()))
def test_no_bytes_raise_anything_but_a_decode_error(body: bytes) -> None:
    with suppress(DecodeError):
        assert read_envelope(body).resource_type
