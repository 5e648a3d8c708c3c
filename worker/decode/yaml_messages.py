"""Say in plain words what is wrong with a pack file and what to do. Pure: no I/O, no clock."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

_TYPES = {
    "string_type": "must be text; write it in quotes",
    "int_type": "must be a whole number, without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number, without quotes",
    "bool_type": "must be true or false",
    "list_type": "must be a list: lines that start with '- ', or [a, b]",
    "tuple_type": "must be a list: lines that start with '- ', or [a, b]",
    "set_type": "must be a list: lines that start with '- ', or [a, b]",
    "frozen_set_type": "must be a list: lines that start with '- ', or [a, b]",
    "dict_type": "must be 'key: value' lines",
    "model_type": "must be 'key: value' lines",
    "model_attributes_type": "must be 'key: value' lines",
}


_REFERENCE = "must be '$' and the name of a parameter; the number itself stands under params"
_PATTERNS = {
    r"^\$[a-z][a-z0-9_]*$": _REFERENCE,
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "must be small letters and digits, with single hyphens between words",
    r"^[a-z][a-z0-9_]*$": "must be small letters, digits and '_', a letter first",
    r"^[A-Z][0-9]{2}$": "must be a claim: a capital letter and two digits, B12",
}
"""What the forms of names are in words; these are the patterns that pack models use."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_NUMBER_AND_UNIT = re.compile(r"[-+]?\d+(?:[.,]\d+)?\s*[^\d\s].*")


def describe(detail: Mapping[str, Any], model: type[BaseModel]) -> str:  # pydantic's details are untyped
    """Turn one detail of a pydantic ValidationError into one sentence.

    Shape: `detail` as `ValidationError.errors()` gives it.
    """
    kind, path = str(detail["type"]), tuple(detail["loc"])
    name = next((part for part in reversed(path) if isinstance(part, str)), "the file")
    if kind == "missing":
        return f"key '{name}' is missing; add it"
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), _known_keys(model, path[:-1]))
    return _about_value(kind, name, detail, is_reference=kind == "string_type" and _is_reference(model, path))


def _about_value(kind: str, name: str, detail: Mapping[str, Any], *, is_reference: bool) -> str:
    """Say what a value must be."""
    context = detail.get("ctx", {})
    if kind == "literal_error" and context["expected"] == "True":
        return f"'{name}' must be true; leave the key out where it is not"
    if kind in {"literal_error", "enum"}:
        return f"'{name}' must be one of {context['expected']}"
    if kind == "string_pattern_mismatch" and context["pattern"] in _PATTERNS:
        return f"'{name}' {_PATTERNS[context['pattern']]}"
    if is_reference:
        return f"'{name}' {_REFERENCE}"
    if kind == "float_type" and isinstance(detail.get("input"), str):
        return f"'{name}' {_about_number(detail['input'])}"
    if kind in _TYPES:
        return f"'{name}' {_TYPES[kind]}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    return f"'{name}': {message}"


def _about_number(text: str) -> str:
    if _DECIMAL_COMMA.fullmatch(text):
        return f"must be a number; write {text.replace(',', '.')}, with a point"
    if _NUMBER_AND_UNIT.fullmatch(text):
        return "must be a number alone; its unit stands under unit"
    return _TYPES["float_type"]


def _is_reference(model: type[BaseModel], path: Sequence[str | int]) -> bool:
    """Tell whether the schema wants `$name` at a path."""
    return any("\\$" in str(node.get("pattern", "")) for node in _nodes(model, path))


def _unknown_key(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"unknown key '{key}'; did you mean '{close[0]}'?"
    listed = f"; known keys here: {', '.join(sorted(known))}" if known else ""
    return f"unknown key '{key}'; remove it{listed}"


def _known_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Collect the keys that the schema allows at a path; empty where the path cannot be followed."""
    return sorted({key for node in _nodes(model, path) for key in node.get("properties", {})})


def _nodes(model: type[BaseModel], path: Sequence[str | int]) -> list[Mapping[str, Any]]:
    """Follow a path through the schema; parts that it does not know are skipped."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    here = _expand(schema, definitions)
    for part in path:
        here = [found for node in here for found in _step(node, part, definitions)] or here
    return here


def _step(
    node: Mapping[str, Any], part: str | int, definitions: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    if isinstance(part, int):
        target = node.get("items")
    else:
        target = node.get("properties", {}).get(part, node.get("additionalProperties"))
    return _expand(target, definitions) if isinstance(target, Mapping) else []


def _expand(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Follow `$ref` and alternatives down to nodes with a shape of their own."""
    if "$ref" in node:
        return _expand(definitions[str(node["$ref"]).rsplit("/", 1)[-1]], definitions)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in node:
            return [found for option in node[choice] for found in _expand(option, definitions)]
    return [node]
