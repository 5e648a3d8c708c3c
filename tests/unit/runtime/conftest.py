"""A program whose readings are written by hand: the engine is tested without decoding and without a pack."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from worker.alerts.documents import AlertDocument
from worker.alerts.policy import Policy
from worker.alerts.render import RuleText, Surroundings, render_alert
from worker.alerts.routing import Route, Routes
from worker.correlate.episodes import find_episodes
from worker.correlate.versions import current_facts
from worker.model.alert import Alert
from worker.model.episode import Episode
from worker.model.fact import (
    Fact,
    Identifier,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Version,
)
from worker.model.finding import Finding, RuleStatus, Severity
from worker.model.message import Form, Outcome, OutcomeKind, RawMessage, Reading
from worker.model.time import DAY_MS, HOUR_MS, ClinicalTime, EpochMs
from worker.pipeline import Assessment
from worker.rules.blind import BlindSpot

T0 = 20_000 * DAY_MS


def hours(count: float) -> EpochMs:
    return T0 + round(count * HOUR_MS)


@dataclass
class Script:
    """Read messages from a table; find LPs for real, and one finding for any temperature above 38 after one.

    Shape: `timer_ms` after the LP, a second rule finds that nothing was measured until then.
    """

    readings: dict[bytes, Reading] = field(default_factory=dict)
    times: dict[bytes, EpochMs] = field(default_factory=dict)
    timer_ms: int = 0
    digest: str = "pack"
    opening: frozenset[str] = frozenset({"lumbar-puncture"})
    rules: frozenset[str] = frozenset({"fever", "silence"})
    long_lived: frozenset[str] = frozenset()
    policy: Policy = field(default_factory=Policy)
    routes: Routes = field(default_factory=lambda: Routes(Route("default", "alerts")))
    assessed_at: list[EpochMs] = field(default_factory=list)
    failing: type[Exception] | None = None

    def message(self, at_ms: EpochMs, *facts: Fact, links: Sequence[object] = ()) -> RawMessage:
        """Make a message that says these facts."""
        body = f"{len(self.readings)}".encode()
        patients = tuple({fact.patient for fact in facts})
        self.readings[body] = Reading(
            Outcome(OutcomeKind.PROCESSED),
            "ward",
            "ORU^R01",
            body.decode(),
            at_ms,
            patients,
            facts,
            tuple(links),
        )
        self.times[body] = at_ms
        return RawMessage(body, Form.HL7V2, "test", 0)

    def read(self, raw: RawMessage) -> Reading:
        reading = self.readings[raw.body]
        facts = tuple(
            replace(fact, source=replace(fact.source, received_at_ms=raw.received_at_ms))
            for fact in reading.facts
        )
        return replace(reading, facts=facts)

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        return self.times.get(raw.body)

    def listen(self, _last_heard: object, _now_ms: int) -> None:
        pass

    def assess(
        self, facts: Sequence[Fact], as_of_ms: EpochMs, consumed_until_ms: EpochMs, _who: object = ()
    ) -> Assessment:
        self.assessed_at.append(as_of_ms)
        if self.failing is not None:
            raise self.failing
        current = current_facts(facts).facts
        episodes = find_episodes(current)
        findings: list[Finding] = []
        wakes: list[EpochMs] = []
        for episode in episodes:
            mine = sorted(
                (
                    fact
                    for fact in current
                    if fact.concept == "temp" and fact.effective.start_ms >= episode.anchor_ms
                ),
                key=lambda fact: (fact.effective.start_ms, fact.key),
            )
            hot = tuple(fact for fact in mine if isinstance(fact.value, Quantity) and fact.value.value > 38)
            if hot:
                findings.append(finding("fever", episode, hot))
            late_ms = episode.anchor_ms + self.timer_ms
            if self.timer_ms and not mine and consumed_until_ms >= late_ms:
                findings.append(finding("silence", episode, ()))
            elif self.timer_ms and as_of_ms < late_ms:
                wakes.append(late_ms)
        return Assessment(episodes, tuple(findings), next_change_at_ms=min(wakes, default=None))

    def find_blind_spots(self, _found: Assessment, _unused: object) -> dict[EpochMs, tuple[BlindSpot, ...]]:
        return {}

    def render(self, alert: Alert, around: Surroundings) -> AlertDocument:
        return render_alert(alert, RuleText(alert.rule), around)


def finding(rule: str, episode: Episode, evidence: tuple[Fact, ...]) -> Finding:
    latest_ms = max((fact.effective.start_ms for fact in evidence), default=episode.anchor_ms)
    first_ms = min((fact.effective.start_ms for fact in evidence), default=episode.anchor_ms)
    return Finding(
        episode,
        rule,
        1,
        RuleStatus.ACTIVE,
        Severity.URGENT,
        first_ms,
        latest_ms,
        episode.anchor_ms + 7 * DAY_MS,
        evidence,
    )


@dataclass
class Facts:
    """Make facts of invented people."""

    count: int = 0

    def temp(self, value: float, at_h: float, patient: str = "1", **more: object) -> Fact:
        return self._fact("temp", at_h, patient, Quantity(value, "Cel"), **more)

    def lp(self, at_h: float = 0, patient: str = "1", **more: object) -> Fact:
        status = more.pop("status", PunctureStatus.COMPLETED)
        return self._fact(
            "lumbar-puncture", at_h, patient, Puncture(status, PunctureSource.PROCEDURE), **more
        )

    def _fact(self, concept: str, at_h: float, patient: str, value: object, **more: object) -> Fact:
        self.count += 1
        key = more.pop("key", f"{concept}|{self.count}")
        version = more.pop("version", 1)
        return Fact(
            Identifier("ward", patient, "MR"),
            key,
            Version(version, 2, f"{value}"),
            concept,
            ClinicalTime(hours(at_h)),
            value,
            SourceRef("ward", "m", "OBX[1]", 0),
            **more,
        )


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def at() -> Callable[[float], EpochMs]:
    """Give the instant so many hours after T0."""
    return hours
