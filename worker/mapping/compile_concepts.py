"""Compile concepts, body sites and units into lookup tables. Pure: no I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from worker.decode.located_yaml import Problems
from worker.mapping.concept_spec import BodySiteSpec, ConceptSpec, Kind
from worker.mapping.concepts import IGNORED, Concept, Target, fold, words_of
from worker.mapping.pack_files import PackFiles, Placed, each
from worker.mapping.reasons import Reasons, compile_reasons
from worker.mapping.results import Results, compile_results
from worker.mapping.units import IDENTITY, Linear, UnitTable, compile_units, linear

MDC = "mdc"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What holds in every feed.

    Shape: `targets` from "system|code" (short system names) to what the code means; `names` from an MDC name to the same;
    `sites` from "system|code" and "*|folded word" to a body site class.
    """

    concepts: Mapping[str, Concept]
    units: UnitTable
    targets: Mapping[str, Target]
    names: Mapping[str, Target]
    sites: Mapping[str, str]


def compile_vocabulary(files: PackFiles, problems: Problems) -> Vocabulary:
    """Compile what holds in every feed; problems are collected, not raised."""
    units = _units(files, problems)
    general = _general_conversions(files, problems)
    concepts = {placed.spec.id: _concept(placed, units, general, problems) for placed in each(files.concepts)}
    targets: dict[str, Target] = {}
    names: dict[str, Target] = {}
    seen: dict[str, tuple[str, str]] = {}
    for placed in each(files.concepts):
        _check_sites(placed, concepts, files, problems)
        _check_reasons(placed, concepts, problems)
        for key, name, target, place in _codes(placed, concepts[placed.spec.id]):
            owner, first = seen.setdefault(key, (placed.spec.id, place))
            if first != place:
                problems.add(place, f"code {key} already stands under {owner} ({first}); remove one")
            targets[key] = target
            names.update({name: target} if key.startswith(f"{MDC}|") else {})
    return Vocabulary(concepts, units, targets, names, _sites(files))


def _codes(placed: Placed[ConceptSpec], concept: Concept) -> Iterator[tuple[str, str, Target, str]]:
    for at, code in enumerate(placed.spec.codes):
        target = Target(IGNORED if code.optional else concept, answer=code.answer)
        yield f"{code.system}|{code.code}", code.display, target, placed.place("codes", at)
    for at, excluded in enumerate(placed.spec.exclude_codes):
        target = Target(IGNORED)
        yield (
            f"{excluded.system}|{excluded.code}",
            excluded.display,
            target,
            placed.place("exclude_codes", at),
        )


def _units(files: PackFiles, problems: Problems) -> UnitTable:
    try:
        return compile_units((placed.spec for placed in each(files.units)), files.sentinels, files.remarks)
    except ValueError as error:
        problems.add("concepts/units.yaml:1:1", str(error))
        return UnitTable({}, {})


def _general_conversions(files: PackFiles, problems: Problems) -> dict[tuple[str, str], Linear]:
    made = {}
    for placed in each(files.conversions):
        row = placed.spec
        try:
            made[row.from_, row.to] = linear(row.factor, row.offset)
        except ValueError as error:
            problems.add(placed.place("factor"), str(error))
    return made


def _concept(
    placed: Placed[ConceptSpec],
    units: UnitTable,
    general: Mapping[tuple[str, str], Linear],
    problems: Problems,
) -> Concept:
    spec = placed.spec
    return Concept(
        id=spec.id,
        kind=Kind(spec.kind),
        title=spec.title or spec.id.replace("-", " "),
        unit=spec.unit,
        decimals=_decimals(placed, problems),
        plausible=spec.plausible,
        is_continuous=spec.continuous,
        conversions=_conversions(placed, units, general, problems),
        specimen=spec.specimen.is_ if spec.specimen else "",
        is_specimen_implied=spec.specimen.implied if spec.specimen else False,
        body_sites=spec.body_sites,
        excluded_sites=frozenset(spec.exclude_sites),
        answers=_answers(placed, problems),
        words=_words(placed, problems),
        values=frozenset(row.value for row in spec.answers),
        results=_results(placed, problems),
        qualifier_words=tuple(
            (name, tuple(map(words_of, words))) for name, words in spec.qualifier_words.items()
        ),
        reasons=_reasons(placed, problems),
        qualifier_overrides=spec.qualifier_overrides,
        unverified=tuple(
            f"{row.system} {row.code}: {row.display}" if row.code else f"{row.system}: {row.display}"
            for row in spec.unverified
        ),
    )


