"""Segments and fields, split only when they are asked for. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.5.

Plain classes with slots instead of frozen dataclasses: they keep what they have split, and one is made for each segment of
every message. Nothing here changes what a reader can see of them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from worker.decode.hl7v2.escapes import unescape
from worker.model.errors import DecodeError

if TYPE_CHECKING:
    from worker.decode.hl7v2.separators import Separators

# In these segments field 1 is the field separator itself.
_HEADERS = frozenset({"MSH", "BHS", "FHS"})
_ENVELOPE = frozenset({"FHS", "BHS", "BTS", "FTS"})
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")


class Field:
    """One field, or one repeat of it: by component, or as a whole text.

    Shape: two quotation marks (delete what is stored) stay two quotation marks. Numbers start at 1, as in the standard.
    """

    __slots__ = ("_separators", "raw")

    def __init__(self, raw: str, separators: Separators) -> None:
        """Take the field as it stands in the message."""
        self.raw = raw
        self._separators = separators

    def __bool__(self) -> bool:
        """Tell whether anything stands in the field."""
        return bool(self.raw)

    def __repr__(self) -> str:
        """Show the size only: the content may be a patient's."""
        return f"<Field of {len(self.raw)} characters>"

    def component(self, number: int, subcomponent: int = 1) -> str:
        """Return one subcomponent of the first repeat, unescaped; empty where there is none."""
        return pick(self.raw, self._separators, number, subcomponent)

    def text(self) -> str:
        """Return everything, unescaped and never split: for TX, FT, ST and NM, where other separators are only characters."""
        return unescape(self.raw, self._separators)

    @property
    def text_repeats(self) -> tuple[str, ...]:
        """Return each repeat as `text` does: the lines of a TX field, the values of an NM field like `60~120`."""
        parts = self.raw.split(self._separators.repetition)
        return tuple(unescape(part, self._separators) for part in parts)


class Segment:
    """One segment: its name, its place among those of the same name, its fields by their numbers in the standard.

    Shape: `index` counts from 1 among the segments of that name in the message ("OBX[3]"); `line` is the whole segment as
    it stands. MSH-1 is the field separator and MSH-2 the encoding characters. Fields beyond the end are empty.
    """

    __slots__ = ("_fields", "_is_plain", "_separators", "index", "line", "name")

    _fields: list[str] | None
    _is_plain: bool  # neither repeats nor subcomponents nor escapes: most segments of results

    def __init__(self, name: str, index: int, line: str, separators: Separators) -> None:
        """Take the segment as it stands in the message, without its line end."""
        self.name = name
        self.index = index
        self.line = line
        self._separators = separators
        self._fields = None

    def __repr__(self) -> str:
        """Show name and place only: the content may be a patient's."""
        return f"<Segment {self.name}[{self.index}]>"

    def raw(self, number: int) -> str:
        """Return a field as it stands, with its separators and escapes; empty where there is none."""
        fields = self._fields
        if fields is None:
            fields = self._split()
        return fields[number] if number < len(fields) else ""

    def has(self, number: int) -> bool:
        """Tell whether a field holds anything, the two quotation marks of a deletion included."""
        return self.raw(number) != ""

    def field(self, number: int) -> Field:
        """Return a field: `component` reads its first repeat, `text` all of it."""
        return Field(self.raw(number), self._separators)

    def repeats(self, number: int) -> tuple[Field, ...]:
        """Return each repeat of a field as a field of its own; none where the field is empty."""
        raw = self.raw(number)
        if not raw:
            return ()
        separators = self._separators
        return tuple([Field(part, separators) for part in raw.split(separators.repetition)])

    def value(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return what `field(number).component(component, subcomponent)` does, in a third of the time."""
        fields = self._fields
        if fields is None:
            fields = self._split()
        if number >= len(fields):
            return ""
        raw = fields[number]
        if not self._is_plain or subcomponent != 1:
            return pick(raw, self._separators, component, subcomponent)
        sign = self._separators.component
        if sign not in raw:
            return raw if component == 1 else ""
        parts = raw.split(sign, component)
        return parts[component - 1] if component <= len(parts) else ""

    def text(self, number: int) -> str:
        """Return what `field(number).text()` does, without the field between."""
        return unescape(self.raw(number), self._separators)

    def _split(self) -> list[str]:
        separators, line = self._separators, self.line
        self._fields = fields = line.split(separators.field)
        if self.name in _HEADERS:
            fields.insert(1, separators.field)
        self._is_plain = not (
            separators.escape in line or separators.repetition in line or separators.subcomponent in line
        )
        return fields


def build_segments(lines: list[str], separators: Separators) -> tuple[Segment, ...] | None:
    """Make a segment of each line; None where a line starts with no segment name and field separator.

    Shape: the envelope of a batch is left out.

    Raises: DecodeError where MSH comes twice.
    """
    sign = separators.field
    counts: dict[str, int] = {}
    segments: list[Segment] = []
    new, add = Segment.__new__, segments.append
    for line in lines:
        name = line[:3]
        index = counts.get(name, 0) + 1
        if line[3:4] != sign or (index == 1 and not _is_name(name)):
            return None
        counts[name] = index
        # Not `Segment(...)`: calling a class costs twice as much, and this is done for each segment of every message.
        segment = new(Segment)
        segment.name = name
        segment.index = index
        segment.line = line
        segment._separators = separators  # noqa: SLF001 # the constructor, written out
        segment._fields = None  # the constructor, written out
        add(segment)
    if counts.get("MSH") != 1:
        raise DecodeError("more than one message in one body", "MSH[2]")
    if not _ENVELOPE.isdisjoint(counts):
        return tuple(segment for segment in segments if segment.name not in _ENVELOPE)
    return tuple(segments)


def pick(raw: str, separators: Separators, component: int, subcomponent: int) -> str:
    """Return one subcomponent of the first repeat of a raw field, unescaped; empty where there is none."""
    if separators.repetition in raw:
        raw = raw[: raw.index(separators.repetition)]
    sign = separators.component
    if sign in raw:
        parts = raw.split(sign, component)
        raw = parts[component - 1] if component <= len(parts) else ""
    elif component != 1:
        return ""
    sign = separators.subcomponent
    if sign in raw:
        parts = raw.split(sign, subcomponent)
        raw = parts[subcomponent - 1] if subcomponent <= len(parts) else ""
    elif subcomponent != 1:
        return ""
    return unescape(raw, separators)


@lru_cache(maxsize=1024)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
