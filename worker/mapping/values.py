"""Values as sent, to values that rules compare; the same for HL7 v2 and FHIR. Pure: no I/O, no clock.

A value is converted to the concept's unit, then rounded to its precision, then checked for plausibility. What cannot be read is
an issue with a place, never a guess: a missing or unknown unit, a text nobody mapped, an impossible number.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Coding, Concept, Target, fold, words_of
from worker.mapping.feeds import Feed
from worker.mapping.numbers import Number, read_number
from worker.mapping.pack import MappingPack
from worker.mapping.units import Linear, UnitTable
from worker.model.fact import Assertion, AssertionStatus, Coded, Quantity, Value
from worker.model.message import Issue, IssueKind

UNKNOWN = "unknown"
"""The class of a specimen or site that is named in the message and not in the pack."""

_QUANTITY = Kind.QUANTITY  # named once: to ask an enumeration for its member takes a while
_SUBJECT_LENGTH = 60
_REPORTED_LENGTH = 120


class Given(msgspec.Struct, frozen=True, gc=False):
    """A value as sent.

    Shape: `text` is the value field as text ("38.4", "<7", "No organisms seen"); `number` is set instead where the source
    gives a number by parts (SN, Quantity). `unit` as sent; `codings` of a coded value; `flags` are interpretation codes
    (OBX-8); `specimen` and `site` are classes of the feed, `UNKNOWN` where one is named that the pack does not
    know, or empty.
    """

    text: str = ""
    number: Number | None = None
    unit: str = ""
    codings: tuple[Coding, ...] = ()
    flags: tuple[str, ...] = ()
    specimen: str = ""
    site: str = ""


class Understood(msgspec.Struct, frozen=True, gc=False):
    """A value that rules can use: of which concept (a site may change it), from which specimen class."""

    concept: Concept
    value: Value
    specimen: str = ""


def read_value(
    target: Target, given: Given, feed: Feed, pack: MappingPack, place: str
) -> Understood | Issue | None:
    """Read the value of a mapped code.

    Shape: None where the value is about something else (a Gram stain of another specimen, a temperature of the
    skin): known, and not needed.
    """
    specimen = _specimen(target, given.specimen)
    if specimen is None or (target.body_site or given.site) in target.concept.excluded_sites:
        return None
    if not specimen and target.concept.specimen:
        return Issue(
            IssueKind.UNMAPPED_CODE, place, f"{target.concept.id} without a specimen", is_quarantined=True
        )
    concept = _at_site(target, given, pack)
    if concept is None:
        return Issue(IssueKind.UNMAPPED_CODE, place, f"body site of {target.concept.id}", is_quarantined=True)
    if concept.kind is _QUANTITY:
        quantity = read_quantity(concept, given, pack.units, target.unit, place)
        return Understood(concept, quantity, specimen) if isinstance(quantity, Quantity) else quantity
    answer = read_answer(concept, target, given, feed, place)
    return answer if isinstance(answer, Issue) else Understood(concept, answer, specimen)


def read_quantity(
    concept: Concept, given: Given, units: UnitTable, unit_if_none: str, place: str
) -> Quantity | Issue:
    """Convert, round and check a number.

    Units: the result is in the concept's canonical unit.
    """
    number = given.number or read_number(given.text)
    if number is None:
        return _bad_number(concept, place)
    unit = "" if number.rest else units.exact.get(given.unit, "")
    conversion = concept.conversions.get(unit)
    if conversion is None:
        # Not the usual case, a number alone and a unit as UCUM writes it.
        found = _find_unit(concept, number, given.unit, units, unit_if_none, place)
        if isinstance(found, Issue):
            return found
        unit, conversion = found
    value = round(conversion.apply(number.value), concept.decimals) + 0.0
    if number.value in units.sentinels or not _is_plausible(concept, value):
        return Issue(IssueKind.IMPLAUSIBLE, place, concept.id, is_quarantined=True)
    reported = f"{number.comparator}{number.value:.12g} {unit}"
    return Quantity(value, concept.unit, number.comparator, reported)


def _find_unit(
    concept: Concept, number: Number, sent: str, units: UnitTable, unit_if_none: str, place: str
) -> tuple[str, Linear] | Issue:
    """Return the UCUM unit of a number and its conversion: as sent, else behind the number, else as the code implies."""
    behind = units.in_text(number.rest)
    if behind is None:
        return _bad_number(concept, place)
    stated = units.ucum(sent)
    if sent.strip() and not stated:
        subject = f"unit {sent.strip()} for {concept.id}"[:_SUBJECT_LENGTH]
        return Issue(IssueKind.UNMAPPED_UNIT, place, subject, is_quarantined=True)
    if stated and behind and stated != behind:
        return Issue(IssueKind.BAD_VALUE, place, f"{concept.id}: two different units", is_quarantined=True)
    unit = stated or behind or unit_if_none or (concept.unit if concept.is_dimensionless else "")
    if not unit:
        return Issue(IssueKind.MISSING_UNIT, place, concept.id, is_quarantined=True)
    conversion = concept.conversions.get(unit)
    if conversion is None:
        return Issue(IssueKind.UNMAPPED_UNIT, place, f"unit {unit} for {concept.id}", is_quarantined=True)
    return unit, conversion


def _bad_number(concept: Concept, place: str) -> Issue:
    return Issue(IssueKind.BAD_VALUE, place, f"{concept.id}: not a number", is_quarantined=True)


def read_answer(concept: Concept, target: Target, given: Given, feed: Feed, place: str) -> Value | Issue:
    """Map a coded value or a text to what rules compare."""
    reported = _reported(given)
    if concept.kind is Kind.FINDING:
        return _assertion(concept, target, given, feed, place)
    if target.answer:
        return Coded(target.answer, reported)
    answer = _answer(concept, target, given, feed)
    if answer:
        return Coded(answer, reported)
    if concept.kind is Kind.ASSESSMENT and reported:
        return Coded("recorded", reported)
    return Issue(IssueKind.UNMAPPED_ANSWER, place, f"answer of {concept.id}", is_quarantined=True)


def qualifiers_of(concept: Concept, texts: Iterable[str]) -> tuple[str, ...]:
    """Return the qualifiers that words of an order or drug text give ("flush", "prophylactic"), sorted."""
    words = f" {' | '.join(map(words_of, texts))} "
    said = {name for name, cues in concept.qualifier_words if any(f" {cue} " in words for cue in cues)}
    void = {other for name in said for other in concept.qualifier_overrides.get(name, ())}
    return tuple(sorted(said - void))


def _specimen(target: Target, sent: str) -> str | None:
    """Return the class that the value is about, "" where the message must name it and does not, None for another one."""
    concept = target.concept
    specimen = target.specimen or sent
    if not concept.specimen:
        return specimen
    if specimen in {"", UNKNOWN}:
        return concept.specimen if concept.is_specimen_implied else ""
    return specimen if concept.is_specimen_implied or specimen == concept.specimen else None


def _at_site(target: Target, given: Given, pack: MappingPack) -> Concept | None:
    """Return the concept at the body site; None where the site is named and means no concept."""
    site = target.body_site or given.site
    if not site or not target.concept.body_sites:
        return target.concept
    return pack.concepts.get(target.concept.body_sites.get(site, ""))


def _is_plausible(concept: Concept, value: float) -> bool:
    return concept.plausible is None or concept.plausible[0] <= value <= concept.plausible[1]


def _answer(concept: Concept, target: Target, given: Given, feed: Feed) -> str:
    texts = [*(part for coding in given.codings for part in (coding.code, coding.text)), given.text]
    folded = [fold(text) for text in texts if text]
    for text in folded:
        if text in target.answers:
            return target.answers[text]
    for coding in given.codings:
        found = concept.answers.get(f"{feed.system(coding.system)}|{coding.code}")
        if found:
            return found
    for text in folded:
        if text in concept.words:
            return concept.words[text]
    if concept.results is None:
        return ""
    return concept.results.classify("\n".join(text for text in texts if text), given.flags)


def _assertion(concept: Concept, target: Target, given: Given, feed: Feed, place: str) -> Assertion | Issue:
    """Read a finding charted as an observation: its answer must say whether it is there."""
    answer = _answer(concept, target, given, feed) or target.answer
    if answer not in set(AssertionStatus):
        return Issue(IssueKind.UNMAPPED_ANSWER, place, f"answer of {concept.id}", is_quarantined=True)
    return Assertion(AssertionStatus(answer), tuple(sorted(target.qualifiers)))


def _reported(given: Given) -> str:
    texts = [coding.text or coding.code for coding in given.codings if coding.text or coding.code]
    return (texts[0] if texts else given.text.strip())[:_REPORTED_LENGTH]
