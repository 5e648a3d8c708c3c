"""What a result status means for versions. Pure: no I/O, no clock.

Source: HL7 v2.5.1 ch. 7, OBX-11 (table 0085) and OBR-25 (table 0123); v2.7 adds A, B and V.
"""

from __future__ import annotations

from dataclasses import dataclass

REGISTERED, PRELIMINARY, FINAL, CORRECTED, WITHDRAWN = range(5)
"""Ranks of statuses: of two versions with one time the higher rank counts."""


@dataclass(frozen=True, slots=True)
class Status:
    """What one code of table 0085 says.

    Shape: `has_value` false: the segment reports no result, whatever stands in OBX-5. `is_correction`: it says
    that an older value was wrong.
    """

    rank: int
    name: str
    is_deleted: bool = False
    is_correction: bool = False
    has_value: bool = True


STATUSES = {
    "": Status(FINAL, ""),
    "A": Status(CORRECTED, "corrected", is_correction=True),  # amended, v2.7
    "B": Status(CORRECTED, "corrected", is_correction=True),  # appended, v2.7
    "C": Status(CORRECTED, "corrected", is_correction=True),
    "D": Status(WITHDRAWN, "", is_deleted=True, is_correction=True),
    "F": Status(FINAL, "final"),
    "I": Status(REGISTERED, "preliminary", has_value=False),  # specimen in laboratory
    "N": Status(REGISTERED, "", has_value=False),  # not asked for
    "O": Status(REGISTERED, "", has_value=False),  # details of the order only
    "P": Status(PRELIMINARY, "preliminary"),
    "R": Status(PRELIMINARY, "preliminary"),  # entered, not verified
    "S": Status(PRELIMINARY, "preliminary"),  # partial
    "U": Status(FINAL, "final"),  # final now; the value may be left out, then the preliminary one stands
    "V": Status(FINAL, "final"),  # verified, v2.7
    "W": Status(WITHDRAWN, "", is_deleted=True, is_correction=True),  # posted as wrong
    "X": Status(WITHDRAWN, "", is_deleted=True),  # cannot be obtained
}
UNKNOWN_STATUS = Status(FINAL, "")


def status_of(code: str) -> Status:
    """Return what OBX-11 says; a code outside the table says nothing of correctness."""
    known = STATUSES.get(code)
    return STATUSES.get(code.upper(), UNKNOWN_STATUS) if known is None else known
