"""What is true of the made-up patients: the planted complications, when each must be found, and the silent traps."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from worker.model.time import to_rfc3339

if TYPE_CHECKING:
    from worker.model.fact import Identifier
    from worker.model.time import EpochMs

Ending: TypeAlias = Literal["stands", "superseded", "withdrawn"]
Category: TypeAlias = Literal["complication", "disease", "aftermath", "background", "error"]
"""Harm done by the LP; what the LP was for; its usual aftermath; unrelated; charted wrong."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One alert that must be given.

    Shape: `at_ms` is the clinical time of the evidence that decides. `severity` is the highest it reaches. `ending`: a
    superseded alert was folded into a stronger one and may never show when messages come in another order; a
    withdrawn one rested on an error. `cause` is the id of the rate by which it was planted.
    """

    rule: str
    severity: str
    at_ms: EpochMs
    cause: str
    ending: Ending = "stands"


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that is true of a patient for a while, and the rules that may alert because of it.

    Shape: `said` are the sentences of notes that told of it, each once.
    """

    kind: str
    category: Category
    from_ms: EpochMs
    until_ms: EpochMs
    rules: tuple[str, ...]
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatientTruth:
    """All that is known of one patient; `is_complete` tells whether every message of the patient was written.

    Shape: `setting` and `causes` are told of the mixed cohort alone.
    """

    identifiers: tuple[Identifier, ...]
    punctures_ms: tuple[EpochMs, ...]
    indication: str
    expected: tuple[Expected, ...]
    traps: tuple[str, ...]
    quirks: tuple[str, ...]
    is_complete: bool = True
    setting: str = ""
    causes: tuple[Cause, ...] = ()

    def to_line(self) -> str:
        """Write one line of `truth.ndjson`."""
        return json.dumps(
            {
                "patient": [
                    {"authority": one.authority, "value": one.value, "type": one.type}
                    for one in self.identifiers
                ],
                "lp_at": [to_rfc3339(at_ms) for at_ms in self.punctures_ms],
                "indication": self.indication,
                "expected": [
                    {
                        "rule": one.rule,
                        "severity": one.severity,
                        "at": to_rfc3339(one.at_ms),
                        "cause": one.cause,
                        "ending": one.ending,
                    }
                    for one in self.expected
                ],
                "traps": list(self.traps),
                "quirks": list(self.quirks),
                "complete": self.is_complete,
                **self._of_cohort(),
            },
            separators=(",", ":"),
        )

    def _of_cohort(self) -> dict[str, object]:
        if not self.setting:
            return {}
        causes = [
            {
                "kind": one.kind,
                "category": one.category,
                "from": to_rfc3339(one.from_ms),
                "until": to_rfc3339(one.until_ms),
                "rules": list(one.rules),
                "said": list(one.said),
            }
            for one in self.causes
        ]
        return {"setting": self.setting, "causes": causes}
