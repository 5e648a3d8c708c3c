"""Whose a resource is, as a version of it or its deletion says. Pure: no I/O, no clock. Source: ADR 0040.

The id of a resource names it on its server, and a feed is one server: who is named by the newest version has it.
"""

from __future__ import annotations

from worker.decode.fhir import Deletion, Placed, parse_literal
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.statement import Statement, is_ahead, read_own_date
from worker.mapping.fhir.status import VOID
from worker.model.fact import NEWEST_MS, Claim


def claim_of(placed: Placed, statement: Statement) -> Claim | None:
    """Say whose a resource is that states facts; None where it has no id that names it."""
    id_, facts = placed.resource.id, statement.facts
    if not id_ or "|" in id_ or not facts:
        return None
    stated_at = max((fact.version.major, fact.version.minor) for fact in facts)
    return Claim(statement.key, statement.patient, stated_at, statement.scope.received_at_ms)


def deletion_claim(deletion: Deletion, scope: Scope) -> Claim | None:
    """Say that a resource is nobody's from its deletion on; None where no id is named.

    Shape: stated when the server says that it was, else by the document, else when it was received; after all else of
    that instant. Where that cannot be believed, after everything else.
    """
    literal = parse_literal(deletion.url)
    if literal is None:
        return None
    stated_ms = read_own_date(deletion.modified_at, scope.feed.zone)
    if stated_ms is None:
        stated_ms = read_own_date(scope.message_at, scope.feed.zone)
    if is_ahead(stated_ms, scope.latest_ms):
        stated_ms = NEWEST_MS
    elif stated_ms is None:
        stated_ms = scope.received_at_ms
    stated_at = (VOID, stated_ms) if scope.feed.is_rank_first else (stated_ms, VOID)
    return Claim(f"{scope.feed.id}|{literal.type}|{literal.id}", None, stated_at, scope.received_at_ms)
