"""Check a pack before people rely on it: what a worker need not know to run it. Pure: no I/O, no clock.

Errors are mistakes; a warning is something that a site has to know or to do. A pack with either still compiles: a worker
does not stop because a review ran out last night.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.decode.located_yaml import Problems, by_place
from worker.rules.lint_basis import lint_claims
from worker.rules.lint_copies import lint_copies
from worker.rules.lint_versions import lint_versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from worker.decode.located_yaml import Located, Path
    from worker.rules.rule import Rule, RuleBook
    from worker.rules.rule_files import RuleFiles


@dataclass(frozen=True, slots=True)
class Sample:
    """What a vignette says of rules, without its timeline.

    Shape: `file` is the name of its file without folder and ending; `fires` the rules that it must fire, or that must hold
    where they open no alert; `must_not` those that it names as silent; `concepts` those of its facts and of what its notes
    state. `place` is "file:line:column".
    """

    name: str
    file: str
    fires: frozenset[str]
    must_not: frozenset[str]
    concepts: frozenset[str]
    place: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong with a pack, and what a site should know: lines "file:line:column: message", by place."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What some code or phrase of a pack gives: concepts, and qualifiers.

    Shape: `unbounded` are quantities without a plausible range, of which any number is taken.
    """

    concepts: frozenset[str]
    qualifiers: frozenset[str]
    unbounded: frozenset[str] = frozenset()


def check_release(
    files: RuleFiles, book: RuleBook, samples: Sequence[Sample], given: Given, today: date
) -> Report:
    """Check claims, vignettes, versions, dates of review, inputs and qualifiers that nothing gives.

    Shape: rules of the layer that somebody works on need vignettes (`rules_to_try`).
    """
    errors, warnings = Problems(), Problems()
    totals = {total.concept for total in book.totals if given.concepts.issuperset(total.parts)}
    mapped = given.concepts | totals
    lint_claims(files, errors)
    lint_versions(files, errors, warnings)
    lint_copies(files, given.unbounded, errors, warnings)
    _check_status(files, warnings)
    _check_dates(files, today, errors)
    tried = rules_to_try(files)
    known = files.rules.keys() | files.disabled
    for sample in samples:
        for name in sorted((sample.fires | sample.must_not) - known):
            message = f"vignette '{sample.name}' names the rule '{name}', which the pack does not have"
            errors.add(sample.place, message)
    for rule in book.rules:
        place = files.rules[rule.id][1].place(("id",))
        if rule.id in tried:
            _check_samples(rule, place, samples, errors)
        _check_mapped(rule, place, mapped, files, warnings)
    _check_qualifiers(files, given.qualifiers | {total.qualifier for total in book.totals}, warnings)
    return Report(_sorted(errors), _sorted(warnings))


def _check_status(files: RuleFiles, problems: Problems) -> None:
    for name, (spec, located) in sorted(files.rules.items()):
        if spec.status == "active" and spec.review.by is None:
            message = f"'{name}' is active and nobody reviewed it; say who did, or make it draft"
            problems.add(located.place(("status",)), message)


def _check_dates(files: RuleFiles, today: date, problems: Problems) -> None:
    for name, (spec, located) in sorted(files.rules.items()):
        until = spec.review.until
        if until is not None and until < today:
            message = f"the review of '{name}' ended on {until}; review it again and move the date"
            problems.add(located.place(("review", "until")), message)
        if spec.review.on is not None and spec.review.on > today:
            problems.add(
                located.place(("review", "date")), f"the review is dated {spec.review.on}, after today"
            )
    for params, located, path in files.numbers():
        for name, param in params.items():
            if param.review_until is not None and param.review_until < today:
                place = located.place((*path, name, "review_until"))
                message = (
                    f"'{name}' was to be looked at again by {param.review_until}; do so and move the date"
                )
                problems.add(place, message)


def _check_samples(rule: Rule, place: str, samples: Sequence[Sample], problems: Problems) -> None:
    if not any(rule.id in sample.fires for sample in samples):
        problems.add(place, f"no vignette fires '{rule.id}'; add one to tests/{rule.id}.yaml")
    if not any(is_near_miss(sample, rule) for sample in samples):
        problems.add(place, f"no vignette nearly fires '{rule.id}'; add one to tests/{rule.id}.yaml")


def rules_to_try(files: RuleFiles) -> frozenset[str]:
    """Return the rules whose vignettes are asked for: those of a site, or of the default pack where there is no site.

    The default pack was tried before it was released; a site tries what it wrote, or wrote anew under the same id.
    """
    layers = files.layers[1:] or files.layers
    return frozenset(name for layer in layers for name in layer.rules)


def is_near_miss(sample: Sample, rule: Rule) -> bool:
    """Tell whether a vignette means to nearly fire a rule.

    Shape: it stands in the rule's own file or names the rule under `must_not`, does not fire it, and has something of what
    the rule rests on.
    """
    is_meant = sample.file == rule.id or rule.id in sample.must_not
    looked_at = rule.hits or rule.inputs
    return is_meant and rule.id not in sample.fires and bool(sample.concepts & looked_at)


def _check_mapped(
    rule: Rule, place: str, mapped: frozenset[str], files: RuleFiles, problems: Problems
) -> None:
    """Tell of inputs that nothing gives; a kind of another input is one that a site may map, and need not."""
    kinds = {kind for name, others in files.kinds.items() if name in rule.hits for kind in others}
    unmapped = sorted(rule.hits - mapped - kinds)
    if not unmapped:
        return
    names = ", ".join(unmapped)
    if not rule.hits & mapped:
        message = (
            f"'{rule.id}' cannot fire until a site maps {names}: no code and no phrase of the pack gives it"
        )
    else:
        message = f"'{rule.id}' does not see {names} until a site maps it: no code and no phrase of the pack gives it"
    problems.add(place, message)


def _check_qualifiers(files: RuleFiles, known: frozenset[str], problems: Problems) -> None:
    """Tell of qualifiers that no fact can have: a clause with one holds never, and without one always."""
    places: list[tuple[Located, Path]] = [(located, ()) for _, located in files.rules.values()]
    places += [(located, path) for _, located, path in files.definitions.values()]
    for located, start in places:
        for path, name in _qualifiers(located.data, (), start):
            if name not in known:
                message = (
                    f"no code and no phrase of the pack gives the qualifier '{name}'; correct it, or map it"
                )
                problems.add(located.place(path), message)


def _qualifiers(data: object, path: Path, below: Path) -> Iterator[tuple[Path, str]]:
    """Go through the qualifiers that clauses name, at `below` and deeper."""
    is_inside = path[: len(below)] == below[: len(path)]
    if isinstance(data, dict) and is_inside:
        for key, value in data.items():
            if key in {"with", "without"} and isinstance(value, list):
                yield from (((*path, key, at), str(name)) for at, name in enumerate(value))
            else:
                yield from _qualifiers(value, (*path, key), below)
    elif isinstance(data, list) and is_inside:
        for at, value in enumerate(data):
            yield from _qualifiers(value, (*path, at), below)


def _sorted(problems: Problems) -> tuple[str, ...]:
    return tuple(sorted(dict.fromkeys(problems.lines), key=by_place))
