"""Problems and allergies, to findings; what the pack does not map is not reported. Pure: no I/O, no clock.

| verification | clinical status | the finding is |
|---|---|---|
| entered-in-error | any | taken back |
| refuted | any | absent |
| unconfirmed, provisional, differential | any | uncertain |
| confirmed or none | inactive, remission, resolved | resolved |
| confirmed or none | active, recurrence, relapse, none | present |

Source: HL7 FHIR R4 and R5, value sets condition-clinical, condition-ver-status, allergyintolerance-clinical and -verification.
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.resources import AllergyIntolerance, Condition
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Coding
from worker.mapping.fhir.codes import all_codings, codings_of, first_code, title_of
from worker.mapping.fhir.statement import Stated, Statement
from worker.model.fact import Assertion, AssertionStatus

_UNCERTAIN = frozenset({"unconfirmed", "provisional", "differential"})
_OVER = frozenset({"inactive", "remission", "resolved"})
_SEVERITIES = frozenset({"mild", "severe"})


def map_condition(condition: Condition, statement: Statement) -> None:
    """Add an assertion for a condition that is a finding of the pack."""
    target = statement.scope.feed.find(codings_of(condition.code))
    if target is None or target.concept.kind is not Kind.FINDING:
        return
    status = _status(first_code(condition.verification_status), first_code(condition.clinical_status))
    effective = statement.when(_ways(condition, status))
    if effective is not None:
        severity = title_of(condition.severity).casefold()
        qualifiers = {*target.qualifiers, *(word for word in _SEVERITIES if word in severity.split())}
        assertion = Assertion(status, tuple(sorted(qualifiers)))
        statement.add(target.concept.id, assertion, effective)


def map_allergy(allergy: AllergyIntolerance, statement: Statement) -> None:
    """Add an assertion for an allergy that is a finding of the pack, by its own code or by the drug it is about."""
    finding = _allergy_finding((*codings_of(allergy.code), *_substances(allergy)), statement)
    if not finding:
        return
    recorded = Stated("recordedDate", allergy.recorded_date)
    effective = statement.when((recorded, Stated("onsetDateTime", allergy.onset_date_time)))
    if effective is not None:
        status = _status(first_code(allergy.verification_status), first_code(allergy.clinical_status))
        statement.add(finding, Assertion(status), effective)


def _allergy_finding(codings: tuple[Coding, ...], statement: Statement) -> str:
    """Return the finding: a substance of class X ("nsaid") makes the finding X-allergy, where the pack has it."""
    target = statement.scope.feed.find(codings)
    if target is None:
        return ""
    concept = target.concept
    name = concept.id if concept.kind is Kind.FINDING else f"{concept.id}-allergy"
    return name if name in statement.scope.pack.concepts else ""


def _substances(allergy: AllergyIntolerance) -> tuple[Coding, ...]:
    return all_codings(reaction.substance for reaction in allergy.reaction or () if reaction.substance)


def _status(verification: str, clinical: str) -> AssertionStatus:
    if verification == "refuted":
        return AssertionStatus.ABSENT
    if verification in _UNCERTAIN:
        return AssertionStatus.UNCERTAIN
    return AssertionStatus.RESOLVED if clinical in _OVER else AssertionStatus.PRESENT


def _ways(condition: Condition, status: AssertionStatus) -> Iterator[Stated]:
    """Yield where the time may stand: a resolved condition is resolved from its abatement on."""
    if status is AssertionStatus.RESOLVED:
        yield Stated("abatementDateTime", condition.abatement_date_time, may_be_vague=True)
        if condition.abatement_period is not None:
            yield Stated("abatementPeriod", condition.abatement_period.start, may_be_vague=True)
    yield Stated("onsetDateTime", condition.onset_date_time, may_be_vague=True)
    if condition.onset_period is not None:
        yield Stated("onsetPeriod", condition.onset_period.start, may_be_vague=True)
    yield Stated("recordedDate", condition.recorded_date)
