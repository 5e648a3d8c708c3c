"""Segments and fields, split only when they are asked for. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.5.

Plain classes with slots instead of frozen dataclasses: they keep what they have split, and one is made for each segment of
every message. Nothing here changes what a reader can see of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from worker.decode.hl7v2.escapes import unescape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.decode.hl7v2.separators import Separators

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")


SegmentIndex: TypeAlias = "dict[str, list[Segment]]"


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

    def components(self, count: int) -> list[str]:
        """Return the first `count` components of the first repeat at once, as `Segment.components` does."""
        return pick_first(self.raw, self._separators, count)

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

    Shape: `index` counts from 1 among the segments of that name in the message ("OBX[3]"). MSH-1 is the field separator and
    MSH-2 the encoding characters. Fields beyond the end are empty.
    """

    __slots__ = ("_fields", "_separators", "index", "name")

    def __init__(self, name: str, index: int, line: str, separators: Separators) -> None:
        """Take the segment as it stands in the message, without its line end."""
        self.name = name
        self.index = index
        self._separators = separators
        self._fields = line.split(separators.field)
        if name == "MSH":
            self._fields.insert(1, separators.field)

    def __repr__(self) -> str:
        """Show name and place only: the content may be a patient's."""
        return f"<Segment {self.name}[{self.index}]>"

    @property
    def line(self) -> str:
        """Return the whole segment as it stands."""
        fields, sign = self._fields, self._separators.field
        return sign.join(fields[:1] + fields[2:] if self.name == "MSH" else fields)

    def raw(self, number: int) -> str:
        """Return a field as it stands, with its separators and escapes; empty where there is none."""
        fields = self._fields
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
        """Return what `field(number).component(component, subcomponent)` does, without the field between."""
        fields = self._fields
        if number >= len(fields):
            return ""
        return pick(fields[number], self._separators, component, subcomponent)

    def components(self, number: int, count: int) -> list[str]:
        """Return the first `count` components of a field's first repeat at once: the code, text and system of a CWE.

        Shape: exactly `count` texts, unescaped, each without the subcomponents after its first.
        """
        fields = self._fields
        return pick_first(fields[number] if number < len(fields) else "", self._separators, count)

    def text(self, number: int) -> str:
        """Return what `field(number).text()` does, without the field between."""
        fields = self._fields
        if number >= len(fields):
            return ""
        raw = fields[number]
        return unescape(raw, self._separators) if self._separators.escape in raw else raw

    def fields(self, last: int) -> Sequence[str]:
        """Return the fields as `raw` does, at least up to number `last`: `fields(14)[11]` is OBX-11."""
        fields = self._fields
        missing = last + 1 - len(fields)
        return fields + [""] * missing if missing > 0 else fields


def build_segments(header: list[str], lines: list[str], separators: Separators) -> SegmentIndex | None:
    """Make a segment of MSH, split already, and of each further line; None where one of those starts no segment.

    Shape: all segments in order under the empty name, and those of each name under it.
    """
    sign = separators.field
    # Not `Segment(...)`: calling a class costs twice as much, and this is done for each segment of every message.
    new = Segment.__new__
    msh = new(Segment)
    msh.name, msh.index, msh._separators, msh._fields = "MSH", 1, separators, header  # noqa: SLF001 # the constructor
    every = [msh]
    found: SegmentIndex = {"MSH": [msh]}
    for line in lines:
        fields = line.split(sign)
        name = fields[0]
        same = found.get(name)
        if same is None:
            if len(fields) == 1 or _NAME.fullmatch(name) is None:
                return None
            found[name] = same = []
        segment = new(Segment)
        segment.name = name
        segment._separators = separators  # noqa: SLF001 # the constructor, written out
        segment._fields = fields  # the constructor, written out
        same.append(segment)
        segment.index = len(same)
        every.append(segment)
    found[""] = every
    return found


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
    return unescape(raw, separators) if separators.escape in raw else raw


def pick_first(raw: str, separators: Separators, count: int) -> list[str]:
    """Return the first `count` components of the first repeat of a raw field; `Segment.components` says more."""
    if separators.repetition in raw:
        raw = raw[: raw.index(separators.repetition)]
    parts = raw.split(separators.component, count)
    missing = count - len(parts)
    if missing > 0:
        parts += [""] * missing
    elif missing:
        del parts[count:]
    if separators.escape in raw or separators.subcomponent in raw:
        return [pick(part, separators, 1, 1) for part in parts]
    return parts
