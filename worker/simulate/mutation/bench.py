"""Judge mutants by the vignettes that can notice them, at the level of facts.

Each vignette is written and read once, when the first mutant asks for it. What a mutant changes comes after that: facts to
findings, findings to alerts. So its messages are run through the engine again with the readings kept, and only with the rules
that the change can reach. Where every assessment of the unchanged rules finds the same under the mutant, the run would be the
same and is spared. To see that, only the changed rules are asked again, and others where one that they refer to answers
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath
from typing import TypeAlias

from worker.correlate.view import EpisodeView
from worker.model.errors import PackError
from worker.model.fact import Fact, Identifier
from worker.model.finding import Finding, Truth
from worker.model.message import RawMessage, Reading, Unused
from worker.model.time import EpochMs
from worker.pipeline import Assessment, Pack, policy_of
from worker.rules.blind import BlindSpot
from worker.rules.context import Context, Outcome
from worker.rules.evaluate import Evaluation, evaluate
from worker.rules.rule import RuleBook
from worker.runtime.engine_program import PackProgram
from worker.simulate.gold import GoldReader
from worker.simulate.judge import agrees, course_of
from worker.simulate.letters import FORMS, write
from worker.simulate.mutation.mutants import SHARED, Catalogue, Mutant, Scene
from worker.simulate.trial import Run, TrialStore, run
from worker.simulate.vignettes import Vignette

SUMS = f"{SHARED}/sums"
_Key = tuple[bytes, EpochMs]
_Essence: TypeAlias = tuple[Finding | None, EpochMs | None, EpochMs | None, Truth | bool]
_EVERYWHERE = frozenset({"lumbar-puncture", "encounter", "discharge", "birth-date", "note"})
"""Concepts that most vignettes have: that a rule reads them does not make a vignette one for it."""


class End(StrEnum):
    """How a mutant ends."""

    NOTICED = "noticed"
    SURVIVED = "survived"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one mutant.

    Shape: `by` is the vignette that noticed it first, or why lint refuses it; `judged` how many were asked; `failing` those
    that could not be asked, because they fail with the rules as they are.
    """

    end: End
    by: str = ""
    judged: int = 0
    failing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Made:
    """The run of a vignette with the rules as they are, and its assessments."""

    run: Run
    looks: tuple[_Look, ...]


@dataclass(slots=True)
class Case:
    """A vignette with its messages; the concepts of its facts and its run with the rules as they are once asked for.

    Shape: `is_gold` where its notes say what it states, whoever reads the others.
    """

    vignette: Vignette
    file: str
    messages: tuple[RawMessage, ...]
    is_gold: bool = False
    known_concepts: frozenset[str] | None = None
    known_made: _Made | None = None


def case_of(vignette: Vignette, file: str = "", *, is_gold: bool = False) -> Case:
    """Write a vignette, in the form in which mutants are judged."""
    return Case(vignette, file, write(vignette, FORMS[0]), is_gold)


