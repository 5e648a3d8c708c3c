"""What vignettes say of rules, as lint asks it. Pure: no I/O, no clock."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from worker.rules.release import Sample

if TYPE_CHECKING:
    from worker.simulate.vignettes import Vignette


def sample_of(vignette: Vignette) -> Sample:
    """Return a vignette without its timeline."""
    stated = (
        finding
        for versions in vignette.gold.values()
        for reading in versions.values()
        for finding, _ in reading.assertions
    )
    return Sample(
        name=vignette.vignette_id,
        file=PurePath(vignette.place.partition(":")[0]).stem,
        place=vignette.place,
        fires=vignette.rules,
        must_not=vignette.must_not,
        concepts=frozenset((*(happening.concept for happening in vignette.happenings), *stated)),
    )
