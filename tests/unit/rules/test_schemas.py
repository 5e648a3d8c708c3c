"""The JSON Schemas that editors use for rules."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from worker.decode.located_yaml import load_yaml
from worker.rules.schemas import MODELS, rule_schema_texts

SHARED = {
    "rule-definitions": "definitions.yaml",
    "rule-sources": "sources.yaml",
    "rule-claims": "claims.yaml",
    "rule-versions": "versions.lock.yaml",
}


def test_schema_files_are_current(root: Path) -> None:
    # Write them anew with: python tools/pack_schemas.py
    folder = root / "mappings" / "schema"
    texts = rule_schema_texts()
    assert [name for name, text in texts.items() if (folder / name).read_text(encoding="utf-8") != text] == []


@pytest.mark.parametrize("name", MODELS)
def test_rule_files_of_the_default_pack_fit_their_schema(root: Path, name: str) -> None:
    schema = json.loads(rule_schema_texts()[f"{name}.schema.json"])
    files = [
        path
        for path in sorted((root / "mappings" / "rules").glob("*.yaml"))
        if (path.name == SHARED[name] if name in SHARED else path.name not in SHARED.values())
    ]
    assert files
    jsonschema.Draft202012Validator.check_schema(schema)
    editor = jsonschema.Draft202012Validator(schema)
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert f"$schema=../schema/{name}.schema.json" in text
        editor.validate(load_yaml(text, path.name).data)


def test_the_editor_accepts_a_file_that_removes_a_rule() -> None:
    schema = json.loads(rule_schema_texts()["rule.schema.json"])
    jsonschema.validate({"id": "fever-single", "disabled": True}, schema)
    for bad in ({"id": "fever-single"}, {"disabled": True}, {"id": "fever-single", "disabled": False}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)
