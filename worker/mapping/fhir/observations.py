"""Observations and their components, to facts. Pure: no I/O, no clock. Source: HL7 FHIR R4 and R5, `Observation`."""

from __future__ import annotations

import math
from collections.abc import Iterator

from worker.decode.fhir.datatypes import Quantity
from worker.decode.fhir.resources import Component, Observation, Specimen
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Coding, Target
from worker.mapping.fhir.codes import all_codings, codings_of
from worker.mapping.fhir.documents import map_note_observation
from worker.mapping.fhir.specimens import collected_ways, specimen_class
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.numbers import Number
from worker.mapping.units import UnitTable
from worker.mapping.values import UNKNOWN, Given, read_value
from worker.model.fact import Comparator
from worker.model.message import Issue
from worker.model.time import ClinicalTime

_COMPARATORS = {comparator.value: comparator for comparator in Comparator}
_KINDS = frozenset({Kind.QUANTITY, Kind.CODE, Kind.ASSESSMENT, Kind.FINDING})


def map_observation(observation: Observation, statement: Statement) -> None:
    """Add a fact for the value and for each component whose code is mapped; a note is read as one."""
    codings = codings_of(observation.code)
    target = statement.scope.feed.find(codings)
    kind = statement.scope.feed.note_kind(codings) if target is None else ""
    if kind:
        _add_note(observation, statement, kind)
        return
    parts = list(_parts(observation, statement))
    if not parts:
        return
    specimen = _find_specimen(observation, statement)
    effective = statement.when(*_ways(observation, specimen))
    if effective is None:
        return
    sample = specimen_class(statement.scope.feed, specimen) if specimen is not None else ""
    named = codings_of(observation.body_site)
    site = statement.scope.feed.site(named) or (UNKNOWN if named else "")
    for target, valued, part, element in parts:
        _add(statement, target, valued, effective, _Around(part, element, sample, site))
    if observation.component:
        statement.replaces_all(statement.key)


def _add_note(observation: Observation, statement: Statement, kind: str) -> None:
    effective = statement.when(*_ways(observation, None))
    if effective is not None:
        map_note_observation(observation, statement, kind, effective)


class _Around:
    """Where a value stands: part of the key, element, specimen class, body site class."""

    __slots__ = ("element", "part", "site", "specimen")

    def __init__(self, part: str, element: str, specimen: str, site: str) -> None:
        self.part, self.element, self.specimen, self.site = part, element, specimen, site


def _parts(
    observation: Observation, statement: Statement
) -> Iterator[tuple[Target, Observation | Component, str, str]]:
    """Yield what is mapped: the target, the element that holds the value, its part of the key, its place."""
    target = _target(observation, statement, "code")
    if target is not None:
        yield target, observation, "", ""
    seen: dict[str, int] = {}
    for index, component in enumerate(observation.component or ()):
        element = f"component[{index}]."
        target = _target(component, statement, f"{element}code")
        if target is not None:
            code = _code_name(codings_of(component.code), statement)
            seen[code] = seen.get(code, 0) + 1
            yield target, component, code if seen[code] == 1 else f"{code}|{seen[code]}", element


def _target(valued: Observation | Component, statement: Statement, element: str) -> Target | None:
    codings = codings_of(valued.code)
    target = statement.scope.feed.find(codings)
    if target is not None:
        return None if target.is_ignored or target.concept.kind not in _KINDS else target
    if _has_value(valued):
        statement.unmapped(codings, element)
    return None


def _add(
    statement: Statement,
    target: Target,
    valued: Observation | Component,
    effective: ClinicalTime,
    around: _Around,
) -> None:
    if statement.status.is_deleted or not _has_value(valued):
        _take_back(statement, target, valued, effective, around)
        return
    pack, feed = statement.scope.pack, statement.scope.feed
    given = _given(valued, target, pack.units, around)
    understood = read_value(target, given, feed, pack, f"{statement.place}.{around.element}value")
    if isinstance(understood, Issue):
        statement.issues.append(understood)
    elif understood is not None:
        statement.add(
            understood.concept.id,
            understood.value,
            effective,
            part=around.part,
            specimen=understood.specimen,
            qualifiers=target.qualifiers,
        )


