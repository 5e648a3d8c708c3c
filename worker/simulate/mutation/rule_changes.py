"""All changes of one rule, or of what rules share. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, cast

from worker.decode.located_yaml import Path
from worker.simulate.mutation.clause_changes import FROM_SERIES, clause_changes, window_changes
from worker.simulate.mutation.edits import GONE, Change, Edit, Kind, apply, references, shortened
from worker.simulate.mutation.number_changes import Numbers, number_changes

_LEVELS: Final = ("info", "routine", "urgent", "emergent")
_GRADES: Final = ("unless", "raise", "lower", "remarks")
_LASTS: Final = MappingProxyType({"window": ("episode",), "episode": ("window",)})
_USES: Final = ("window", "lasts", "renotify")

_Mapping = Mapping[str, object]


def rule_changes(data: _Mapping, shared: _Mapping) -> Iterator[Change]:
    """Give every change of a rule file.

    Shape: `data` is the file; `shared` the numbers of all rules. Numbers that nothing uses after a change are taken out,
    as whoever made it by hand would.
    """
    numbers = Numbers(("params",), cast("_Mapping", data.get("params") or {}), shared)
    for change in _rule_changes(data, numbers):
        if not _is_idle(change, data, numbers):
            yield _tidied(change, data, ("params",))


def shared_changes(data: _Mapping) -> Iterator[tuple[str, Change]]:
    """Give every change of `definitions.yaml`, with the name of the definition, the kind or the sum that is changed."""
    definitions = cast("Mapping[str, _Mapping]", data.get("definitions") or {})
    shared = cast("_Mapping", data.get("params") or {})
    for name, spec in definitions.items():
        path: Path = ("definitions", name)
        numbers = Numbers((*path, "params"), cast("_Mapping", spec.get("params") or {}), shared)
        clauses = {(*path, "where"): spec["where"]}
        changes = [*number_changes(data, clauses, numbers), *clause_changes(spec["where"], (*path, "where"))]
        for change in changes:
            if _is_idle(change, data, numbers):
                continue
            yield name, _tidied(change, data, (*path, "params"))
    for key, what in (("kinds", "kinds"), ("sums", "sums")):
        for name, known in cast("_Mapping", data.get(key) or {}).items():
            yield (
                what,
                Change(Kind.LIST, (key, name), f"left out: {shortened(known)}", (((key, name), GONE),)),
            )
            if isinstance(known, list):
                yield from ((what, change) for change in clause_changes(known, (key, name)))


def _rule_changes(data: _Mapping, numbers: Numbers) -> Iterator[Change]:
    clauses = dict(_clauses(data))
    others = {(key,): data[key] for key in _USES if key in data}
    yield from number_changes(data, others | clauses, numbers)
    window = cast("_Mapping", data["window"])
    yield from window_changes(window, ("window",))
    for other in {"lp": ("series",), "series": ("lp",)}.get(str(window.get("counts_from")), ()):
        place: Path = ("window", "counts_from")
        yield Change(Kind.WINDOW, place, f"{window['counts_from']} -> {other}", ((place, other),))
    for path, node in clauses.items():
        yield from clause_changes(node, path)
    yield from _severities(data)
    yield from _grades(data)
    yield from _endings(data)
    folds = cast("list[str]", data.get("folds") or [])
    for at, name in enumerate(folds):
        yield Change(Kind.FOLD, ("folds", at), f"left out: {name}", ((("folds", at), GONE),))


def _clauses(data: _Mapping) -> Iterator[tuple[Path, object]]:
    yield ("when",), data["when"]
    for key in _GRADES:
        for at, grade in enumerate(cast("list[_Mapping]", data.get(key) or [])):
            yield (key, at, "when"), grade["when"]


def _severities(data: _Mapping) -> Iterator[Change]:
    places: list[Path] = [("severity",)]
    for key in ("raise", "lower"):
        grades = cast("list[_Mapping]", data.get(key) or [])
        places += [(key, at, "to") for at, grade in enumerate(grades) if "to" in grade]
    for place in places:
        level = str(_at(data, place))
        known = _LEVELS.index(level)
        for at in (known - 1, known + 1):
            if 0 <= at < len(_LEVELS):
                yield Change(Kind.GRADE, place, f"{level} -> {_LEVELS[at]}", ((place, _LEVELS[at]),))


def _grades(data: _Mapping) -> Iterator[Change]:
    for key in _GRADES:
        grades = cast("list[_Mapping]", data.get(key) or [])
        for at, grade in enumerate(grades):
            yield Change(Kind.GRADE, (key, at), f"left out: {grade['say']}", (((key, at), GONE),))
    if "renotify" in data:
        yield Change(Kind.GRADE, ("renotify",), "left out", ((("renotify",), GONE),))


def _endings(data: _Mapping) -> Iterator[Change]:
    lasts = str(data.get("lasts", "window"))
    for other in _LASTS.get(lasts, ("window", "episode")):
        yield Change(Kind.WINDOW, ("lasts",), f"{lasts} -> {other}", ((("lasts",), other),))


def _is_idle(change: Change, data: _Mapping, numbers: Numbers) -> bool:
    """Tell whether a window is to count from the series that opens with the LP: it has the LP's own facts either way."""
    if change.says != FROM_SERIES:
        return False
    window = _at(data, change.path)
    start = window.get("from", window.get("after")) if isinstance(window, dict) else None
    known = numbers.get(str(start).removeprefix("$"))
    return known is not None and known["value"] == 0


def _tidied(change: Change, data: _Mapping, params: Path) -> Change:
    """Take out the numbers that nothing uses after a change, though something did before."""
    changed = cast("_Mapping", apply(data, change.edits))
    before, after = ({name for _, name in references(_at(one, params[:-1]))} for one in (data, changed))
    known = cast("_Mapping", _at(changed, params) or {})
    unused: tuple[Edit, ...] = tuple(((*params, name), GONE) for name in known if name in before - after)
    return Change(change.kind, change.path, change.says, (*change.edits, *unused))


def _at(data: object, path: Path) -> object:
    for part in path:
        if isinstance(data, dict):
            data = data.get(str(part))
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
        else:
            return None
    return data
