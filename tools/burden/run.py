"""Simulate a part of a cohort and replay it through the real pipeline, with what held before folds noted on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from tools.burden.rows import AlertRow, ExpectedRow, FindingRow, Shard
from worker.alerts import transitions
from worker.alerts.documents import HistoryDocument, ReplayLine
from worker.alerts.fold import folding_rules
from worker.model.fact import Fact, Identifier
from worker.model.finding import RuleStatus, Severity
from worker.model.message import Form, RawMessage
from worker.model.time import HOUR_MS, EpochMs, from_rfc3339
from worker.notes.reader import NoteDocument
from worker.pipeline import Assessment, Pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.offline import load_pack, memory_store
from worker.runtime.replay import ReplayReport, replay
from worker.simulate.cohort.live import live_mixed, live_planted
from worker.simulate.cohort.rates import cohort_rates
from worker.simulate.hospital.truth import Cause, Expected, PatientTruth
from worker.simulate.hospital.ward import Hospital, Settings

COHORTS = {"mixed": live_mixed, "planted": live_planted}
NOTICED = {
    transitions.RAISED,
    transitions.RAISED_AGAIN,
    transitions.UNFOLDED,
    transitions.REOPENED,
    transitions.REOPENED_WORSE,
    transitions.WINDOW_MOVED,
    transitions.SEVERITY_RAISED,
    transitions.WORSENED,
    transitions.NOW_FRESH,
    transitions.NOW_TOLD,
}
"""Reasons of history lines that send a notice."""
BEFORE_MS = 6 * HOUR_MS
"""Evidence may be charted so much before the hour at which a cause was planted."""
ORDER = ("complication", "disease", "aftermath", "error", "background")
"""Which cause explains an alert where several could."""


@dataclass
class Held:
    """What one rule said of one LP over all assessments."""

    highest: Severity = Severity.INFO
    is_shadow: bool = False
    is_alone: bool = False
    folded_by: set[str] = field(default_factory=set)


class Recorder(PackProgram):
    """The program of a pack, which notes every finding before and after folds."""

    def __init__(self, pack: Pack) -> None:
        """Keep the pack; nothing held yet."""
        super().__init__(pack)
        self.held: dict[tuple[frozenset[str], EpochMs, str], Held] = {}

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> Assessment:
        """Assess, and note the findings by the numbers of the patient."""
        found = super().assess(facts, as_of_ms, consumed_until_ms, who)
        if found.findings:
            numbers = frozenset(fact.patient.value for fact in facts)
            for finding in found.findings:
                key = (numbers, finding.episode.anchor_ms, finding.rule)
                held = self.held.setdefault(key, Held())
                held.highest = max(held.highest, finding.severity)
                held.is_shadow = finding.status is RuleStatus.SHADOW
                held.is_alone |= not finding.folded_by
                held.folded_by |= {finding.folded_by} - {""}
        return found


@cache
def default_pack() -> Pack:
    """Compile the default pack once for each process."""
    return load_pack()


def run(cohort: str, seed: int, first: int, patients: int, form: Form = Form.HL7V2) -> Shard:
    """Simulate and replay patients `first` and following, and compare what came with what is true."""
    pack = default_pack()
    settings = Settings(
        seed, patients=patients, rates=cohort_rates(), live=COHORTS[cohort], first=first, form=form
    )
    hospital = Hospital(settings)
    messages = [
        RawMessage(written.body, settings.form, "simulated", written.received_at_ms)
        for written in hospital.messages()
    ]
    program = Recorder(pack)
    report = replay(messages, program, memory_store)
    return _shard(hospital.finished(), messages, report, program)


def _shard(
    truths: tuple[PatientTruth, ...], messages: Sequence[RawMessage], report: ReplayReport, program: Recorder
) -> Shard:
    whose = {one.value: number for number, truth in enumerate(truths) for one in truth.identifiers}
    by_patient: dict[int, list[ReplayLine]] = {}
    for alert in report.alerts:
        number = next(whose[one["value"]] for one in alert["patient"] if one["value"] in whose)
        by_patient.setdefault(number, []).append(alert)
        # Ids of FHIR servers, too: facts are filed under one of a patient's numbers.
        whose |= {one["value"]: number for one in alert["patient"]}
    findings = _finding_rows(program, whose)
    alerts = tuple(
        _alert_row(number, truths[number], alert) for number, found in by_patient.items() for alert in found
    )
    expected = tuple(
        _expected_row(number, truth, one, by_patient.get(number, []))
        for number, truth in enumerate(truths)
        for one in truth.expected
    )
    return Shard(
        len(truths),
        dict(_sum((truth.setting, len(truth.punctures_ms)) for truth in truths)),
        len(messages),
        alerts,
        findings,
        expected,
        dict(Counter(cause.kind for truth in truths for cause in truth.causes)),
        dict(Counter(trap for truth in truths for trap in truth.traps)),
        sum(report.failed.values()),
        sum(report.dead_lettered.values()),
        tuple(f"{one['feed']}: {one['subject']}" for one in report.summary["unmapped"]),
    )


def _finding_rows(program: Recorder, whose: Mapping[str, int]) -> tuple[FindingRow, ...]:
    """Return what held by patient, LP and rule; a patient's numbers become more when more of them are known."""
    merged: dict[tuple[int, EpochMs, str], Held] = {}
    for (numbers, anchor_ms, rule), held in program.held.items():
        number = next(whose[value] for value in sorted(numbers) if value in whose)
        one = merged.setdefault((number, anchor_ms, rule), Held())
        one.highest = max(one.highest, held.highest)
        one.is_shadow = held.is_shadow
        one.is_alone |= held.is_alone
        one.folded_by |= held.folded_by
    return tuple(
        FindingRow(
            number,
            rule,
            held.highest.name.lower(),
            held.is_shadow,
            held.is_alone,
            tuple(sorted(held.folded_by)),
        )
        for (number, _, rule), held in merged.items()
    )


