"""No bytes crash the FHIR decoder, and a spoilt entry spoils nothing else."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from worker.decode.fhir import decode_document
from worker.model.errors import DecodeError

TYPES = ("Observation", "Patient", "Encounter", "Procedure", "Bundle", "DocumentReference", "Basic")
ELEMENTS = (
    "status",
    "code",
    "subject",
    "class",
    "valueQuantity",
    "component",
    "entry",
    "contained",
    "content",
    "link",
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(ELEMENTS) | st.text(max_size=5), inner)
    ),
    max_leaves=12,
)
resources = st.builds(
    lambda kind, elements: {"resourceType": kind, **elements},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(ELEMENTS), values, max_size=5),
)


def decode_or_refuse(body: bytes) -> None:
    try:
        decode_document(body)
    except DecodeError as refused:
        assert refused.reason  # noqa: PT017 - refusing is one of the two right answers


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_crash(body: bytes) -> None:
    decode_or_refuse(body)


@given(values | resources)
def test_arbitrary_json_never_crashes(document: object) -> None:
    decode_or_refuse(json.dumps(document).encode())


@given(resources, st.integers(min_value=0), st.binary(max_size=3))
def test_a_spoilt_document_never_crashes(document: dict[str, object], at: int, noise: bytes) -> None:
    body = json.dumps(document).encode()
    at %= len(body)
    decode_or_refuse(body[:at] + noise + body[at + 1 :])


@given(st.lists(resources, max_size=4), values)
def test_a_bad_entry_leaves_the_others_as_they_are(good: list[dict[str, object]], bad: object) -> None:
    entries = [{"resource": resource} for resource in good]
    alone = decode_document(json.dumps({"resourceType": "Bundle", "entry": entries}).encode())
    together = decode_document(json.dumps({"resourceType": "Bundle", "entry": [*entries, bad]}).encode())

    known = len(alone.resources)
    assert together.resources[:known] == alone.resources
    assert together.bad_entries[: len(alone.bad_entries)] == alone.bad_entries
