"""Read pack files: YAML in, checked models out, every error with its file, line and column. Pure: no I/O, no clock.

Standard: YAML 1.2. Stricter than the standard where it protects people: keys appear once, numbers have no leading zeros,
anchors cannot be expanded without end, merge keys and custom tags are refused, dates stay text. Plain files are read by a
quick reader; whatever it does not take is judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from worker.decode.quick_yaml import read_quickly
from worker.decode.yaml_messages import describe
from worker.model.errors import PackError

MAX_CHARACTERS = 2_000_000
MAX_NODES = 200_000
MAX_DEPTH = 40

Path: TypeAlias = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_TAG = "tag:yaml.org,2002:"
_TRUE = {"true", "True", "TRUE"}
_ODD_INDENT = re.compile(" *([\t\u00a0\u2000-\u200b\u202f\u3000])")


class PackModel(BaseModel):
    """Base of every model that a pack file is checked against: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True, slots=True)
class Located:
    """Plain data of one YAML file, and where each part of it stands.

    Shape: `data` holds dict (text keys, as written), list, str, int, float, bool and None. `values` and `keys` map a path
    ("rules", 3, "when") to (line, column), both from 1, of the value and of its key.
    """

    file: str
    data: object
    values: dict[Path, tuple[int, int]] = field(default_factory=dict)
    keys: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def place(self, path: Iterable[str | int] = (), *, key: bool = False) -> str:
        """Return "file:line:column" of a path; parts that are not in the file are skipped, as pydantic adds its own."""
        found = self.resolve(path)
        spots = self.keys if key and found in self.keys else self.values
        line, column = spots.get(found, (1, 1))
        return f"{self.file}:{line}:{column}"

    def resolve(self, path: Iterable[str | int]) -> Path:
        """Return the longest path of the file that follows `path`."""
        found: Path = ()
        for part in path:
            if (*found, part) in self.values:
                found = (*found, part)
        return found


@dataclass(slots=True)
class Problems:
    """Collect problems of a pack, so that all of them are shown at once."""

    lines: list[str] = field(default_factory=list)

    def add(self, place: str, message: str) -> None:
        """Add one problem: `place` as `Located.place` gives it, `message` says what to do."""
        self.lines.append(f"{place}: {message}")

    def collect(self, error: PackError) -> None:
        """Add the problems of an error raised for one file."""
        self.lines.extend(str(error).splitlines())

    def raise_if_any(self) -> None:
        """Raise what was collected.

        Raises: PackError, one line for each problem.
        """
        if self.lines:
            raise PackError("\n".join(self.lines))


def by_place(line: str) -> tuple[str, int, int, str]:
    """Return what sorts a problem by file, line and column."""
    file, row, column, *_ = (*line.split(":"), "", "")
    return file, int(row) if row.isdigit() else 0, int(column) if column.isdigit() else 0, line


def load_yaml(text: str, file: str) -> Located:
    """Parse one YAML document into plain data with places.

    Shape: an empty file gives None as data.
    Raises: PackError with every duplicate key, unsafe number, merge key, tag; or the first syntax error; or a limit.
    """
    if len(text) > MAX_CHARACTERS:
        raise PackError(f"longer than {MAX_CHARACTERS} characters; split the file", file)
    quick = read_quickly(text, MAX_NODES, MAX_DEPTH)
    if quick is not None:
        return Located(file, *quick)
    located = Located(file, None)
    root = _compose(text, file)
    if root is None:
        return located
    builder = _Builder(located)
    data = builder.build(root, (), 0)
    builder.problems.raise_if_any()
    return Located(file, data, located.values, located.keys)


def validate(model: type[Model], located: Located) -> Model:
    """Check plain data against a model.

    Shape: text never becomes a number and a number never becomes text.
    Raises: PackError with all errors, one line each: "file:line:column: message".
    """
    try:
        # Strict in JSON mode: lists become tuples and words become enum members, nothing else is converted.
        return model.model_validate_json(json.dumps(located.data), strict=True)
    except ValidationError as error:
        raise PackError("\n".join(_lines(model, located, error))) from None


