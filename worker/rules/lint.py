"""Check rule files for what a schema cannot see. Pure: no I/O, no clock.

A rule needs a basis (seeds and sources that exist), wording that leaves the decision to the clinician, folds without circles,
and no number that nothing uses. Every problem is an error: a pack that does not pass is not loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from worker.rules.compile import compile_episode, compile_reading
from worker.rules.library import Library, Scope, Uses
from worker.rules.lint_basis import lint_basis, lint_numbers
from worker.rules.rule_files import DEFINITIONS, RuleFiles

if TYPE_CHECKING:
    from worker.decode.located_yaml import Located, Path
    from worker.rules.spec import (
        DefinitionSpec,
        LowerSpec,
        RaiseSpec,
        RemarkSpec,
        RuleSpec,
        UnlessSpec,
    )

_ORDERS = re.compile(
    r"\b(must|have to|has to|shall|immediately|at once|right away|do not|don't|never give|treat now|needs to)\b",
    re.IGNORECASE,
)
_IMPERATIVES = re.compile(
    r"^(give|stop|start|treat|order|hold|withhold|administer|perform|call|page|send|transfer|discharge|get|do|obtain)\b",
    re.IGNORECASE,
)


def lint_files(files: RuleFiles, library: Library) -> None:
    """Check what several rules share: definitions, kinds, folds, sources of numbers."""
    for name, (spec, located, path) in files.definitions.items():
        _lint_definition(name, spec, located, path, library)
        lint_numbers(spec.params, (*path, "params"), located, files, library.problems)
    for name, (param, located) in files.params.items():
        lint_numbers({name: param}, ("params",), located, files, library.problems)
    for name, (expected, located) in files.expected.items():
        lint_numbers({"within": expected.within}, ("expected", name), located, files, library.problems)
    for kind, others in files.kinds.items():
        for concept in (kind, *others):
            if concept not in library.terms:
                library.problems.add(f"{DEFINITIONS}:1:1", f"kinds: unknown concept '{concept}'")
    for rule, file in files.rules.values():
        lint_numbers(rule.params, ("params",), file, files, library.problems)
        _lint_folds(rule, file, files, library)
        _lint_context(rule, file, files, library)
    lint_basis(files, library.problems)


def lint_rule(spec: RuleSpec, located: Located, library: Library, uses: Uses) -> None:
    """Check one rule once it is compiled: wording, and numbers that nothing uses."""
    for path, text in _sentences(spec):
        found = _ORDERS.search(text) or _IMPERATIVES.search(text)
        if found:
            message = f"'{found[0]}' reads as an order; say what to consider and leave the decision to the clinician"
            library.problems.add(located.place(path), message)
    for at, cause in enumerate(spec.says.possible_causes):
        if not cause.casefold().startswith("possible"):
            place = located.place(("says", "possible_causes", at))
            library.problems.add(place, "a cause starts with 'possible'")
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


def _sentences(spec: RuleSpec) -> Iterator[tuple[Path, str]]:
    """Go through everything of a rule that a clinician may read."""
    yield ("title",), spec.title
    says: Mapping[str, Iterable[str]] = {
        "possible_causes": spec.says.possible_causes,
        "considerations": spec.says.considerations,
        "check": spec.says.check,
        "education": spec.says.education,
    }
    for key, sentences in says.items():
        for at, sentence in enumerate(sentences):
            yield ("says", key, at), sentence
    clauses: Mapping[str, Iterable[UnlessSpec | RaiseSpec | LowerSpec | RemarkSpec]] = {
        "unless": spec.unless,
        "raise": spec.raise_,
        "lower": spec.lower,
        "remarks": spec.remarks,
    }
    for key, listed in clauses.items():
        for at, clause in enumerate(listed):
            yield (key, at, "say"), clause.say
