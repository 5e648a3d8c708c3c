"""What is not on file in a span and somebody could bring. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.correlate.index import rank_fact
from worker.rules.context import Blank
from worker.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.model.fact import Fact
    from worker.model.time import EpochMs
    from worker.rules.context import Context, Wanted

NO_DATA = "no data"
NOT_DOCUMENTED = "not documented with the LP"
NONE_GIVEN = "none given, as far as filed"
NOTE = "note"


def lacking(wanted: Wanted, span: tuple[EpochMs, EpochMs], context: Context) -> Iterator[Blank]:
    """Give what is wanted where none of it is on file in a span, both ends included; nothing of a span that has not begun.

    Of what was measured before the span, the newest is named. A finding that the notes of the span do not state is not lacking.
    """
    first_ms, last_ms = span
    if first_ms > context.as_of_ms or first_ms > last_ms:
        return
    notes = (NOTE,) if wanted.is_stated else ()
    if context.view.between((*wanted.measured, *wanted.given, *notes), first_ms, last_ms):
        return
    newest = _newest_before(wanted.measured, first_ms, context)
    if newest is not None:
        yield Blank(f"nothing since {describe(newest, context)}", (), last_ms)
    unseen = notes if newest is not None else (*wanted.measured, *notes)
    if unseen:
        yield Blank(NO_DATA, unseen, last_ms)
    if wanted.given:
        yield Blank(NONE_GIVEN, wanted.given, last_ms)


def _newest_before(concepts: tuple[str, ...], at_ms: EpochMs, context: Context) -> Fact | None:
    older = [found for name in concepts if (found := context.view.last_before(name, at_ms))]
    return max(older, key=rank_fact, default=None)
