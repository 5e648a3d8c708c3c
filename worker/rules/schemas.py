"""JSON Schemas of rule files, for editors. Pure: no I/O, no clock.

Standard: JSON Schema 2020-12, as YAML language servers read it.
"""

from __future__ import annotations

import json

from pydantic import TypeAdapter

from worker.decode.located_yaml import PackModel
from worker.mapping.schemas import schema_texts
from worker.rules.basis_spec import ClaimsFile, LockFile, SourcesFile
from worker.rules.spec import DefinitionsFile, DisabledSpec, RuleSpec

MODELS: dict[str, type[PackModel]] = {
    "rule": RuleSpec,
    "rule-definitions": DefinitionsFile,
    "rule-sources": SourcesFile,
    "rule-claims": ClaimsFile,
    "rule-versions": LockFile,
}
_RULE_FILE = "rule.schema.json"


def rule_schema_texts() -> dict[str, str]:
    """Return the text of each schema file by its name below `schema/`.

    Shape: a rule file is a rule, or an id with `disabled: true` that removes the rule of a lower layer.
    """
    texts = schema_texts(MODELS)
    rule = json.loads(texts[_RULE_FILE])
    either: TypeAdapter[RuleSpec | DisabledSpec] = TypeAdapter(RuleSpec | DisabledSpec)
    schema = {"$schema": rule["$schema"], "$id": rule["$id"], **either.json_schema(by_alias=True)}
    return texts | {_RULE_FILE: json.dumps(schema, indent=2, ensure_ascii=False) + "\n"}
