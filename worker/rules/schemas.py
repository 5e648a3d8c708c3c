"""JSON Schemas of rule files, for editors. Pure: no I/O, no clock.

Standard: JSON Schema 2020-12, as YAML language servers read it.
"""

from __future__ import annotations

from worker.decode.located_yaml import PackModel
from worker.mapping.schemas import schema_texts
from worker.rules.spec import DefinitionsFile, RuleSpec, SourcesFile

MODELS: dict[str, type[PackModel]] = {
    "rule": RuleSpec,
    "rule-definitions": DefinitionsFile,
    "rule-sources": SourcesFile,
}


def rule_schema_texts() -> dict[str, str]:
    """Return the text of each schema file by its name below `schema/`."""
    return schema_texts(MODELS)
