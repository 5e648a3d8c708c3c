"""Try vignettes: write each in every form, run it through the engine in order and shuffled, and judge what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from worker.model.message import RawMessage
from worker.notes.reader import NoteReader
from worker.runtime.engine import Program
from worker.runtime.replay import UNDISTURBED, Disturbance, ReplayStore, disturbed, replay
from worker.simulate.gold import GoldReader
from worker.simulate.judge import Failure, Outcome, agrees, course_of, documents, open_alerts
from worker.simulate.letters import FORMS, write
from worker.simulate.vignettes import Vignette
from worker.storage.records import Case

IN_ORDER: Final = "in order"
SHUFFLES: Final = (1, 2, 3)
"""Seeds of the shuffled receipts."""

Programs: TypeAlias = Callable[[NoteReader | None], Program]
"""Gives the program of the pack with a note reader in place of its own, or with its own (None)."""


class TrialStore(ReplayStore, Protocol):
    """A state whose patients can be looked at."""

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value."""

    def case(self, patient: int) -> Case:
        """Read a patient with everybody joined with him."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What trials need: the pack's program, an empty store for each run, and the rules that the pack has.

    Shape: `is_gold` replaces the note reader by the gold readings of the vignettes; `forms` in which each is written, and
    the seeds of `shuffles`.
    """

    programs: Programs
    open_store: Callable[[], TrialStore]
    rules: frozenset[str]
    is_gold: bool = False
    forms: tuple[str, ...] = FORMS
    shuffles: tuple[int, ...] = SHUFFLES


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one vignette ended.

    Shape: `failures` is empty where every form and order gave what it must; `missing_rules` are rules that it expects and
    the pack does not have.
    """

    vignette: Vignette
    failures: tuple[Failure, ...]
    missing_rules: tuple[str, ...]

    @property
    def has_passed(self) -> bool:
        """Tell whether every form and order gave what it must."""
        return not self.failures


def try_vignette(vignette: Vignette, bench: Bench) -> Verdict:
    """Judge one vignette in every form and order."""
    program = bench.programs(GoldReader(vignette.gold) if bench.is_gold else None)
    failures = [failure for form in bench.forms for failure in _try_form(vignette, form, program, bench)]
    return Verdict(vignette, tuple(failures), tuple(sorted(vignette.rules - bench.rules)))


def _try_form(vignette: Vignette, form: str, program: Program, bench: Bench) -> Iterator[Failure]:
    messages = write(vignette, form)
    first = run(messages, vignette, program, bench.open_store)
    got = [course_of(outcome) for outcome in first.outcomes]
    problems = (*first.problems, *finds_otherwise(vignette, first))
    if problems or not agrees(vignette.expected, got):
        t0_ms = vignette.t0_ms
        expected = documents(vignette.expected, t0_ms)
        observed = documents(got, t0_ms, vignette.expected)
        yield Failure(vignette.vignette_id, form, IN_ORDER, expected, observed, problems)
    final = open_alerts(first.outcomes)
    for order, arriving, disturbance in _otherwise(vignette, form, messages, bench.shuffles):
        other = run(arriving, vignette, program, bench.open_store, disturbance)
        got_then = open_alerts(other.outcomes)
        problems = (*other.problems, *finds_otherwise(vignette, other), *_rests_otherwise(first, other))
        if got_then != final or problems:
            yield Failure(vignette.vignette_id, form, order, final, got_then, problems)


def _otherwise(
    vignette: Vignette, form: str, messages: Sequence[RawMessage], shuffles: Iterable[int]
) -> Iterator[tuple[str, Sequence[RawMessage], Disturbance]]:
    """Give the other ways for the messages to arrive: shuffled, each order once, and those that the vignette names."""
    had = {tuple(messages)}
    for seed in shuffles:
        disturbance = Disturbance(shuffle_seed=seed)
        order = tuple(disturbed(messages, disturbance))
        if order not in had:
            had.add(order)
            yield f"shuffled {seed}", messages, disturbance
    for number, arrival in enumerate(vignette.arrivals, start=1):
        disturbance = Disturbance(restart_n=arrival.restart, batch_size=arrival.split)
        yield f"arrival {number}", write(vignette, form, arrival), disturbance


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave.

    Shape: `outcomes` of alerts; `problems` with messages and assessments; `finds` the rules that open no alert and hold of
    some LP at the end, empty where the vignette does not ask. `evidence` has by rule the LP, concepts and times on which its
    open alerts rest.
    """

    outcomes: tuple[Outcome, ...]
    problems: tuple[str, ...]
    finds: frozenset[str] = frozenset()
    evidence: Mapping[str, frozenset[tuple[object, ...]]] = field(default_factory=dict)


def _rests_otherwise(one: Run, other: Run) -> Iterator[str]:
    """Name the rules whose open alerts rest on other concepts, or on values of other times."""
    for rule in sorted(one.evidence.keys() & other.evidence.keys()):
        if one.evidence[rule] != other.evidence[rule]:
            yield f"{rule} rests on other evidence"


def finds_otherwise(vignette: Vignette, made: Run) -> tuple[str, ...]:
    """Say where the rules that open no alert are not exactly those that the vignette wants; empty where they are."""
    if vignette.finds is None or made.finds == vignette.finds:
        return ()
    wanted, found = (", ".join(sorted(rules)) or "none" for rules in (vignette.finds, made.finds))
    return (f"rules that open no alert: expected {wanted}; hold {found}",)


def run(
    messages: Sequence[RawMessage],
    vignette: Vignette,
    program: Program,
    open_store: Callable[[], TrialStore],
    disturbance: Disturbance = UNDISTURBED,
) -> Run:
    """Run the messages of a vignette through the engine."""
    store = open_store()
    report = replay(messages, program, lambda: store, until_ms=vignette.until_ms, disturbance=disturbance)
    outcomes = tuple(
        Outcome(
            record.alert.rule,
            record.alert.state,
            record.alert.severity,
            record.history,
            record.alert.finding.remarks,
        )
        for record in store.alerts()
    )
    evidence: dict[str, frozenset[tuple[object, ...]]] = {}
    for finding in (record.alert.finding for record in store.alerts() if record.alert.state.is_open):
        facts = frozenset((fact.concept, fact.effective.start_ms) for fact in finding.evidence)
        evidence[finding.rule] = evidence.get(finding.rule, frozenset()) | {
            (finding.episode.anchor_ms, facts)
        }
    unread = (f"{count} × message not read: {reason}" for reason, count in report.dead_lettered.items())
    failed = (f"{count} × assessment failed: {reason}" for reason, count in report.failed.items())
    finds = frozenset() if vignette.finds is None else frozenset(_finds(vignette, program, store))
    return Run(outcomes, (*unread, *failed), finds, evidence)


def _finds(vignette: Vignette, program: Program, store: TrialStore) -> Iterator[str]:
    at_ms = vignette.until_ms
    for patient in store.find(vignette.vignette_id):
        for evaluation in program.assess(store.case(patient).facts, at_ms, at_ms).evaluations:
            if evaluation.rule.is_silent and evaluation.finding is not None:
                yield evaluation.rule.id
