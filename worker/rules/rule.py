"""Rules ready to be evaluated, and the book that holds them. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.correlate.index import is_csf
from worker.model.finding import RuleStatus, Severity

if TYPE_CHECKING:
    from worker.rules.context import EpisodeNode, ReadingNode, Wanted, Window

SHAPES_EPISODES = frozenset({"lumbar-puncture"})
"""Concepts of which a change may move, open or close an LP; every concept of CSF is another."""

SHAPES_ALL = SHAPES_EPISODES | {"encounter", "discharge", "birth-date"}
"""Concepts of which a change may change the answer of any rule: when the LP was, where the patient is, how old he is."""


@dataclass(frozen=True, slots=True)
class Cited:
    """A source as the alert cites it: its key, how to find it, its year where one is known, and what of it was read."""

    key: str
    cite: str
    year: int | None = None
    read: str = ""

    @property
    def line(self) -> str:
        """Return the source as a reader of an alert is given it: "..., 2024 (read: summaries)"."""
        year = "year not known" if self.year is None else str(self.year)
        dated = self.cite if year in self.cite else f"{self.cite}, {year}"
        return f"{dated} (read: {self.read})" if self.read else dated


@dataclass(frozen=True, slots=True)
class RuleText:
    """What people read of a rule, in the pack's own words.

    Shape: `review` is "not clinically reviewed" or names who reviewed it and when.
    """

    title: str
    possible_causes: tuple[str, ...]
    considerations: tuple[str, ...]
    check: tuple[str, ...]
    misses: tuple[str, ...]
    false_positives: tuple[str, ...]
    seeds: tuple[str, ...]
    sources: tuple[Cited, ...]
    review: str
    education: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition on a hit, and what is said where it holds.

    Shape: `to` is a severity; `is_one_lower` only for clauses that lower by one level.
    """

    when: ReadingNode
    say: str
    to: Severity = Severity.INFO
    is_one_lower: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule.

    Shape: `inputs` are all concepts on which its answer may depend, those of rules it refers to included; `refers_to` the
    rules themselves; `hits` the concepts of facts that it rests on first of all. `expires_ms` is counted from the LP.
    `renotify_rise` in the unit of its hits. `is_timed` asks of a fact for what was not done. `is_silent` opens no alert;
    its finding stands in the context of the alerts of `context_of`. `needs_observation` rests on what somebody charts of
    the patient again and again (`expected`), or cannot hold without it; the others see results and visits wherever he is.
    `unless` are the clauses that suppress a hit; of what `asks_for` names, its alert says what is not on file.
    """

    id: str
    version: int
    status: RuleStatus
    severity: Severity
    text: RuleText
    window: Window
    expires_ms: int
    when: EpisodeNode
    inputs: frozenset[str]
    refers_to: frozenset[str]
    raises: tuple[Clause, ...] = ()
    lowers: tuple[Clause, ...] = ()
    remarks: tuple[Clause, ...] = ()
    shadow_concepts: frozenset[str] = frozenset()
    renotify_rise: float | None = None
    folds: tuple[str, ...] = ()
    hits: frozenset[str] = frozenset()
    is_silent: bool = False
    context_of: frozenset[str] = frozenset()
    is_timed: bool = False
    needs_observation: bool = False
    unless: tuple[ReadingNode, ...] = ()
    asks_for: tuple[Circumstance, ...] = ()

    @property
    def highest(self) -> Severity:
        """Return the highest severity that it can have."""
        return max([self.severity, *(clause.to for clause in self.raises)])


@dataclass(frozen=True, slots=True)
class Total:
    """A concept that is added up from parts of one instant where it is not reported itself.

    Shape: `letters` stand beside `parts`. With `absent`, the sum leaves that part out and says so by `qualifier` wherever
    the part has no value.
    """

    concept: str
    unit: str
    parts: tuple[str, ...]
    letters: tuple[str, ...]
    absent: str = ""
    qualifier: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """An input of which the silence makes rules blind.

    Shape: `rules` are those that are blind without one of `needed_by`; a fact of one of `heard` brings it. `within_ms` is
    how long its silence is ordinary, counted from the LP or the last fact; `is_once` where one fact is enough.
    """

    title: str
    needed_by: frozenset[str]
    heard: tuple[str, ...]
    within_ms: int
    is_once: bool = False
    rules: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Circumstance:
    """What stands beside every alert of an LP: facts of `concepts` in a span from the LP; `drugs` are those that are given.

    Shape: `wanted` is what somebody could bring of each concept.
    """

    title: str
    concepts: tuple[str, ...]
    drugs: frozenset[str]
    first_ms: int
    last_ms: int
    wanted: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBook:
    """All rules of a pack that are read, in an order in which each comes after those it refers to.

    Shape: `by_id` has the rules by id, `folds` says of a rule which weaker ones it folds, `summed` names the concepts of which
    totals are made, the totals included, `read` those that any rule reads; `is_timed` where one of the rules is. `idle` says of
    rules that the pack knows and nobody asks whether they are "retired" or "disabled". `kinds` names the findings that are of a
    more general one.
    """

    rules: tuple[Rule, ...]
    totals: tuple[Total, ...] = ()
    expected: tuple[Expected, ...] = ()
    idle: Mapping[str, str] = field(default_factory=dict)
    circumstances: tuple[Circumstance, ...] = ()
    kinds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_id: Mapping[str, Rule] = field(init=False)
    folds: Mapping[str, tuple[str, ...]] = field(init=False)
    summed: frozenset[str] = field(init=False)
    read: frozenset[str] = field(init=False)
    is_timed: bool = field(init=False)

    def __post_init__(self) -> None:
        """Gather once what every assessment asks for."""
        parts = ((*total.parts, total.concept, total.absent) for total in self.totals)
        object.__setattr__(self, "by_id", {rule.id: rule for rule in self.rules})
        object.__setattr__(self, "folds", {rule.id: rule.folds for rule in self.rules if rule.folds})
        object.__setattr__(self, "summed", frozenset(name for names in parts for name in names))
        object.__setattr__(self, "read", frozenset(name for rule in self.rules for name in rule.inputs))
        object.__setattr__(self, "is_timed", any(rule.is_timed for rule in self.rules))

    def rules_for(self, changed: Iterable[str]) -> tuple[Rule, ...]:
        """Return the rules whose answer may differ after facts of these concepts changed, in the book's order.

        A change that can move an LP concerns every rule.
        """
        concepts = frozenset(changed)
        if concepts & SHAPES_EPISODES or any(is_csf(concept) for concept in concepts):
            return self.rules
        return tuple(rule for rule in self.rules if rule.inputs & concepts)
