"""What was known of a patient at an instant: from a worker's data folder, or from files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from worker.cli.render import warn, warn_skipped
from worker.model.fact import Fact, Identifier
from worker.model.message import IssueKind, RawMessage
from worker.model.time import DAY_MS, EpochMs, to_rfc3339
from worker.pipeline import Pack
from worker.runtime.bootstrap import memory_store, program
from worker.runtime.clock import MessageClock
from worker.runtime.replay import replay
from worker.runtime.set_aside import NotingProgram, SetAside, of_patient, read_again
from worker.sources.files import read_files
from worker.storage.records import Case, CountKey

_LOOK_BACK_MS = 30 * DAY_MS
_MOST_MESSAGES = 10_000


class CaseStore(Protocol):
    """Find patients and what is known of them."""

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value, whatever its authority."""

    def case(self, patient: int) -> Case:
        """Read a patient with everybody joined with him."""


class DatabaseStore(CaseStore, Protocol):
    """Keep messages of which something was set aside, and counts of what was noticed."""

    def counts(self) -> dict[CountKey, int]:
        """Sum the counts."""

    def kept_messages(self, first_ms: EpochMs, last_ms: EpochMs, limit: int) -> Sequence[RawMessage]:
        """Read messages of which something was set aside, received between two instants, last first."""


@dataclass(frozen=True, slots=True)
class Known:
    """A patient as the worker knew him: all identifiers, the facts received until then, and what was set aside."""

    patients: tuple[Identifier, ...]
    facts: tuple[Fact, ...]
    set_aside: tuple[SetAside, ...] = ()


def known_from_files(paths: Sequence[Path], pack: Pack, patient: str, at_ms: EpochMs) -> Known:
    """Read the messages of files up to an instant, as a replay does."""
    store = memory_store()
    received = _received_until(read_files(paths, received_at_ms=0, on_skipped=warn_skipped), pack, at_ms)
    noting = NotingProgram(pack)
    replay(received, noting, lambda: store)
    known = known_from(store, patient, at_ms)
    return replace(known, set_aside=of_patient(noting.noted, known.patients))


def known_from_database(store: DatabaseStore, pack: Pack, patient: str, at_ms: EpochMs) -> Known:
    """Read what a database holds of a patient; of what was set aside, the last month before the instant.

    Shape: codes that nobody mapped are only counted, over all patients; that there are some is told.
    """
    known = known_from(store, patient, at_ms)
    messages = store.kept_messages(at_ms - _LOOK_BACK_MS, at_ms, _MOST_MESSAGES)
    if len(messages) == _MOST_MESSAGES:
        since = to_rfc3339(messages[-1].received_at_ms)
        warn(f"so much was set aside that only what was received since {since} is told of it")
    if count := sum(n for key, n in store.counts().items() if key.reason == IssueKind.UNMAPPED_CODE):
        warn(
            f"results under codes that nobody mapped: {count:,} of all patients, not kept;"
            " give the messages with --from to see those of this patient"
        )
    return replace(known, set_aside=of_patient(read_again(messages, pack), known.patients))


def _received_until(messages: Iterator[RawMessage], pack: Pack, at_ms: EpochMs) -> Iterator[RawMessage]:
    clock, message_time = MessageClock(), program(pack).message_time
    for message in messages:
        if clock.observe(message_time(message)) > at_ms:
            return
        yield message


def known_from(store: CaseStore, patient: str, at_ms: EpochMs) -> Known:
    """Read what a store holds of a patient; identifiers are joined as they are now."""
    authority, bar, value = patient.rpartition("|")
    cases = {case.patients: case for case in map(store.case, store.find(value))}
    wanted = [
        case
        for case in cases.values()
        if not bar or _names(case, lambda known: known.key == (authority, value))
    ]
    if not wanted:
        raise click.ClickException("no message named this patient; give the number, or authority|number")
    if len(wanted) > 1:
        authorities = sorted(
            {each.authority for case in wanted for each in case.patients if each.value == value}
        )
        raise click.UsageError(
            f"several patients have this number; give authority|number, with one of: {authorities}"
        )
    case = wanted[0]
    return Known(case.patients, tuple(fact for fact in case.facts if fact.source.received_at_ms <= at_ms))


def _names(case: Case, is_wanted: Callable[[Identifier], bool]) -> bool:
    return any(is_wanted(identifier) for identifier in case.patients)