def _decimals(placed: Placed[ConceptSpec], problems: Problems) -> int:
    precision = placed.spec.precision
    exponent = -math.log10(precision) if precision > 0 else -1.0
    decimals = round(exponent)
    if decimals < 0 or abs(exponent - decimals) > 1e-9:  # noqa: PLR2004 - float noise of log10
        problems.add(placed.place("precision"), "'precision' must be 1, 0.1, 0.01, ...")
        return 0
    return decimals


def _conversions(
    placed: Placed[ConceptSpec],
    units: UnitTable,
    general: Mapping[tuple[str, str], Linear],
    problems: Problems,
) -> dict[str, Linear]:
    """Build one conversion for each accepted unit; a unit without one is a problem, never a guess."""
    spec = placed.spec
    if spec.kind != Kind.QUANTITY.value:
        return {}
    if not spec.unit:
        problems.add(placed.place("id"), f"quantity '{spec.id}' needs a canonical 'unit'; add it")
    own = _own_conversions(placed, problems)
    made = {spec.unit: IDENTITY}
    for at, unit in enumerate(spec.units):
        found = IDENTITY if unit == spec.unit else own.get(unit) or general.get((unit, spec.unit))
        if found is None:
            problems.add(placed.place("units", at), f"no conversion from {unit} to {spec.unit}; add one")
            continue
        made[unit] = found
    for at, unit in enumerate((spec.unit, *spec.units)):
        if unit and unit not in units.exact:
            where = placed.place("units", at - 1) if at else placed.place("unit")
            problems.add(where, f"unit {unit} is not in concepts/units.yaml; add it")
    return made


def _own_conversions(placed: Placed[ConceptSpec], problems: Problems) -> dict[str, Linear]:
    made = {}
    for at, row in enumerate(placed.spec.conversions):
        try:
            made[row.unit] = linear(row.factor, row.offset)
        except ValueError as error:
            problems.add(placed.place("conversions", at, "factor"), str(error))
        if row.unit not in placed.spec.units:
            problems.add(placed.place("conversions", at), f"unit {row.unit} is not in 'units'; add it there")
    return made


def _answers(placed: Placed[ConceptSpec], problems: Problems) -> dict[str, str]:
    made: dict[str, str] = {}
    for at, row in enumerate(placed.spec.answers):
        for number, code in enumerate(row.codes):
            key = f"{code.system}|{code.code}"
            if made.setdefault(key, row.value) != row.value:
                place = placed.place("answers", at, "codes", number)
                problems.add(place, f"code {key} already stands for '{made[key]}'; remove one")
    return made


def _words(placed: Placed[ConceptSpec], problems: Problems) -> dict[str, str]:
    made: dict[str, str] = {}
    for at, row in enumerate(placed.spec.answers):
        for word in (row.value, *row.words):
            if made.setdefault(fold(word), row.value) != row.value:
                problems.add(placed.place("answers", at), f"word '{word}' stands for two answers; remove one")
    return made


def _results(placed: Placed[ConceptSpec], problems: Problems) -> Results | None:
    if placed.spec.results is None:
        return None
    try:
        return compile_results(placed.spec.results)
    except ValueError as error:
        problems.add(placed.place("results"), str(error))
        return None


def _reasons(placed: Placed[ConceptSpec], problems: Problems) -> Reasons | None:
    if not placed.spec.reasons:
        return None
    try:
        return compile_reasons(placed.spec.reasons, placed.spec.negators)
    except ValueError as error:
        problems.add(placed.place("reasons"), str(error))
        return None


def _check_reasons(placed: Placed[ConceptSpec], concepts: Mapping[str, Concept], problems: Problems) -> None:
    for at, row in enumerate(placed.spec.reasons):
        for finding in row.findings:
            if finding not in concepts:
                place = placed.place("reasons", at)
                problems.add(place, f"concept '{finding}' is not defined; correct the name")


def _sites(files: PackFiles) -> dict[str, str]:
    made: dict[str, str] = {}
    for placed in each(files.sites):
        site: BodySiteSpec = placed.spec
        made.update({f"{code.system}|{code.code}": site.id for code in site.codes})
        made.update({f"*|{fold(word)}": site.id for word in site.words})
    return made


def _check_sites(
    placed: Placed[ConceptSpec], concepts: Mapping[str, Concept], files: PackFiles, problems: Problems
) -> None:
    for at, site in enumerate(placed.spec.exclude_sites):
        if site not in files.sites:
            problems.add(
                placed.place("exclude_sites", at),
                f"body site '{site}' is not defined; add it to 'body_sites'",
            )
    for site, meant in placed.spec.body_sites.items():
        place = placed.place("body_sites", site)
        if site not in files.sites:
            problems.add(place, f"body site '{site}' is not defined; add it to 'body_sites'")
        if meant not in concepts:
            problems.add(place, f"concept '{meant}' is not defined; correct the name")
