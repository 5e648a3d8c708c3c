"""Whose each resource is, and the few that are contested: several patients had them, or they were deleted.

Claims are written first, in a transaction of their own where others write at the same time, and looked at afterwards: of two
workers that ingest what one resource said of two patients, the one that looks last sees both, and makes both due. Nobody
waits for a patient.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from worker.correlate.claims import MOST_MARKED, NOBODY, Instant, newer_elsewhere
from worker.model.fact import Claim
from worker.model.time import DAY_MS, EpochMs
from worker.storage.dialect import one_of, upsert, write_rows
from worker.storage.schema import contested, lp_fact, resource_claim

_IN_A_STATEMENT = 1_000

_SHARED = (
    sa.select(resource_claim.c.resource)
    .where(one_of(resource_claim.c.resource, "resources"))
    .group_by(resource_claim.c.resource)
    .having(sa.func.count().between(2, MOST_MARKED))
)
_HOLDERS = sa.select(resource_claim.c.resource, resource_claim.c.patient).where(
    one_of(resource_claim.c.resource, "resources"), resource_claim.c.patient != NOBODY
)
_MARK = sa.insert(contested)
_OF = (
    sa.select(
        contested.c.patient.label("owner"),
        *(resource_claim.c[name] for name in ("resource", "patient", "major", "minor")),
    )
    .distinct()
    .join(resource_claim, resource_claim.c.resource == contested.c.resource)
    .where(one_of(contested.c.patient, "patients"))
)
_OF_THEN = _OF.where(resource_claim.c.received_at_ms <= sa.bindparam("at_ms"))
_DROP_MARKS = sa.delete(contested).where(
    contested.c.received_at_ms < sa.bindparam("before_ms"),
    ~sa.exists().where(lp_fact.c.patient == contested.c.patient),
)
_DROP = sa.delete(resource_claim).where(
    resource_claim.c.received_at_ms < sa.bindparam("before_ms"),
    ~sa.exists().where(contested.c.resource == resource_claim.c.resource),
)


def write(conn: sa.Connection, claims: Iterable[Claim], numbers: Mapping[tuple[str, str], int]) -> None:
    """Keep, for each resource and holder, the newest claim."""
    newest: dict[tuple[str, int], Claim] = {}
    for claim in claims:
        key = (claim.resource, NOBODY if claim.patient is None else numbers[claim.patient.key])
        known = newest.get(key)
        if known is None or claim.stated_at > known.stated_at:
            newest[key] = claim
    # Sorted, so that two writers meet the rows in one order and never wait for each other in a ring.
    rows = [
        {
            "resource": resource,
            "patient": patient,
            "major": claim.stated_at[0],
            "minor": claim.stated_at[1],
            "received_at_ms": claim.received_at_ms,
        }
        for (resource, patient), claim in sorted(newest.items(), key=_first)
    ]
    values = ("major", "minor", "received_at_ms")
    write_rows(conn, upsert(conn, resource_claim, values, newer=values[:2]), rows)


def mark(conn: sa.Connection, claims: Iterable[Claim]) -> list[tuple[int, EpochMs]]:
    """Note which of these resources, whose claims are written, are contested; give every patient who had one, to be judged."""
    received_ms: dict[str, EpochMs] = {}
    for claim in claims:
        received_ms[claim.resource] = max(claim.received_at_ms, received_ms.get(claim.resource, 0))
    shared = [
        resource
        for some in _chunks(sorted(received_ms))
        for resource in conn.scalars(_SHARED, {"resources": some})
    ]
    if not shared:
        return []
    rows = [
        {"patient": patient, "resource": resource, "received_at_ms": received_ms[resource]}
        for some in _chunks(shared)
        for resource, patient in conn.execute(_HOLDERS, {"resources": some})
    ]
    if rows:
        conn.execute(_MARK, rows)
    return [(row["patient"], row["received_at_ms"]) for row in rows]


def elsewhere(
    conn: sa.Connection, patients: Collection[int], at_ms: EpochMs | None = None
) -> Mapping[int, Mapping[str, Instant]]:
    """Give for each of these patients, by resource, the newest claim of another holder; who has nothing contested is missing.

    Shape: with `at_ms` without holders whose newest claim was received later.
    """
    asked = {"patients": list(patients)}
    found = conn.execute(_OF, asked) if at_ms is None else conn.execute(_OF_THEN, asked | {"at_ms": at_ms})
    holders: dict[tuple[int, str], dict[int, Instant]] = defaultdict(dict)
    for owner, resource, patient, major, minor in found:
        holders[owner, resource][patient] = (major, minor)
    claimed: dict[int, dict[str, Instant]] = {}
    for (owner, resource), known in holders.items():
        newest = newer_elsewhere(known, owner)
        if newest is not None:
            claimed.setdefault(owner, {})[resource] = newest
    return claimed


def drop(conn: sa.Connection, received_before_ms: EpochMs) -> None:
    """Drop what was received before that day, unless facts are kept that it takes back."""
    before = {"before_ms": received_before_ms // DAY_MS * DAY_MS}
    conn.execute(_DROP_MARKS, before)
    conn.execute(_DROP, before)


def _first(item: tuple[tuple[str, int], Claim]) -> tuple[str, int]:
    return item[0]


def _chunks(resources: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(resources), _IN_A_STATEMENT):
        yield resources[start : start + _IN_A_STATEMENT]
