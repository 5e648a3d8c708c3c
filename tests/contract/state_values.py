"""Facts, batches and verdicts for tests of the state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from msgspec import structs

from worker.model.alert import Alert, AlertChange, AlertState, Notice
from worker.model.episode import Episode
from worker.model.fact import (
    Claim,
    Fact,
    Identifier,
    IdentityLink,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Version,
)
from worker.model.finding import Finding, RuleStatus, Severity
from worker.model.time import DAY_MS, HOUR_MS, ClinicalTime
from worker.storage.memory import MemoryState
from worker.storage.records import (
    Batch,
    Case,
    EpisodeRecord,
    NoticeKey,
    Outgoing,
    Verdict,
)
from worker.storage.state import SqlState

T0 = 20_000 * DAY_MS
PART = "journal"
RESOURCE = "ehr|Observation|7"
OPENING = ("lumbar-puncture",)
ANNA = Identifier("ward", "1", "MR")
ANNA_NATIONAL = Identifier("nation", "9", "NI")
BEN = Identifier("ward", "2", "MR")

Store = SqlState | MemoryState


def fact(
    patient: Identifier, concept: str, hours: float = 0, *, received_ms: int = T0, digest: str = "d"
) -> Fact:
    at_ms = T0 + round(hours * HOUR_MS)
    is_lp = concept == "lumbar-puncture"
    value = Puncture(PunctureStatus.COMPLETED, PunctureSource.PROCEDURE) if is_lp else Quantity(37.5, "Cel")
    return Fact(
        patient,
        f"{concept}|{at_ms}",
        Version(at_ms, 2, digest),
        concept,
        ClinicalTime(at_ms),
        value,
        SourceRef("feed", "m", "OBX[1]", received_ms),
    )


def batch(first: int, *facts: Fact, part: str = PART, **more: object) -> Batch:
    due = {item.patient: item.source.received_at_ms for item in facts}
    return replace(Batch(part, first, first + 1, T0, facts, due=due), **more)


def claim(patient: Identifier | None, hours: float, resource: str = RESOURCE) -> Claim:
    return Claim(resource, patient, (T0 + round(hours * HOUR_MS), 4 if patient is None else 2), T0)


def states(patient: Identifier, hours: float, resource: str = RESOURCE) -> dict[str, Sequence[object]]:
    """Give what one version of a resource states, at an instant which is also its own."""
    return {
        "facts": [structs.replace(fact(patient, "temp", hours), key=resource)],
        "claims": [claim(patient, hours, resource)],
    }


def link(
    one: Identifier, other: Identifier, kind: str, hours: float, record: Identifier | None = None
) -> IdentityLink:
    return IdentityLink(one, other, kind, T0 + round(hours * HOUR_MS), record)


def version(record: Identifier, hours: float, *others: Identifier) -> list[IdentityLink]:
    """Write what a version of a record says: whom it names beside itself."""
    named = [link(record, other, "same-pid", hours, record) for other in others]
    return [*named, link(record, record, "version", hours, record)]


def judge(store: Store, verdict: Callable[[Case], Verdict], as_of_ms: int = T0) -> list[Case]:
    """Assess what is due, and give the cases seen."""
    cases: list[Case] = []

    def decide(case: Case) -> Verdict:
        cases.append(case)
        return verdict(case)

    while store.assess(as_of_ms, OPENING, decide).due:
        pass
    return cases


def nothing(_case: Case) -> Verdict:
    return Verdict()


def episode_of(puncture: Fact, episode_id: str = "e1") -> EpisodeRecord:
    keys = frozenset({(*puncture.patient.key, puncture.key)})
    return EpisodeRecord(
        episode_id, puncture.patient, puncture.effective.start_ms, T0, is_presumed=False, record_keys=keys
    )


def alert_of(puncture: Fact, episode_id: str = "e1", alert_id: str = "a1", version: int = 1) -> Alert:
    anchor_ms = puncture.effective.start_ms
    episode = Episode(
        puncture.effective,
        PunctureStatus.COMPLETED,
        (puncture,),
        is_presumed=False,
        is_time_uncertain=False,
        series_start_ms=anchor_ms,
        until_ms=None,
    )
    finding = Finding(
        episode,
        "fever-single",
        1,
        RuleStatus.DRAFT,
        Severity.URGENT,
        *(anchor_ms, anchor_ms, anchor_ms + DAY_MS),
        (puncture,),
    )
    return Alert(
        alert_id,
        episode_id,
        "fever-single",
        1,
        RuleStatus.DRAFT,
        AlertState.RAISED,
        Severity.URGENT,
        version,
        T0,
        T0 + version,
        finding,
        paged=True,
    )


def outgoing(notice: Notice, sink: str = "file", target: str = "", kind: str = "alert") -> Outgoing:
    return Outgoing(sink, target, kind, notice)


def keys(*notice_ids: str, target: str = "") -> list[NoticeKey]:
    return [NoticeKey(notice_id, target) for notice_id in notice_ids]


def raising(puncture: Fact, *, versions: int = 1) -> Callable[[Case], Verdict]:
    def verdict(_case: Case) -> Verdict:
        alerts = [alert_of(puncture, version=version) for version in range(1, versions + 1)]
        return Verdict(
            episodes=(episode_of(puncture),),
            changes=tuple(AlertChange(alert, "raised", is_visible=True, is_noticed=True) for alert in alerts),
            notices=tuple(
                outgoing(Notice(f"a1.{alert.version}", "a1", alert.version, b"{}")) for alert in alerts
            ),
        )

    return verdict
