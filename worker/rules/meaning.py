"""Put what a rule means into one digest, so that nobody changes it unnoticed under the same version. Pure: no I/O, no clock.

Meaning is what decides whether and when a rule holds, how severe it is and what people are told: clauses with their numbers,
the definitions, kinds and sums that they use, folds, sentences. It is not where numbers come from, how a parameter is
called, who reviewed the rule, or whether it runs in shadow. Another rule that a clause names has a version of its own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.rules.rule_files import RuleFiles
    from worker.rules.spec import ParamSpec, RuleSpec

_NO_MEANING = {
    "id",
    "version",
    "status",
    "params",
    "misses",
    "false_positives",
    "seeds",
    "sources",
    "review",
}
_LENGTH = 16


def meaning(spec: RuleSpec, files: RuleFiles) -> str:
    """Return the digest of what a rule means with the definitions of `files`."""
    content = {key: value for key, value in _plain(spec).items() if key not in _NO_MEANING}
    opened = _Opened(files)
    document = {"rule": opened.resolve(content, spec.params), "uses": opened.uses}
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]


def condition(spec: RuleSpec, files: RuleFiles) -> str:
    """Return the digest of when a rule holds: its window and its clauses about facts, without what it says."""
    content = {key: value for key, value in _plain(spec).items() if key in {"window", "when", "unless"}}
    for clause in content.get("unless", ()):
        clause.pop("say", None)
    opened = _Opened(files)
    document = {"rule": opened.resolve(content, spec.params), "uses": opened.uses}
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[
        :_LENGTH
    ]


def _plain(spec: Any) -> dict[str, Any]:  # noqa: ANN401 - any model; what stands in it is plain data
    plain: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return plain


@dataclass(slots=True)
class _Opened:
    """Put numbers in the place of their names, and collect what else a rule rests on."""

    files: RuleFiles
    uses: dict[str, object] = field(default_factory=dict)

    def resolve(self, part: Any, params: Mapping[str, ParamSpec]) -> object:  # noqa: ANN401 - plain data of YAML
        if isinstance(part, dict):
            self._note(part)
            return {key: self.resolve(value, params) for key, value in part.items()}
        if isinstance(part, list):
            return [self.resolve(value, params) for value in part]
        if isinstance(part, str) and part.startswith("$"):
            return self._number(part.removeprefix("$"), params)
        return part

    def _number(self, name: str, params: Mapping[str, ParamSpec]) -> object:
        shared = self.files.params.get(name)
        found = params.get(name) or (shared[0] if shared else None)
        if found is None:
            return name
        bands = [[band.below, band.age_unit, band.value] for band in found.by_age]
        return [float(found.value), found.unit, bands]

    def _note(self, clause: Mapping[str, Any]) -> None:
        name = clause.get("is")
        if isinstance(name, str) and name in self.files.definitions and f"is {name}" not in self.uses:
            definition = self.files.definitions[name][0]
            self.uses[f"is {name}"] = None
            where = _plain(definition)["where"]
            self.uses[f"is {name}"] = [list(definition.of), self.resolve(where, definition.params)]
        of = clause.get("of", ())
        for concept in (of,) if isinstance(of, str) else of:
            if concept in self.files.kinds:
                self.uses[f"kinds of {concept}"] = sorted(self.files.kinds[concept])
            if concept in self.files.sums:
                self.uses[f"sum {concept}"] = _plain(self.files.sums[concept])
