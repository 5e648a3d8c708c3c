"""Read plain YAML files with the C library, many times faster than the reader that knows everything. Pure: no I/O, no clock.

libyaml follows YAML 1.1 and tells of the first error only, in its own words. So it is asked for plain files alone: keys,
lists, text, decimal numbers, anchors. At anything else (an error, a tag, a block of text, a key twice, `0x1F`) it gives
up, and the reader that judges takes the file. Both give the same values and places; a test compares them (ADR 0028).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import deepcopy
from typing import Protocol

from yaml.error import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

try:
    from yaml.cyaml import CParser
except ImportError:  # PyYAML was built without libyaml: slower, and nothing else changes
    CParser = None

Path = tuple[str | int, ...]
Spots = dict[Path, tuple[int, int]]

_NOT_PLAIN = re.compile(r"[\t\x85\u2028\u2029\ufeff]|^%|(?:^|[\s\[{,])[&*][\w-]*[^\w\s,\]}-]", re.MULTILINE)
"""Where the two readers differ: tabs, line breaks of YAML 1.1 that are none in 1.2, the byte order mark, directives, anchors
with other characters in their names."""

_BLOCK_STYLES = frozenset("|>")
_NO_KEYS = frozenset(("", "<<"))
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~"), None),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?")
_ODD_NUMBER = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
    r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
    r"|[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+"
)
"""What YAML 1.2 calls a number, and we do not write so."""


class _Mark(Protocol):
    """Where something stands, from 0."""

    line: int
    column: int


class _Event(Protocol):
    """What libyaml saw; which parts it has depends on its class."""

    start_mark: _Mark
    anchor: str | None
    tag: str | None
    value: str
    style: str | None
    implicit: tuple[bool, bool]


class _GiveUpError(Exception):
    """The file is not plain."""


def read_quickly(text: str, max_values: int, max_depth: int) -> tuple[object, Spots, Spots] | None:
    """Parse one plain YAML document.

    Shape: data, the places of values, those of keys, each (line, column) from 1 by path; None where the file is not plain,
    has more values than `max_values` or is as deep as `max_depth`.
    """
    if CParser is None or _NOT_PLAIN.search(text):
        return None
    try:
        read = _Quick(text, max_values, max_depth).read()
    except (YAMLError, _GiveUpError, UnicodeError):
        return None
    return read if len(read[1]) <= max_values else None


class _Quick:
    """Turn the events of one file into plain data, noting places."""

    def __init__(self, text: str, max_values: int, max_depth: int) -> None:
        self._max_values = max_values
        self._max_depth = max_depth
        self._anchors: dict[str, tuple[object, Path]] = {}
        self._next: Callable[[], _Event] = CParser(text).get_event
        self._values: Spots = {}
        self._keys: Spots = {}

    def read(self) -> tuple[object, Spots, Spots]:
        self._next()  # the stream begins
        if type(self._next()) is not DocumentStartEvent:
            raise _GiveUpError
        data = self._build(self._next(), ())
        self._next()  # the document ends
        if type(self._next()) is not StreamEndEvent:
            raise _GiveUpError
        return data, self._values, self._keys

    def _build(self, event: _Event, path: Path) -> object:
        kind = type(event)
        if kind is AliasEvent:
            return self._again(event.anchor or "", path)
        mark = event.start_mark
        self._values[path] = (mark.line + 1, mark.column + 1)
        if event.tag is not None:
            raise _GiveUpError
        if kind is ScalarEvent:
            made = _scalar(event)
        elif len(path) >= self._max_depth:
            raise _GiveUpError
        else:
            made = self._mapping(path) if kind is MappingStartEvent else self._sequence(path)
        if event.anchor is not None:
            if event.anchor in self._anchors:
                raise _GiveUpError
            self._anchors[event.anchor] = (made, path)
        return made

    def _again(self, anchor: str, path: Path) -> object:
        """Copy what an anchor names: the same values and places, below another path."""
        if anchor not in self._anchors:  # not written yet, or inside itself
            raise _GiveUpError
        made, start = self._anchors[anchor]
        for spots in (self._values, self._keys):
            inside = [(each, spot) for each, spot in spots.items() if each[: len(start)] == start]
            copied = {
                path + each[len(start) :]: spot
                for each, spot in inside
                if spots is self._values or each != start
            }
            if len(copied) + len(spots) > self._max_values or any(
                len(each) > self._max_depth for each in copied
            ):
                raise _GiveUpError
            spots.update(copied)
        return deepcopy(made)

    def _mapping(self, path: Path) -> dict[str, object]:
        made: dict[str, object] = {}
        while type(event := self._next()) is not MappingEndEvent:
            if type(event) is not ScalarEvent or event.tag is not None or event.anchor is not None:
                raise _GiveUpError
            key = _text(event)
            if key in made or (key in _NO_KEYS and event.implicit[0]):
                raise _GiveUpError
            mark = event.start_mark
            below = (*path, key)
            self._keys[below] = (mark.line + 1, mark.column + 1)
            made[key] = self._build(self._next(), below)
        return made

    def _sequence(self, path: Path) -> list[object]:
        made: list[object] = []
        while type(event := self._next()) is not SequenceEndEvent:
            made.append(self._build(event, (*path, len(made))))
        return made


def _text(event: _Event) -> str:
    if event.style in _BLOCK_STYLES:
        raise _GiveUpError
    text: str = event.value
    return text


def _scalar(event: _Event) -> object:
    text = _text(event)
    if not event.implicit[0]:
        return text
    if not text:  # the two readers differ in where nothing stands
        raise _GiveUpError
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_STARTS:
        if text in {"=", "<<"}:
            raise _GiveUpError
        return text
    if _WHOLE.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _ODD_NUMBER.fullmatch(text):
        raise _GiveUpError
    return text
