"""What falls because its resource is another's. Tests worker.correlate.claims."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.contract.state_values import ANNA, fact
from worker.correlate.claims import MOST_HOLDERS, NOBODY, newer_elsewhere, standing
from worker.model.fact import Group, Version

ONE, TWO, THREE, FOUR = range(1, 5)


@pytest.mark.parametrize(
    ("holders", "expected"),
    [
        ({ONE: (5, 2)}, None),
        ({ONE: (5, 2), TWO: (6, 2)}, (6, 2)),
        ({ONE: (5, 2), TWO: (4, 2)}, (4, 2)),
        ({ONE: (5, 2), TWO: (4, 2), THREE: (7, 2)}, (7, 2)),
        ({ONE: (5, 2), NOBODY: (4, 4)}, (4, 4)),
        ({ONE: (5, 2), TWO: (6, 2), THREE: (7, 2), NOBODY: (8, 4)}, (8, 4)),
        ({ONE: (5, 2), TWO: (6, 2), THREE: (7, 2), FOUR: (8, 2)}, None),
    ],
    ids=["alone", "moved away", "moved in", "moved twice", "deleted", "three and nobody", "no id at all"],
)
def test_the_newest_claim_of_another_counts(
    holders: dict[int, tuple[int, int]], expected: tuple[int, int] | None
) -> None:
    assert MOST_HOLDERS == 3
    assert newer_elsewhere(holders, ONE) == expected


@pytest.mark.parametrize("key", ["ehr|Observation|7", "ehr|Observation|7|8310-5", "ehr|Observation|7|a|2"])
@pytest.mark.parametrize(("claimed", "falls"), [((10, 2), True), ((9, 2), False), ((8, 4), False)])
def test_what_was_stated_before_the_claim_falls(key: str, claimed: tuple[int, int], *, falls: bool) -> None:
    said = replace(fact(ANNA, "temp"), key=key, version=Version(9, 2, "d"))
    assert standing([said], {"ehr|Observation|7": claimed}) == [] if falls else [said]


def test_what_belongs_together_falls_together() -> None:
    """Facts of one version may be dated one by one; their group is dated by the last."""
    early = replace(fact(ANNA, "encounter"), key="ehr|Encounter|7", version=Version(5, 2, "d"))
    grouped = replace(early, group=Group("ehr|Encounter|7", (9, 2), replaces=True))
    assert standing([early, grouped], {"ehr|Encounter|7": (7, 2)}) == [grouped]


def test_other_resources_stand() -> None:
    said = [replace(fact(ANNA, "temp"), key=key) for key in ("ehr|Observation|77", "ehr|Procedure|7", "x")]
    assert standing(said, {"ehr|Observation|7": (2**50, 2)}) == said
