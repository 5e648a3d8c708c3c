"""Files of a pack, read and laid over each other. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pydantic import BaseModel

from worker.decode.located_yaml import Located, Path, Problems, load_yaml, validate
from worker.mapping.concept_spec import (
    BodySiteSpec,
    ConceptFile,
    ConceptSpec,
    Manifest,
    UnitConversionSpec,
    UnitFile,
    UnitSpec,
)
from worker.mapping.feed_spec import FeedSpec
from worker.model.errors import PackError

Spec = TypeVar("Spec")
File = TypeVar("File", bound=BaseModel)

MANIFEST = "pack.yaml"
UNITS = "concepts/units.yaml"


@dataclass(frozen=True, slots=True)
class Placed(Generic[Spec]):
    """One entry of a file, and where it stands."""

    spec: Spec
    located: Located
    path: Path

    def place(self, *path: str | int) -> str:
        """Return "file:line:column" of a part of the entry."""
        return self.located.place((*self.path, *path))


@dataclass(slots=True)
class PackFiles:
    """All entries of a pack after layering, by id."""

    names: tuple[str, ...] = ()
    systems: dict[str, str] = field(default_factory=dict)
    concepts: dict[str, Placed[ConceptSpec]] = field(default_factory=dict)
    sites: dict[str, Placed[BodySiteSpec]] = field(default_factory=dict)
    units: dict[str, Placed[UnitSpec]] = field(default_factory=dict)
    conversions: dict[str, Placed[UnitConversionSpec]] = field(default_factory=dict)
    feeds: dict[str, Placed[FeedSpec]] = field(default_factory=dict)
    sentinels: set[float] = field(default_factory=set)
    remarks: set[str] = field(default_factory=set)


def read_layers(layers: Sequence[Mapping[str, str]], problems: Problems) -> PackFiles:
    """Read every file of every layer; problems are collected, not raised."""
    files = PackFiles()
    for layer in layers:
        _Layer(files, problems).read(layer)
    _remove_disabled(files.concepts)
    _remove_disabled(files.sites)
    _remove_disabled(files.units)
    _remove_disabled(files.feeds)
    return files


def _remove_disabled(table: dict[str, Placed[Spec]]) -> None:
    for name in [name for name, placed in table.items() if getattr(placed.spec, "disabled", False)]:
        del table[name]


class _Layer:
    """Read one layer into the files: an id may stand once in a layer, and replaces that of the layers below."""

    def __init__(self, files: PackFiles, problems: Problems) -> None:
        self._files = files
        self._problems = problems
        self._seen: dict[tuple[str, str], str] = {}

    def read(self, layer: Mapping[str, str]) -> None:
        for path in sorted(layer):
            try:
                self._read_file(path, layer[path])
            except PackError as error:
                self._problems.collect(error)

    def _read_file(self, path: str, text: str) -> None:
        if path == MANIFEST:
            manifest = validate(Manifest, load_yaml(text, path))
            self._files.names = (*self._files.names, f"{manifest.id} {manifest.version}")
            self._files.systems |= manifest.systems
        elif path == UNITS:
            self._units(*_parse(UnitFile, path, text))
        elif path.startswith("concepts/") and path.endswith((".yaml", ".yml")):
            self._concepts(*_parse(ConceptFile, path, text))
        elif path.startswith("feeds/") and path.endswith((".yaml", ".yml")):
            spec, located = _parse(FeedSpec, path, text)
            self._put(self._files.feeds, "feed", spec.feed, Placed(spec, located, ()))

    def _concepts(self, file: ConceptFile, located: Located) -> None:
        for at, concept in enumerate(file.concepts):
            placed = Placed(concept, located, ("concepts", at))
            self._put(self._files.concepts, "concept", concept.id, placed)
        for at, site in enumerate(file.body_sites):
            self._put(self._files.sites, "body site", site.id, Placed(site, located, ("body_sites", at)))

    def _units(self, file: UnitFile, located: Located) -> None:
        self._files.sentinels.update(file.device_sentinels)
        self._files.remarks.update(file.remarks)
        for at, unit in enumerate(file.units):
            self._put(self._files.units, "unit", unit.unit, Placed(unit, located, ("units", at)))
        for at, row in enumerate(file.conversions):
            placed = Placed(row, located, ("conversions", at))
            self._put(self._files.conversions, "conversion", f"{row.from_} → {row.to}", placed)

    def _put(self, table: dict[str, Placed[Spec]], what: str, name: str, placed: Placed[Spec]) -> None:
        place = placed.place()
        first = self._seen.setdefault((what, name), place)
        if first != place:
            self._problems.add(
                place, f"{what} '{name}' stands twice in this layer (first {first}); remove one"
            )
            return
        table[name] = placed


def _parse(model: type[File], path: str, text: str) -> tuple[File, Located]:
    located = load_yaml(text, path)
    if located.data is None:
        located = Located(path, {}, located.values, located.keys)
    return validate(model, located), located


def each(table: Mapping[str, Placed[Spec]]) -> Iterator[Placed[Spec]]:
    """Go through the entries by id, so that results do not depend on the order of files."""
    for name in sorted(table):
        yield table[name]
