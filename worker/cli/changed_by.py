"""Say which layer of a pack changed what a vignette is about: rules, numbers that they share, concepts, phrases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from worker.decode.located_yaml import Problems
from worker.mapping.pack_files import read_layers as read_mappings
from worker.pipeline import Pack
from worker.rules.rule_files import read_rule_files
from worker.rules.shared_changes import origins
from worker.runtime.packs import Layer, read_layers

NOTES = "notes/"


class ChangedBy:
    """Know the layers over the default pack, by folder."""

    def __init__(self, folders: Sequence[Path], pack: Pack) -> None:
        """Read the layers, lowest first."""
        self._folders = folders
        self._layers: tuple[Layer, ...] = read_layers(folders)
        self._files = read_rule_files(self._layers, Problems())
        self._rules = {rule.id: rule for rule in pack.rules.rules}
        self._concepts = [read_mappings([layer], Problems()).concepts for layer in self._layers]

    def lines(self, rules: Iterable[str], *, reads_notes: bool) -> tuple[str, ...]:
        """Say where layers change these rules, those that they refer to, or the concepts that they read.

        Shape: "file:line:column: what changed", each once, empty where no layer over the default pack changes them. Phrases
        are named by file, where notes were read by them.
        """
        wanted = self._with_named(rules)
        found = [line for rule in wanted for line in self._of_rule(rule)]
        found += self._of_concepts(wanted)
        if reads_notes:
            found += self._of_notes()
        return tuple(dict.fromkeys(found))

    def _with_named(self, rules: Iterable[str]) -> list[str]:
        wanted: dict[str, None] = {}
        waiting = sorted(set(rules))
        while waiting:
            name = waiting.pop(0)
            if name not in wanted:
                wanted[name] = None
                waiting += sorted(self._rules[name].refers_to) if name in self._rules else []
        return list(wanted)

    def _of_rule(self, rule: str) -> Iterator[str]:
        for origin in origins(self._files, rule):
            yield f"{self._folders[origin.layer - 1] / origin.place}: {rule}: {origin.says}"

    def _of_concepts(self, rules: Iterable[str]) -> Iterator[str]:
        inputs = {each for rule in rules if rule in self._rules for each in self._rules[rule].inputs}
        for folder, concepts in zip(self._folders, self._concepts[1:], strict=True):
            for name in sorted(inputs & concepts.keys()):
                yield f"{folder / concepts[name].place()}: replaces the concept '{name}'"

    def _of_notes(self) -> Iterator[str]:
        for folder, layer in zip(self._folders, self._layers[1:], strict=True):
            yield from (
                f"{folder / path}: phrases of its own" for path in sorted(layer) if path.startswith(NOTES)
            )
