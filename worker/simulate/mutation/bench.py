"""Judge mutants by the vignettes that can notice them, at the level of facts.

Each vignette is written and read once. What a mutant changes comes after that: facts to findings, findings to alerts. So
its messages are run through the engine again with the readings kept, and only with the rules that the change can reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import PurePath

from worker.alerts.policy import Policy
from worker.model.errors import PackError
from worker.model.message import RawMessage, Reading
from worker.model.time import EpochMs
from worker.pipeline import Pack
from worker.rules.rule import RuleBook
from worker.runtime.engine_program import PackProgram
from worker.simulate.gold import GoldReader
from worker.simulate.judge import agrees, course_of
from worker.simulate.letters import FORMS, write
from worker.simulate.mutation.mutants import Catalogue, Mutant, Scene
from worker.simulate.trial import TrialStore, run
from worker.simulate.vignettes import Vignette

_Key = tuple[bytes, EpochMs]
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

    Shape: `by` is the vignette that noticed it first, or why lint refuses it; `judged` how many were asked.
    """

    end: End
    by: str = ""
    judged: int = 0


@dataclass(slots=True)
class Case:
    """A vignette with its messages and the concepts of its facts."""

    vignette: Vignette
    file: str
    messages: tuple[RawMessage, ...]
    concepts: frozenset[str] = frozenset()


@dataclass(slots=True)
class Readings:
    """What messages say, read once."""

    said: dict[_Key, Reading] = field(default_factory=dict)
    told: dict[bytes, EpochMs | None] = field(default_factory=dict)


class _Recorded(PackProgram):
    """A pack whose messages were read before."""

    def __init__(self, pack: Pack, readings: Readings, notes: GoldReader | None = None) -> None:
        super().__init__(pack, notes)
        self._readings = readings

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
        is_gold: bool = True,
    ) -> None:
        """Read the vignettes, each given with the file that it stands in; `failing` are those that the pack fails as it is."""
        self._catalogue = catalogue
        self._pack = pack
        self._open_store = open_store
        self._readings = Readings()
        self._ready: dict[Scene, tuple[Case, ...]] = {}
        self._lately: dict[str, dict[str, int]] = {}
        self.cases: list[Case] = []
        failing = []
        rules = frozenset(rule.id for rule in catalogue.book.rules)
        for file, vignette in vignettes:
            case = Case(vignette, PurePath(file).stem, write(vignette, FORMS[0]))
            gold = GoldReader(vignette.gold) if is_gold else None
            program = _Recorded(pack, self._readings, gold)
            if self._notices(case, program, rules | vignette.rules):
                failing.append(vignette.vignette_id)
            said = [self._readings.said.get((raw.body, raw.received_at_ms)) for raw in case.messages]
            case.concepts = frozenset(fact.concept for one in said if one is not None for fact in one.facts)
            self.cases.append(case)
        self.failing = tuple(failing)

    def judge(self, mutant: Mutant) -> Judgement:
        """Ask the vignettes that a mutant can reach, the likeliest first, until one notices."""
        try:
            book = self._catalogue.compile(mutant)
        except PackError as error:
            return Judgement(End.REFUSED, error.reason.splitlines()[0])
        cases = self.cases_for(mutant.scene, mutant.owner)
        program = self._program(book)
        lately = self._lately.setdefault(mutant.owner, {})
        ordered = sorted(cases, key=lambda case: -lately.get(case.vignette.vignette_id, 0))
        for number, case in enumerate(ordered, start=1):
            if self._notices(case, program, mutant.scene.touched):
                name = case.vignette.vignette_id
                lately[name] = max(lately.values(), default=0) + 1
                return Judgement(End.NOTICED, name, number)
        return Judgement(End.SURVIVED, judged=len(ordered))

    def cases_for(self, scene: Scene, owner: str) -> tuple[Case, ...]:
        """Return the vignettes that a change in a scene can reach and that pass without it, the owner's own first."""
        ready = self._ready.get(scene)
        if ready is None:
            program = self._program(self._catalogue.compile_scene(scene))
            ready = tuple(
                case
                for case in self.cases
                if self._is_reached(case, scene) and not self._notices(case, program, scene.touched)
            )
            self._ready[scene] = ready
        return tuple(
            sorted(ready, key=lambda case: (case.file != owner, not case.vignette.rules & scene.touched))
        )

    def _is_reached(self, case: Case, scene: Scene) -> bool:
        """Tell whether a vignette is about a rule of the scene: by what it expects, where it stands or what it holds."""
        if case.vignette.rules & scene.touched or case.file in scene.touched:
            return True
        if case.vignette.encounter_class and any(map(self._catalogue.awaits, scene.touched)):
            return True
        rules = [self._catalogue.rule(name) for name in scene.touched]
        inputs = frozenset[str]().union(*(rule.inputs for rule in rules)) - _EVERYWHERE
        return bool(inputs & case.concepts)

    def _program(self, book: RuleBook) -> _Recorded:
        rises = {rule.id: rule.renotify_rise for rule in book.rules if rule.renotify_rise is not None}
        policy = Policy(renotify_rise=rises, folds=book.folds)
        return _Recorded(replace(self._pack, rules=book, policy=policy), self._readings)

    def _notices(self, case: Case, program: _Recorded, rules: frozenset[str]) -> bool:
        """Tell whether a vignette fails, looking at the alerts of some rules."""
        done = run(case.messages, case.vignette, program, self._open_store)
        expected = [course for course in case.vignette.expected if course.rule in rules]
        got = [course_of(outcome) for outcome in done.outcomes if outcome.rule in rules]
        finds = case.vignette.finds
        found_otherwise = finds is not None and bool((finds ^ done.finds) & rules)
        return bool(done.problems) or found_otherwise or not agrees(expected, got)


def in_order(mutants: Sequence[Mutant]) -> list[int]:
    """Return positions of mutants so that those of one owner stay together, the longest lists first."""
    sizes: dict[str, int] = {}
    for mutant in mutants:
        sizes[mutant.owner] = sizes.get(mutant.owner, 0) + 1
    return sorted(range(len(mutants)), key=lambda at: (-sizes[mutants[at].owner], mutants[at].owner, at))
