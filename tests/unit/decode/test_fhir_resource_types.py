"""Names of resource types, against an independent list."""

from __future__ import annotations

import pytest
from fhir.resources.R4B import get_fhir_model_class

from worker.decode.fhir.resource_types import RESOURCE_TYPES, known_type


@pytest.mark.parametrize("name", ["Observation", "Patient", "DetectedIssue", "Media", "Practitioner"])
def test_a_type_of_the_independent_model_is_known(name: str) -> None:
    assert get_fhir_model_class(name)
    assert known_type(name) == name


def test_what_is_no_type_is_not_repeated() -> None:
    assert known_type("JaneDoe19700101") == "unknown"
    assert "Resource" not in RESOURCE_TYPES
