"""Find phrases of a lexicon in words, in one pass. Pure: no I/O, no clock.

A phrase is words with choices: `a|b` one of several, a last `?` optional. It is written out into word sequences when the
lexicon is read and kept in a trie, so that a note costs as many steps as it has words, times the longest phrase.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from worker.notes.text import MARKS, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

MAX_FORMS = 4_000
"""Word sequences that one phrase may stand for."""

Meaning = TypeVar("Meaning")


class Hit(msgspec.Struct, Generic[Meaning], frozen=True, gc=False):
    """A phrase found: words [first, after) and everything that it means, in the order of the lexicon."""

    first: int
    after: int
    meanings: tuple[Meaning, ...]


@dataclass(slots=True)
class _Node(Generic[Meaning]):
    children: dict[str, _Node[Meaning]] = field(default_factory=dict)
    meanings: list[Meaning] = field(default_factory=list)

    def has(self, is_wanted: Callable[[Meaning], bool]) -> bool:
        """Tell whether it or a longer phrase means something wanted."""
        return any(map(is_wanted, self.meanings)) or any(
            node.has(is_wanted) for node in self.children.values()
        )


def expand(phrase: str) -> tuple[tuple[str, ...], ...]:
    """Write a phrase out into word sequences.

    Raises: ValueError where it is empty or stands for too many sequences.
    """
    slots: list[list[tuple[str, ...]]] = []
    forms = 1
    for part in phrase.split():
        is_optional = part.endswith("?") and part != "?"
        choices = [_words(choice) for choice in part.removesuffix("?").split("|")]
        if is_optional:
            choices.append(())
        slots.append(choices)
        forms *= len(choices)
        if forms > MAX_FORMS:
            raise ValueError(f"stands for more than {MAX_FORMS} word sequences; split it")
    written = {tuple(word for choice in chosen for word in choice): None for chosen in product(*slots)}
    sequences = tuple(sequence for sequence in written if sequence)
    if not sequences or () in written:
        raise ValueError("has no word that must stand")
    return sequences


def _words(choice: str) -> tuple[str, ...]:
    words = tuple(word for word in words_of(choice) if word not in MARKS)
    if not words:
        raise ValueError("has an empty choice")
    return words


class PhraseTable(Generic[Meaning]):
    """Phrases and what they mean."""

    __slots__ = ("_root",)

    def __init__(self) -> None:
        """Start without phrases."""
        self._root: _Node[Meaning] = _Node()

    def add(self, phrase: str, meaning: Meaning) -> None:
        """Add a phrase in all its forms.

        Raises: ValueError as `expand`.
        """
        for sequence in expand(phrase):
            node = self._root
            for word in sequence:
                node = node.children.setdefault(word, _Node())
            if meaning not in node.meanings:
                node.meanings.append(meaning)

    def may_be_in(self, words: Iterable[str]) -> bool:
        """Tell whether a phrase may stand among these words: one of them begins a phrase."""
        return not self._root.children.keys().isdisjoint(words)

    def beginnings(self, is_wanted: Callable[[Meaning], bool]) -> frozenset[str]:
        """Return the first words of the phrases that mean something wanted."""
        children = self._root.children.items()
        return frozenset(word for word, node in children if node.has(is_wanted))

    def find(self, words: Sequence[str]) -> Iterator[Hit[Meaning]]:
        """Give the longest phrase at each place from left to right; phrases do not overlap."""
        after = 0
        for hit in self.find_all(words):
            if hit.first >= after:
                yield hit
                after = hit.after

    def find_all(self, words: Sequence[str]) -> Iterator[Hit[Meaning]]:
        """Give the longest phrase at every place; phrases may overlap."""
        beginnings = self._root.children
        for position, word in enumerate(words):
            if word in beginnings:
                hit = self._longest(words, position)
                if hit is not None:
                    yield hit

    def _longest(self, words: Sequence[str], first: int) -> Hit[Meaning] | None:
        node = self._root.children.get(words[first])
        best: _Node[Meaning] | None = None
        after = position = first + 1
        while node is not None:
            if node.meanings:
                best, after = node, position
            node = node.children.get(words[position]) if position < len(words) else None
            position += 1
        return None if best is None else Hit(first, after, tuple(best.meanings))
