"""Write an alert for a lock screen: that there is one, how severe, where; nothing of the patient. Pure: no I/O, no clock."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.alerts.documents import AlertDocument, MinimalDocument


def minimal(document: AlertDocument) -> MinimalDocument:
    """Keep what names no person: each key is named here, so that a new part of an alert stays out by itself."""
    place, lp = document["location"]["now"], document["lp"]
    made: MinimalDocument = {
        "alert_id": document["alert_id"],
        "version": document["version"],
        "state": document["state"],
        "severity": document["severity"],
        "title": document["rule"]["title"],
        "unit": "" if place is None else place["unit"],
        "hours_since_lp": None if lp["is_time_uncertain"] else math.floor(lp["hours_at_update"]),
        "also_open_count": len(document.get("also_open", ())),
        "raised_at": document["raised_at"],
        "updated_at": document["updated_at"],
        "review": document["rule"]["review"],
        "disclaimer": document["disclaimer"],
    }
    if "withdrawal" in document:
        made["withdrawal"] = document["withdrawal"]
    return made
