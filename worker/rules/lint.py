"""Check rule files for what a schema cannot see. Pure: no I/O, no clock.

A rule needs a basis (seeds and sources that exist), wording that leaves the decision to the clinician, folds without circles,
and no number that nothing uses. Every problem is an error: a pack that does not pass is not loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.rules.compile import compile_episode, compile_reading
from worker.rules.library import Library, Scope, Uses
from worker.rules.lint_basis import lint_basis, lint_numbers
from worker.rules.lint_reach import lint_definition_reach, lint_reach
from worker.rules.lint_wording import lint_wording
from worker.rules.rule_files import DEFINITIONS, RuleFiles

if TYPE_CHECKING:
    from worker.decode.located_yaml import Located, Path
    from worker.rules.spec import (
        DefinitionSpec,
        RuleSpec,
    )


def lint_files(files: RuleFiles, library: Library, known: frozenset[str] = frozenset()) -> None:
    """Check what several rules share: definitions, kinds, folds, sources of numbers.

    Shape: `known` names rules that were checked before and did not change.
    """
    for name, (spec, located, path) in files.definitions.items():
        _lint_definition(name, spec, located, path, library)
        lint_definition_reach(name, spec, located, path, library)
        lint_numbers(spec.params, (*path, "params"), located, files, library.problems)
    for name, (param, located) in files.params.items():
        lint_numbers({name: param}, ("params",), located, files, library.problems)
    for name, (expected, located) in files.expected.items():
        lint_numbers({"within": expected.within}, ("expected", name), located, files, library.problems)
    for name, (circumstance, located) in files.circumstances.items():
        ends = {"from": circumstance.from_, "to": circumstance.to}
        lint_numbers(ends, ("circumstances", name), located, files, library.problems)
    for kind, others in files.kinds.items():
        for concept in (kind, *others):
            if concept not in library.terms:
                library.problems.add(f"{DEFINITIONS}:1:1", f"kinds: unknown concept '{concept}'")
    for rule, file in files.rules.values():
        if rule.id in known:
            continue
        lint_numbers(rule.params, ("params",), file, files, library.problems)
        _lint_folds(rule, file, files, library)
        _lint_context(rule, file, files, library)
    lint_basis(files, library.problems)


def lint_rule(spec: RuleSpec, located: Located, library: Library, uses: Uses) -> None:
    """Check one rule once it is compiled: wording, numbers that nothing uses, clauses that can never hold."""
    lint_reach(spec, located, library)
    lint_wording(spec, located, library.problems)
    for name in spec.params:
        if name not in uses.params:
            place = located.place(("params", name), key=True)
            library.problems.add(place, f"parameter '{name}' is used nowhere; remove it")


def _lint_definition(name: str, spec: DefinitionSpec, located: Located, path: Path, library: Library) -> None:
    uses = Uses()
    scope = Scope(library, located, spec.params, uses, stack=(name,))
    if spec.of:
        concepts = scope.check_concepts(spec.of, (*path, "of"))
        compile_reading(spec.where, (*path, "where"), scope.about(concepts))
    else:
        compile_episode(spec.where, (*path, "where"), scope)
    for param in spec.params:
        if param not in uses.params:
            place = located.place((*path, "params", param), key=True)
            library.problems.add(place, f"parameter '{param}' is used nowhere; remove it")


def _lint_folds(spec: RuleSpec, located: Located, files: RuleFiles, library: Library) -> None:
    for at, name in enumerate(spec.folds):
        place = located.place(("folds", at))
        if name in files.disabled:
            continue  # what the site turned off cannot open, folded or not
        if name not in files.rules:
            library.problems.add(place, f"unknown rule '{name}'; name a rule of the pack")
        elif files.rules[name][0].opens == "nothing":
            library.problems.add(place, f"'{name}' opens no alert; there is nothing to fold")
        elif spec.id in _folded_by(name, files):
            library.problems.add(place, f"'{name}' folds '{spec.id}' as well; folds go in a circle")


def _lint_context(spec: RuleSpec, located: Located, files: RuleFiles, library: Library) -> None:
    for at, name in enumerate(spec.context_of):
        known = files.rules.get(name)
        if known is None and name not in files.disabled:
            library.problems.add(
                located.place(("context_of", at)), f"unknown rule '{name}'; name a rule of the pack"
            )
        elif known is not None and known[0].opens == "nothing":
            library.problems.add(
                located.place(("context_of", at)), f"'{name}' opens no alert in which anything could stand"
            )


def _folded_by(name: str, files: RuleFiles) -> set[str]:
    """Return every rule that a rule folds, through others too."""
    found: set[str] = set()
    open_ = [name]
    while open_:
        known = files.rules.get(open_.pop())
        fresh = set(known[0].folds if known else ()) - found
        found |= fresh
        open_.extend(fresh)
    return found
