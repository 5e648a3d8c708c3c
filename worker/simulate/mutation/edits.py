"""Change plain data of a pack file in named places. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from worker.decode.located_yaml import Path

Data: TypeAlias = object
"""Plain data as `Located.data` holds it."""


class _Gone:
    """What stands for nothing at all; `None` is a value."""

    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()

Edit: TypeAlias = tuple[Path, object]
"""A place, and what stands there afterwards; `GONE` for nothing."""


class Kind(StrEnum):
    """Name what sort of thing is changed; a column of the table."""

    NUMBER = "number"
    OPERATOR = "operator"
    WINDOW = "window"
    TIME = "time"
    AGE = "age"
    JOIN = "join"
    LOGIC = "logic"
    CLAUSE = "clause"
    LIST = "list"
    GRADE = "grade"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one file.

    Shape: `path` is the place that a reader would look at; `says` what changes there ("38.0 -> 38.1 Cel"); `edits` are made in
    their order.
    """

    kind: Kind
    path: Path
    says: str
    edits: tuple[Edit, ...]

    @property
    def place(self) -> str:
        """Write the place as people do: "when.any[1].reading.where"."""
        written = ""
        for part in self.path:
            written += f"[{part}]" if isinstance(part, int) else f".{part}"
        return written.removeprefix(".")


def apply(data: Data, edits: Iterable[Edit]) -> Data:
    """Return the data with the edits made; the data itself stays as it is."""
    for path, new in edits:
        data = _put(data, path, new)
    return data


def renamed(node: Mapping[str, object], old: str, new: str, value: object = GONE) -> dict[str, object]:
    """Return a mapping in which one key has another name, and another value where one is given."""
    return {
        (new if key == old else key): (known if value is GONE or key != old else value)
        for key, known in node.items()
    }


def references(data: Data, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Go through every `$name` in the data with its place."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from references(value, (*path, key))
    elif isinstance(data, list):
        for at, value in enumerate(data):
            yield from references(value, (*path, at))
    elif isinstance(data, str) and data.startswith("$"):
        yield path, data.removeprefix("$")


def compact(data: Data) -> str:
    """Write data on one line, as flow YAML would."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {compact(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(compact(value) for value in data) + "]"
    if isinstance(data, bool):
        return str(data).lower()
    return str(data)


def shortened(data: Data, length: int = 70) -> str:
    """Write data on one line that is not too long."""
    text = compact(data)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _put(data: Data, path: Path, new: object) -> Data:
    if not path:
        return new
    first, *rest = path
    if isinstance(data, dict):
        changed = dict(data)
        if rest:
            changed[str(first)] = _put(data[first], tuple(rest), new)
        elif new is GONE:
            del changed[str(first)]
        else:
            changed[str(first)] = new
        return changed
    if isinstance(data, list) and isinstance(first, int):
        items = list(data)
        if rest:
            items[first] = _put(data[first], tuple(rest), new)
        elif new is GONE:
            del items[first]
        else:
            items[first] = new
        return items
    raise TypeError(f"no such place: {path}")