@dataclass(slots=True)
class Readings:
    """What messages say, read once."""

    said: dict[_Key, Reading] = field(default_factory=dict)
    told: dict[bytes, EpochMs | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Look:
    """One assessment: what was looked at, and by LP what each rule answered and what of it counts."""

    as_of_ms: EpochMs
    consumed_until_ms: EpochMs
    found: tuple[tuple[EpisodeView, Mapping[str, Outcome], Mapping[str, _Essence]], ...]


class _Recorded(PackProgram):
    """A pack whose messages were read before; where it is watched, `looks` collects its assessments."""

    def __init__(
        self, pack: Pack, readings: Readings, notes: GoldReader | None = None, *, is_watched: bool = False
    ) -> None:
        super().__init__(pack, notes)
        self.is_watched = is_watched
        self.pack = pack
        self.looks: list[_Look] = []
        self._readings = readings

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> Assessment:
        assessment = super().assess(facts, as_of_ms, consumed_until_ms, who)
        if self.is_watched:
            by_lp: dict[EpochMs, list[Evaluation]] = {}
            for each in assessment.evaluations:
                by_lp.setdefault(each.context.anchor_ms, []).append(each)
            found = tuple(
                (
                    evaluations[0].context.view,
                    evaluations[0].context.outcomes,
                    {each.rule.id: _essence(each) for each in evaluations},
                )
                for evaluations in by_lp.values()
            )
            self.looks.append(_Look(as_of_ms, consumed_until_ms, found))
        return assessment

    def find_blind_spots(
        self,
        found: Assessment,
        unused: Sequence[Unused],  # noqa: ARG002 - the engine's call
    ) -> Mapping[EpochMs, tuple[BlindSpot, ...]]:
        """Say nothing: no vignette asks for it."""
        return {episode.anchor_ms: () for episode in found.episodes}

    def read(self, raw: RawMessage) -> Reading:
        key = (raw.body, raw.received_at_ms)
        known = self._readings.said.get(key)
        if known is None:
            self._readings.said[key] = known = super().read(raw)
        return known

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        if raw.body not in self._readings.told:
            self._readings.told[raw.body] = super().message_time(raw)
        return self._readings.told[raw.body]


class MutationBench:
    """Vignettes that are read, ready to judge mutants."""

    def __init__(
        self,
        catalogue: Catalogue,
        pack: Pack,
        vignettes: Iterable[tuple[str, Vignette]],
        open_store: Callable[[], TrialStore],
        *,
        is_gold: bool = False,
    ) -> None:
        """Read the vignettes, each given with the file that it stands in."""
        self._catalogue = catalogue
        # The very rules of the catalogue: what a mutant leaves as it is, is compiled once.
        self._pack = replace(pack, rules=catalogue.book)
        self._open_store = open_store
        self._is_gold = is_gold
        self._readings = Readings()
        self._ready: dict[Scene, tuple[Case, ...]] = {}
        self._failing: dict[Scene, tuple[str, ...]] = {}
        self._lately: dict[str, dict[str, int]] = {}
        self.cases = [case_of(vignette, PurePath(file).stem) for file, vignette in vignettes]

    def judge(self, mutant: Mutant) -> Judgement:
        """Ask the vignettes that a mutant can reach, the likeliest first, until one notices."""
        try:
            book = self._catalogue.compile(mutant)
        except PackError as error:
            return Judgement(End.REFUSED, error.reason.splitlines()[0])
        program = self._program(book)
        lately = self._lately.setdefault(mutant.owner, {})
        cases = self._cases(mutant.scene, mutant.owner)
        ordered = sorted(cases, key=lambda case: -lately.get(case.vignette.vignette_id, 0))
        for number, case in enumerate(ordered, start=1):
            made = self._run(case, mutant, program)
            if made is not None and _differs(case.vignette, made, mutant.scene.touched):
                name = case.vignette.vignette_id
                lately[name] = max(lately.values(), default=0) + 1
                return Judgement(End.NOTICED, name, number, self._failing[mutant.scene])
        return Judgement(End.SURVIVED, "", len(ordered), self._failing[mutant.scene])

    def as_it_is(self, case: Case) -> Run:
        """Return the run of a vignette with the rules as they are."""
        return self._made(case).run

    def tells_apart(self, cases: Iterable[Case], mutant: Mutant) -> Iterator[Case]:
        """Give the vignettes that come out otherwise under a mutant, whatever they expect."""
        touched = mutant.scene.touched
        program = self._program(self._catalogue.compile(mutant))
        for case in cases:
            as_it_is, made = self._made(case).run, self._run(case, mutant, program)
            if as_it_is.problems or made is None:
                continue
            before, after = (
                [course_of(outcome) for outcome in each.outcomes if outcome.rule in touched]
                for each in (as_it_is, made)
            )
            if (
                not (agrees(before, after) and agrees(after, before))
                or (as_it_is.finds ^ made.finds) & touched
            ):
                yield case

    def _run(self, case: Case, mutant: Mutant, program: _Recorded) -> Run | None:
        """Run a vignette under a mutant; None where that is the run with the rules as they are."""
        book, made = program.pack.rules, self._made(case)
        # Other totals make other facts, other folds other alerts of the same findings: there is nothing to spare then.
        known = [self._catalogue.rule(rule.id) for rule in book.rules]
        is_comparable = program.pack.policy == policy_of(known) and mutant.owner != SUMS
        if is_comparable and all(_is_same(look, book, mutant.scene.changed) for look in made.looks):
            return None
        return run(case.messages, case.vignette, program, self._open_store)

    def _cases(self, scene: Scene, owner: str) -> list[Case]:
        """Return the vignettes that a change in a scene can reach and that pass without it, the owner's own first."""
        known = self._ready.get(scene)
        if known is None:
            reached = [case for case in self.cases if self._is_reached(case, scene)]
            failing = [
                case for case in reached if _differs(case.vignette, self._made(case).run, scene.touched)
            ]
            self._failing[scene] = tuple(case.vignette.vignette_id for case in failing)
            known = self._ready[scene] = tuple(case for case in reached if case not in failing)
        return sorted(known, key=lambda case: (case.file != owner, not case.vignette.rules & scene.touched))

    def _is_reached(self, case: Case, scene: Scene) -> bool:
        """Tell whether a vignette is about a rule of the scene: by what it expects, where it stands or what it holds."""
        if case.vignette.rules & scene.touched or case.file in scene.touched:
            return True
        if case.vignette.encounter_class and any(map(self._catalogue.awaits, scene.touched)):
            return True
        rules = [self._catalogue.rule(name) for name in scene.touched]
        inputs = frozenset[str]().union(*(rule.inputs for rule in rules)) - _EVERYWHERE
        return bool(inputs & self._concepts(case))

    def _concepts(self, case: Case) -> frozenset[str]:
        """Return the concepts of the facts of a vignette."""
        if case.known_concepts is None:
            program = self._as_it_is(case)
            facts = (fact for raw in case.messages for fact in program.read(raw).facts)
            case.known_concepts = frozenset(fact.concept for fact in facts)
        return case.known_concepts

    def _made(self, case: Case) -> _Made:
        """Return the run of a vignette with the rules as they are."""
        if case.known_made is None:
            program = self._as_it_is(case)
            made = run(case.messages, case.vignette, program, self._open_store)
            case.known_made = _Made(made, tuple(program.looks))
        return case.known_made

    def _as_it_is(self, case: Case) -> _Recorded:
        gold = GoldReader(case.vignette.gold) if self._is_gold or case.is_gold else None
        return _Recorded(self._pack, self._readings, gold, is_watched=True)

    def _program(self, book: RuleBook) -> _Recorded:
        return _Recorded(replace(self._pack, rules=book, policy=policy_of(book.rules)), self._readings)


def _differs(vignette: Vignette, made: Run, rules: frozenset[str]) -> bool:
    """Tell whether a vignette fails, looking at what some rules made."""
    expected = [course for course in vignette.expected if course.rule in rules]
    got = [course_of(outcome) for outcome in made.outcomes if outcome.rule in rules]
    finds = vignette.finds
    found_otherwise = finds is not None and bool((finds ^ made.finds) & rules)
    return bool(made.problems) or found_otherwise or not agrees(expected, got)


def _essence(each: Evaluation) -> _Essence:
    """Return what of an answer can make a difference to alerts, now or later."""
    awaits_ms = each.awaits_feeds_until_ms
    return each.finding, each.next_change_at_ms, awaits_ms, awaits_ms is not None and each.truth


def _is_same(look: _Look, book: RuleBook, changed: frozenset[str]) -> bool:
    """Tell whether changed rules, and those that refer to them, find in an assessment what they found as they are."""
    for view, outcomes, found in look.found:
        context = Context(view, look.as_of_ms, look.consumed_until_ms, dict(outcomes))
        others = set[str]()
        for rule in book.rules:
            if rule.id not in changed and rule.refers_to.isdisjoint(others):
                continue
            if _essence(evaluate(rule, context)) != found.get(rule.id):
                return False
            if context.outcomes[rule.id] != outcomes.get(rule.id):
                others.add(rule.id)
    return True


def by_owner(mutants: Sequence[Mutant]) -> list[list[int]]:
    """Return positions of mutants in groups of one owner, the longest first."""
    groups: dict[str, list[int]] = {}
    for at, mutant in enumerate(mutants):
        groups.setdefault(mutant.owner, []).append(at)
    return sorted(groups.values(), key=lambda group: (-len(group), group))
