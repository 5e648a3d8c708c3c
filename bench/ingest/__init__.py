"""Ingest: facts into SQLite with synchronous=FULL, one transaction for a batch; against the bare driver and a budget.

Rows: `bare sqlite3` writes the same payloads with the driver alone; `record` is the whole unit of work (position, facts, links,
due rows, counts); `assess, no LP` takes the due rows of patients without an LP. With a store that holds a million facts before,
the same again.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from worker.model.fact import Fact, Identifier, IdentityLink, Quantity, SourceRef, Version
from worker.model.time import DAY_MS, MINUTE_MS, ClinicalTime
from worker.storage.codec import encode_fact
from worker.storage.migrate import upgrade
from worker.storage.records import Batch, Case, CountKey, Verdict
from worker.storage.state import SqlState

T0 = 20_000 * DAY_MS
BATCH = 500
CONCEPTS = ("body-temperature", "heart-rate", "pain-score", "gcs", "systolic-pressure", "spo2")
OPENING = ("lumbar-puncture", "csf-wbc")


def main(*, quick: bool = False) -> None:
    """Measure, and print microseconds for each fact."""
    patients, batches = (10_000, 40) if quick else (100_000, 200)
    with tempfile.TemporaryDirectory() as folder:
        _print("bare sqlite3", _bare(Path(folder) / "bare.db", list(_batches(patients, batches))))
        store = _open(Path(folder) / "state.db")
        _print("encode", _encoding(list(_batches(patients, batches))))
        _measure(store, _batches(patients, batches), "")
        grown = 100_000 if quick else 1_000_000
        position = store.position("journal").next
        for batch in _batches(patients, grown // BATCH, position):
            store.record(batch)
            store.assess(T0, OPENING, _unasked, limit=BATCH)
        _measure(store, _batches(patients, batches, position + grown // BATCH), f" after {grown:,} facts")
        store.close()


def _measure(store: SqlState, batches: Iterator[Batch], when: str) -> None:
    writing, judging = [], []
    for batch in batches:
        start_s = time.perf_counter()
        assert store.record(batch)
        written_s = time.perf_counter()
        store.assess(T0, OPENING, _unasked, limit=BATCH)
        writing.append(written_s - start_s)
        judging.append(time.perf_counter() - written_s)
    _print(f"record{when}", writing)
    _print(f"assess, no LP{when}", judging)


def _unasked(_case: Case) -> Verdict:
    raise AssertionError


def _print(name: str, seconds: list[float]) -> None:
    print(f"{name:40} {median(seconds) / BATCH * 1e6:8.1f} µs/fact", flush=True)


def _open(path: Path) -> SqlState:
    url = f"sqlite:///{path}"
    upgrade(url, "state")
    return SqlState(url)


def _batches(patients: int, count: int, first: int = 0) -> Iterator[Batch]:
    """Give batches as messages of five facts make them: two identifiers for each patient, linked by each message."""
    chance = random.Random(first)  # noqa: S311 - the same patients in every run
    for number in range(first, first + count):
        facts: list[Fact] = []
        links: list[IdentityLink] = []
        for message in range(BATCH // 5):
            patient = chance.randrange(patients)
            at_ms = T0 - chance.randrange(5 * DAY_MS)
            mrn = Identifier("ward", f"M{patient:08}", "MR")
            links.append(IdentityLink(mrn, Identifier("nation", f"N{patient:09}", "NI"), "same-pid", at_ms))
            facts.extend(_fact(mrn, at_ms, f"{number}.{message}", index) for index in range(5))
        due = {fact.patient: T0 for fact in facts}
        counts = {
            CountKey("processed", "ward", ""): BATCH // 5,
            CountKey("issue", "ward", "unmapped-code", "x"): 3,
        }
        yield Batch("journal", number, number + 1, T0, facts, links, due, (), counts, {"ward": T0})


def _fact(patient: Identifier, at_ms: int, message: str, index: int) -> Fact:
    return Fact(
        patient,
        f"ward|{message}|8310-5|1|{index}",
        Version(at_ms, 2, "0123456789abcdef"),
        CONCEPTS[index],
        ClinicalTime(at_ms - index * MINUTE_MS, origin="OBR-7"),
        Quantity(37.1 + index, "Cel", reported="98.8 [degF]"),
        SourceRef("ward", message, f"OBR[1]/OBX[{index}]", T0),
        result_status="final",
    )


def _encoding(batches: list[Batch]) -> list[float]:
    seconds = []
    for batch in batches:
        start_s = time.perf_counter()
        for fact in batch.facts:
            encode_fact(fact)
        seconds.append(time.perf_counter() - start_s)
    return seconds


def _bare(path: Path, batches: list[Batch]) -> list[float]:
    """Append the same payloads, numbers made up, with the driver alone."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE fact (id INTEGER PRIMARY KEY, day INT, patient INT, concept INT, at INT, payload BLOB)"
    )
    connection.execute("CREATE INDEX fact_patient ON fact (patient, concept)")
    seconds = []
    for batch in batches:
        rows = [(1, hash(fact.patient.value) % 100_000, 7, T0, encode_fact(fact)) for fact in batch.facts]
        start_s = time.perf_counter()
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO fact (day, patient, concept, at, payload) VALUES (?, ?, ?, ?, ?)", rows
        )
        connection.execute("COMMIT")
        seconds.append(time.perf_counter() - start_s)
    connection.close()
    return seconds
