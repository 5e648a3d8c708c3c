"""The JSON Schemas that editors use."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from worker.decode.located_yaml import load_yaml
from worker.mapping.schemas import MODELS, schema_texts


def test_schema_files_are_current(root: Path) -> None:
    # Write them anew with: python tools/pack_schemas.py
    folder = root / "mappings" / "schema"
    stale = [
        name for name, text in schema_texts().items() if (folder / name).read_text(encoding="utf-8") != text
    ]
    assert stale == []


@pytest.mark.parametrize("name", MODELS)
def test_files_of_the_default_pack_fit_their_schema(root: Path, name: str) -> None:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    mappings = root / "mappings"
    files = {
        "concepts": sorted(set(mappings.glob("concepts/*.yaml")) - {mappings / "concepts/units.yaml"}),
        "units": [mappings / "concepts/units.yaml"],
        "feed": sorted(mappings.glob("feeds/*.yaml")),
        "pack": [mappings / "pack.yaml"],
        **{f"notes-{path.stem}": [path] for path in mappings.glob("notes/*.yaml")},
    }[name]
    assert files
    jsonschema.Draft202012Validator.check_schema(schema)
    editor = jsonschema.Draft202012Validator(schema)
    for path in files:
        editor.validate(load_yaml(path.read_text(encoding="utf-8"), path.name).data)


@pytest.mark.parametrize("name", MODELS)
def test_every_key_of_a_file_says_what_it_is(name: str) -> None:
    schema = json.loads(schema_texts()[f"{name}.schema.json"])
    assert schema["description"]
    assert schema["additionalProperties"] is False
