"""JSON Schemas of rule files, for editors. Pure: no I/O, no clock.

Standard: JSON Schema 2020-12, as YAML language servers read it.
"""

from __future__ import annotations

import json

from worker.decode.located_yaml import PackModel
from worker.rules.spec import DefinitionsFile, RuleSpec, SourcesFile

MODELS: dict[str, type[PackModel]] = {
    "rule": RuleSpec,
    "rule-definitions": DefinitionsFile,
    "rule-sources": SourcesFile,
}


def rule_schema_texts() -> dict[str, str]:
    """Return the text of each schema file by its name below `schema/`."""
    return {f"{name}.schema.json": _text(name, model) for name, model in MODELS.items()}


def _text(name: str, model: type[PackModel]) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"lpwatch:{name}",
        **model.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
