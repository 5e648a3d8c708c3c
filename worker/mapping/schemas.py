"""JSON Schemas of pack files, for editors. Pure: no I/O, no clock.

Standard: JSON Schema 2020-12, as YAML language servers read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from worker.decode.located_yaml import PackModel
from worker.mapping.concept_spec import ConceptFile, Manifest, UnitFile
from worker.mapping.feed_spec import FeedSpec
from worker.notes.lexicon_spec import ContextFile, FindingFile, ProcedureFile, SectionFile, WordsFile

MODELS: dict[str, type[PackModel]] = {
    "concepts": ConceptFile,
    "units": UnitFile,
    "feed": FeedSpec,
    "pack": Manifest,
    "notes-findings": FindingFile,
    "notes-context": ContextFile,
    "notes-sections": SectionFile,
    "notes-procedures": ProcedureFile,
    "notes-words": WordsFile,
}


def schema_texts(models: Mapping[str, type[PackModel]] = MODELS) -> dict[str, str]:
    """Return the text of each schema file by its name below `schema/`; by default those of mappings and notes."""
    return {f"{name}.schema.json": _text(name, model) for name, model in models.items()}


def _text(name: str, model: type[PackModel]) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"lpwatch:{name}",
        **model.model_json_schema(by_alias=True),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
