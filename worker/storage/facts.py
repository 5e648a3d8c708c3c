"""Facts in their two tables: the log of recent ones, and those of patients with an LP."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from worker.model.fact import Fact
from worker.model.time import DAY_MS, EpochMs
from worker.storage import days
from worker.storage.codec import decode_fact, encode_fact
from worker.storage.dialect import append_rows, insert_new, one_of
from worker.storage.identities import Identities
from worker.storage.schema import concept, episode, lp_fact, recent_fact

_CACHE_LIMIT = 40_000
_IDS_IN_A_STATEMENT = 1_000

_PLACES = sa.union_all(
    *(
        sa.select(table.c.patient, table.c.id, sa.literal(table is lp_fact).label("is_kept")).where(
            one_of(table.c.patient, "patients")
        )
        for table in (recent_fact, lp_fact)
    )
)
# By both: SQLite finds a recent fact by its number, PostgreSQL by its patient.
_RECENT, _KEPT = (
    sa.select(table.c.patient, table.c.id, table.c.payload).where(
        one_of(table.c.patient, "patients"), one_of(table.c.id, "numbers")
    )
    for table in (recent_fact, lp_fact)
)
_HAVING = sa.union(
    *(
        sa.select(table.c.patient).where(
            one_of(table.c.patient, "patients"), one_of(table.c.concept, "concepts")
        )
        for table in (recent_fact, lp_fact)
    ),
    sa.select(episode.c.patient).where(one_of(episode.c.patient, "patients"), ~episode.c.is_over),
)
_COUNTS = sa.union_all(
    *(
        sa.select(table.c.patient, sa.func.count().label("n"))
        .where(one_of(table.c.patient, "patients"))
        .group_by(table.c.patient)
        for table in (recent_fact, lp_fact)
    )
)
_DROP_KEPT = sa.delete(lp_fact).where(one_of(lp_fact.c.patient, "patients"))
_CONCEPTS = sa.select(concept).where(one_of(concept.c.name, "names"))
_APPENDED = ("receipt_day", "patient", "concept", "effective_ms", "payload")
_KEPT_NAMES = [column.name for column in lp_fact.columns]
_CHOSEN = sa.select(*(recent_fact.c[name] for name in _KEPT_NAMES)).where(
    one_of(recent_fact.c.patient, "patients"), one_of(recent_fact.c.id, "numbers")
)


@dataclass(slots=True)
class PatientFacts:
    """Every fact of one patient, in any order, and the numbers of those that only the log of recent facts holds."""

    facts: list[Fact] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)


class Facts:
    """Append facts, and read those of a patient; facts never change, so decoded ones are kept for the next reading."""

    def __init__(self, identities: Identities) -> None:
        """Share the identities, which name the patients."""
        self._identities = identities
        self._concepts: dict[str, int] = {}
        self._decoded: OrderedDict[int, dict[int, Fact]] = OrderedDict()
        self._decoded_count = 0
        self._days: set[int] = set()

    def forget(self) -> None:
        """Drop the caches: a transaction that gave numbers was taken back."""
        self._concepts.clear()
        self._days.clear()
        self._decoded.clear()
        self._decoded_count = 0

    def is_ready_for(self, facts: Iterable[Fact]) -> bool:
        """Tell whether the concepts of these facts have numbers and, where that is asked for, their days have tables."""
        return all(fact.concept in self._concepts and _day(fact) in self._days for fact in facts)

    def make_ready_for(self, conn: sa.Connection, facts: Iterable[Fact]) -> bool:
        """Make what facts need before they can be written; False where there is more to make, in another transaction."""
        wanted = {_day(fact) for fact in facts}
        if not wanted <= self._days:
            self._days |= days.add(conn, wanted)
        self._concept_numbers(conn, (fact.concept for fact in facts))
        return wanted <= self._days

    def append(self, conn: sa.Connection, facts: Sequence[Fact]) -> None:
        """Append facts to the log, in this order."""
        if not facts:
            return
        patients = self._identities.number(conn, (fact.patient for fact in facts))
        concepts = self._concept_numbers(conn, (fact.concept for fact in facts))
        rows = [
            (
                _day(fact),
                patients[fact.patient.key],
                concepts[fact.concept],
                fact.effective.start_ms,
                encode_fact(fact),
            )
            for fact in facts
        ]
        append_rows(conn, recent_fact, _APPENDED, rows)

    def having(self, conn: sa.Connection, patients: Collection[int], concepts: Iterable[str]) -> set[int]:
        """Tell which of these patients have a fact of one of the concepts, or a stored LP."""
        known = self._known_concepts(conn, concepts)
        return set(conn.scalars(_HAVING, {"patients": list(patients), "concepts": known}))

    def count(self, conn: sa.Connection, patients: Collection[int]) -> dict[int, int]:
        """Count the facts of each of these patients, those twice that both tables hold."""
        rows = conn.execute(_COUNTS, {"patients": list(patients)})
        found: dict[int, int] = {}
        for row in rows:
            found[row.patient] = found.get(row.patient, 0) + row.n
        return found

    def of(self, conn: sa.Connection, patients: Collection[int]) -> Mapping[int, PatientFacts]:
        """Read every fact of these patients, by patient."""
        places = conn.execute(_PLACES, {"patients": list(patients)}).all()
        kept = {row.id for row in places if row.is_kept}
        missing = {row.id: row.patient for row in places if row.id not in self._cached(row.patient)}
        self._load(conn, missing, kept)
        found = {patient: PatientFacts() for patient in patients}
        for row in places:
            if row.is_kept or row.id not in kept:
                mine = found[row.patient]
                mine.facts.append(self._decoded[row.patient][row.id])
                if not row.is_kept:
                    mine.fresh.append(row.id)
        self._make_room(len(found))
        return found

    def keep(self, conn: sa.Connection, fresh: Mapping[int, int]) -> None:
        """Copy these recent facts, each with its patient, to the table of patients with an LP."""
        insert = insert_new(conn, lp_fact).from_select(_KEPT_NAMES, _CHOSEN)
        for chunk in _chunks(fresh):
            conn.execute(insert, _chosen(chunk, fresh))

    def drop(self, conn: sa.Connection, received_before_ms: EpochMs, keep_concepts: Iterable[str]) -> None:
        """Drop recent facts received before that day, except those of some concepts."""
        kept = self._known_concepts(conn, keep_concepts)
        is_old = recent_fact.c.receipt_day < received_before_ms // DAY_MS
        conn.execute(sa.delete(recent_fact).where(is_old, recent_fact.c.concept.not_in(kept)))

    def drop_days(self, conn: sa.Connection, received_before_ms: EpochMs) -> None:
        """Drop all recent facts received before that day."""
        days.drop(conn, received_before_ms // DAY_MS)

    def drop_kept(self, conn: sa.Connection, patients: Sequence[int]) -> None:
        """Drop the kept facts of patients whose LPs are all over."""
        conn.execute(_DROP_KEPT, {"patients": list(patients)})
        self.forget()

    def _cached(self, patient: int) -> dict[int, Fact]:
        decoded = self._decoded.setdefault(patient, {})
        self._decoded.move_to_end(patient)
        return decoded

    def _load(self, conn: sa.Connection, patients: Mapping[int, int], kept: set[int]) -> None:
        """Decode facts, given by number with their patients, from the one table or the other."""
        names = self._identities.find(conn, set(patients.values()))
        recent = patients.keys() - kept
        rows = [row for part in _chunks(recent) for row in conn.execute(_RECENT, _chosen(part, patients))]
        for part in _chunks(patients.keys() & kept):
            rows.extend(conn.execute(_KEPT, _chosen(part, patients)))
        for row in rows:
            self._decoded[row.patient][row.id] = decode_fact(row.payload, names[row.patient])
            self._decoded_count += 1

    def _make_room(self, in_use: int) -> None:
        while self._decoded_count > _CACHE_LIMIT and len(self._decoded) > in_use:
            _, oldest = self._decoded.popitem(last=False)
            self._decoded_count -= len(oldest)

    def _concept_numbers(self, conn: sa.Connection, names: Iterable[str]) -> Mapping[str, int]:
        wanted = set(names)
        missing = wanted - self._concepts.keys()
        if missing:
            conn.execute(insert_new(conn, concept), [{"name": name} for name in sorted(missing)])
            self._known_concepts(conn, missing)
        return {name: self._concepts[name] for name in wanted}

    def _known_concepts(self, conn: sa.Connection, names: Iterable[str]) -> list[int]:
        """Give the numbers of those that have one: the others have no facts."""
        wanted = set(names)
        missing = wanted - self._concepts.keys()
        if missing:
            rows = conn.execute(_CONCEPTS, {"names": sorted(missing)})
            self._concepts.update((row.name, row.id) for row in rows)
        return [self._concepts[name] for name in wanted if name in self._concepts]


def _chunks(numbers: Iterable[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    for start in range(0, len(ordered), _IDS_IN_A_STATEMENT):
        yield ordered[start : start + _IDS_IN_A_STATEMENT]


def _chosen(numbers: list[int], patients: Mapping[int, int]) -> dict[str, list[int]]:
    return {"numbers": numbers, "patients": sorted({patients[number] for number in numbers})}


def _day(fact: Fact) -> int:
    return fact.source.received_at_ms // DAY_MS
