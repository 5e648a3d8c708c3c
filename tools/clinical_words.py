"""Write clauses of rules as sentences, for docs/clinical.md: what a rule looks for, in words and not in YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.rules.bounds import given
from worker.rules.clauses import (
    RELATIONS,
    ArrivalSpec,
    BaselineDropSpec,
    BaselineFindingSpec,
    BaselineRiseSpec,
    Bounds,
    CountSpec,
    DrugSpec,
    EarlierSpec,
    EpisodeClause,
    FindingSpec,
    HasBaselineSpec,
    MinusSpec,
    MissingSpec,
    NearSpec,
    PunctureSpec,
    RatioSpec,
    ReadingSpec,
    RiseSpec,
    RisingSpec,
    WindowSpec,
    WorseSpec,
)
from worker.rules.rule_files import RuleFiles
from worker.rules.spec import ParamSpec
from worker.rules.words import with_unit

_DAY_H = 24
_IN_DAYS_FROM_H = 72
_A_LIFE_AGO_D = -36_500
_AT_ONCE = "0 h"
_NUMBER = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most"}
_AMOUNT = {"above": "more than", "at_least": "at least", "below": "less than", "at_most": "at most"}
_FIRST = (
    "concept",
    "answer",
    "asserted",
    "with",
    "without",
    "age",
    "compared",
    "is",
    "since_lp",
    "since_series",
)
_AGE = {
    "above": "older than {}",
    "at_least": "{} or older",
    "below": "younger than {}",
    "at_most": "not older than {}",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A sentence, and what belongs below it."""

    text: str
    parts: tuple[Node, ...] = ()

    def lines(self, depth: int = 0) -> list[str]:
        """Write as a nested list of Markdown."""
        return [
            "  " * depth + "- " + self.text,
            *(line for part in self.parts for line in part.lines(depth + 1)),
        ]


def number(param: ParamSpec) -> str:
    """Write a number with its unit and what differs by age: "5 /uL (under 57 d: 9, under 29 d: 19)"."""
    if param.unit == "d" and param.value <= _A_LIFE_AGO_D:
        return "any time before"
    words = with_unit(f"{param.value:g}", param.unit)
    if param.unit == "h" and abs(param.value) >= _IN_DAYS_FROM_H and param.value % _DAY_H == 0:
        words += f" ({param.value / _DAY_H:g} d)"
    bands = [f"under {band.below:g} {band.age_unit}: {band.value:g}" for band in reversed(param.by_age)]
    return f"{words} ({', '.join(bands)})" if bands else words


def names(concepts: Iterable[str], joint: str = "or") -> str:
    """Write a list of names: `a`, `b` or `c`."""
    return _listed([f"`{name}`" for name in concepts], joint)


def _listed(words: list[str], joint: str = "or") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {joint} {words[-1]}"


def _joined(nodes: tuple[Node, ...]) -> Iterable[tuple[Node, str]]:
    return ((node, " and " if at else " ") for at, node in enumerate(nodes))


def _relative(text: str) -> str:
    """Turn "it is above 38 Cel" into "that is above 38 Cel"."""
    return f"that {text.removeprefix('it ')}" if text.startswith("it ") else f"for which {text}"


def _aside(text: str) -> str:
    return f" ({text.removeprefix(', ')})" if text else ""


def _stated(clause: EpisodeClause) -> list[tuple[str, Any]]:
    fields = type(clause).model_fields
    return [
        (fields[name].alias or name, getattr(clause, name))
        for name in fields
        if name in clause.model_fields_set
    ]


def _order(name: str) -> int:
    """Return where a key stands in a sentence: what it is, then what it is like, then what is around it."""
    return _FIRST.index(name) if name in _FIRST else len(_FIRST) + ("any", "all", "not").count(name)


