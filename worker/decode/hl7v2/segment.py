"""Segments and fields, taken apart only when they are asked for. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.5.

msgspec structs instead of dataclasses: one is made for each segment of every message, in a third of the time.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from worker.decode.hl7v2.escapes import unescape
from worker.decode.hl7v2.separators import Separators

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")

SegmentIndex: TypeAlias = "dict[str, list[Segment]]"


class Field(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One field, or one repeat of it: by component, or as a whole text.

    Shape: `raw` is what stands in the message. Two quotation marks (delete what is stored) stay two quotation marks. Numbers
    start at 1, as in the standard.
    """

    raw: str
    separators: Separators

    def __bool__(self) -> bool:
        """Tell whether anything stands in the field."""
        return bool(self.raw)

    def __repr__(self) -> str:
        """Show the size only: the content may be a patient's."""
        return f"<Field of {len(self.raw)} characters>"

    def component(self, number: int, subcomponent: int = 1) -> str:
        """Return one subcomponent of the first repeat, unescaped; empty where there is none."""
        return pick(self.raw, self.separators, number, subcomponent)

    def components(self, count: int) -> tuple[str, ...]:
        """Return the first `count` components of the first repeat at once, as `Segment.components` does; for identifiers."""
        return pick_first(self.raw, self.separators, count)

    def text(self) -> str:
        """Return everything, unescaped and never split: for TX, FT, ST and NM, where other separators are only characters."""
        return unescape(self.raw, self.separators)

    @property
    def text_repeats(self) -> tuple[str, ...]:
        """Return each repeat as `text` does: the lines of a TX field, the values of an NM field like `60~120`."""
        parts = self.raw.split(self.separators.repetition)
        return tuple(unescape(part, self.separators) for part in parts)


class Segment(msgspec.Struct, frozen=True, gc=False, eq=False):
    """One segment: its name, its place among those of the same name, its fields by their numbers in the standard.

    Shape: `index` counts from 1 among the segments of that name in the message ("OBX[3]"). `cells` are the raw fields under
    their numbers, the name in front; MSH-1 is the field separator and MSH-2 the encoding characters. The methods give an
    empty text for what is beyond the end.
    """

    name: str
    index: int
    cells: list[str]
    separators: Separators

    def __repr__(self) -> str:
        """Show name and place only: the content may be a patient's."""
        return f"<Segment {self.name}[{self.index}]>"

    @property
    def line(self) -> str:
        """Return the whole segment as it stands."""
        fields, sign = self.cells, self.separators.field
        return sign.join(fields[:1] + fields[2:] if self.name == "MSH" else fields)

    def raw(self, number: int) -> str:
        """Return a field as it stands, with its separators and escapes; empty where there is none."""
        fields = self.cells
        return fields[number] if number < len(fields) else ""

    def has(self, number: int) -> bool:
        """Tell whether a field holds anything, the two quotation marks of a deletion included."""
        return self.raw(number) != ""

    def field(self, number: int) -> Field:
        """Return a field: `component` reads its first repeat, `text` all of it."""
        return Field(self.raw(number), self.separators)

    def repeats(self, number: int) -> tuple[Field, ...]:
        """Return each repeat of a field as a field of its own; none where the field is empty."""
        raw = self.raw(number)
        if not raw:
            return ()
        separators = self.separators
        return tuple([Field(part, separators) for part in raw.split(separators.repetition)])

    def value(self, number: int, component: int = 1, subcomponent: int = 1) -> str:
        """Return what `field(number).component(component, subcomponent)` does, without the field between."""
        fields = self.cells
        raw = fields[number] if number < len(fields) else ""
        # No separator is a letter or digit, so that most fields need no look at them.
        if not raw or (component == subcomponent == 1 and raw.isalnum()):
            return raw
        return pick(raw, self.separators, component, subcomponent)

    def components(self, number: int, count: int) -> tuple[str, ...]:
        """Return the first `count` components of a field's first repeat at once: the code, text and system of a CWE.

        Shape: exactly `count` texts, unescaped, each without the subcomponents after its first. For codes and units, which
        repeat from message to message: what was taken apart lately is remembered.
        """
        fields = self.cells
        return _remembered(fields[number] if number < len(fields) else "", self.separators, count)

    def text(self, number: int) -> str:
        """Return what `field(number).text()` does, without the field between."""
        fields = self.cells
        if number >= len(fields):
            return ""
        raw = fields[number]
        return unescape(raw, self.separators) if self.separators.escape in raw else raw

    def fields(self, last: int) -> Sequence[str]:
        """Return the fields as `raw` does, at least up to number `last`: `fields(14)[11]` is OBX-11."""
        fields = self.cells
        missing = last + 1 - len(fields)
        return fields + [""] * missing if missing > 0 else fields


def build_segments(header: list[str], lines: list[str], separators: Separators) -> SegmentIndex | None:
    """Make a segment of MSH, split already, and of each further line; None where one of those starts no segment.

    Shape: all segments in order under the empty name, and those of each name under it.
    """
    sign = separators.field
    msh = Segment("MSH", 1, header, separators)
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
        segment = Segment(name, len(same) + 1, fields, separators)
        same.append(segment)
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


def pick_first(raw: str, separators: Separators, count: int) -> tuple[str, ...]:
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
        return tuple([pick(part, separators, 1, 1) for part in parts])
    return tuple(parts)


_remembered = lru_cache(maxsize=4096)(pick_first)
