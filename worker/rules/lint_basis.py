"""Check what rules rest on: seeds, sources, claims, where sources differ. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.rule_files import CLAIMS, RuleFiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.decode.located_yaml import Located, Path, Problems
    from worker.rules.spec import ParamSpec, RuleSpec


def lint_basis(files: RuleFiles, problems: Problems) -> None:
    """Check that whatever a pack cites is there to be looked up."""
    for spec, located in files.rules.values():
        _check_rule(spec, located, files, problems)
    for letter, source in files.articles.items():
        if source not in files.sources:
            problems.add(f"{CLAIMS}:1:1", f"article {letter}: {_unknown(source)}")
    for name, (_, located) in files.claims.items():
        if name[0] not in files.articles:
            place = located.place(("claims", name), key=True)
            problems.add(place, f"no article has the letter {name[0]}; add it under articles")
    for difference, located, path in files.differences:
        for at, view in enumerate(difference.views):
            here = (*path, "views", at)
            _check_sources((view.source,), located, here, files, problems)
            _check_sources(view.claims, located, (*here, "claims"), files, problems)


def lint_numbers(
    params: Mapping[str, ParamSpec], path: Path, located: Located, files: RuleFiles, problems: Problems
) -> None:
    """Check the sources of numbers, and that bands of age stand in order."""
    for name, param in params.items():
        _check_sources(param.source, located, (*path, name, "source"), files, problems)
        ages = [band.below * (1.0 if band.age_unit == "d" else 365.25) for band in param.by_age]
        if ages != sorted(set(ages)):
            problems.add(
                located.place((*path, name, "by_age")), "bands stand from the youngest on, each once"
            )


def lint_claims(files: RuleFiles, problems: Problems) -> None:
    """Compare claims and rules of each layer both ways: who names whom.

    Shape: of different layers, a rule may have seeds whose claims do not name it, because a site does not change claims.
    """
    for layer in files.layers:
        for name in sorted(layer.rules & files.rules.keys()):
            _check_seeds(name, layer.claims, files, problems)
        for name in sorted(layer.claims):
            claim, located = files.claims[name]
            for at, rule in enumerate(claim.rules):
                place = located.place(("claims", name, "rules", at))
                if rule in layer.rules and rule in files.rules and name not in files.rules[rule][0].seeds:
                    problems.add(
                        place, f"rule '{rule}' has no seed {name}; add it there, or take the rule away here"
                    )
                _check_rule_is_there(rule, place, files, problems)
    for difference, located, path in files.differences:
        for at, rule in enumerate(difference.rules):
            _check_rule_is_there(rule, located.place((*path, "rules", at)), files, problems)


def _check_seeds(name: str, claims: set[str], files: RuleFiles, problems: Problems) -> None:
    spec, located = files.rules[name]
    for at, seed in enumerate(spec.seeds):
        if seed in claims and name not in files.claims[seed][0].rules:
            message = f"claim {seed} does not name '{name}'; add it there, or take the seed away here"
            problems.add(located.place(("seeds", at)), message)


def _check_rule(spec: RuleSpec, located: Located, files: RuleFiles, problems: Problems) -> None:
    if not spec.seeds:
        problems.add(located.place(), "a rule needs `seeds`: the claims that it follows from")
    if not spec.sources:
        problems.add(located.place(), "a rule needs `sources`: keys of sources.yaml")
    _check_sources(spec.seeds, located, ("seeds",), files, problems)
    _check_sources(spec.sources, located, ("sources",), files, problems)


def _check_sources(
    names: Iterable[str], located: Located, path: Path, files: RuleFiles, problems: Problems
) -> None:
    for at, name in enumerate(names):
        if name not in files.sources and name not in files.claims:
            problems.add(located.place((*path, at)), _unknown(name))


def _check_rule_is_there(rule: str, place: str, files: RuleFiles, problems: Problems) -> None:
    if rule not in files.rules and rule not in files.disabled:
        problems.add(place, f"unknown rule '{rule}'; name a rule of the pack")


def _unknown(source: str) -> str:
    return f"unknown source '{source}'; add it to sources.yaml, or to claims.yaml"
