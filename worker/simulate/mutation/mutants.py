"""Mutants: packs whose rules differ in one place, each with the rules whose alerts may differ. Pure: no I/O, no clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from worker.decode.located_yaml import Located, Path, Problems, validate
from worker.model.errors import PackError
from worker.model.time import HOUR_MS
from worker.rules.library import Terms
from worker.rules.params import DURATIONS_MS
from worker.rules.parse import compile_files
from worker.rules.rule import Rule, RuleBook
from worker.rules.rule_files import DEFINITIONS, RuleFiles, read_rule_files
from worker.rules.spec import DefinitionsFile, DefinitionSpec, RuleSpec
from worker.simulate.mutation.edits import Change, Kind, apply
from worker.simulate.mutation.number_changes import step_of
from worker.simulate.mutation.rule_changes import rule_changes, shared_changes
from worker.simulate.mutation.timelines import Ground

SHARED = "definitions"
"""How definitions are named where a rule's id stands otherwise: "definitions/febrile"."""


@dataclass(frozen=True, slots=True)
class Scene:
    """The rules to compile for a mutant.

    Shape: `changed` are the rules that themselves say something else, `touched` those whose alerts may differ, `needed` those
    and all that they refer to or fold into.
    """

    changed: frozenset[str]
    touched: frozenset[str]
    needed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one rule, or of what rules share.

    Shape: `owner` is the rule's id, or "definitions/" and a name. `name` tells it from every other.
    """

    owner: str
    change: Change
    data: object
    scene: Scene

    @property
    def kind(self) -> Kind:
        """Return the column of the table."""
        return self.change.kind

    @property
    def name(self) -> str:
        """Say what is changed where, on one line: lists of survivors hold it."""
        return f"{self.owner} {self.change.place}: {self.change.says}"


class Catalogue:
    """The rules of a pack as written, and how they hang together."""

    def __init__(self, layers: Sequence[Mapping[str, str]], terms: Terms) -> None:
        """Read and compile the rules as they are.

        Raises: PackError with every problem of them.
        """
        problems = Problems()
        self._files = read_rule_files(layers, problems)
        self._terms = terms
        self._shared = _shared_of(self._files)
        self.book = compile_files(self._files, terms, problems)
        self._rules = self.book.by_id

    def mutants(self, owners: Iterable[str] = ()) -> Iterator[Mutant]:
        """Give every mutant, in the order of the files; with `owners`, only theirs.

        Shape: a change after which a file means the same, or is no rule of the language at all, is none.
        """
        wanted = frozenset(owners)
        for rule in sorted(self._files.rules):
            if rule in self._rules and (not wanted or rule in wanted):
                yield from self._of_rule(rule)
        yield from self._of_shared(wanted)

    def compile(self, mutant: Mutant) -> RuleBook:
        """Compile the rules that a mutant needs, changed; those that say the same are the compiled rules of `book`.

        Raises: PackError where lint refuses the change.
        """
        scene = mutant.scene
        same = {name: self._rules[name] for name in scene.needed - scene.changed}
        return compile_files(self._changed(mutant), self._terms, Problems(), same)

    def scene_of(self, changed: Iterable[str]) -> Scene:
        """Find what a change of some rules can reach: who refers to them, whom they fold, and what those need in turn."""
        own = frozenset(changed)
        touched = _closed(own, lambda name: [*self._referring(name), *self._folded(name)])
        needed = _closed(touched, lambda name: [*self._referred(name), *self._folding(name)])
        return Scene(own, touched, needed)

    def rule(self, name: str) -> Rule:
        """Return a compiled rule."""
        return self._rules[name]

    def ground(self, scene: Scene) -> Ground:
        """Say of what timelines must be made to try the rules that a scene changes."""
        rules = [self._files.rules[name] for name in sorted(scene.changed)]
        named = self._opened(name for _, located in rules for name in _named(located.data, ()))
        params = [
            *(param for spec, _ in rules for param in spec.params.values()),
            *(param for spec, _, _ in named.values() for param in spec.params.values()),
            *(param for param, _ in self._files.params.values()),
        ]
        hours = {
            param.value * DURATIONS_MS[param.unit] / HOUR_MS for param in params if param.unit in DURATIONS_MS
        }
        numbers: dict[str, set[float]] = {}
        for param in params:
            for value in (param.value, *(band.value for band in param.by_age)):
                step = float(step_of(value, param.unit))
                numbers.setdefault(param.unit, set()).update(
                    round(value + times * step, 4) for times in (-2, -1, 0, 1, 2, 5)
                )
        inputs = frozenset[str]().union(*(self._rules[name].inputs for name in scene.changed))
        return Ground(
            {name: self._terms[name] for name in sorted(inputs) if name in self._terms},
            tuple(sorted(hours | {0.0})),
            {unit: tuple(sorted(values)) for unit, values in numbers.items()},
        )

    def awaits(self, name: str) -> bool:
        """Tell whether a rule may hold because nothing is recorded."""
        _, located = self._files.rules[name]
        return '"missing":' in json.dumps(located.data)

    def _of_rule(self, rule: str) -> Iterator[Mutant]:
        spec, located = self._files.rules[rule]
        data, seen = cast("dict[str, object]", located.data), {_meaning(spec)}
        scene = self.scene_of([rule])
        for change in rule_changes(data, self._shared):
            changed = apply(data, change.edits)
            meaning = _checked(RuleSpec, located, changed)
            if meaning and meaning not in seen:
                seen.add(meaning)
                yield Mutant(rule, change, changed, scene)

    def _of_shared(self, wanted: frozenset[str]) -> Iterator[Mutant]:
        located = self._located_shared()
        if located is None:
            return
        data = cast("dict[str, object]", located.data)
        seen = {_meaning(validate(DefinitionsFile, located))}
        scenes: dict[str, Scene] = {}
        for name, change in shared_changes(data):
            owner = f"{SHARED}/{name}"
            if wanted and owner not in wanted:
                continue
            changed = apply(data, change.edits)
            meaning = _checked(DefinitionsFile, located, changed)
            if meaning and meaning not in seen:
                seen.add(meaning)
                scene = scenes.setdefault(name, self.scene_of(self._using(name)))
                yield Mutant(owner, change, changed, scene)

    def _changed(self, mutant: Mutant) -> RuleFiles:
        files = self._only(mutant.scene.needed)
        if mutant.owner in files.rules:
            _, located = files.rules[mutant.owner]
            other = replace(located, data=mutant.data)
            files.rules[mutant.owner] = (validate(RuleSpec, other), other)
            return replace(files, definitions=self._opened(_named(mutant.data, ())))
        located_shared = self._located_shared()
        if located_shared is None:
            raise TypeError(mutant.owner)
        other = replace(located_shared, data=mutant.data)
        spec = validate(DefinitionsFile, other)
        return replace(
            files,
            definitions={
                name: (definition, other, ("definitions", name))
                for name, definition in spec.definitions.items()
            },
            params={name: (param, other) for name, param in spec.params.items()},
            kinds=dict(spec.kinds),
            sums=dict(spec.sums),
        )

    def _only(self, names: frozenset[str]) -> RuleFiles:
        """Return the files as if a layer had turned off every other rule."""
        files = self._files
        kept = {name: known for name, known in files.rules.items() if name in names}
        return replace(files, rules=kept, disabled=files.disabled | (files.rules.keys() - names))

    def _located_shared(self) -> Located | None:
        """Return the file of definitions: the one of the lowest layer."""
        for _, located, _ in self._files.definitions.values():
            if located.file == DEFINITIONS:
                return located
        return None

    def _opened(self, names: Iterable[str]) -> dict[str, tuple[DefinitionSpec, Located, Path]]:
        """Return definitions by name, with all that they use."""
        known = self._files.definitions
        opened = _closed(
            (name for name in names if name in known),
            lambda name: [other for other in _named(known[name][1].data, known[name][2]) if other in known],
        )
        return {name: known[name] for name in sorted(opened)}

    def _using(self, name: str) -> list[str]:
        """Return the rules that a definition reaches; every rule, for kinds and sums."""
        if name not in self._files.definitions:
            return list(self._rules)
        reached = {name}
        while more := {
            other
            for other, (_, located, path) in self._files.definitions.items()
            if other not in reached and reached & _named(located.data, path)
        }:
            reached |= more
        return [
            rule
            for rule, (_, located) in self._files.rules.items()
            if rule in self._rules and reached & _named(located.data, ())
        ]

    def _referring(self, name: str) -> list[str]:
        return [rule.id for rule in self.book.rules if name in rule.refers_to]

    def _referred(self, name: str) -> Iterable[str]:
        return self._rules[name].refers_to & self._rules.keys()

    def _folded(self, name: str) -> list[str]:
        return [other for other in self._rules[name].folds if other in self._rules]

    def _folding(self, name: str) -> list[str]:
        return [rule.id for rule in self.book.rules if name in rule.folds]


def _shared_of(files: RuleFiles) -> dict[str, object]:
    """Return the numbers of all rules as they are written."""
    written = (located.data for _, located in files.params.values())
    params = [cast("dict[str, object]", data["params"]) for data in written if isinstance(data, dict)]
    return {name: data[name] for data in params for name in files.params if name in data}


def _closed(start: Iterable[str], following: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(following(name))
    return frozenset(found)


def _named(data: object, path: tuple[str | int, ...]) -> set[str]:
    """Collect every text that stands under `is`, at any depth below a place."""
    for part in path:
        data = data[part] if isinstance(data, dict) else None
    found: set[str] = set()
    waiting = [data]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            named = node.get("is")
            found.update([named] if isinstance(named, str) else named if isinstance(named, list) else [])
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found


def _checked(model: type[RuleSpec | DefinitionsFile], located: Located, data: object) -> str:
    """Return what changed data mean, "" where they are no rule of the language."""
    try:
        return _meaning(validate(model, replace(located, data=data)))
    except PackError:
        return ""


def _meaning(spec: RuleSpec | DefinitionsFile) -> str:
    return spec.model_dump_json()
