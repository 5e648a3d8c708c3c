"""JSON Schemas of what goes out, made from the shapes of the documents. Pure: no I/O, no clock.

Further keys are allowed: a consumer that validates must not fail when an alert says more one day. What a key means, and that it
is there, does not change under one name.
Standard: JSON Schema 2020-12.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from worker.alerts.documents import AlertDocument, MinimalDocument
from worker.alerts.operations import DeadLetterHeaders, HeartbeatDocument

DOCUMENTS: dict[str, type] = {
    "alert": AlertDocument,
    "alert-minimal": MinimalDocument,
    "heartbeat": HeartbeatDocument,
    "dead-letter-headers": DeadLetterHeaders,
}

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_id(name: str) -> str:
    """Return the URI that names a schema for good; notices carry it as `dataschema`."""
    return f"urn:lpwatch:schema:{name}:v1"


def alert_schema(name: str) -> dict[str, Any]:  # Any: JSON Schema is what it is
    """Return the schema of a document, complete in itself."""
    (made,), definitions = msgspec.json.schema_components([DOCUMENTS[name]], ref_template="#/$defs/{name}")
    root = definitions.pop(made["$ref"].removeprefix("#/$defs/"))
    schema = {"$schema": _DIALECT, "$id": schema_id(name), **_told(root)}
    return schema | (
        {"$defs": {key: _told(value) for key, value in definitions.items()}} if definitions else {}
    )


def schema_components(ref_template: str) -> dict[str, Any]:  # Any: see above
    """Return the schemas of all documents and of their parts by name; `ref_template` says where they stand ("#/…/{name}")."""
    _, made = msgspec.json.schema_components(DOCUMENTS.values(), ref_template=ref_template)
    return {name: _told(schema) for name, schema in made.items()}


def alert_schema_texts() -> dict[str, str]:
    """Return the text of each schema file by its name."""
    return {
        f"{name}.schema.json": json.dumps(alert_schema(name), indent=2, ensure_ascii=False) + "\n"
        for name in DOCUMENTS
    }


def _told(schema: dict[str, Any]) -> dict[str, Any]:  # Any: see above
    """Keep the first line of a class as its description; the rest speaks to those who write the code."""
    return schema | {"description": schema["description"].partition("\n")[0]}
