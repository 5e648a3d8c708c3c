"""Procedures and orders: lumbar punctures and blood patches. Pure: no I/O, no clock.

| resource and status | what it says of an LP |
|---|---|
| Procedure completed; unknown or absent with a time performed | completed |
| Procedure stopped | attempted: a needle may have passed |
| Procedure preparation, in-progress, on-hold | planned: it opens nothing until it ends |
| Procedure not-done; ServiceRequest revoked | cancelled |
| ServiceRequest completed with an occurrence | completed |
| ServiceRequest otherwise | planned |
| entered-in-error | taken back |

Source: HL7 FHIR R4 and R5, value sets event-status and request-status.
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.resources import Procedure, ServiceRequest
from worker.mapping.concept_spec import Kind
from worker.mapping.concepts import Target
from worker.mapping.fhir.codes import codings_of, title_of
from worker.mapping.fhir.orders import PUNCTURE, order_numbers
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.indications import read_indication
from worker.model.fact import Coded, Puncture, PunctureSource, PunctureStatus
from worker.model.time import ClinicalTime

_PROCEDURE = {
    "completed": PunctureStatus.COMPLETED,
    "stopped": PunctureStatus.ATTEMPTED,
    "aborted": PunctureStatus.ATTEMPTED,
    "not-done": PunctureStatus.CANCELLED,
    "preparation": PunctureStatus.PLANNED,
    "in-progress": PunctureStatus.PLANNED,
    "on-hold": PunctureStatus.PLANNED,
    "entered-in-error": PunctureStatus.CANCELLED,
}
_DONE = "done"
# A proposal is somebody's idea, ours included, and no order.
_NO_ORDER = frozenset({"proposal", "option"})


def map_procedure(procedure: Procedure, statement: Statement) -> None:
    """Add a puncture, or "done" for another procedure that the pack knows."""
    target = statement.scope.feed.find(codings_of(procedure.code))
    if target is None or target.concept.kind is not Kind.PROCEDURE:
        return
    ways = list(_performed(procedure))
    is_puncture = target.concept.id == PUNCTURE
    effective = statement.when(ways, or_filed=is_puncture)
    if effective is None:
        return
    effective = statement.believed_end(effective)
    if not is_puncture:
        _add_other(procedure, statement, target, effective)
        return
    is_timed = any(way.start or way.end for way in ways)
    otherwise = PunctureStatus.COMPLETED if is_timed else PunctureStatus.PLANNED
    status = _PROCEDURE.get(procedure.status or "", otherwise)
    numbers = order_numbers(procedure.based_on, procedure.identifier)
    statement.add(PUNCTURE, Puncture(status, PunctureSource.PROCEDURE, numbers), effective)
    _add_indication(procedure, statement, effective)


def map_service_request(request: ServiceRequest, statement: Statement) -> None:
    """Add a puncture for an order of one; other orders say nothing that rules need."""
    target = statement.scope.feed.find(codings_of(request.code.stated if request.code else None))
    if target is None or target.concept.id != PUNCTURE or request.intent in _NO_ORDER:
        return
    ways = list(_occurs(request))
    is_timed = any(way.start or way.end for way in ways)
    effective = statement.when((*ways, Stated("authoredOn", request.authored_on)))
    if effective is not None:
        numbers = order_numbers(request.based_on, request.identifier, request.id or "")
        status = _order_status(request, is_timed=is_timed)
        statement.add(PUNCTURE, Puncture(status, PunctureSource.ORDER, numbers), effective)
        _add_indication(request, statement, effective)


def _add_indication(
    source: Procedure | ServiceRequest, statement: Statement, effective: ClinicalTime
) -> None:
    """Add why the puncture is done; a newer version of the resource replaces it as a whole."""
    scope = statement.scope
    stated = (*(source.reason_code or ()), *(one.concept for one in source.reason or ()))
    text = "; ".join(title for concept in stated if (title := title_of(concept)))
    if text and not statement.status.is_deleted:
        for part, concept, value in read_indication(text, statement.key, scope.pack, scope.notes):
            statement.add(concept, value, effective, part=part)
    statement.replaces_all(statement.key)


def _add_other(procedure: Procedure, statement: Statement, target: Target, effective: ClinicalTime) -> None:
    if procedure.status in {"completed", None}:
        statement.add(target.concept.id, Coded(_DONE, title_of(procedure.code)), effective)
    else:
        statement.add(target.concept.id, None, effective, is_deleted=True)


def _order_status(request: ServiceRequest, *, is_timed: bool) -> PunctureStatus:
    if request.status == "revoked" or request.do_not_perform:
        return PunctureStatus.CANCELLED
    is_done = request.status == "completed" and is_timed
    return PunctureStatus.COMPLETED if is_done else PunctureStatus.PLANNED


def _performed(procedure: Procedure) -> Iterator[Stated]:
    for name, period in (
        ("performedPeriod", procedure.performed_period),
        ("occurrencePeriod", procedure.occurrence_period),
    ):
        if period is not None:
            yield Stated(name, period.start, period.end)
    yield Stated("performedDateTime", procedure.performed_date_time)
    yield Stated("occurrenceDateTime", procedure.occurrence_date_time)


def _occurs(request: ServiceRequest) -> Iterator[Stated]:
    if request.occurrence_period is not None:
        yield Stated("occurrencePeriod", request.occurrence_period.start, request.occurrence_period.end)
    yield Stated("occurrenceDateTime", request.occurrence_date_time)
