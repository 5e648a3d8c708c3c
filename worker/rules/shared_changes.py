"""Find what a layer states otherwise than those below, and which rules mean something else by it. Pure: no I/O, no clock.

Rules of several files rest on `definitions.yaml`: a number there that a site changes is a number of each of them, and none of
their files says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from worker.rules.meaning import meaning
from worker.rules.words import with_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from worker.rules.rule_files import LayerFiles, RuleFiles
    from worker.rules.spec import ParamSpec, RuleSpec


@dataclass(frozen=True, slots=True)
class SharedChange:
    """One entry of `definitions.yaml` of a layer that changes rules which the layer did not write.

    Shape: `place` is "file:line:column" in that layer; `says` names it and what changed: "'threshold' of 'febrile' is 37.5 Cel
    (38 Cel below)"; `rules` by id.
    """

    place: str
    says: str
    rules: tuple[str, ...]


def below(files: RuleFiles, at: int) -> RuleFiles | None:
    """Return what the layers below one say together; None for the lowest."""
    return files.layers[at - 1].so_far if at else None


def shared_changes(files: RuleFiles, at: int) -> Iterator[SharedChange]:
    """Go through the entries by which a layer changes the meaning of rules that it did not write, as they stand in its file."""
    layer, under = files.layers[at], below(files, at)
    if under is None or layer.so_far is None:
        return
    before = {name: meaning(spec, under) for name, spec in inherited(layer, under).items()}
    for (section, name), (located, path) in layer.shared.items():
        here = getattr(layer.so_far, section).get(name)
        if here == getattr(under, section).get(name):
            continue
        tried = replace(under)
        setattr(tried, section, {**getattr(under, section), name: here})
        specs = inherited(layer, under)
        rules = tuple(name for name in sorted(specs) if meaning(specs[name], tried) != before[name])
        if rules:
            yield SharedChange(
                located.place(path, key=True), _says(section, name, under, layer.so_far), rules
            )


def inherited(layer: LayerFiles, under: RuleFiles) -> Mapping[str, RuleSpec]:
    """Return the rules of the layers below that a layer neither replaces nor removes."""
    kept = layer.so_far.rules if layer.so_far is not None else {}
    return {name: spec for name, (spec, _) in under.rules.items() if name in kept and name not in layer.rules}


def _says(section: str, name: str, under: RuleFiles, here: RuleFiles) -> str:
    if section == "params":
        old = under.params.get(name)
        return _numbers("", {name: here.params[name][0]}, {} if old is None else {name: old[0]})
    if section == "definitions":
        old_definition = under.definitions.get(name)
        new = here.definitions[name][0]
        if old_definition is not None and (old_definition[0].of, old_definition[0].where) == (
            new.of,
            new.where,
        ):
            return _numbers(f" of '{name}'", new.params, old_definition[0].params)
        return f"definition '{name}' differs from the one below"
    return (
        f"the kinds of '{name}' differ from those below"
        if section == "kinds"
        else f"the sum '{name}' differs from the one below"
    )


def _numbers(of: str, new: Mapping[str, ParamSpec], old: Mapping[str, ParamSpec]) -> str:
    """Write the numbers that changed: "'threshold' of 'febrile' is 37.5 Cel (38 Cel below)"."""
    said = [
        f"'{name}'{of} is {_words(param)} ({_words(old[name])} below)"
        for name, param in new.items()
        if name in old and _words(param) != _words(old[name])
    ]
    return " and ".join(said) or f"a number{of or f' {next(iter(new))!r}'} differs from the one below"


def _words(param: ParamSpec) -> str:
    bands = ", ".join(f"{band.value:g} under {band.below:g} {band.age_unit}" for band in param.by_age)
    words = with_unit(f"{param.value:g}", param.unit)
    return f"{words} ({bands})" if bands else words


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a layer changes what a rule means. Shape: `layer` from 1, the first above the lowest; `place` in that layer."""

    layer: int
    place: str
    says: str


def origins(files: RuleFiles, rule: str) -> Iterator[Origin]:
    """Go through the places where layers above the lowest replace a rule, remove it or change it by a definition."""
    for at, layer in enumerate(files.layers):
        under = below(files, at)
        if under is None:
            continue
        if rule in layer.disabled:
            yield Origin(at, layer.disabled[rule], "removes the rule")
        elif rule in layer.rules:
            spec, located = layer.rules[rule]
            old = under.rules.get(rule)
            was = f" (version {old[0].version} below, {spec.version} here)" if old else ""
            yield Origin(at, located.place(("id",)), f"{'replaces' if old else 'adds'} the rule{was}")
        else:
            for change in shared_changes(files, at):
                if rule in change.rules:
                    yield Origin(at, change.place, change.says)
