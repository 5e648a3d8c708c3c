"""Find phrases of a lexicon in words, in one pass. Pure: no I/O, no clock.

A phrase is slots of words: `a|b` one of several, `@name` one of a class of words, a last `?` optional. A table keeps the slots
of its phrases in a tree, so that a class costs the same however many words it has, and a note costs as many steps as it has
words, times the longest phrase.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from worker.notes.text import MARKS, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

MAX_FORMS = 4_000
"""Word sequences that one phrase may stand for, a class counted as one."""

Meaning = TypeVar("Meaning")
Sequences = tuple[tuple[str, ...], ...]
"""Word sequences: what a slot, a class or a phrase stands for."""

_NO_CLASSES: Mapping[str, Sequences] = MappingProxyType({})
_CLASS = "@"
_OF_A_FORM = ":"
"""A mark inside a phrase that a form sets: "Neck: supple" is "neck supple"."""


class Hit(msgspec.Struct, Generic[Meaning], frozen=True, gc=False):
    """A phrase found: words [first, after) and everything that it means, in the order of the lexicon."""

    first: int
    after: int
    meanings: tuple[Meaning, ...]


_Slot = tuple[str, Sequences]
"""A slot as it is written, and what it stands for."""
_Tails = dict[str, list[tuple[str, ...]]]
"""What may stand in a slot: behind each first word the other words of its sequences."""


@dataclass(slots=True, eq=False)
class _Node(Generic[Meaning]):
    """What may follow after some slots: `children` by slot, `starts` by the first word of each."""

    children: dict[str, _Node[Meaning]] = field(default_factory=dict)
    starts: dict[str, list[tuple[list[tuple[str, ...]], _Node[Meaning]]]] = field(default_factory=dict)
    meanings: list[tuple[int, Meaning]] = field(default_factory=list)

    def child(self, name: str, tails: _Tails) -> _Node[Meaning]:
        """Return what follows after a slot, made where it is new."""
        if name not in self.children:
            node = self.children[name] = _Node()
            for word, behind in tails.items():
                self.starts.setdefault(word, []).append((behind, node))
        return self.children[name]

    def has(self, is_wanted: Callable[[Meaning], bool]) -> bool:
        """Tell whether it or a longer phrase means something wanted."""
        return any(is_wanted(meaning) for _, meaning in self.meanings) or any(
            node.has(is_wanted) for node in self.children.values()
        )


def expand(phrase: str, classes: Mapping[str, Sequences] = _NO_CLASSES) -> Sequences:
    """Write a phrase out into word sequences; `classes` are those that it may name.

    Raises: ValueError where it is empty, names an unknown class or stands for too many sequences.
    """
    written = {
        tuple(word for sequence in chosen for word in sequence): None
        for path in _paths(phrase, classes)
        for chosen in product(*(sequences for _, sequences in path))
    }
    return tuple(written)


def _paths(phrase: str, classes: Mapping[str, Sequences]) -> list[list[_Slot]]:
    """Return the slots of a phrase, once for each choice of its optional ones.

    Raises: ValueError as `expand`.
    """
    paths: list[list[_Slot]] = [[]]
    forms = 1
    for part in phrase.split():
        is_optional = part.endswith("?") and part != "?"
        name = part.removesuffix("?")
        choices = name.split("|")
        slot = (name, tuple(one for choice in choices for one in _sequences(choice, classes)))
        with_it = [[*path, slot] for path in paths]
        paths = [*with_it, *paths] if is_optional else with_it
        forms *= len(choices) + is_optional
        if forms > MAX_FORMS:
            raise ValueError(f"stands for more than {MAX_FORMS} word sequences; split it")
    if [] in paths:
        raise ValueError("has no word that must stand")
    return paths


def _sequences(choice: str, classes: Mapping[str, Sequences]) -> Sequences:
    if not choice.startswith(_CLASS):
        return (_words(choice),)
    name = choice.removeprefix(_CLASS)
    if name not in classes:
        raise ValueError(f"names the class '{name}', which is not in the lexicon")
    return classes[name]


def _words(choice: str) -> tuple[str, ...]:
    words = tuple(word for word in words_of(choice) if word not in MARKS)
    if not words:
        raise ValueError("has an empty choice")
    return words


class PhraseTable(Generic[Meaning]):
    """Phrases and what they mean."""

    __slots__ = ("_count", "_root", "_slots")

    def __init__(self) -> None:
        """Start without phrases."""
        self._root: _Node[Meaning] = _Node()
        self._slots: dict[str, _Tails] = {}
        self._count = 0

    def add(self, phrase: str, meaning: Meaning, classes: Mapping[str, Sequences] = _NO_CLASSES) -> None:
        """Add a phrase in all its forms.

        Raises: ValueError as `expand`.
        """
        for path in _paths(phrase, classes):
            node = self._root
            for name, sequences in path:
                if name not in self._slots:
                    self._slots[name] = _tails(sequences)
                node = node.child(name, self._slots[name])
            if all(known != meaning for _, known in node.meanings):
                node.meanings.append((self._count, meaning))
        self._count += 1

    def may_be_in(self, words: Iterable[str]) -> bool:
        """Tell whether a phrase may stand among these words: one of them begins a phrase."""
        return not self._root.starts.keys().isdisjoint(words)

    def beginnings(self, is_wanted: Callable[[Meaning], bool]) -> frozenset[str]:
        """Return the first words of the phrases that mean something wanted."""
        starts = self._root.starts.items()
        return frozenset(word for word, slots in starts if any(node.has(is_wanted) for _, node in slots))

    def find(self, words: Sequence[str]) -> Iterator[Hit[Meaning]]:
        """Give the longest phrase at each place from left to right; phrases do not overlap."""
        after = 0
        for hit in self.find_all(words):
            if hit.first >= after:
                yield hit
                after = hit.after

    def find_all(self, words: Sequence[str]) -> Iterator[Hit[Meaning]]:
        """Give the longest phrase at every place; phrases may overlap, and a colon between their words does not count."""
        starts = self._root.starts
        for position, word in enumerate(words):
            if word in starts:
                hit = self._longest(words, position)
                if hit is not None:
                    yield hit

    def _longest(self, words: Sequence[str], first: int) -> Hit[Meaning] | None:
        meanings: dict[int, Meaning] = {}
        longest = first
        reached = _steps(self._root.starts[words[first]], words, first + 1)
        for after, node in reached:
            if node.meanings and after >= longest:
                if after > longest:
                    longest, meanings = after, {}
                meanings.update(node.meanings)
            if node.starts:
                reached.extend(step for step in _next_steps(node, words, after) if step not in reached)
        if not meanings:
            return None
        return Hit(first, longest, tuple(dict.fromkeys(meanings[at] for at in sorted(meanings))))


def _tails(sequences: Sequences) -> _Tails:
    tails: _Tails = {}
    for sequence in sequences:
        tails.setdefault(sequence[0], []).append(sequence[1:])
    return tails


def _next_steps(node: _Node[Meaning], words: Sequence[str], after: int) -> list[tuple[int, _Node[Meaning]]]:
    """Return where the phrases that go on from a node end next."""
    position = after + (after < len(words) and words[after] == _OF_A_FORM)
    if position >= len(words):
        return []
    slots = node.starts.get(words[position])
    return _steps(slots, words, position + 1) if slots else []


def _steps(
    slots: Iterable[tuple[list[tuple[str, ...]], _Node[Meaning]]], words: Sequence[str], position: int
) -> list[tuple[int, _Node[Meaning]]]:
    """Return where each slot ends whose first word stands before `position`."""
    return [
        (after, node)
        for tails, node in slots
        for tail in tails
        if (after := _after(tail, words, position) if tail else position) is not None
    ]


def _after(tail: tuple[str, ...], words: Sequence[str], position: int) -> int | None:
    """Return the place behind the words of a tail that stand from `position` on, None where they do not."""
    for word in tail:
        if position < len(words) and words[position] == _OF_A_FORM:
            position += 1
        if position >= len(words) or words[position] != word:
            return None
        position += 1
    return position
