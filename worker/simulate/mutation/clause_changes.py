"""The changes of a clause: its operators, joins, logic and lists. Pure: no I/O, no clock.

The walk knows few keys by name, so that a predicate that joins the language is changed without a word here. What is no
clause any more after a change is dropped by whoever checks it against the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from worker.decode.located_yaml import Path
from worker.simulate.mutation.edits import GONE, Change, Kind, renamed, shortened

_OPERATORS: Final = MappingProxyType(
    {"above": "at_least", "at_least": "above", "below": "at_most", "at_most": "below"}
)
_ENDS: Final = MappingProxyType({"from": "after", "after": "from", "to": "before", "before": "to"})
_SINCE: Final = MappingProxyType({"since_lp": "since_series", "since_series": "since_lp"})
_CHOICES: Final = MappingProxyType(
    {
        "previous": ("lowest",),
        "lowest": ("previous",),
        "highest": ("last",),
        "last": ("highest",),
        "lp": ("series",),
        "series": ("lp",),
    }
)
_CHOSEN: Final = frozenset({"over", "counts_from"})
_LOGIC: Final = MappingProxyType({"all": "any", "any": "all"})
_WINDOWS: Final = frozenset({"window", "during"})
_TOLD: Final = ("present", "uncertain")
_NOT_TOLD: Final = (("absent", "resolved"), ("historical", "hypothetical", "family"))
FROM_SERIES: Final = "counts from the series"
_ONE_PLACE_ONLY: Final = frozenset({"of", "counts_from", "over"})
"""Keys that are changed in other ways than by leaving them out."""


def clause_changes(node: object, path: Path) -> Iterator[Change]:
    """Give every change of what stands at a place, below it too."""
    if isinstance(node, dict):
        yield from _of_mapping(node, path)
        for key, value in node.items():
            yield from clause_changes(value, (*path, key))
    elif isinstance(node, list):
        yield from _of_list(node, path)
        for at, value in enumerate(node):
            yield from clause_changes(value, (*path, at))


def window_changes(node: Mapping[str, object], path: Path) -> Iterator[Change]:
    """Give the changes of a window but its numbers: whether an end counts, and from which LP."""
    for key, other in _ENDS.items():
        if key in node:
            yield Change(Kind.WINDOW, (*path, key), f"{key} -> {other}", ((path, renamed(node, key, other)),))
    if "counts_from" not in node:
        yield Change(Kind.WINDOW, path, FROM_SERIES, ((path, {**node, "counts_from": "series"}),))


def _of_mapping(node: Mapping[str, object], path: Path) -> Iterator[Change]:
    if path and path[-1] in _WINDOWS:
        yield from window_changes(node, path)
    if path and path[-1] == "finding":
        yield from _of_finding(node, path)
    if path and path[-1] == "preceded_by" and "counts_from" not in node and "not_before" in node:
        yield Change(Kind.JOIN, path, FROM_SERIES, ((path, {**node, "counts_from": "series"}),))
    for key, value in node.items():
        place = (*path, key)
        yield from _of_operator(node, path, key)
        yield from _of_logic(node, path, key, value)
        if key in _CHOSEN and isinstance(value, str):
            for other in _CHOICES.get(value, ()):
                yield Change(Kind.JOIN, place, f"{value} -> {other}", ((place, other),))
        if key == "near" and isinstance(value, dict) and "within" in value:
            earlier = renamed(value, "within", "gap", {"at_most": value["within"]})
            yield Change(
                Kind.JOIN, place, "before only", ((path, renamed(node, key, "preceded_by", earlier)),)
            )
        if len(node) > 1 and key not in _ONE_PLACE_ONLY and key not in _ENDS:
            kind = Kind.JOIN if key in {"near", "preceded_by"} else Kind.CLAUSE
            yield Change(kind, place, f"left out: {shortened(value)}", ((place, GONE),))


def _of_operator(node: Mapping[str, object], path: Path, key: str) -> Iterator[Change]:
    for table, kind in ((_OPERATORS, Kind.OPERATOR), (_SINCE, Kind.WINDOW)):
        other = table.get(key)
        if other is not None and other not in node:
            yield Change(kind, (*path, key), f"{key} -> {other}", ((path, renamed(node, key, other)),))


def _of_logic(node: Mapping[str, object], path: Path, key: str, value: object) -> Iterator[Change]:
    rest = {name: known for name, known in node.items() if name != key}
    if key in _LOGIC and isinstance(value, list) and len(value) > 1:
        other = _LOGIC[key]
        changed = renamed(node, key, other)
        if other in node:
            more = node["all"] if key == "any" else [{"any": value}]
            changed = {**rest, "all": [*more, *value] if key == "any" and isinstance(more, list) else more}
        yield Change(Kind.LOGIC, (*path, key), f"{key} -> {other}", ((path, changed),))
    if key == "not" and isinstance(value, dict):
        affirmed = value if not rest else _both(rest, value)
        yield Change(Kind.LOGIC, (*path, key), "affirmed", ((path, affirmed),))


def _both(rest: Mapping[str, object], more: Mapping[str, object]) -> dict[str, object]:
    """Join two clauses in one, nested where they share a key."""
    if not rest.keys() & more.keys():
        return {**rest, **more}
    return {"all": [dict(rest), dict(more)]}


def _of_finding(node: Mapping[str, object], path: Path) -> Iterator[Change]:
    """Change what a finding means where it says nothing of it."""
    told = node.get("status", list(_TOLD))
    if "status" not in node:
        yield Change(Kind.LIST, path, "uncertain does not count", ((path, {**node, "status": ["present"]}),))
    if isinstance(told, list):
        for more in _NOT_TOLD:
            added = [one for one in more if one not in told]
            if added:
                says = f"{', '.join(added)} counts too"
                yield Change(Kind.LIST, path, says, ((path, {**node, "status": [*told, *added]}),))
    if node.get("new", True) is True:
        yield Change(Kind.CLAUSE, path, "what was there before counts", ((path, {**node, "new": False}),))


def _of_list(node: list[object], path: Path) -> Iterator[Change]:
    if len(node) < 2:  # noqa: PLR2004 - nothing is left of one
        return
    kind = Kind.LIST if all(isinstance(one, str) for one in node) else Kind.CLAUSE
    for at, one in enumerate(node):
        place = (*path, at)
        yield Change(kind, place, f"left out: {shortened(one)}", ((place, GONE),))
