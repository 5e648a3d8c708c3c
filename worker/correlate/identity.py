"""Join identifiers that name one person, from statements that can be taken back. Pure: no I/O, no clock.

For each unordered pair the newest statement counts; of two at one instant the greater kind, in which `unlink` wins. Pairs that
are linked make components by union; taking a link back may split a component again.

Source: HL7 v2.5.1 ch. 3 (A18, A34, A40, A45, A47), FHIR R4 `Patient.link`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.model.fact import IdentityLink

UNLINK = "unlink"
SAME_PID = "same-pid"

PatientKey = tuple[str, str]
Key = TypeVar("Key", PatientKey, int)


@dataclass(frozen=True, slots=True)
class Components:
    """Identifiers grouped into patients.

    Shape: `groups` sorted, each a sorted tuple of (authority, value); `roots` gives each key the first key of its group.
    """

    groups: tuple[tuple[PatientKey, ...], ...]
    roots: Mapping[PatientKey, PatientKey]

    def group_of(self, key: PatientKey) -> tuple[PatientKey, ...]:
        """Return all keys of a patient; a key that no message named is a patient of its own."""
        root = self.roots.get(key, key)
        return next((group for group in self.groups if group[0] == root), (key,))


def connected(keys: Iterable[PatientKey], links: Iterable[IdentityLink]) -> Components:
    """Join `keys`, and every key that `links` name, into patients.

    Shape: both in any order, repeats allowed.
    """
    standing = _standing(links)
    named = [key for pair in standing for key in pair]
    groups = components([*keys, *named], [pair for pair, kind in standing.items() if kind != UNLINK])
    return Components(groups, {key: group[0] for group in groups for key in group})


def known_at(kind: str, stated_at_ms: int, at_ms: int) -> str:
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


def _standing(links: Iterable[IdentityLink]) -> dict[tuple[PatientKey, PatientKey], str]:
    """Return the kind of the newest statement for each unordered pair."""
    newest: dict[tuple[PatientKey, PatientKey], tuple[int, str]] = {}
    for link in links:
        low, high = sorted((link.first.key, link.second.key))
        said = (link.stated_at_ms, link.kind)
        if said > newest.get((low, high), (said[0] - 1, "")):
            newest[low, high] = said
    return {pair: kind for pair, (_, kind) in newest.items()}


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