def _take_back(
    statement: Statement,
    target: Target,
    valued: Observation | Component,
    effective: ClinicalTime,
    around: _Around,
) -> None:
    """State that there is no value (any more): entered in error, or a version without one.

    A panel has no value of its own, only components: nothing is taken back there, the group replaces them.
    """
    if isinstance(valued, Observation) and valued.component and not statement.status.is_deleted:
        return
    concept = target.concept
    site = target.body_site or around.site
    meant = concept.body_sites.get(site, concept.id) if site else concept.id
    statement.add(meant, None, effective, part=around.part, is_deleted=True)


def _has_value(valued: Observation | Component) -> bool:
    return not (
        valued.value_quantity is None
        and valued.value_codeable_concept is None
        and valued.value_string is None
        and valued.value_integer is None
        and valued.value_boolean is None
        and valued.value_range is None
        and valued.value_ratio is None
        and valued.value_time is None
        and valued.value_date_time is None
        and valued.value_period is None
    )


def _given(valued: Observation | Component, target: Target, units: UnitTable, around: _Around) -> Given:
    flags = tuple(coding.code for coding in all_codings(valued.interpretation) if coding.code)
    quantity, concept = valued.value_quantity, valued.value_codeable_concept
    if quantity is not None:
        return _given_quantity(quantity, target, units, around)
    if concept is not None:
        return Given(
            text=concept.text or "",
            codings=codings_of(concept),
            flags=flags,
            specimen=around.specimen,
            site=around.site,
        )
    return Given(text=_text(valued), flags=flags, specimen=around.specimen, site=around.site)


def _given_quantity(quantity: Quantity, target: Target, units: UnitTable, around: _Around) -> Given:
    text = quantity.number_text
    comparator = _COMPARATORS.get(quantity.comparator or "")
    unit = _unit(quantity, target, units)
    number = _number(text) if comparator is not None else None
    if number is None or comparator is None:
        return Given(f"{quantity.comparator or ''}{text}", None, unit, (), (), around.specimen, around.site)
    return Given(text, Number(number, comparator), unit, (), (), around.specimen, around.site)


def _number(text: str) -> float | None:
    """Read a JSON number; None where the text is none, or too large to be one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _unit(quantity: Quantity, target: Target, units: UnitTable) -> str:
    """Return the unit: the code, else what people read; both where they disagree, so that it is refused.

    Disagreement counts only where it changes the number: "1" and "{INR}" do not differ.
    """
    code, shown = quantity.code or "", quantity.unit or ""
    if not code or not shown or code == shown:
        return code or shown
    known_code, known_shown = units.ucum(code), units.ucum(shown)
    if not known_code:
        return shown if known_shown else code
    conversions = target.concept.conversions
    if known_shown in conversions and conversions.get(known_code) != conversions[known_shown]:
        return f"{code} or {shown}"
    return code


def _text(valued: Observation | Component) -> str:
    """Return a value that is neither quantity nor concept, as text; a range or ratio reads as such and is no number."""
    if valued.value_string is not None:
        return valued.value_string
    if valued.value_integer is not None:
        return str(valued.value_integer)
    if valued.value_boolean is not None:
        return "true" if valued.value_boolean else "false"
    if valued.value_range is not None:
        low, high = valued.value_range.low, valued.value_range.high
        return f"{low.number_text if low else ''}~{high.number_text if high else ''}"
    return valued.value_time or valued.value_date_time or "?"


def _ways(observation: Observation, specimen: Specimen | None) -> Iterator[Stated]:
    """Yield where the time may stand: the effective time, else when the specimen was taken, else when it was issued."""
    yield Stated("effectiveDateTime", observation.effective_date_time)
    yield Stated("effectiveInstant", observation.effective_instant)
    period = observation.effective_period
    if period is not None:
        yield Stated("effectivePeriod", period.start, period.end)
    if specimen is not None:
        yield from collected_ways(specimen)
    yield Stated("issued", observation.issued)


def _find_specimen(observation: Observation, statement: Statement) -> Specimen | None:
    reference = observation.specimen.reference if observation.specimen else None
    if not reference:
        return None
    found = statement.scope.references.resolve(reference, observation)
    return found if isinstance(found, Specimen) else None


def _code_name(codings: tuple[Coding, ...], statement: Statement) -> str:
    """Return the code that tells components apart, the first one that is mapped."""
    feed = statement.scope.feed
    mapped = (coding.code for coding in codings if coding.code and feed.find((coding,)) is not None)
    return next(mapped, codings[0].code or codings[0].text)