def _sum(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for name, number in pairs:
        total[name] += number
    return total


def _alert_row(number: int, truth: PatientTruth, alert: ReplayLine) -> AlertRow:
    cause = _cause(truth, alert)
    is_shadow = alert["status"] == "shadow"
    told = "shadow" if is_shadow else "paged" if alert["paged"] else "listed"
    hour = (from_rfc3339(alert["effective_at"]) - from_rfc3339(alert["lp_at"])) / HOUR_MS
    return AlertRow(
        number,
        truth.setting,
        alert["rule"],
        tuple(line["severity"] for line in alert["history"] if _is_notice(line)),
        _highest(line["severity"] for line in alert["history"]),
        told,
        alert["state"],
        hour,
        "nothing that was planted" if cause is None else cause.kind,
        "unexplained" if cause is None else cause.category,
        next((one["sentence"] for one in alert["evidence"] if one["sentence"]), ""),
        truth.traps,
    )


def _is_notice(line: HistoryDocument) -> bool:
    return line["reason"] in NOTICED


def _highest(severities: Iterable[str]) -> str:
    return max((Severity[name.upper()] for name in severities), default=Severity.INFO).name.lower()


def _cause(truth: PatientTruth, alert: ReplayLine) -> Cause | None:
    """Return what explains an alert: something planted at that time that may give it."""
    at_ms = from_rfc3339(alert["effective_at"])
    may = [
        cause
        for cause in truth.causes
        if alert["rule"] in cause.rules and cause.from_ms - BEFORE_MS <= at_ms <= cause.until_ms
    ]
    return min(may, key=lambda cause: (ORDER.index(cause.category), cause.from_ms), default=None)


def _expected_row(number: int, truth: PatientTruth, one: Expected, alerts: list[ReplayLine]) -> ExpectedRow:
    cause = next(cause for cause in truth.causes if cause.kind == one.cause)
    outcome, got = _outcome(one, alerts)
    said = tuple((sentence, _as_read(sentence)) for sentence in cause.said) if outcome == "missed" else ()
    return ExpectedRow(
        number, truth.setting, one.cause, cause.category, one.rule, one.severity, outcome, got, said
    )


def _outcome(one: Expected, alerts: list[ReplayLine]) -> tuple[str, str]:
    pack = default_pack()
    if one.rule not in {rule.id for rule in pack.rules.rules}:
        return "no rule", ""
    least = Severity[one.severity.upper()]
    mine = [alert for alert in alerts if alert["rule"] == one.rule and alert["state"] != "withdrawn"]
    stronger = folding_rules(pack.policy.folds).get(one.rule, frozenset())
    for alert in mine:
        highest = _highest(line["severity"] for line in alert["history"])
        if Severity[highest.upper()] < least:
            return "lower", highest
        is_context = alert["status"] == "shadow" or highest == "info"
        return ("found" if alert["paged"] or is_context else "listed"), highest
    by = [alert["rule"] for alert in alerts if alert["rule"] in stronger and alert["state"] != "withdrawn"]
    return ("folded", ", ".join(sorted(by))) if by else ("missed", "")


def _as_read(sentence: str) -> str:
    """Say what the note reader makes of one sentence."""
    reading = default_pack().notes.read(NoteDocument("1", "Progress note", sentence))
    found = [
        " ".join([concept, str(assertion.status), *assertion.qualifiers])
        for concept, assertion in reading.assertions
    ]
    return "; ".join(found) or "nothing"


Runner = Callable[[str, int, int, int], Shard]
