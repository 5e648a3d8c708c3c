"""Which ends of a procedure are believed. Pure: no I/O, no clock."""

from __future__ import annotations

from worker.model.time import DAY_MS, ClinicalTime, EpochMs

LONGEST_MS = DAY_MS
"""What lasts longer is no procedure on a patient's back (house choice)."""


def doubt_end(time: ClinicalTime, latest_ms: EpochMs | None) -> str:
    """Say why the end of a procedure cannot be true, "" where it can, or there is none.

    Shape: `latest_ms` is the latest instant that the message can tell of. Windows count from the end: one that lies ahead
    would hide what happens before it.
    """
    if time.last_ms - time.start_ms > LONGEST_MS:
        return "ends more than a day after it starts"
    return "" if latest_ms is None or time.last_ms <= latest_ms else "ends later than the message"
