"""Join identifiers that name one person, from statements that can be taken back. Pure: no I/O, no clock.

For each unordered pair the newest statement counts; of two at one instant the greater kind, in which `unlink` wins. Pairs that
are linked make components by union; taking a link back may split a component again. What a record says, a FHIR Patient, counts
until a newer version of it does not repeat it: the statement has lapsed then, whichever came first.

Source: HL7 v2.5.1 ch. 3 (A18, A34, A40, A43 to A45, A47), FHIR R4 `Patient.link`, `Patient.identifier`; ADR 0041.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from worker.model.fact import SAME_PID, UNLINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LAPSED = "lapsed"
_APART = frozenset({UNLINK, LAPSED, ""})

PatientKey = tuple[str, str]
Key = TypeVar("Key", PatientKey, int)
Pair = tuple[Key, Key]


class Said(NamedTuple, Generic[Key]):
    """One statement about a pair, the smaller key first; `version_ms` is the newest version of the record it stands in, or 0.

    Shape: a record's version is a statement about the record and itself. `LAPSED` is the kind of a statement that is known to
    have lapsed.
    """

    first: Key
    second: Key
    stated_at_ms: int
    kind: str
    version_ms: int = 0

    @property
    def has_lapsed(self) -> bool:
        """Tell whether a newer version of the record does not repeat this."""
        return self.stated_at_ms < self.version_ms


def newest(said: Iterable[Said[Key]], at_ms: int | None = None) -> dict[Pair[Key], str]:
    """Give what each pair is: the kind of the newest statement that has not lapsed, `LAPSED` where all have.

    Shape: with `at_ms` what it was then, as far as these statements tell; "" where it was not joined yet.
    """
    found: dict[Pair[Key], tuple[int, str]] = {}
    for each in said:
        if each.first != each.second:
            pair, stated = (each.first, each.second), _counts(each, at_ms)
            found[pair] = max(stated, found.get(pair, stated))
    return {
        pair: kind if at_ms is None else _known_at(kind, stated_ms, at_ms)
        for pair, (stated_ms, kind) in found.items()
    }


def joined(pairs: Mapping[Pair[Key], str]) -> list[Pair[Key]]:
    """Give the pairs that are one person."""
    return [pair for pair, kind in pairs.items() if kind not in _APART]


def _counts(said: Said[Key], at_ms: int | None) -> tuple[int, str]:
    """Give the instant and kind by which a statement is compared; one that has lapsed comes behind all others."""
    if said.has_lapsed and (at_ms is None or said.version_ms <= at_ms):
        return (-1, LAPSED)
    return (said.stated_at_ms, SAME_PID if said.kind == LAPSED else said.kind)


def _known_at(kind: str, stated_at_ms: int, at_ms: int) -> str:
    """Give what a pair was at an instant, as far as its newest statement tells; "" where it was not joined yet.

    Numbers that one PID holds belong together whenever that was said; who was parted later was joined before.
    """
    if stated_at_ms <= at_ms or kind == SAME_PID:
        return kind
    return SAME_PID if kind == UNLINK else ""


def components(keys: Iterable[Key], pairs: Iterable[tuple[Key, Key]]) -> tuple[tuple[Key, ...], ...]:
    """Join keys by pairs of them.

    Shape: both in any order, repeats allowed; the groups sorted, each a sorted tuple.
    """
    parent = {key: key for key in keys}
    for first, second in pairs:
        _union(parent, first, second)
    members: dict[Key, list[Key]] = {}
    for key in sorted(parent):
        members.setdefault(_find(parent, key), []).append(key)
    return tuple(sorted(tuple(group) for group in members.values()))


def _find(parent: dict[Key, Key], key: Key) -> Key:
    root = key
    while parent[root] != root:
        root = parent[root]
    while parent[key] != root:
        parent[key], key = root, parent[key]
    return root


def _union(parent: dict[Key, Key], first: Key, second: Key) -> None:
    low, high = sorted((_find(parent, first), _find(parent, second)))
    parent[high] = low
