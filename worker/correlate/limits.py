"""The spans by which facts are tied to a lumbar puncture (LP), in one place. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from worker.model.time import HOUR_MS, MINUTE_MS

_LONGER_H: Mapping[str, int] = MappingProxyType(
    {
        "headache-score": 72,
        "neck-pain-score": 72,
        "gcs": 30 * 24,
        "gcs-eye-motor": 30 * 24,
        "acvpu": 30 * 24,
    },
)


@dataclass(frozen=True, slots=True)
class Limits:
    """State how far apart things may be and still belong together.

    Shape: `binding_ms` ties CSF to the nearest LP and records of different sources to one LP; LPs less than `series_ms`
    apart are a series. A baseline quantity is at most `baseline_h` old at the LP, or as old as `baseline_longer_h` says
    for its concept; a baseline finding at most `baseline_finding_h`. A value that a device charted and nobody validated counts
    as the median of the `device_median_ms` up to it. A visit that begins less than `away_ms` after a stay is a transfer; what
    an outpatient came for is written within `visit_ms`.

    Source: house choices, of the rule catalogue for anchor, series, baseline and device values, of ours for `away_ms` and
    `visit_ms` (ADR 0008); a site's own reviewers approve them.
    """

    binding_ms: int = 6 * HOUR_MS
    series_ms: int = 72 * HOUR_MS
    baseline_h: int = 24
    baseline_longer_h: Mapping[str, int] = field(default_factory=lambda: _LONGER_H)
    baseline_finding_h: int = 30 * 24
    device_median_ms: int = 10 * MINUTE_MS
    away_ms: int = HOUR_MS
    visit_ms: int = 24 * HOUR_MS

    def baseline_ms(self, concept: str) -> int:
        """Return how old a baseline value of `concept` may be at the LP."""
        return self.baseline_longer_h.get(concept, self.baseline_h) * HOUR_MS

    @property
    def baseline_finding_ms(self) -> int:
        """Return how old a baseline finding may be at the LP."""
        return self.baseline_finding_h * HOUR_MS


DEFAULT_LIMITS = Limits()
