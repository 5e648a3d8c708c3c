"""Observations and their components, to facts. Pure: no I/O, no clock. Source: HL7 FHIR R4 and R5, `Observation`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeGuard

import msgspec
from msgspec import structs

from worker.decode.fhir.datatypes import Quantity
from worker.decode.fhir.resources import Component, Observation, Specimen
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Coding, Target
from worker.mapping.fhir.codes import all_codings, codings_of, meaning_of
from worker.mapping.fhir.documents import map_note_observation
from worker.mapping.fhir.specimens import collected_ways, specimen_class
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.fhir.status import CORRECTED
from worker.mapping.numbers import Number
from worker.mapping.units import UnitTable
from worker.mapping.values import UNKNOWN, Given, Understood, read_value
from worker.model.fact import Comparator
from worker.model.time import ClinicalTime

_COMPARATORS = {comparator.value: comparator for comparator in Comparator}
_QUANTITY = Kind.QUANTITY
_KINDS = frozenset({_QUANTITY, Kind.CODE, Kind.ASSESSMENT, Kind.FINDING})


class _Part(msgspec.Struct, frozen=True, gc=False):
    """A value of the resource: what its code means, its name in the key, the element it stands in."""

    target: Target
    valued: Observation | Component
    name: str = ""
    element: str = ""


class _Where(msgspec.Struct, frozen=True, gc=False):
    """Where all values of the resource come from: specimen class and body site class."""

    specimen: str
    site: str


def map_observation(observation: Observation, statement: Statement) -> None:
    """Add a fact for the value and for each component whose code is mapped; a note is read as one."""
    feed = statement.scope.feed
    meaning = meaning_of(feed, observation.code)
    if meaning.target is None and meaning.note_kind:
        _add_note(observation, statement, meaning.note_kind)
        return
    parts = _parts(observation, meaning.target, meaning.codings, statement)
    if not parts:
        return
    specimen = _find_specimen(observation, statement)
    effective = _effective(observation, specimen, statement)
    if effective is None:
        _lose(statement, parts)
        return
    sample = specimen_class(feed, specimen) if specimen is not None else ""
    where = _Where(sample, _site(observation, parts, statement))
    for part in parts:
        _add(statement, part, where, effective)
    if observation.component:
        statement.replaces_all(statement.key)


def _lose(statement: Statement, parts: Iterable[_Part]) -> None:
    """Name what is lost with a time that cannot be used; a correction still takes the older value back."""
    concepts = dict.fromkeys(part.target.concept.id for part in parts)
    lost = statement.issues[-1]
    statement.issues[-1] = structs.replace(lost, subject=f"{' '.join(concepts)}: {lost.subject}")
    if statement.status.rank == CORRECTED:
        statement.take_back(statement.key, next(iter(concepts)), statement.version_time())


def _add_note(observation: Observation, statement: Statement, kind: str) -> None:
    effective = _effective(observation, None, statement)
    if effective is not None:
        map_note_observation(observation, statement, kind, effective)


def _parts(
    observation: Observation, target: Target | None, codings: tuple[Coding, ...], statement: Statement
) -> list[_Part]:
    """Return the values whose code is mapped; the other codes are noted."""
    parts = []
    if _is_wanted(target, observation, codings, statement, "code"):
        parts.append(_Part(target, observation))
    seen: dict[str, int] = {}
    if not observation.component:
        return parts
    for index, component in enumerate(observation.component):
        element = f"component[{index}]."
        meaning = meaning_of(statement.scope.feed, component.code)
        target = meaning.target
        if _is_wanted(target, component, meaning.codings, statement, f"{element}code"):
            code = _code_name(meaning.codings, statement)
            seen[code] = seen.get(code, 0) + 1
            parts.append(
                _Part(target, component, code if seen[code] == 1 else f"{code}|{seen[code]}", element)
            )
    return parts


def _is_wanted(
    target: Target | None,
    valued: Observation | Component,
    codings: tuple[Coding, ...],
    statement: Statement,
    element: str,
) -> TypeGuard[Target]:
    if target is not None:
        kind = target.concept.kind
        return kind is _QUANTITY or kind in _KINDS
    if _has_value(valued):
        statement.unmapped(codings, element)
    return False


def _add(statement: Statement, part: _Part, where: _Where, effective: ClinicalTime) -> None:
    if statement.status.is_deleted or not _has_value(part.valued):
        _take_back(statement, part, where, effective)
        return
    pack, feed, target = statement.scope.pack, statement.scope.feed, part.target
    given = _given(part.valued, target, pack.units, where)
    understood = read_value(target, given, feed, pack, f"{statement.place}.{part.element}value")
    if isinstance(understood, Understood):
        statement.add(
            understood.concept.id,
            understood.value,
            effective,
            part=part.name,
            specimen=understood.specimen,
            qualifiers=target.qualifiers,
        )
    else:
        if understood is not None:
            statement.issues.append(understood)
        if statement.status.rank == CORRECTED:
            # The sender says that the older value is wrong, even where the new one cannot be read.
            _take_back(statement, part, where, effective)


def _take_back(statement: Statement, part: _Part, where: _Where, effective: ClinicalTime) -> None:
    """State that there is no value (any more): entered in error, or a version without one.

    A panel has no value of its own, only components: nothing is taken back there, the group replaces them.
    """
    if isinstance(part.valued, Observation) and part.valued.component and not statement.status.is_deleted:
        return
    concept = part.target.concept
    site = part.target.body_site or where.site
    meant = concept.body_sites.get(site, concept.id) if site else concept.id
    statement.add(meant, None, effective, part=part.name, is_deleted=True)


def _has_value(valued: Observation | Component) -> bool:
    return (
        valued.value_quantity is not None
        or valued.value_codeable_concept is not None
        or valued.value_string is not None
        or valued.value_integer is not None
        or valued.value_boolean is not None
        or valued.value_range is not None
        or valued.value_ratio is not None
        or valued.value_time is not None
        or valued.value_date_time is not None
        or valued.value_period is not None
    )


def _given(valued: Observation | Component, target: Target, units: UnitTable, where: _Where) -> Given:
    quantity, concept = valued.value_quantity, valued.value_codeable_concept
    if quantity is not None:
        return _given_quantity(quantity, target, units, where)
    flags = tuple(coding.code for coding in all_codings(valued.interpretation) if coding.code)
    if concept is not None:
        return Given(
            text=concept.text or "",
            codings=codings_of(concept),
            flags=flags,
            specimen=where.specimen,
            site=where.site,
        )
    return Given(text=_text(valued), flags=flags, specimen=where.specimen, site=where.site)


def _given_quantity(quantity: Quantity, target: Target, units: UnitTable, where: _Where) -> Given:
    text = quantity.number_text
    comparator = _COMPARATORS.get(quantity.comparator or "")
    code = quantity.code
    unit = code if code and code == quantity.unit else _unit(quantity, target, units)
    number = _number(text) if comparator is not None else None
    if number is None or comparator is None:
        return Given(f"{quantity.comparator or ''}{text}", None, unit, (), (), where.specimen, where.site)
    return Given(text, Number(number, comparator), unit, (), (), where.specimen, where.site)


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


def _effective(
    observation: Observation, specimen: Specimen | None, statement: Statement
) -> ClinicalTime | None:
    if observation.effective_date_time:
        # The first of `_ways`, and nearly always given.
        return statement.when((Stated("effectiveDateTime", observation.effective_date_time),))
    return statement.when(_ways(observation, specimen))


def _ways(observation: Observation, specimen: Specimen | None) -> Iterator[Stated]:
    """Yield where the time may stand: the effective time, else when the specimen was taken, else when it was issued."""
    yield Stated("effectiveDateTime", observation.effective_date_time)
    yield Stated("effectiveInstant", observation.effective_instant)
    period = observation.effective_period
    if period is not None:
        yield Stated("effectivePeriod", period.start, period.end)
    if specimen is not None:
        yield from collected_ways(specimen, "specimen.")
    yield Stated("issued", observation.issued)


def _site(observation: Observation, parts: Sequence[_Part], statement: Statement) -> str:
    """Return the class of the body site; a method counts where it says that a value is about something else (skin)."""
    feed = statement.scope.feed
    if observation.method is not None:
        method = feed.site(codings_of(observation.method))
        if method and any(method in part.target.concept.excluded_sites for part in parts):
            return method
    named = codings_of(observation.body_site)
    return (feed.site(named) or UNKNOWN) if named else ""


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
