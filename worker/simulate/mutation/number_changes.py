"""The changes of numbers: a little more and a little less, wherever a number is used. Pure: no I/O, no clock.

A number that one place uses is changed where it stands. One that several places use, or several rules share, is changed for one
place at a time: each must be noticed by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final, cast

from worker.decode.located_yaml import Path
from worker.simulate.mutation.edits import GONE, Change, Edit, Kind, references

_STEPS: Final = MappingProxyType({"Cel": "0.1", "a": "1", "d": "1", "wk": "1"})
_LARGE: Final = 1000
_FINE_MINUTES: Final = 30
_TIMES: Final = frozenset(
    {
        "active_for",
        "apart",
        "gap",
        "grace",
        "not_before",
        "or_first_within",
        "since_lp",
        "since_series",
        "spanning",
        "within",
    }
)
_WINDOWS: Final = frozenset({"during", "lasts", "window"})
_AGES: Final = frozenset({"age", "from_age"})


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers that clauses of one rule or definition may use.

    Shape: `path` is where its own stand in the file, `own` and `shared` (those of all rules) by name.
    """

    path: Path
    own: Mapping[str, object]
    shared: Mapping[str, object]

    def get(self, name: str) -> dict[str, object] | None:
        """Return what stands behind `$name`."""
        found = self.own.get(name, self.shared.get(name))
        return found if isinstance(found, dict) else None


def step_of(value: float, unit: str) -> Decimal:
    """Return the least change of a number that its unit and its precision make a difference of.

    Shape: a tenth of a degree; one hour, day or point; five minutes of a span that is not short; a day of many hours,
    a tenth of a large number; else one of the last digit that is written.
    """
    if unit in _STEPS:
        return Decimal(_STEPS[unit])
    if unit == "min":
        return Decimal(5 if abs(value) >= _FINE_MINUTES else 1)
    if abs(value) >= _LARGE:
        return Decimal(24) if unit == "h" else Decimal(str(value)) / 10
    exponent = Decimal(str(value)).as_tuple().exponent
    return Decimal(1).scaleb(min(0, exponent if isinstance(exponent, int) else 0))


def number_changes(data: object, used_in: Mapping[Path, object], numbers: Numbers) -> Iterator[Change]:
    """Give every change of the numbers that some places of a file use.

    Shape: `data` is the whole file; `used_in` the clauses that may refer to numbers, by place.
    """
    uses = [(place, name) for path, node in used_in.items() for place, name in references(node, path)]
    count = Counter(name for _, name in uses)
    for place, name in uses:
        known = numbers.get(name)
        if known is None:
            continue
        if name in numbers.own and count[name] == 1:
            yield from _of_own(name, known, place, numbers)
        else:
            yield from _at_one_place(name, known, place, numbers, data)
    for name in count:
        own = numbers.own.get(name)
        if isinstance(own, dict) and own.get("by_age"):
            yield from _of_bands(own["by_age"], (*numbers.path, name, "by_age"))


def _of_own(name: str, known: Mapping[str, object], place: Path, numbers: Numbers) -> Iterator[Change]:
    path = (*numbers.path, name, "value")
    for value, says in _around(known, "value"):
        yield Change(_kind(place), path, says, ((path, value),))


def _at_one_place(
    name: str, known: Mapping[str, object], place: Path, numbers: Numbers, data: object
) -> Iterator[Change]:
    other = f"{name}_changed"
    for value, says in _around(known, "value"):
        edits: list[Edit] = [((*numbers.path, other), {**known, "value": value}), (place, f"${other}")]
        if not _has(data, numbers.path):
            edits[0] = (numbers.path, {other: {**known, "value": value}})
        yield Change(_kind(place), place, f"${name} {says}", tuple(edits))


def _of_bands(bands: object, path: Path) -> Iterator[Change]:
    for at, band in enumerate(cast("list[dict[str, object]]", bands)):
        yield Change(Kind.AGE, (*path, at), f"left out: below {band['below']}", (((*path, at), GONE),))
        for key in ("below", "value"):
            place = (*path, at, key)
            unit = str(band["age_unit"]) if key == "below" else ""
            for value, says in _around({"value": band[key], "unit": unit}, "value"):
                yield Change(Kind.AGE, place, says, ((place, value),))


def _around(known: Mapping[str, object], key: str) -> Iterator[tuple[float, str]]:
    """Give a number a step more and a step less, each with words for it."""
    value, unit = cast("float", known[key]), str(known.get("unit", ""))
    step = step_of(value, unit)
    for changed in (Decimal(str(value)) + step, Decimal(str(value)) - step):
        is_whole = isinstance(known[key], int) and changed == changed.to_integral_value()
        number = int(changed) if is_whole else float(changed)
        yield number, f"{value} -> {number} {unit}".rstrip()


def _kind(place: Path) -> Kind:
    keys = {part for part in place if isinstance(part, str)}
    if keys & _WINDOWS:
        return Kind.WINDOW
    if keys & _TIMES:
        return Kind.TIME
    return Kind.AGE if keys & _AGES else Kind.NUMBER


def _has(data: object, path: Path) -> bool:
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return False
        data = data[str(part)]
    return True
