"""Facts in their two tables: the log of recent ones, and those of patients with an LP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import sqlalchemy as sa

from worker.model.fact import Fact
from worker.model.time import DAY_MS, EpochMs
from worker.storage.codec import decode_fact, encode_fact
from worker.storage.dialect import driver_insert, insert_new
from worker.storage.identities import Identities
from worker.storage.schema import concept, episode, lp_fact, recent_fact

_CACHE_LIMIT = 40_000
_IDS_IN_A_STATEMENT = 1_000


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
        known = self._concept_numbers(conn, concepts).values()
        statements = [
            sa.select(table.c.patient).where(table.c.patient.in_(patients), table.c.concept.in_(known))
            for table in (recent_fact, lp_fact)
        ]
        stored = sa.select(episode.c.patient).where(episode.c.patient.in_(patients), ~episode.c.is_over)
        return set(conn.scalars(sa.union(*statements, stored)))

    def of(self, conn: sa.Connection, patients: Sequence[int]) -> tuple[tuple[Fact, ...], list[int]]:
        """Read every fact of these patients.

        Shape: the facts in any order, and the numbers of those that only the log of recent facts holds.
        """
        recent = _numbers(conn, recent_fact, patients)
        kept = _numbers(conn, lp_fact, patients)
        names = self._identities.find(conn, patients)
        facts: list[Fact] = []
        for patient in patients:
            here = recent.get(patient, set()) | kept.get(patient, set())
            decoded = self._cached(patient)
            missing = here - decoded.keys()
            for number, payload in _payloads(conn, patient, missing):
                decoded[number] = decode_fact(payload, names[patient])
            self._decoded_count += len(missing)
            facts.extend(decoded[number] for number in here)
        self._make_room(patients)
        fresh = [
            number for patient in patients for number in recent.get(patient, set()) - kept.get(patient, set())
        ]
        return tuple(facts), fresh

    def keep(self, conn: sa.Connection, numbers: Iterable[int]) -> None:
        """Copy these recent facts to the table of patients with an LP."""
        names = [column.name for column in lp_fact.columns]
        for chunk in _chunks(numbers):
            chosen = sa.select(*(recent_fact.c[name] for name in names)).where(recent_fact.c.id.in_(chunk))
            conn.execute(insert_new(conn, lp_fact).from_select(names, chosen))

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

    def _make_room(self, in_use: Sequence[int]) -> None:
        while self._decoded_count > _CACHE_LIMIT and len(self._decoded) > len(in_use):
            _, oldest = self._decoded.popitem(last=False)
            self._decoded_count -= len(oldest)

    def _concept_numbers(self, conn: sa.Connection, names: Iterable[str]) -> Mapping[str, int]:
        wanted = set(names)
        missing = wanted - self._concepts.keys()
        if missing:
            conn.execute(insert_new(conn, concept), [{"name": name} for name in sorted(missing)])
            rows = conn.execute(sa.select(concept).where(concept.c.name.in_(missing)))
            self._concepts.update((row.name, row.id) for row in rows)
        return {name: self._concepts[name] for name in wanted}


def _numbers(conn: sa.Connection, table: sa.Table, patients: Sequence[int]) -> dict[int, set[int]]:
    """Give the numbers of the facts of each patient."""
    numbers: dict[int, set[int]] = {}
    for patient, number in conn.execute(
        sa.select(table.c.patient, table.c.id).where(table.c.patient.in_(patients))
    ):
        numbers.setdefault(patient, set()).add(number)
    return numbers


def _payloads(conn: sa.Connection, patient: int, numbers: Iterable[int]) -> Iterator[tuple[int, bytes]]:
    """Give the bytes of these facts, from whichever table holds them."""
    for chunk in _chunks(numbers):
        found = {
            number: payload
            for table in (lp_fact, recent_fact)
            for number, payload in conn.execute(
                sa.select(table.c.id, table.c.payload).where(
                    table.c.patient == patient, table.c.id.in_(chunk)
                )
            )
        }
        yield from found.items()


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _IDS_IN_A_STATEMENT):
        yield ordered[start : start + _IDS_IN_A_STATEMENT]