def _lines(model: type[BaseModel], located: Located, error: ValidationError) -> Iterator[str]:
    seen = set()
    for detail in error.errors(include_url=False):
        is_key = detail["type"] in {"extra_forbidden", "invalid_key"}
        place = located.place(detail["loc"], key=is_key)
        message = describe(dict(detail), model)
        if (place, message) not in seen:
            seen.add((place, message))
            yield f"{place}: {message}"


def _compose(text: str, file: str) -> Node | None:
    # Not "rt": that one gathers comments, for a third more time.
    reader = YAML(typ="safe", pure=True)
    try:
        node: Node | None = reader.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        spot = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        if mark and (slip := _indented_oddly(text, mark.line, file)):
            raise slip from None
        raise PackError(f"not readable as YAML: {error.problem or error.context}", spot) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise PackError(f"not readable as YAML: {type(error).__name__}", f"{file}:1:1") from None
    return node


def _indented_oddly(text: str, line: int, file: str) -> PackError | None:
    """Return what is wrong with the indentation of a line or the one before it: editors put in what cannot be seen."""
    lines = re.split("\r\n|\r|\n", text)
    for at in range(max(line - 1, 0), min(line + 1, len(lines))):
        found = _ODD_INDENT.match(lines[at])
        if found:
            what = "a tab" if found[1] == "\t" else "a space that is not a plain one"
            return PackError(
                f"{what} at the start of the line; indent with spaces", f"{file}:{at + 1}:{found.end()}"
            )
    return None


class _Builder:
    """Turn nodes into plain data, noting places, within the limits."""

    def __init__(self, located: Located) -> None:
        self.located = located
        self.problems = Problems()
        self._nodes = 0

    def build(self, node: Node, path: Path, depth: int) -> object:
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            limit = (
                f"nested deeper than {MAX_DEPTH}" if depth > MAX_DEPTH else f"more than {MAX_NODES} values"
            )
            raise PackError(f"{limit}, counting each use of an anchor; write it plainly", self._spot(node))
        self.located.values[path] = self._line_column(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, at), depth + 1) for at, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, object]:
        made: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or key_node.tag == f"{_TAG}merge":
                self.problems.add(self._spot(key_node), "keys must be plain words; write merged keys out")
                continue
            key = str(key_node.value)
            if key in made:
                first = self.located.keys[(*path, key)][0]
                self.problems.add(
                    self._spot(key_node), f"key '{key}' stands twice (first in line {first}); remove one"
                )
                continue
            self.located.keys[(*path, key)] = self._line_column(key_node)
            made[key] = self.build(value_node, (*path, key), depth + 1)
        return made

    def _scalar(self, node: Node) -> object:
        text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
        if kind in {"str", "timestamp"}:
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text in _TRUE
        if kind in {"int", "float"}:
            return self._number(node, text)
        self.problems.add(self._spot(node), f"tag {node.tag} is not allowed; write plain values")
        return None

    def _number(self, node: Node, text: str) -> int | float | None:
        digits = text.lstrip("+-")
        if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
            self.problems.add(
                self._spot(node), f"{text} starts with 0: write it in quotes, or without the zero"
            )
            return None
        try:
            return int(text) if node.tag == f"{_TAG}int" else float(text)
        except ValueError:
            self.problems.add(
                self._spot(node), f"{text} is not a plain decimal number; write digits, or quotes for text"
            )
            return None

    def _line_column(self, node: Node) -> tuple[int, int]:
        mark: Any = node.start_mark  # ruamel types it loosely
        return (mark.line + 1, mark.column + 1)

    def _spot(self, node: Node) -> str:
        line, column = self._line_column(node)
        return f"{self.located.file}:{line}:{column}"
