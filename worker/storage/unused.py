"""What of a patient's messages could not be used, once a day: each worker keeps in mind what it wrote, and waits for nobody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from worker.model.fact import Identifier
from worker.model.message import IssueKind, Unused
from worker.model.time import DAY_MS, EpochMs
from worker.storage.dialect import one_of
from worker.storage.identities import Identities
from worker.storage.schema import unused

_CACHE_LIMIT = 50_000
_ADD = sa.insert(unused)
_KINDS = {kind.value: kind for kind in IssueKind}
_NAMES = (unused.c.patient, unused.c.receipt_day, unused.c.feed, unused.c.kind, unused.c.subject)
_OF = (
    sa.select(*_NAMES, sa.func.min(unused.c.at_ms).label("at_ms"))
    .where(one_of(unused.c.patient, "patients"))
    .group_by(*_NAMES)
)

_Written = tuple[tuple[str, str], int, str, str, str]


class UnusedLog:
    """Append what could not be used, and read what there is of a patient.

    Two workers, or one that was started again, may write the same line twice: whoever reads sees it once.
    """

    def __init__(self, identities: Identities) -> None:
        """Share the identities, which number the patients."""
        self._identities = identities
        self._written: OrderedDict[_Written, None] = OrderedDict()

    def forget(self) -> None:
        """Drop the cache: a transaction was taken back."""
        self._written.clear()

    def append(self, conn: sa.Connection, items: Sequence[tuple[Identifier, Unused]]) -> None:
        """Write what was not written before on its day."""
        new = [(who, item) for who, item in items if self._is_new(who, item)]
        if not new:
            return
        numbers = self._identities.number(conn, [who for who, _ in new])
        rows = [
            {
                "receipt_day": item.at_ms // DAY_MS,
                "patient": numbers[who.key],
                "at_ms": item.at_ms,
                "feed": item.feed,
                "kind": item.kind.value,
                "subject": item.subject,
            }
            for who, item in new
        ]
        conn.execute(_ADD, rows)

    def of(self, conn: sa.Connection, patients: Collection[int]) -> Mapping[int, list[Unused]]:
        """Read what there is of these patients, by patient; who has nothing is missing."""
        found: dict[int, list[Unused]] = {}
        for row in conn.execute(_OF, {"patients": list(patients)}):
            if row.kind in _KINDS:  # a later release may know more
                item = Unused(row.at_ms, row.feed, _KINDS[row.kind], row.subject)
                found.setdefault(row.patient, []).append(item)
        return found

    def drop(self, conn: sa.Connection, received_before_ms: EpochMs) -> None:
        """Drop what was received before that day."""
        conn.execute(sa.delete(unused).where(unused.c.receipt_day < received_before_ms // DAY_MS))

    def _is_new(self, who: Identifier, item: Unused) -> bool:
        key = (who.key, item.at_ms // DAY_MS, item.feed, item.kind.value, item.subject)
        if key in self._written:
            self._written.move_to_end(key)
            return False
        self._written[key] = None
        if len(self._written) > _CACHE_LIMIT:
            self._written.popitem(last=False)
        return True
