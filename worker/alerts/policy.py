"""The spans and levels of alerting that a site tunes. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.model.time import HOUR_MS


@dataclass(frozen=True, slots=True)
class Policy:
    """Say when an alert pages, is told again and may come back.

    Shape: `renotify_rise` gives for a rule by how much its peak must exceed what was last told (fever: 0.5 `Cel`); a rule that
    it does not name is not told again for a worsening. `folds` as `fold` takes them: resolving a stronger alert covers them.

    Source: house choices of the rule catalogue (refractory, closing); a site's own reviewers approve them.
    """

    page_max_age_h: float = 48
    quiet_h: float = 12
    renotify_rise: Mapping[str, float] = field(default_factory=dict)
    folds: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def page_max_age_ms(self) -> int:
        """Return how old decisive evidence may be when it pages."""
        return round(self.page_max_age_h * HOUR_MS)

    @property
    def quiet_ms(self) -> int:
        """Return how long a resolution keeps an alert closed."""
        return round(self.quiet_h * HOUR_MS)
