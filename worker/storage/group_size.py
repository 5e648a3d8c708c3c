"""How many identifiers of one patient are assessed at all, with or without a database."""

from __future__ import annotations

from worker.model.time import EpochMs
from worker.storage.records import Quarantined

LARGEST_GROUP = 4_000
"""How many identifiers of one patient can be locked at all; no patient has so many, but numbers joined by mistake may. The same
bound holds where nothing is locked."""


def too_large(as_of_ms: EpochMs) -> Quarantined:
    """Say that an assessment would be larger than any can be: people must part who was joined by mistake."""
    return Quarantined("assessment", as_of_ms, f"a patient of more than {LARGEST_GROUP} identifiers")
