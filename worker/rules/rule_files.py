"""Rule files of a pack, read and laid over each other. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from worker.decode.located_yaml import Located, Path, Problems, load_yaml, validate
from worker.model.errors import PackError
from worker.rules.basis_spec import (
    ClaimsFile,
    ClaimSpec,
    DifferenceSpec,
    LockFile,
    SourcesFile,
    SourceSpec,
)
from worker.rules.spec import (
    CircumstanceSpec,
    DefinitionsFile,
    DefinitionSpec,
    DisabledSpec,
    ExpectedSpec,
    ParamSpec,
    RuleSpec,
    SumSpec,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

FOLDER = "rules/"
DEFINITIONS = "rules/definitions.yaml"
SOURCES = "rules/sources.yaml"
CLAIMS = "rules/claims.yaml"
LOCK = "rules/versions.lock.yaml"
SECTIONS = ("definitions", "params", "kinds", "sums")
"""What of definitions.yaml is part of what rules mean; the rest says what is expected and shown, and decides nothing."""


@dataclass(slots=True)
class LayerFiles:
    """What one layer itself says, for what a layer must keep in agreement with itself.

    Shape: `rules` with their files; ids of its `claims`; `shared` the entries of its definitions.yaml by section and name, each
    with its file and path; ids of rules that it `disabled`; `lock` is None where the layer has none; `so_far` what this layer
    and those below say.
    """

    rules: dict[str, tuple[RuleSpec, Located]] = field(default_factory=dict)
    claims: set[str] = field(default_factory=set)
    shared: dict[tuple[str, str], tuple[Located, Path]] = field(default_factory=dict)
    disabled: dict[str, str] = field(default_factory=dict)
    lock: LockFile | None = None
    so_far: RuleFiles | None = None


@dataclass(slots=True)
class RuleFiles:
    """What the layers of a pack say of rules; a later layer replaced what has the same id.

    Shape: each rule, definition and claim with its file, for the place of an error. `articles` from the letter of a claim to
    the source. `disabled` names the rules that a layer removed and none brought back. `layers` lowest first.
    """

    rules: dict[str, tuple[RuleSpec, Located]] = field(default_factory=dict)
    definitions: dict[str, tuple[DefinitionSpec, Located, Path]] = field(default_factory=dict)
    params: dict[str, tuple[ParamSpec, Located]] = field(default_factory=dict)
    kinds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sums: dict[str, SumSpec] = field(default_factory=dict)
    expected: dict[str, tuple[ExpectedSpec, Located]] = field(default_factory=dict)
    circumstances: dict[str, tuple[CircumstanceSpec, Located]] = field(default_factory=dict)
    sources: dict[str, SourceSpec] = field(default_factory=dict)
    differences: list[tuple[DifferenceSpec, Located, Path]] = field(default_factory=list)
    articles: dict[str, str] = field(default_factory=dict)
    claims: dict[str, tuple[ClaimSpec, Located]] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    layers: list[LayerFiles] = field(default_factory=list)

    def numbers(self) -> Iterator[tuple[Mapping[str, ParamSpec], Located, Path]]:
        """Go through the numbers of rules, of definitions and of all, each group with its file and path."""
        for spec, located in self.rules.values():
            yield spec.params, located, ("params",)
        for definition, located, path in self.definitions.values():
            yield definition.params, located, (*path, "params")
        for name, (param, located) in self.params.items():
            yield {name: param}, located, ("params",)

    def frozen(self) -> RuleFiles:
        """Return what was read so far; later layers do not change it."""
        return replace(
            self,
            rules=dict(self.rules),
            definitions=dict(self.definitions),
            params=dict(self.params),
            kinds=dict(self.kinds),
            sums=dict(self.sums),
            layers=[],
        )


def read_rule_files(layers: Sequence[Mapping[str, str]], problems: Problems) -> RuleFiles:
    """Read `rules/*.yaml` of every layer; problems are collected, not raised."""
    files = RuleFiles()
    for layer in layers:
        seen: dict[str, str] = {}
        files.layers.append(LayerFiles())
        for path in sorted(layer):
            if path.startswith(FOLDER) and path.endswith((".yaml", ".yml")):
                try:
                    _read(files, path, load_yaml(layer[path], path), seen, problems)
                except PackError as error:
                    problems.collect(error)
        files.layers[-1].so_far = files.frozen()
    return files


def _read(files: RuleFiles, path: str, located: Located, seen: dict[str, str], problems: Problems) -> None:
    if path == DEFINITIONS:
        shared = validate(DefinitionsFile, located)
        for section in SECTIONS:
            stated = {(section, name): (located, (section, name)) for name in getattr(shared, section)}
            files.layers[-1].shared.update(stated)
        for name, spec in shared.definitions.items():
            files.definitions[name] = (spec, located, ("definitions", name))
        for name, param in shared.params.items():
            files.params[name] = (param, located)
        files.kinds |= shared.kinds
        files.sums |= shared.sums
        files.expected |= {name: (spec, located) for name, spec in shared.expected.items()}
        files.circumstances |= {name: (spec, located) for name, spec in shared.circumstances.items()}
    elif path == SOURCES:
        cited = validate(SourcesFile, located)
        files.sources |= cited.sources
        files.differences.extend(
            (spec, located, ("differences", at)) for at, spec in enumerate(cited.differences)
        )
    elif path == CLAIMS:
        claimed = validate(ClaimsFile, located)
        files.articles |= claimed.articles
        files.claims |= {name: (spec, located) for name, spec in claimed.claims.items()}
        files.layers[-1].claims.update(claimed.claims)
    elif path == LOCK:
        files.layers[-1].lock = validate(LockFile, located)
    else:
        _read_rule(files, located, seen, problems)


def _no_rule_at_all(located: Located) -> tuple[str, str] | None:
    """Return place and message where a file is not a rule with mistakes but something else."""
    data = located.data
    if data is None:
        return (
            located.place(),
            "the file is empty; write a rule, or `id` and `disabled: true`, or remove the file",
        )
    if not isinstance(data, dict):
        return None
    if "scenarios" in data:
        return located.place(
            ("scenarios",), key=True
        ), "these are vignettes; they stand in tests/, beside rules/"
    if "disabled" in data and "when" in data:
        return (
            located.place(("disabled",), key=True),
            "a file that removes a rule holds `id` and `disabled: true` alone; to keep its text here, write `status: retired`",
        )
    for word in ("enabled", "active", "enable", "off", "disable"):
        if word in data and "when" not in data:
            return located.place((word,), key=True), "a rule is removed with `id` and `disabled: true`"
    return None


def _read_rule(files: RuleFiles, located: Located, seen: dict[str, str], problems: Problems) -> None:
    if slip := _no_rule_at_all(located):
        problems.add(*slip)
        return
    is_disabled = isinstance(located.data, dict) and "disabled" in located.data
    model: type[BaseModel] = DisabledSpec if is_disabled else RuleSpec
    spec = validate(model, located)
    if not isinstance(spec, (DisabledSpec, RuleSpec)):
        raise TypeError(type(spec))
    place = located.place(("id",))
    if seen.setdefault(spec.id, place) != place:
        problems.add(
            place, f"rule '{spec.id}' stands twice in this layer (first {seen[spec.id]}); remove one"
        )
    elif isinstance(spec, RuleSpec):
        files.rules[spec.id] = (spec, located)
        files.layers[-1].rules[spec.id] = (spec, located)
        files.disabled.discard(spec.id)
    elif files.rules.pop(spec.id, None) is not None:
        files.disabled.add(spec.id)
        files.layers[-1].disabled[spec.id] = place
    elif spec.id not in files.disabled:
        problems.add(
            place, f"no layer below has a rule '{spec.id}' to disable; correct the id or remove the file"
        )
