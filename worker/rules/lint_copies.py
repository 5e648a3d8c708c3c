"""Compare what a site copied and changed with the pack below it: the slips of somebody who edits. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from worker.rules.lint_unbounded import lint_unbounded
from worker.rules.lint_wording import sentences
from worker.rules.meaning import condition
from worker.rules.params import AGES_D, DURATIONS_MS
from worker.rules.shared_changes import below
from worker.rules.words import with_unit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from worker.decode.located_yaml import Located, Path, Problems
    from worker.rules.rule_files import LayerFiles, RuleFiles
    from worker.rules.spec import ParamSpec, RuleSpec

_FAR = 10.0
"""A number so many times as large as the one below, or as small, is more often a slip than a choice."""

_SPOKEN = {
    "h": "h|hours?",
    "d": "d|days?",
    "wk": "wk|weeks?",
    "min": "min|minutes?",
    "a": "a|years?",
    "Cel": "Cel|°C|degrees",
}
_PLACEHOLDER = re.compile(
    r"\b(?:todo|tbd|tbc|fixme|xxx+|to be (?:decided|confirmed))\b|\?\?|^\W*$", re.IGNORECASE
)


def lint_copies(files: RuleFiles, unbounded: Collection[str], problems: Problems, warnings: Problems) -> None:
    """Check each layer against those below it.

    Shape: a problem is a source that is cited for a number that it was not cited for, or nobody named as having chosen it; a
    warning a number far from the one below, or one that nothing checks because its concept is `unbounded`; a sentence that
    tells the old one; two rules with one condition.
    """
    for params, located, path in files.numbers():
        for name, param in params.items():
            if param.house_choice and _PLACEHOLDER.search(param.house_choice):
                problems.add(
                    located.place((*path, name, "house_choice")),
                    f"'{param.house_choice}' names nobody; write who must approve '{name}'",
                )
    for spec, located in files.rules.values():
        for path, text in sentences(spec):
            if _PLACEHOLDER.search(text):
                problems.add(located.place(path), f"'{text}' is not finished; people read it in alerts")
    for at, layer in enumerate(files.layers):
        under = below(files, at)
        if under is not None:
            _lint_layer(files, layer, under, problems, warnings)
            for name, (spec, located) in sorted(layer.rules.items()):
                old = under.rules[name][0].params if name in under.rules else {}
                kept = {
                    f"${each}"
                    for each, param in spec.params.items()
                    if _numbers_of(param) == _numbers_of(old.get(each))
                }
                lint_unbounded(located, unbounded, kept, warnings)


def _lint_layer(
    files: RuleFiles, layer: LayerFiles, under: RuleFiles, problems: Problems, warnings: Problems
) -> None:
    for new, old, located, path in _numbers(layer, under):
        for name in sorted(new.keys() & old.keys()):
            _lint_number(name, new[name], old[name], located, (*path, name), problems, warnings)
    for name, (spec, located) in sorted(layer.rules.items()):
        if name in under.rules:
            _lint_sentences(spec, under.rules[name][0], located, warnings)
        elif name in files.rules:
            _lint_twin(spec, located, files, warnings)


def _numbers(
    layer: LayerFiles, under: RuleFiles
) -> Iterator[tuple[Mapping[str, ParamSpec], Mapping[str, ParamSpec], Located, Path]]:
    """Go through the numbers of a layer that stand in place of some of the layers below, with those."""
    for name, (spec, located) in sorted(layer.rules.items()):
        if name in under.rules:
            yield spec.params, under.rules[name][0].params, located, ("params",)
    if layer.so_far is None:
        return
    for section, name in layer.shared:
        if section == "params" and name in under.params:
            param, located = layer.so_far.params[name]
            yield {name: param}, {name: under.params[name][0]}, located, ("params",)
        elif section == "definitions" and name in under.definitions:
            definition, located, path = layer.so_far.definitions[name]
            yield definition.params, under.definitions[name][0].params, located, (*path, "params")


def _lint_number(
    name: str,
    new: ParamSpec,
    old: ParamSpec,
    located: Located,
    path: Path,
    problems: Problems,
    warnings: Problems,
) -> None:
    if _numbers_of(new) == _numbers_of(old):
        return
    said = f"'{name}' is {_words(new)} here and {_words(old)} below"
    if _words(new) == _words(old):
        said = f"'{name}' has other numbers by age than below"
    if new.source and set(new.source) <= set(old.source):
        problems.add(
            located.place((*path, "source")),
            f"{said}, and still cites {', '.join(new.source)}; write house_choice with who must approve it, "
            "or the source of this number",
        )
    here, there = _comparable(new, old)
    if here * there < 0:
        warnings.add(located.place((*path, "value")), f"{said}: one is below zero; check the sign")
    elif here and there and not 1 / _FAR < abs(here / there) < _FAR:
        times = max(abs(here / there), abs(there / here))
        than = "as large" if abs(here) > abs(there) else "as small"
        warnings.add(
            located.place((*path, "value")),
            f"{said}: {times:.4g} times {than}; check the number and its unit",
        )


def _numbers_of(param: ParamSpec | None) -> object:
    return None if param is None else (param.value, param.unit, param.by_age)


def _comparable(new: ParamSpec, old: ParamSpec) -> tuple[float, float]:
    for factors in (DURATIONS_MS, AGES_D):
        if new.unit in factors and old.unit in factors:
            return new.value * factors[new.unit], old.value * factors[old.unit]
    return (new.value, old.value) if new.unit == old.unit else (0.0, 0.0)


def _lint_sentences(spec: RuleSpec, old: RuleSpec, located: Located, warnings: Problems) -> None:
    """Tell of sentences that were copied and still tell a number which is another one now."""
    copied = {text for _, text in _texts(old)}
    for name, param in spec.params.items():
        before = old.params.get(name)
        if before is None or (before.value, before.unit) == (param.value, param.unit):
            continue
        unit = _SPOKEN.get(before.unit)
        number = re.escape(f"{before.value:g}")
        told = re.compile(
            rf"(?<![\d.]){number}(?:\.0)?" + (rf"[ -]?(?:{unit})\b" if unit else r"(?![\d.]\d)\b")
        )
        for path, text in _texts(spec):
            if text in copied and told.search(text):
                warnings.add(
                    located.place(path),
                    f"this still says {before.value:g}, and '{name}' is {_words(param)} here; correct the sentence",
                )


def _texts(spec: RuleSpec) -> Iterator[tuple[Path, str]]:
    yield from sentences(spec)
    for key in ("misses", "false_positives"):
        for at, text in enumerate(getattr(spec, key)):
            yield (key, at), text


def _lint_twin(spec: RuleSpec, located: Located, files: RuleFiles, warnings: Problems) -> None:
    """Tell of a rule that holds whenever another one does."""
    mine = condition(spec, files)
    for name, (other, _) in sorted(files.rules.items()):
        is_apart = (
            name == spec.id
            or "nothing" in {spec.opens, other.opens}
            or "retired" in {spec.status, other.status}
        )
        if is_apart or name in spec.folds or spec.id in other.folds or condition(other, files) != mine:
            continue
        warnings.add(
            located.place(("id",)),
            f"'{spec.id}' has the condition of '{name}', so one problem gives two alerts; call it '{name}' to replace that "
            "rule, let one fold the other, or disable that one",
        )


def _words(param: ParamSpec) -> str:
    return with_unit(f"{param.value:g}", param.unit)
