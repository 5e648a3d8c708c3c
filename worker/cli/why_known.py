"""What was known of a patient at an instant: from a worker's data folder, or from files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from worker.cli.render import warn, warn_skipped
from worker.correlate.joining import PUNCTURE_CONCEPT
from worker.model.alert import Alert, HistoryLine
from worker.model.fact import Fact, Identifier
from worker.model.message import Issue, RawMessage
from worker.model.time import DAY_MS, EpochMs, to_rfc3339
from worker.pipeline import Pack
from worker.runtime.cleaning import Retention
from worker.runtime.clock import MessageClock
from worker.runtime.offline import memory_store, program
from worker.runtime.replay import replay
from worker.runtime.set_aside import NotingProgram, SetAside, of_patient, read_again
from worker.sources.files import read_files
from worker.storage.records import Case

_LOOK_BACK_MS = 30 * DAY_MS
_KEPT = Retention()
_MOST_MESSAGES = 10_000


class CaseStore(Protocol):
    """Find patients and what is known of them."""

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value, whatever its authority."""

    def case(self, patient: int, at_ms: EpochMs | None = None) -> Case:
        """Read a patient with everybody who was joined with him at an instant."""


class DatabaseStore(CaseStore, Protocol):
    """Keep messages of which something was set aside, and let go of what is old."""

    def latest_ms(self) -> EpochMs:
        """Give the receipt time of the last message."""

    def histories(self, alerts: Collection[str]) -> dict[str, tuple[HistoryLine, ...]]:
        """Read the histories of these alerts by their ids, oldest line first."""

    def lps_over(self, value: str) -> tuple[EpochMs, ...]:
        """Give the instants of LPs, filed under an identifier with this value, whose facts were let go of."""

    def kept_messages(self, first_ms: EpochMs, last_ms: EpochMs, limit: int) -> Sequence[RawMessage]:
        """Read messages of which something was set aside, received between two instants, last first."""


@dataclass(frozen=True, slots=True)
class AlertThen:
    """An alert of the patient, and its history up to the instant.

    Shape: `history` oldest first, never empty.
    """

    alert: Alert
    history: tuple[HistoryLine, ...]

    @property
    def anchor_ms(self) -> EpochMs:
        """Return the time of its LP, as it is known now."""
        return self.alert.finding.episode.anchor_ms


@dataclass(frozen=True, slots=True)
class Known:
    """A patient as the worker knew him: all identifiers, the facts received until then, and what was set aside.

    Shape: `gone` says in sentences what is not known any more, because it was too old to keep; `later` what became known
    only after the instant. `alerts` are those of a database.
    """

    patients: tuple[Identifier, ...]
    facts: tuple[Fact, ...]
    set_aside: tuple[SetAside, ...] = ()
    gone: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    alerts: tuple[AlertThen, ...] = ()


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

    Shape: codes that nobody mapped are known of the last week, without the message that they stand in.
    """
    case = _case_from(store, patient, at_ms)
    messages = store.kept_messages(at_ms - _LOOK_BACK_MS, at_ms, _MOST_MESSAGES)
    if len(messages) == _MOST_MESSAGES:
        since = to_rfc3339(messages[-1].received_at_ms)
        warn(f"so much was set aside that only what was received since {since} is told of it")
    kept = of_patient(read_again(messages, pack), case.patients)
    known = {(item.issue.kind, item.issue.subject) for item in kept}
    unused = [
        SetAside(Issue(item.kind, "", item.subject), item.at_ms, item.feed, "", case.patients)
        for item in sorted(case.unused)
        if item.at_ms <= at_ms and (item.kind, item.subject) not in known
    ]
    aside = tuple(sorted((*kept, *unused), key=lambda item: item.received_at_ms))
    return replace(
        _known(case, at_ms),
        set_aside=aside,
        gone=tuple(_gone(store, case, at_ms)),
        later=tuple(_later(store, case, at_ms)),
        alerts=tuple(_alerts(store, case, at_ms)),
    )


def _later(store: DatabaseStore, case: Case, at_ms: EpochMs) -> Iterator[str]:
    """Say what an answer for this instant lacks because it became known later: an LP, and other numbers of the patient."""
    received = [fact.source.received_at_ms for fact in case.facts if fact.concept == PUNCTURE_CONCEPT]
    if received and min(received) > at_ms:
        yield f"a lumbar puncture became known at {to_rfc3339(min(received))}; --at then answers for it"
    numbers = {number for each in case.patients for number in store.find(each.value)}
    now = {who for number in numbers for who in _joined_now(store, number, case)}
    if others := sorted(now - set(case.patients)):
        names = ", ".join(f"{each.authority}|{each.value}" for each in others)
        yield f"joined with {names} later; what was known under that number then is answered for that number"


def _joined_now(store: DatabaseStore, number: int, case: Case) -> Iterable[Identifier]:
    """Give everybody who is joined with the patient now; of others who have the same number, nobody."""
    joined = store.case(number).patients
    return joined if not set(case.patients).isdisjoint(joined) else ()


def _alerts(store: DatabaseStore, case: Case, at_ms: EpochMs) -> Iterator[AlertThen]:
    """Give the alerts that there were by then, the first raised first."""
    histories = store.histories([alert.alert_id for alert in case.alerts])
    for alert in sorted(case.alerts, key=lambda each: (each.raised_at_ms, each.rule)):
        lines = tuple(line for line in histories.get(alert.alert_id, ()) if line.at_ms <= at_ms)
        if lines:
            yield AlertThen(alert, lines)


def _gone(store: DatabaseStore, case: Case, at_ms: EpochMs) -> Iterator[str]:
    """Say what was let go of that an answer for this instant may lack."""
    over = sorted({ms for value in {who.value for who in case.patients} for ms in store.lps_over(value)})
    if over:
        told = ", ".join(map(to_rfc3339, over))
        yield f"the facts of LPs that are over were let go of ({told}); their alerts are stored"
    days, longer = _KEPT.recent_days, _KEPT.long_days
    kept_ms = min([store.latest_ms(), *(stored.created_at_ms for stored in case.episodes)]) - days * DAY_MS
    if at_ms < kept_ms:
        yield (
            f"what was received before {to_rfc3339(kept_ms)} is no longer known, but for baselines:"
            f" without an LP facts are kept {days} days, notes and findings {longer}"
        )


def _received_until(messages: Iterator[RawMessage], pack: Pack, at_ms: EpochMs) -> Iterator[RawMessage]:
    clock, message_time = MessageClock(), program(pack).message_time
    for message in messages:
        if clock.observe(message_time(message)) > at_ms:
            return
        yield message


def known_from(store: CaseStore, patient: str, at_ms: EpochMs) -> Known:
    """Read what a store knew of a patient at an instant, whose identifiers are joined as they were then.

    Shape: of identifiers that were joined and parted several times only the newest statement is known.
    """
    return _known(_case_from(store, patient, at_ms), at_ms)


def _known(case: Case, at_ms: EpochMs) -> Known:
    return Known(case.patients, tuple(fact for fact in case.facts if fact.source.received_at_ms <= at_ms))


def _case_from(store: CaseStore, patient: str, at_ms: EpochMs) -> Case:
    authority, bar, value = patient.rpartition("|")
    cases = {case.patients: case for case in (store.case(number, at_ms) for number in store.find(value))}
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
    return wanted[0]


def _names(case: Case, is_wanted: Callable[[Identifier], bool]) -> bool:
    return any(is_wanted(identifier) for identifier in case.patients)
