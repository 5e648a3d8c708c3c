"""The JSON Schemas of what goes out: current, with a word for every key, and strict about what is always there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.unit.alerts.findings import Ward, found
from tests.unit.correlate.facts import PATIENT
from worker.alerts.documents import AlertDocument
from worker.alerts.minimal import minimal
from worker.alerts.render import RuleText, Surroundings, render_alert
from worker.alerts.schemas import DOCUMENTS, alert_schema, alert_schema_texts, schema_id


def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(alert_schema(name))


@pytest.fixture
def document() -> AlertDocument:
    ward = Ward()
    ward.assess(11, found())
    return render_alert(ward.only, RuleText("Fever"), Surroundings(identifiers=(PATIENT,)))


def keys(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    classes = {schema["title"]: schema, **schema.get("$defs", {})}
    return {f"{name}.{key}": made for name, one in classes.items() for key, made in one["properties"].items()}


def test_schema_files_are_current(root: Path) -> None:
    # Write them anew with: python tools/alert_schemas.py
    folder = root / "docs" / "schemas"
    texts = alert_schema_texts()
    assert {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.schema.json")} == texts


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_schema_is_one_and_is_named_for_good(name: str) -> None:
    schema = alert_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == schema_id(name) == f"urn:lpwatch:schema:{name}:v1"
    assert "\n" not in schema["description"]


def test_every_key_has_a_word_or_a_shape_that_has_one() -> None:
    bare = {
        name
        for one in DOCUMENTS
        for name, key in keys(alert_schema(one)).items()
        if not {"description", "$ref", "anyOf", "items"} & key.keys()
    }
    assert bare <= {
        *(f"PlaceDocument.{part}" for part in ("room", "bed")),
        *(f"RuleDocument.{part}" for part in ("id", "version")),
        "ContextDocument.rule",
        "OutboxDocument.sink",
        "AlertDocument.disclaimer",
        "MinimalDocument.disclaimer",
    }


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("severity", "severe"),
        ("state", "open"),
        ("raised_at", "yesterday"),
        ("version", 0),
        ("alert_id", ""),
        ("evidence", None),
        ("location", {"now": {"unit": ""}, "at_lp": None, "remark": ""}),
    ],
)
def test_what_an_alert_never_says_does_not_fit(document: AlertDocument, key: str, value: object) -> None:
    assert validator("alert").is_valid(document)
    assert not validator("alert").is_valid({**document, key: value})


LATER = {"circumstances", "also_open", "also_open_count"}
"""Keys that a notice lacks which an earlier release wrote and this one sends."""


@pytest.mark.parametrize("name", ["alert", "alert-minimal"])
def test_a_key_that_is_missing_is_noticed_and_one_more_is_not(document: AlertDocument, name: str) -> None:
    written = document if name == "alert" else minimal(document)
    assert validator(name).is_valid({**written, "more": 1})
    for key in written.keys() - LATER:
        assert not validator(name).is_valid(
            {other: value for other, value in written.items() if other != key}
        )
