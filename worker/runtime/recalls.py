"""Patients as they were assessed last, few enough to fit into memory."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from worker.model.fact import Fact, Identifier
from worker.model.time import EpochMs
from worker.pipeline import Assessment, Pack, Recall
from worker.rules.evaluate import ALL_HEARD

_MOST_FACTS = 40_000

Who = tuple[Identifier, ...]


class Recalls:
    """Assess patients, and remember those with an LP who were assessed last; whoever was let go of is assessed anew."""

    def __init__(self, pack: Pack, most_facts: int = _MOST_FACTS) -> None:
        """Remember nobody; `most_facts` bounds the facts of all who are remembered."""
        self._pack = pack
        self._most = most_facts
        self._kept: OrderedDict[Who, Recall] = OrderedDict()
        self._size = 0

    def assess(
        self,
        who: Who,
        facts: tuple[Fact, ...],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        unheard: Mapping[str, EpochMs] = ALL_HEARD,
    ) -> Assessment:
        """Find LPs and findings of a patient; nobody remembers one who is not named.

        Shape: `who` are all identifiers that are joined, `facts` all versions in any order.
        """
        recall = self._kept.pop(who, None)
        if recall is None:
            recall = Recall(self._pack)
        else:
            self._size -= recall.size
        found = recall.assess(facts, as_of_ms, consumed_until_ms, unheard)
        if who and found.episodes and recall.size <= self._most:
            self._kept[who] = recall
            self._size += recall.size
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= oldest.size
        return found
