"""Patients as small integers, and who is joined with whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, TypeAlias

import sqlalchemy as sa

from worker.correlate.identity import UNLINK, components, known_at
from worker.model.fact import Identifier, IdentityLink
from worker.model.time import EpochMs
from worker.storage.dialect import find_pairs, insert_new, one_of, upsert, write_rows
from worker.storage.schema import identifier, identity_link

Group: TypeAlias = tuple[int, ...]
Links: TypeAlias = dict[tuple[int, int], tuple[int, str]]

_CACHE_LIMIT = 100_000
# More statements about patients who are joined are taken for a sign that they should not be. A statement of SQLite holds the
# numbers of all whom so many can join.
_LINKS_OF_A_MEMBER = 5


class Identities:
    """Number identifiers, keep the links between them, and find whom a patient is joined with."""

    def __init__(self) -> None:
        """Start with an empty cache; the numbers are in the database."""
        self._numbers: dict[tuple[str, str], int] = {}
        self._identifiers: dict[int, Identifier] = {}

    def forget(self) -> None:
        """Drop the cache: a transaction that gave numbers was taken back."""
        self._numbers.clear()
        self._identifiers.clear()

    def number(self, conn: sa.Connection, identifiers: Iterable[Identifier]) -> Mapping[tuple[str, str], int]:
        """Give the number of each identifier, a new one where it was never seen.

        Shape: a view of the cache, by `Identifier.key`; use it before the next call.
        """
        self._make_room()
        unknown = {key: item for key, item in _keyed(identifiers) if key not in self._numbers}
        if unknown:
            self._load(conn, unknown)
            new = [item for key, item in unknown.items() if key not in self._numbers]
            if new:
                self._add(conn, new)
        return self._numbers

    def find(self, conn: sa.Connection, numbers: Iterable[int]) -> Mapping[int, Identifier]:
        """Give the identifiers with these numbers.

        Shape: a view of the cache; use it before the next call.
        """
        self._make_room()
        unknown = [number for number in numbers if number not in self._identifiers]
        if unknown:
            self._keep(conn.execute(_BY_NUMBER, {"numbers": unknown}))
        return self._identifiers

    def has_numbers(self, identifiers: Iterable[Identifier]) -> bool:
        """Tell whether all of these have a number that we know of."""
        return all(key in self._numbers for key, _ in _keyed(identifiers))

    def link(self, conn: sa.Connection, links: Mapping[str, Sequence[IdentityLink]]) -> None:
        """Keep, for each pair and part, the statement that counts: the one with the highest (time, kind)."""
        stated = [link for some in links.values() for link in some]
        numbers = self.number(conn, (item for link in stated for item in (link.first, link.second)))
        # Sorted, so that two writers meet the rows in one order and never wait for each other in a ring.
        rows = [row for part in sorted(links) for row in _link_rows(part, links[part], numbers)]
        if rows:
            names = ("stated_at_ms", "kind")
            write_rows(conn, upsert(conn, identity_link, names, newer=names), rows)

    def groups(
        self, conn: sa.Connection, patients: Iterable[int], at_ms: EpochMs | None = None
    ) -> list[Group]:
        """Give the groups of joined patients that hold these, each sorted by number, the first being its root.

        Shape: with `at_ms` as they were joined then, as far as the newest statement about each pair tells.
        """
        wanted = frozenset(patients)
        links = _reach(wanted, lambda some: _links(conn, some)) or {}
        if at_ms is not None:
            then = {
                pair: (said_ms, known_at(kind, said_ms, at_ms)) for pair, (said_ms, kind) in links.items()
            }
            links = {pair: stated for pair, stated in then.items() if stated[1]}
        return _groups_of(wanted, links)

    def bounded_groups(
        self, conn: sa.Connection, patients: Iterable[int], largest: int
    ) -> tuple[list[Group], list[Group]]:
        """Give the groups that hold these patients, and apart from them those that have more than `largest` members.

        Shape: of the latter only a part, which holds the patient who was asked for: a mistake that joins a whole hospital must
        not be read whole for each of its patients.
        """
        wanted = frozenset(patients)
        most = largest * _LINKS_OF_A_MEMBER
        links = _reach(wanted, lambda some: _some_links(conn, some, most), most)
        if links is None:
            return self._one_by_one(conn, sorted(wanted), largest)
        groups = _groups_of(wanted, links)
        too_large = [group for group in groups if len(group) > largest]
        return [group for group in groups if len(group) <= largest], too_large

    def _one_by_one(
        self, conn: sa.Connection, wanted: Iterable[int], largest: int
    ) -> tuple[list[Group], list[Group]]:
        """Find the group of each patient by itself; one that meets another that is too large is part of that."""
        groups: dict[int, Group] = {}
        too_large: list[Group] = []
        huge: set[int] = set()
        for patient in wanted:
            if patient not in groups:
                group = _explore(conn, patient, largest, huge)
                if len(group) > largest or not huge.isdisjoint(group):
                    too_large.append(group)
                    huge.update(group)
                else:
                    groups.update(dict.fromkeys(group, group))
        return sorted(set(groups.values())), too_large

    def unchanged(self, conn: sa.Connection, groups: Sequence[Group]) -> list[Group]:
        """Give those of these groups that are still joined just so: read once, for whoever holds their locks."""
        members = frozenset(number for group in groups for number in group)
        links = _links(conn, members) if members else {}
        now = set(_joined(members.union(*links), links))
        return [group for group in groups if group in now]

    def _load(self, conn: sa.Connection, keys: Iterable[tuple[str, str]]) -> None:
        self._keep(find_pairs(conn, (identifier.c.authority, identifier.c.value), keys))

    def _keep(self, rows: Iterable[sa.Row[*tuple[Any, ...]]]) -> None:
        for number, authority, value, kind in rows:
            self._numbers[authority, value] = number
            self._identifiers[number] = Identifier(authority, value, kind)

    def _add(self, conn: sa.Connection, new: Sequence[Identifier]) -> None:
        # Sorted, as links are.
        rows = [
            {"authority": item.authority, "value": item.value, "type": item.type}
            for item in sorted(new, key=lambda item: item.key)
        ]
        write_rows(conn, insert_new(conn, identifier), rows)
        self._load(conn, [item.key for item in new])

    def _make_room(self) -> None:
        if len(self._identifiers) > _CACHE_LIMIT:
            self.forget()


_SELECT = sa.select(identifier.c.id, identifier.c.authority, identifier.c.value, identifier.c.type)
_BY_NUMBER = _SELECT.where(one_of(identifier.c.id, "numbers"))
_STATED = (identity_link.c.first, identity_link.c.second, identity_link.c.stated_at_ms, identity_link.c.kind)
_LINKS = sa.select(*_STATED).where(
    sa.or_(one_of(identity_link.c.first, "patients"), one_of(identity_link.c.second, "patients"))
)
_SOME_LINKS = _LINKS.limit(sa.bindparam("most"))


def _keyed(identifiers: Iterable[Identifier]) -> Iterator[tuple[tuple[str, str], Identifier]]:
    """Give each identifier with its key; of the many facts of one message, which share theirs, only the first."""
    last = None
    for item in identifiers:
        if item is not last:
            last = item
            yield item.key, item


def _groups_of(wanted: frozenset[int], links: Links) -> list[Group]:
    return [group for group in _joined(wanted.union(*links), links) if not wanted.isdisjoint(group)]


def _joined(members: Iterable[int], links: Links) -> tuple[Group, ...]:
    return components(members, [pair for pair, (_, kind) in links.items() if kind != UNLINK])


def _links(conn: sa.Connection, patients: Iterable[int]) -> Links:
    """Read what is said last of each pair that these patients are in."""
    return _newest(conn.execute(_LINKS, {"patients": list(patients)}))


def _some_links(conn: sa.Connection, patients: Iterable[int], most: int) -> Links | None:
    """Do the same, or give None where there are `most` statements or more."""
    rows = conn.execute(_SOME_LINKS, {"patients": list(patients), "most": most}).all()
    return _newest(rows) if len(rows) < most else None


def _newest(rows: Iterable[sa.Row[int, int, EpochMs, str]]) -> Links:
    found: Links = {}
    for first, second, at_ms, kind in rows:
        stated = (at_ms, kind)
        found[first, second] = max(stated, found.get((first, second), stated))
    return found


def _reach(
    wanted: frozenset[int], read: Callable[[frozenset[int]], Links | None], most: float = inf
) -> Links | None:
    """Read all links that lead from these patients on; None as soon as there are too many to read."""
    members = frontier = wanted
    links: Links = {}
    while frontier:
        found = read(frontier)
        if found is None:
            return None
        links.update(found)
        if len(links) > most:
            return None
        frontier = frozenset(number for pair in found for number in pair) - members
        members |= frontier
    return links


def _explore(conn: sa.Connection, patient: int, largest: int, huge: set[int]) -> Group:
    """Give a patient's group, or a part of it that is too large or meets what is; `huge` learns who has too many links."""
    members = frontier = frozenset({patient})
    while frontier and len(members) <= largest and huge.isdisjoint(members):
        found = _some_links(conn, frontier, largest * _LINKS_OF_A_MEMBER)
        if found is None:
            huge.update(frontier)
            break
        joined = [pair for pair, (_, kind) in found.items() if kind != UNLINK]
        frontier = frozenset(number for pair in joined for number in pair) - members
        members |= frontier
    return tuple(sorted(members))


def _link_rows(
    part: str, links: Iterable[IdentityLink], numbers: Mapping[tuple[str, str], int]
) -> list[dict[str, object]]:
    """Give a row for each pair, with the statement that counts."""
    best: Links = {}
    for link in links:
        first, second = sorted((numbers[link.first.key], numbers[link.second.key]))
        stated = (link.stated_at_ms, link.kind)
        if first != second and stated > best.get((first, second), (-1, "")):
            best[first, second] = stated
    return [
        {"first": first, "second": second, "part": part, "stated_at_ms": at_ms, "kind": kind}
        for (first, second), (at_ms, kind) in sorted(best.items())
    ]
