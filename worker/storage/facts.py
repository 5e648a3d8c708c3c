"""Facts in their two tables: the log of recent ones, and those of patients with an LP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from worker.model.fact import Fact
from worker.model.time import DAY_MS, EpochMs
from worker.storage.codec import decode_fact, encode_fact
from worker.storage.dialect import driver_insert, insert_new, one_of
from worker.storage.identities import Identities
from worker.storage.schema import concept, episode, lp_fact, recent_fact

_CACHE_LIMIT = 40_000
_IDS_IN_A_STATEMENT = 1_000

_OF = {
    table: sa.select(table.c.patient, table.c.id, table.c.payload).where(table.c.id.in_(one_of("numbers")))
    for table in (recent_fact, lp_fact)
}
_RECENT = _OF[recent_fact]
_KEPT = _OF[lp_fact].where(lp_fact.c.patient.in_(one_of("patients")))
_PLACES = sa.union_all(
    *(
        sa.select(table.c.patient, table.c.id, sa.literal(table is lp_fact).label("is_kept")).where(
            table.c.patient.in_(one_of("patients"))
        )
        for table in (recent_fact, lp_fact)
    )
)
_HAVING = sa.union(
    *(
        sa.select(table.c.patient).where(
            table.c.patient.in_(one_of("patients")), table.c.concept.in_(one_of("concepts"))
        )
        for table in (recent_fact, lp_fact)
    ),
    sa.select(episode.c.patient).where(episode.c.patient.in_(one_of("patients")), ~episode.c.is_over),
)
_CONCEPTS = sa.select(concept).where(concept.c.name.in_(one_of("names")))
_KEPT_NAMES = [column.name for column in lp_fact.columns]
_CHOSEN = sa.select(*(recent_fact.c[name] for name in _KEPT_NAMES)).where(
    recent_fact.c.id.in_(one_of("numbers"))
)


class Facts:
    """Append facts, and read those of a patient; facts never change, so decoded ones are kept for the next reading."""

    def __init__(self, identities: Identities) -> None:
        """Share the identities, which name the patients."""
        self._identities = identities
        self._concepts: dict[str, int] = {}
        self._decoded: OrderedDict[int, dict[int, Fact]] = OrderedDict()
        self._decoded_count = 0
        self._insert = ""

    def forget(self) -> None:
        """Drop the caches: a transaction that gave numbers was taken back."""
        self._concepts.clear()
        self._decoded.clear()
        self._decoded_count = 0

    def append(self, conn: sa.Connection, facts: Sequence[Fact]) -> None:
        """Append facts to the log, in this order."""
        if not facts:
            return
        patients = self._identities.number(conn, (fact.patient for fact in facts))
        concepts = self._concept_numbers(conn, (fact.concept for fact in facts))
        rows = [
            {
                "receipt_day": fact.source.received_at_ms // DAY_MS,
                "patient": patients[fact.patient.key],
                "concept": concepts[fact.concept],
                "effective_ms": fact.effective.start_ms,
                "payload": encode_fact(fact),
            }
            for fact in facts
        ]
        # By the driver: on a row, SQLAlchemy's way there costs more than SQLite.
        self._insert = self._insert or driver_insert(conn.engine, recent_fact, rows[0])
        conn.exec_driver_sql(self._insert, rows)

    def having(self, conn: sa.Connection, patients: Collection[int], concepts: Iterable[str]) -> set[int]:
        """Tell which of these patients have a fact of one of the concepts, or a stored LP."""
        known = list(self._concept_numbers(conn, concepts).values())
        return set(conn.scalars(_HAVING, {"patients": list(patients), "concepts": known}))

    def of(self, conn: sa.Connection, patients: Sequence[int]) -> tuple[tuple[Fact, ...], list[int]]:
        """Read every fact of these patients.

        Shape: the facts in any order, and the numbers of those that only the log of recent facts holds.
        """
        places = conn.execute(_PLACES, {"patients": list(patients)}).all()
        kept = {row.id for row in places if row.is_kept}
        fresh = [row.id for row in places if not row.is_kept and row.id not in kept]
        missing = {row.id for row in places if row.id not in self._cached(row.patient)}
        self._load(conn, patients, missing - kept, missing & kept)
        facts = {row.id: self._decoded[row.patient][row.id] for row in places}
        self._make_room(patients)
        return tuple(facts.values()), fresh

    def keep(self, conn: sa.Connection, numbers: Iterable[int]) -> None:
        """Copy these recent facts to the table of patients with an LP."""
        insert = insert_new(conn, lp_fact).from_select(_KEPT_NAMES, _CHOSEN)
        for chunk in _chunks(numbers):
            conn.execute(insert, {"numbers": chunk})

    def drop(self, conn: sa.Connection, received_before_ms: EpochMs, keep_concepts: Iterable[str]) -> None:
        """Drop recent facts received before that day, except those of some concepts."""
        kept = self._concept_numbers(conn, keep_concepts).values()
        is_old = recent_fact.c.receipt_day < received_before_ms // DAY_MS
        conn.execute(sa.delete(recent_fact).where(is_old, recent_fact.c.concept.not_in(kept)))

    def drop_kept(self, conn: sa.Connection, patients: Sequence[int]) -> None:
        """Drop the kept facts of patients whose LPs are all over."""
        conn.execute(sa.delete(lp_fact).where(lp_fact.c.patient.in_(patients)))
        self.forget()

    def _cached(self, patient: int) -> dict[int, Fact]:
        decoded = self._decoded.setdefault(patient, {})
        self._decoded.move_to_end(patient)
        return decoded

    def _load(self, conn: sa.Connection, patients: Sequence[int], recent: set[int], kept: set[int]) -> None:
        """Decode these facts, from the one table or the other."""
        names = self._identities.find(conn, patients)
        rows = [row for chunk in _chunks(recent) for row in conn.execute(_RECENT, {"numbers": chunk})]
        for chunk in _chunks(kept):
            rows.extend(conn.execute(_KEPT, {"patients": list(patients), "numbers": chunk}))
        for row in rows:
            self._decoded[row.patient][row.id] = decode_fact(row.payload, names[row.patient])
        self._decoded_count += len(rows)

    def _make_room(self, in_use: Sequence[int]) -> None:
        while self._decoded_count > _CACHE_LIMIT and len(self._decoded) > len(in_use):
            _, oldest = self._decoded.popitem(last=False)
            self._decoded_count -= len(oldest)

    def _concept_numbers(self, conn: sa.Connection, names: Iterable[str]) -> Mapping[str, int]:
        wanted = set(names)
        missing = wanted - self._concepts.keys()
        if missing:
            conn.execute(insert_new(conn, concept), [{"name": name} for name in sorted(missing)])
            rows = conn.execute(_CONCEPTS, {"names": list(missing)})
            self._concepts.update((row.name, row.id) for row in rows)
        return {name: self._concepts[name] for name in wanted}


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _IDS_IN_A_STATEMENT):
        yield ordered[start : start + _IDS_IN_A_STATEMENT]
