"""Patients as small integers, and who is joined with whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple, TypeAlias

import sqlalchemy as sa

from worker.correlate.identity import LAPSED, Pair, Said, components, joined, newest
from worker.model.fact import VERSION, Identifier, IdentityLink
from worker.model.time import EpochMs
from worker.storage.dialect import find_pairs, insert_new, one_of, upsert, write_rows
from worker.storage.records import MOVED_RECORD, NO_RECORD, record_of
from worker.storage.schema import identifier, identity_link

Group: TypeAlias = tuple[int, ...]
Links: TypeAlias = dict[Pair[int], str]

_CACHE_LIMIT = 100_000
# More statements about patients who are joined are taken for a sign that they should not be. A statement of SQLite holds the
# numbers of all whom so many can join.
_LINKS_OF_A_MEMBER = 5


class Bounded(NamedTuple):
    """Who is joined with whom; of groups that are `too_large` a part. `lapsed` records once said more than they do now."""

    groups: list[Group]
    too_large: list[Group]
    lapsed: set[int]


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
        """Keep, for each pair, part and record, the statement that counts: the one with the highest (time, kind)."""
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
        links = _reach(wanted, lambda some: newest(_said(conn, some), at_ms)) or {}
        return _groups_of(wanted, links)

    def bounded_groups(self, conn: sa.Connection, patients: Iterable[int], largest: int) -> Bounded:
        """Give the groups that hold these patients, and apart from them those that have more than `largest` members.

        Shape: of the latter only a part, which holds the patient who was asked for: a mistake that joins a whole hospital must
        not be read whole for each of its patients.
        """
        wanted = frozenset(patients)
        most = largest * _LINKS_OF_A_MEMBER
        found = Bounded([], [], set())
        links = _reach(wanted, lambda some: _some_links(conn, some, most, found.lapsed), most)
        if links is None:
            self._one_by_one(conn, sorted(wanted), largest, found)
        for group in () if links is None else _groups_of(wanted, links):
            (found.groups if len(group) <= largest else found.too_large).append(group)
        return found

    def _one_by_one(self, conn: sa.Connection, wanted: Iterable[int], largest: int, found: Bounded) -> None:
        """Find the group of each patient by itself; one that meets another that is too large is part of that."""
        groups: dict[int, Group] = {}
        huge: set[int] = set()
        for patient in wanted:
            if patient not in groups:
                group = _explore(conn, patient, largest, huge, found.lapsed)
                if len(group) > largest or not huge.isdisjoint(group):
                    found.too_large.append(group)
                    huge.update(group)
                else:
                    groups.update(dict.fromkeys(group, group))
        found.groups.extend(sorted(set(groups.values())))

    def settle(self, conn: sa.Connection, lapsed: Iterable[int]) -> set[int]:
        """Note that it is known what these records said and do not say any more; give whom they said it of.

        Shape: what another worker settles now is left to him.
        """
        found = conn.execute(_LAPSED, {"records": sorted(lapsed)}).all()
        if found:
            conn.execute(_SETTLE, [row._asdict() for row in found])
        return {number for row in found for number in row[:2] if number != row.known_record}

    def unchanged(self, conn: sa.Connection, groups: Sequence[Group]) -> list[Group]:
        """Give those of these groups that are still joined just so: read once, for whoever holds their locks."""
        members = frozenset(number for group in groups for number in group)
        links = newest(_said(conn, members)) if members else {}
        now = set(components(members.union(*links), joined(links)))
        return [group for group in groups if group in now]

    def drop_moved(self, conn: sa.Connection, before_ms: EpochMs) -> None:
        """Forget who was joined because something moved before this instant; what else joins them stands."""
        conn.execute(_DROP_MOVED, {"before_ms": before_ms})

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
_VERSIONS = identity_link.alias("versions")
_VERSION_MS = sa.case(
    (
        identity_link.c.record > NO_RECORD,
        sa.select(sa.func.max(_VERSIONS.c.stated_at_ms))
        .where(_VERSIONS.c.first == identity_link.c.record, _VERSIONS.c.second == identity_link.c.record)
        .scalar_subquery(),
    ),
    else_=0,
)
_LINKS = sa.select(
    identity_link.c.first,
    identity_link.c.second,
    identity_link.c.stated_at_ms,
    identity_link.c.kind,
    sa.func.coalesce(_VERSION_MS, 0),
    identity_link.c.record,
).where(sa.or_(one_of(identity_link.c.first, "patients"), one_of(identity_link.c.second, "patients")))
_SOME_LINKS = _LINKS.limit(sa.bindparam("most"))
_DROP_MOVED = sa.delete(identity_link).where(
    identity_link.c.record == MOVED_RECORD, identity_link.c.stated_at_ms < sa.bindparam("before_ms")
)
_LAPSED = (
    sa.select(
        identity_link.c.first.label("known_first"),
        identity_link.c.second.label("known_second"),
        identity_link.c.part.label("known_part"),
        identity_link.c.record.label("known_record"),
    )
    .where(
        sa.or_(one_of(identity_link.c.first, "records"), one_of(identity_link.c.second, "records")),
        one_of(identity_link.c.record, "records"),
        identity_link.c.kind != LAPSED,
        identity_link.c.stated_at_ms < _VERSION_MS,
    )
    .with_for_update(skip_locked=True, of=identity_link)
)
_SETTLE = (
    sa.update(identity_link)
    .where(
        identity_link.c.first == sa.bindparam("known_first"),
        identity_link.c.second == sa.bindparam("known_second"),
        identity_link.c.part == sa.bindparam("known_part"),
        identity_link.c.record == sa.bindparam("known_record"),
    )
    .values(kind=LAPSED)
)


def _keyed(identifiers: Iterable[Identifier]) -> Iterator[tuple[tuple[str, str], Identifier]]:
    """Give each identifier with its key; of the many facts of one message, which share theirs, only the first."""
    last = None
    for item in identifiers:
        if item is not last:
            last = item
            yield item.key, item


def _groups_of(wanted: frozenset[int], links: Links) -> list[Group]:
    groups = components(wanted.union(*links), joined(links))
    return [group for group in groups if not wanted.isdisjoint(group)]


def _said(conn: sa.Connection, patients: Iterable[int]) -> Iterator[Said[int]]:
    """Read what is said of the pairs that these patients are in."""
    return (Said(*row[:5]) for row in conn.execute(_LINKS, {"patients": list(patients)}))


def _some_links(conn: sa.Connection, patients: Iterable[int], most: int, lapsed: set[int]) -> Links | None:
    """Give what each of these pairs is, or None where there are `most` statements or more; `lapsed` learns of records."""
    rows = conn.execute(_SOME_LINKS, {"patients": list(patients), "most": most}).all()
    said = [Said(*row[:5]) for row in rows]
    lapsed.update(
        row.record for row, each in zip(rows, said, strict=True) if each.has_lapsed and each.kind != LAPSED
    )
    return newest(said) if len(rows) < most else None


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


def _explore(conn: sa.Connection, patient: int, largest: int, huge: set[int], lapsed: set[int]) -> Group:
    """Give a patient's group, or a part of it that is too large or meets what is; `huge` learns who has too many links."""
    members = frontier = frozenset({patient})
    while frontier and len(members) <= largest and huge.isdisjoint(members):
        found = _some_links(conn, frontier, largest * _LINKS_OF_A_MEMBER, lapsed)
        if found is None:
            huge.update(frontier)
            break
        frontier = frozenset(number for pair in joined(found) for number in pair) - members
        members |= frontier
    return tuple(sorted(members))


def _link_rows(
    part: str, links: Iterable[IdentityLink], numbers: Mapping[tuple[str, str], int]
) -> list[dict[str, object]]:
    """Give a row for each pair and record, with the statement that counts."""
    best: dict[tuple[int, int, int], tuple[EpochMs, str]] = {}
    for link in links:
        first, second = sorted((numbers[link.first.key], numbers[link.second.key]))
        if first == second and link.kind != VERSION:
            continue
        record = record_of(link, lambda who: numbers[who.key])
        stated = (link.stated_at_ms, link.kind)
        best[first, second, record] = max(stated, best.get((first, second, record), stated))
    return [
        {
            "first": first,
            "second": second,
            "part": part,
            "record": record,
            "stated_at_ms": at_ms,
            "kind": kind,
        }
        for (first, second, record), (at_ms, kind) in sorted(best.items())
    ]