@dataclass(frozen=True, slots=True)
class Words:
    """Write the clauses of one rule or definition, with its numbers.

    Shape: `link` gives the text for a definition or a rule by "definition" or "rule" and its id.
    """

    params: Mapping[str, ParamSpec]
    files: RuleFiles
    link: Callable[[str, str], str]
    unwritten: list[str] = field(default_factory=list)

    def num(self, reference: str) -> str:
        """Write what `$name` stands for."""
        name = reference.removeprefix("$")
        shared = self.files.params.get(name)
        found = self.params.get(name) or (shared[0] if shared else None)
        return reference if found is None else number(found)

    def bounds(self, bounds: Bounds, words: Mapping[str, str] = _NUMBER) -> str:
        """Write comparisons: "above 38 Cel and at most 40 Cel"."""
        return " and ".join(
            f"{words[relation.value]} {self.num(reference)}" for relation, reference in given(bounds)
        )

    def ages(self, bounds: Bounds) -> str:
        """Write an age: "younger than 90 d"."""
        return " and ".join(
            _AGE[relation.value].format(self.num(reference)) for relation, reference in given(bounds)
        )

    def window(self, window: WindowSpec) -> str:
        """Write a window: "from 0 h to 168 h (7 d) after the LP"."""
        start = (
            f"from {self.num(window.from_)}" if window.from_ else f"later than {self.num(window.after or '')}"
        )
        end = f"to {self.num(window.to)}" if window.to else f"and before {self.num(window.before or '')}"
        if window.counts_from == "series":
            return f"{start} after the first LP of the series {end} after this LP"
        return f"{start} {end} after the LP"

    def clause(self, clause: EpisodeClause | None) -> tuple[Node, ...]:
        """Write a clause: one node for each of its keys, all of which must hold."""
        if clause is None:
            return ()
        compared = {
            name: getattr(clause, name)
            for name in RELATIONS
            if name in clause.model_fields_set and getattr(clause, name) is not None
        }
        stated = [item for item in _stated(clause) if item[0] not in RELATIONS]
        if compared:
            stated.append(("compared", Bounds(**compared)))
        nodes: list[Node] = []
        for name, value in sorted(stated, key=lambda item: _order(item[0])):
            parts = (
                [node for part in value for node in self.clause(part)]
                if name == "all"
                else [self._key(name, value)]
            )
            nodes.extend(parts)
        return tuple(nodes)

    def condition(self, clause: EpisodeClause) -> Node:
        """Write a clause as one node."""
        nodes = self.clause(clause)
        if len(nodes) == 1:
            return nodes[0]
        if not any(node.parts for node in nodes):
            return Node(" and ".join(node.text for node in nodes))
        return Node("all of these:", nodes)

    def _key(self, name: str, value: Any) -> Node:  # noqa: ANN401 - each key has its own type
        write = getattr(self, f"_{name}", None)
        if write is None:
            self.unwritten.append(name)
            return Node(f"{name.replace('_', ' ')} …")
        made = write(value)
        return made if isinstance(made, Node) else Node(made)

    def _that(self, of: str, where: EpisodeClause | None, rest: str) -> Node:
        """Write what is said of a fact, and what must hold of it: short right after its name, long below."""
        nodes = self.clause(where)
        if not any(node.parts for node in nodes):
            return Node(
                of + "".join(f"{joint}{_relative(node.text)}" for node, joint in _joined(nodes)) + rest
            )
        if len(nodes) == 1:
            return Node(f"{of}{rest}, where {nodes[0].text}", nodes[0].parts)
        return Node(f"{of}{rest}, where all of these hold:", nodes)

    def _compared(self, bounds: Bounds) -> str:
        return f"it is {self.bounds(bounds)}"

    # --- about the LP --------------------------------------------------------------------------------------------

    def _any(self, parts: tuple[EpisodeClause, ...]) -> Node:
        nodes = tuple(self.condition(part) for part in parts)
        return nodes[0] if len(nodes) == 1 else Node("one of these holds:", nodes)

    def _not(self, clause: EpisodeClause) -> Node:
        node = self.condition(clause)
        return Node(f"**not**: {node.text}", node.parts)

    def _is(self, name: str) -> str:
        known = self.files.definitions.get(name)
        link = self.link("definition", name)
        return f"it is {link}" if known is not None and known[0].of else f"{link} holds"

    def _rule(self, name: str) -> str:
        return f"the rule {self.link('rule', name)} holds for this LP"

    def _age(self, bounds: Bounds) -> str:
        return f"the patient is {self.ages(bounds)}"

    def _within(self, spec: ReadingSpec | FindingSpec | CountSpec) -> str:
        return f" {self.window(spec.window)}" if spec.window is not None else ""

    def _reading(self, spec: ReadingSpec) -> Node:
        return self._that(f"a value of {names(spec.of)}", spec.where, self._within(spec))

    def _finding(self, spec: FindingSpec) -> Node:
        how = _listed(list(spec.status))
        text = f"{names(spec.of)} is stated as {how}{self._within(spec)}"
        if spec.new:
            text += ", new since the LP"
            if spec.baseline_from is not None:
                text += f" (what was stated up to {self.num(spec.baseline_from)} before it counts as there before)"
        text += self._qualified(spec.with_, spec.without)
        nodes = self.clause(spec.where)
        if not nodes:
            return Node(text)
        if not any(node.parts for node in nodes):
            return Node(f"{text}, where {' and '.join(node.text for node in nodes)}")
        return (
            Node(f"{text}, where {nodes[0].text}", nodes[0].parts)
            if len(nodes) == 1
            else Node(f"{text}, where all of these hold:", nodes)
        )

    def _qualified(self, with_: tuple[str, ...], without: tuple[str, ...]) -> str:
        text = f", as {_listed(list(with_))}" if with_ else ""
        return text + (f", not as {_listed(list(without))}" if without else "")

    def _count(self, spec: CountSpec) -> Node:
        apart = "" if spec.apart is None else f", each at least {self.num(spec.apart)} after the one before"
        within = f",{self._within(spec)}" if apart and spec.window is not None else self._within(spec)
        of = f"at least {self.num(spec.readings)} values of {names(spec.of)}"
        return self._that(of, spec.where, apart + within)

    def _missing(self, spec: MissingSpec) -> str:
        stay = _listed(list(spec.encounter))
        return f"no {names(spec.of)} for {self.num(spec.gap)} during an {stay} stay, judged {self.num(spec.grace)} later"

    def _active_drug(self, spec: DrugSpec) -> str:
        return (
            f"{names(spec.of)}{_aside(self._qualified(spec.with_, spec.without))} acts at some time {self.window(spec.during)}"
            f" (a dose acts for {self.num(spec.active_for)})"
        )

    def _puncture(self, spec: PunctureSpec) -> str:
        found = ["as traumatic"] if spec.is_traumatic else []
        if spec.passes is not None:
            found.append(f"with {self.bounds(spec.passes)} passes of the needle")
        return f"the LP is documented {_listed(found)}"

    def _baseline_finding(self, spec: BaselineFindingSpec) -> str:
        return f"{names(spec.of)}{_aside(self._qualified(spec.with_, ()))} was there before the LP"

    # --- about one fact ------------------------------------------------------------------------------------------

    def _minus(self, spec: MinusSpec) -> str:
        return (
            f"less one for every {self.num(spec.each)} of `{spec.of}` of the same tube (from {self.num(spec.from_age)}"
            f" of age on) it is {self.bounds(spec)}"
        )

    def _ratio_to(self, spec: RatioSpec) -> str:
        return f"divided by the nearest `{spec.of}` within {self.num(spec.within)} it is {self.bounds(spec)}"

    def _concept(self, concepts: tuple[str, ...]) -> str:
        return f"it is {names(concepts)}"

    def _answer(self, answers: tuple[str, ...]) -> str:
        return f"it is {_listed([f'“{answer}”' for answer in answers])}"

    def _asserted(self, statuses: tuple[str, ...]) -> str:
        return f"it is stated as {_listed(list(statuses))}"

    def _with(self, qualifiers: tuple[str, ...]) -> str:
        return f"it is qualified as {_listed(list(qualifiers))}"

    def _without(self, qualifiers: tuple[str, ...]) -> str:
        return f"it is not qualified as {_listed(list(qualifiers))}"

    def _new(self, _: object) -> str:
        return "it is new since the LP"

    def _since_lp(self, bounds: Bounds) -> str:
        return f"it stands {self.bounds(bounds, _AMOUNT)} after the LP"

    def _since_series(self, bounds: Bounds) -> str:
        return f"it stands {self.bounds(bounds, _AMOUNT)} after the first LP of the series"

    def _not_before(self, spec: EarlierSpec | RiseSpec | RisingSpec) -> str:
        if spec.not_before is None:
            return ""
        start = "the first LP of the series" if spec.counts_from == "series" else "the LP"
        if self.num(spec.not_before) == _AT_ONCE:
            return f" but not before {start}"
        return f" and not before {self.num(spec.not_before)} from {start}"

    def _preceded_by(self, spec: EarlierSpec) -> Node:
        gap = f" {self.bounds(spec.gap, _AMOUNT)}" if spec.gap is not None else ""
        unbroken = ""
        if spec.unbroken_by is not None:
            unbroken = f", with nothing between them {_relative(self.condition(spec.unbroken_by).text)}"
        return self._that(
            names(spec.of), spec.where, f" stood{gap} before it{self._not_before(spec)}{unbroken}"
        )

    def _near(self, spec: NearSpec) -> Node:
        return self._that(
            names(spec.of), spec.where, f" stands within {self.num(spec.within)} before or after it"
        )

    def _rising(self, spec: RisingSpec) -> str:
        count = f"{self.num(spec.readings)} or more" if spec.or_more else self.num(spec.readings)
        text = f"the last {count} values within {self.num(spec.within)}{self._not_before(spec)} rise strictly"
        text += f", by {self.bounds(spec.by, _AMOUNT)} in total"
        return text if spec.spanning is None else f"{text}, over {self.bounds(spec.spanning, _AMOUNT)}"

    def _rise(self, spec: RiseSpec) -> str:
        return (
            f"it is {self.bounds(spec, _AMOUNT)} above the {spec.over} value of the same kind within"
            f" {self.num(spec.within)}{self._not_before(spec)}"
        )

    def _rise_from_baseline(self, spec: BaselineRiseSpec) -> str:
        return f"it is {self.bounds(spec, _AMOUNT)} above the {spec.over} value before the LP"

    def _drop_from_baseline(self, spec: BaselineDropSpec) -> str:
        return (
            f"it is {self.bounds(spec, _AMOUNT)} below the last value before the LP (without one: below the first within"
            f" {self.num(spec.or_first_within)} after it, else below {self.num(spec.or_assume)})"
        )

    def _worse_than_baseline(self, spec: WorseSpec) -> str:
        order = ", ".join(spec.order)
        return (
            f"it is worse than before the LP in the order {order} (where nothing is known: {spec.or_assume})"
        )

    def _has_baseline(self, spec: HasBaselineSpec) -> str:
        soon = (
            ""
            if spec.or_first_within is None
            else f", or from the first {self.num(spec.or_first_within)} after it"
        )
        return f"there is a value of its kind from before the LP{soon}"

    def _baseline_has(self, clause: EpisodeClause) -> Node:
        return self._that("there is a value of its kind from before the LP", clause, "")

    def _arrival(self, spec: ArrivalSpec) -> str:
        visit = _listed(list(spec.encounter))
        return f"it begins a visit ({visit}) when the patient had been away for {self.num(spec.away)} or more"
