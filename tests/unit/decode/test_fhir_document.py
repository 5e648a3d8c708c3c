"""A document is a resource or a Bundle, and one bad entry stays alone. Tests worker.decode.fhir.document."""

from __future__ import annotations

import json

import pytest

from worker.decode.fhir import Deletion, OtherResource, decode_document
from worker.decode.fhir.resources import Encounter, Observation, Patient
from worker.model.errors import DecodeError

PATIENT = {"resourceType": "Patient", "id": "p1", "birthDate": "1980-02-03"}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o1",
    "meta": {"lastUpdated": "2026-01-05T08:00:00Z"},
    "status": "final",
    "valueQuantity": {"value": 37.5, "unit": "Cel"},
}


def bundle(*resources: object, kind: str = "transaction", **more: object) -> dict[str, object]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"resource": item} for item in resources],
        **more,
    }


def encode(document: object) -> bytes:
    return json.dumps(document).encode()


def test_a_single_resource_is_a_document_of_one() -> None:
    document = decode_document(encode(OBSERVATION))

    assert document.type_name == "Observation"
    assert document.document_id == "o1"
    assert document.message_at == "2026-01-05T08:00:00Z"
    assert [placed.place for placed in document.resources] == ["Observation"]
    assert not document.is_bundle


@pytest.mark.parametrize(
    "kind",
    ["transaction", "batch", "searchset", "message", "collection", "history", "batch-response", "document"],
)
def test_every_type_of_bundle_gives_its_resources_in_order(kind: str) -> None:
    document = decode_document(encode(bundle(PATIENT, OBSERVATION, kind=kind)))

    assert document.type_name == f"Bundle {kind}"
    assert [type(placed.resource) for placed in document.resources] == [Patient, Observation]
    assert document.resources[1].place == "Bundle.entry[1].resource"


def test_a_bundle_is_named_by_its_id_else_by_its_identifier() -> None:
    assert decode_document(encode(bundle(id="b1", identifier={"value": "n1"}))).document_id == "b1"
    assert decode_document(encode(bundle(identifier={"value": "n1"}))).document_id == "n1"


def test_a_bundle_is_dated_by_last_updated_else_by_timestamp() -> None:
    dated = bundle(timestamp="2026-01-05T08:00:00Z", meta={"lastUpdated": "2026-01-05T09:00:00Z"})

    assert decode_document(encode(dated)).message_at == "2026-01-05T09:00:00Z"
    assert (
        decode_document(encode(bundle(timestamp="2026-01-05T08:00:00Z"))).message_at == "2026-01-05T08:00:00Z"
    )


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"resourceType": "Observation", "status": 7}, "unexpected shape at $.status"),
        (
            {"resourceType": "Observation", "component": [{"code": []}]},
            "unexpected shape at $.component[].code",
        ),
        ({"no": "type"}, "no resourceType"),
        ([], "no resourceType"),
        ("text", "no resourceType"),
        ({"resourceType": "<script>"}, "unexpected shape at $.resourceType"),
        ({"resourceType": "Patient", "resourcetype": 1, "link": 5}, "unexpected shape at $.link"),
    ],
)
def test_a_bad_entry_is_kept_aside_and_the_others_are_read(bad: object, reason: str) -> None:
    document = decode_document(encode(bundle(PATIENT, bad, OBSERVATION)))

    assert [placed.resource.id for placed in document.resources] == ["p1", "o1"]
    (entry,) = document.bad_entries
    assert entry.place == "Bundle.entry[1]"
    assert entry.reason == reason
    assert json.loads(entry.raw) == {"resource": bad}


def test_an_entry_that_is_no_object_is_a_bad_entry() -> None:
    document = decode_document(b'{"resourceType":"Bundle","entry":[7,null,{"fullUrl":3}]}')

    assert [entry.place for entry in document.bad_entries] == [f"Bundle.entry[{index}]" for index in range(3)]


def test_invalid_utf8_in_one_entry_spoils_that_entry_only() -> None:
    body = encode(bundle(PATIENT, OBSERVATION)).replace(b'"o1"', b'"\xff\xfe"')

    document = decode_document(body)

    assert [placed.resource.id for placed in document.resources] == ["p1"]
    assert document.bad_entries[0].reason == "not valid UTF-8"


def test_an_entry_without_a_resource_says_nothing() -> None:
    document = decode_document(
        b'{"resourceType":"Bundle","entry":[{"response":{"status":"201"}},{"resource":null}]}'
    )

    assert document.resources == ()
    assert document.bad_entries == ()


def test_a_deletion_is_read_with_what_it_names_and_when_it_was() -> None:
    entry = {
        "request": {"method": "DELETE", "url": "Observation/1"},
        "response": {"status": "204", "lastModified": "2026-01-05T08:00:00Z"},
    }
    document = decode_document(encode({**bundle(OBSERVATION), "entry": [entry]}))

    assert document.deletions == (Deletion("Bundle.entry[0]", "Observation/1", "2026-01-05T08:00:00Z"),)
    assert (document.resources, document.bad_entries) == ((), ())


def test_a_deletion_without_a_request_to_name_it_has_its_full_url() -> None:
    entry = {"fullUrl": "https://server.example/Observation/1", "request": {"method": "DELETE"}}
    (deletion,) = decode_document(encode({**bundle(), "entry": [entry]})).deletions

    assert (deletion.url, deletion.modified_at) == ("https://server.example/Observation/1", "")


def test_bundles_within_bundles_are_flattened() -> None:
    document = decode_document(encode(bundle(bundle(OBSERVATION, kind="searchset"), kind="batch-response")))

    assert [placed.place for placed in document.resources] == ["Bundle.entry[0].resource.entry[0].resource"]


def test_bundles_nested_without_end_are_refused() -> None:
    nested: dict[str, object] = bundle(OBSERVATION)
    for _ in range(10):
        nested = bundle(nested)

    document = decode_document(encode(nested))

    assert document.resources == ()
    assert [entry.reason for entry in document.bad_entries] == ["Bundles nested too deeply"]


def test_a_type_that_is_not_read_is_named() -> None:
    document = decode_document(b'{"resourceType":"Practitioner","id":"d1","name":[{"family":5}]}')

    resource = document.resources[0].resource
    assert isinstance(resource, OtherResource)
    assert document.type_name == "Practitioner"


def test_the_place_of_an_error_never_shows_a_value() -> None:
    with pytest.raises(DecodeError) as caught:
        decode_document(b'{"resourceType":"Patient","id":"p1","birthDate":["1980-02-03"]}')

    assert str(caught.value) == "unexpected shape at $.birthDate"


def test_null_counts_as_absent() -> None:
    document = decode_document(
        b'{"resourceType":"Encounter","id":"e1","period":null,"class":null,"status":null}'
    )

    assert document.resources[0].resource == Encounter(id="e1")
