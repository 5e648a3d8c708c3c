"""Whatever arrives, decoding answers with a document or a DecodeError. Tests worker.decode.fhir.guard and document."""

from __future__ import annotations

import tracemalloc

import pytest

from worker.decode.fhir import decode_document, decode_resource, split_ndjson
from worker.decode.fhir.resources import Observation
from worker.model.errors import DecodeError

OBSERVATION = b'{"resourceType":"Observation","id":"o1","status":"final"}'


def test_a_byte_order_mark_is_accepted() -> None:
    assert decode_document(b"\xef\xbb\xbf" + OBSERVATION) == decode_document(OBSERVATION)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"MSH|^~\\&|", "not valid JSON"),
        (b"{", "not valid JSON"),
        (OBSERVATION + b"x", "not valid JSON"),
        (OBSERVATION.decode().encode("utf-16"), "not valid JSON"),
        (b"null", "no resourceType"),
        (b"[]", "no resourceType"),
        (b"{}", "no resourceType"),
        (b'{"resourceType":null}', "no resourceType"),
        (b'{"resourceType":"Observation","note":"\xff"}', "not valid UTF-8"),
        (b'{"resourceType":"Observation","status":"\xff"}', "not valid UTF-8"),
        (b'{"resourceType":"Observation","status":"\\ud800"}', "not valid JSON"),
        (b'{"resourceType":"Observation","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"resourceType":"Bundle","entry":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (
            b'{"resourceType":"Observation","valueInteger":' + b"9" * 5_000 + b"}",
            "unexpected shape at $.valueInteger",
        ),
        (b'{"resourceType":"Bundle","entry":{}}', "unexpected shape at $.entry"),
    ],
)
def test_bytes_that_are_no_resource_are_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_document(body)

    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "field", ['"resourceType":"Bundle","entry"', '"resourceType":"Observation","component"']
)
def test_millions_of_empty_elements_are_refused_before_they_fill_the_memory(field: str) -> None:
    body = b"{" + field.encode() + b":[" + b"{}," * 1_000_001 + b"{}]}"
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError) as caught:
            decode_document(body)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert caught.value.reason == "too many elements"


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Observation","status":"final","status":"cancelled"}',
        b'{"resourceType":"Observation","subject":{"reference":"Patient/1"},"subject":{"reference":"Patient/2"}}',
        b'{"resourceType":"Observation","effectiveDateTime":"2026-01-05","effectiveDateTime":"2026-01-06"}',
        b'{"resourceType":"Observation","valueQuantity":{"value":1},"valueQuantity":{"value":2}}',
        b'{"resourceType":"Observation","resourceType":"Patient"}',
        b'{"resourceType":"Bundle","entry":[],"entry":[]}',
    ],
)
def test_a_repeated_key_that_decides_something_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_document(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"resourceType":"Observation","status":"final","text":{"status":"generated","div":"<div/>"}}',
        b'{"resourceType":"Observation","status":"final","component":[{"valueQuantity":{}},{"valueQuantity":{}}]}',
        b'{"resourceType":"Encounter","status":"finished","statusHistory":[{"status":"arrived"}]}',
        b'{"resourceType":"Observation","subject":{},"contained":[{"resourceType":"Specimen","subject":{}}]}',
    ],
)
def test_the_same_key_in_different_objects_is_usual(body: bytes) -> None:
    assert decode_document(body).resources


def test_a_huge_number_is_kept_as_text_for_the_mapping_to_judge() -> None:
    body = b'{"resourceType":"Observation","valueQuantity":{"value":1e999999999}}'

    resource = decode_document(body).resources[0].resource

    assert isinstance(resource, Observation)
    assert resource.value_quantity is not None
    assert resource.value_quantity.number_text == "1e999999999"


def test_a_bundle_is_no_contained_resource() -> None:
    with pytest.raises(DecodeError):
        decode_resource(b'{"resourceType":"Bundle"}')


def test_ndjson_gives_each_line_that_is_not_blank() -> None:
    data = b'\xef\xbb\xbf{"a":1}\r\n\r\n  {"b":2}  \n{"broken\n{"c":3}'

    assert list(split_ndjson(data)) == [b'{"a":1}', b'{"b":2}', b'{"broken', b'{"c":3}']
