"""Find phrases of a lexicon in words, in one pass. Pure: no I/O, no clock.

A phrase is slots of words: `a|b` one of several, `@name` one of a class of words, a last `?` optional. A table keeps the slots
of its phrases in a tree and reads by an automaton over words made of it: a note costs as many steps as it has words, times the
longest phrase, however many phrases there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, product
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from worker.notes.text import MARKS, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

MAX_FORMS = 4_000
"""Word sequences into which one phrase is written out, a class counted as one."""

MAX_PATHS = 64
"""Choices of its optional words that one phrase may have; a table shares everything else."""

Meaning = TypeVar("Meaning")
Sequences = tuple[tuple[str, ...], ...]
"""Word sequences: what a slot, a class or a phrase stands for."""

_NO_CLASSES: Mapping[str, Sequences] = MappingProxyType({})
_CLASS = "@"
_LONG_WORD = 24
"""Characters; whether a longer word begins a phrase is not told at a glance."""
_HEAD = 4
"""Letters of a word by which most words are known to begin no phrase."""
_OF_A_FORM = ":"
"""A mark inside a phrase that a form sets: "Neck: supple" is "neck supple"."""


class Hit(msgspec.Struct, Generic[Meaning], frozen=True, gc=False):
    """A phrase found: words [first, after) and everything that it means, in the order of the lexicon."""

    first: int
    after: int
    meanings: tuple[Meaning, ...]


_Tails = dict[str, list[tuple[str, ...]]]
"""What may stand in a slot: behind each first word the other words of its sequences."""


@dataclass(slots=True, eq=False)
class _Node(Generic[Meaning]):
    """What may follow after some slots: `children` by slot, each with what may stand in it."""

    children: dict[str, tuple[_Tails, _Node[Meaning]]] = field(default_factory=dict)
    meanings: list[tuple[int, Meaning]] = field(default_factory=list)

    def child(self, slot: str, tails: _Tails) -> _Node[Meaning]:
        """Return what follows after a slot, made where it is new."""
        if slot not in self.children:
            self.children[slot] = (tails, _Node())
        return self.children[slot][1]

    def has(self, is_wanted: Callable[[Meaning], bool]) -> bool:
        """Tell whether it or a longer phrase means something wanted."""
        return any(is_wanted(meaning) for _, meaning in self.meanings) or any(
            node.has(is_wanted) for _, node in self.children.values()
        )


_Place = tuple["tuple[str, ...]", "_Node[Meaning]"]
"""A place inside phrases: the words that a slot still asks for, and what follows behind them."""


class _State(Generic[Meaning]):
    """All places that the words read so far lead to.

    Shape: `meanings` of the phrases that end here, empty for none; `following` by the next word, None until somebody asks.
    """

    __slots__ = ("following", "meanings", "places")

    def __init__(self, places: Iterable[_Place[Meaning]], meanings: tuple[Meaning, ...] = ()) -> None:
        self.places = tuple(places)
        self.meanings = meanings
        self.following: dict[str, _State[Meaning]] | None = None


def expand(phrase: str, classes: Mapping[str, Sequences] = _NO_CLASSES) -> Sequences:
    """Write a phrase out into word sequences; `classes` are those that it may name.

    Raises: ValueError where it is empty, names an unknown class or stands for too many sequences.
    """
    paths = _paths(phrase)
    if sum(prod(name.count("|") + 1 for name in path) for path in paths) > MAX_FORMS:
        raise ValueError(f"stands for more than {MAX_FORMS} word sequences; split it")
    written = {
        tuple(word for sequence in chosen for word in sequence): None
        for path in paths
        for chosen in product(*(_sequences(slot, classes) for slot in path))
    }
    return tuple(written)


def _paths(phrase: str) -> list[tuple[str, ...]]:
    """Return the slots of a phrase as they are written, once for each choice of its optional ones.

    Raises: ValueError as `expand`.
    """
    paths: list[tuple[str, ...]] = [()]
    for part in phrase.split():
        is_optional = part.endswith("?") and part != "?"
        slot = part.removesuffix("?")
        with_it = [(*path, slot) for path in paths]
        paths = [*with_it, *paths] if is_optional else with_it
        if len(paths) > MAX_PATHS:
            raise ValueError(f"has more than {MAX_PATHS} choices of optional words; split it")
    if paths[-1] == ():
        raise ValueError("has no word that must stand")
    return paths


def _sequences(slot: str, classes: Mapping[str, Sequences]) -> Sequences:
    """Return what a slot stands for.

    Raises: ValueError where it has an empty choice or names an unknown class.
    """
    written: list[tuple[str, ...]] = []
    for choice in slot.split("|"):
        if not choice.startswith(_CLASS):
            written.append(_words(choice))
            continue
        name = choice.removeprefix(_CLASS)
        if name not in classes:
            raise ValueError(f"names the class '{name}', which is not in the lexicon")
        written.extend(classes[name])
    return tuple(written)


def _words(choice: str) -> tuple[str, ...]:
    if choice.isascii() and choice.isalnum():
        return (choice.lower(),)
    words = tuple(word for word in words_of(choice) if word not in MARKS)
    if not words:
        raise ValueError("has an empty choice")
    return words


class Slots(dict[str, _Tails]):
    """What may stand in each slot, by how it is written; worked out once for all tables that share it.

    Raises: ValueError as `expand`, for a slot that is looked up.
    """

    def __init__(self, classes: Mapping[str, Sequences] = _NO_CLASSES) -> None:
        """Take the classes that slots may name."""
        super().__init__()
        self._classes = classes

    def __missing__(self, slot: str) -> _Tails:
        """Work out a slot that is new."""
        tails: _Tails = {}
        for first, *rest in _sequences(slot, self._classes):
            tails.setdefault(first, []).append(tuple(rest))
        self[slot] = tails
        return tails

    def words(self) -> frozenset[str]:
        """Return every word that stands in a slot."""
        return frozenset(
            word
            for tails in self.values()
            for first, rests in tails.items()
            for word in chain((first,), *rests)
        )


class PhraseTable(Generic[Meaning]):
    """Phrases and what they mean.

    The tree of slots is turned into an automaton over words while it is used: each state that a text leads to is made once, so
    that a word costs one look-up however many phrases there are. Its size is bounded by the phrases, not by what is read.
    """

    __slots__ = ("_beginning", "_count", "_heads", "_root", "_slots", "_states")

    def __init__(self, slots: Slots | None = None) -> None:
        """Start without phrases; `slots` knows the classes that they may name."""
        self._root: _Node[Meaning] = _Node()
        self._slots = Slots() if slots is None else slots
        self._count = 0
        self._states: dict[frozenset[_Place[Meaning]], _State[Meaning]] = {}
        self._beginning: dict[str, _State[Meaning]] | None = None
        self._heads: frozenset[str] = frozenset()

    def add(self, phrase: str, meaning: Meaning) -> None:
        """Add a phrase in all its forms.

        Raises: ValueError as `expand`.
        """
        for path in _paths(phrase):
            node = self._root
            for slot in path:
                node = node.child(slot, self._slots[slot])
            if all(known != meaning for _, known in node.meanings):
                node.meanings.append((self._count, meaning))
        self._count += 1
        self._beginning = None

    def may_be_in(self, words: Iterable[str]) -> bool:
        """Tell whether a phrase may stand among these words: one of them begins a phrase."""
        return not self._beginnings().keys().isdisjoint(words)

    def may_begin_at(self, text: str, at: int) -> bool:
        """Tell whether a phrase may begin at a character; where a plain word begins there, that word decides."""
        beginnings = self._beginnings()
        head = text[at : at + _HEAD]
        if head.isalnum() and head.isascii() and head.lower() not in self._heads:
            return False
        letters = text[at : at + _LONG_WORD].split(None, 1)
        word = letters[0].lower() if letters else ""
        is_plain = len(word) < _LONG_WORD and word.isascii() and word.isalnum()
        return not is_plain or word in beginnings

    def beginnings(self, is_wanted: Callable[[Meaning], bool]) -> frozenset[str]:
        """Return the first words of the phrases that mean something wanted."""
        slots = self._root.children.values()
        return frozenset(word for tails, node in slots if node.has(is_wanted) for word in tails)

    def find(self, words: Sequence[str]) -> list[Hit[Meaning]]:
        """Return the longest phrase at each place from left to right; phrases do not overlap."""
        return self._found(words, is_apart=True)

    def first_of(self, words: Sequence[str]) -> Hit[Meaning] | None:
        """Return the longest phrase that the words begin with."""
        return next(iter(self._found(words, 1)), None)

    def find_all(self, words: Sequence[str]) -> list[Hit[Meaning]]:
        """Return the longest phrase at every place; phrases may overlap."""
        return self._found(words)

    def _found(
        self, words: Sequence[str], places: int | None = None, *, is_apart: bool = False
    ) -> list[Hit[Meaning]]:
        """Return the longest phrase at every place, or at the first places; with `is_apart` they do not overlap.

        A colon between the words of a phrase does not count.
        """
        begin = self._beginning or self._beginnings()
        found: list[Hit[Meaning]] = []
        end = len(words)
        free = 0
        for first, word in enumerate(words[:places] if places else words):
            if word not in begin or first < free:
                continue
            state = begin[word]
            at = after = first + 1
            meanings = state.meanings
            while at < end:
                steps = state.following
                if steps is None:
                    steps = self._follow(state)
                step = words[at]
                if step not in steps:
                    break
                state = steps[step]
                at += 1
                if state.meanings:
                    after, meanings = at, state.meanings
            if meanings:
                found.append(Hit(first, after, meanings))
                if is_apart:
                    free = after
        return found

    def _beginnings(self) -> dict[str, _State[Meaning]]:
        if self._beginning is None:
            self._states.clear()
            self._beginning = self._steps(_State((((), self._root),)))
            self._heads = frozenset(word[:_HEAD] for word in self._beginning)
        return self._beginning

    def _follow(self, state: _State[Meaning]) -> dict[str, _State[Meaning]]:
        """Return what follows on a state; one colon between the words of a phrase does not count."""
        steps = state.following = self._steps(state)
        if steps:
            aside: _State[Meaning] = _State(state.places)
            aside.following = steps.copy()
            steps[_OF_A_FORM] = aside
        return steps

    def _steps(self, state: _State[Meaning]) -> dict[str, _State[Meaning]]:
        reached: dict[str, dict[_Place[Meaning], None]] = {}
        for tail, node in state.places:
            if tail:
                reached.setdefault(tail[0], {})[tail[1:], node] = None
                continue
            for tails, child in node.children.values():
                for word, behind in tails.items():
                    places = reached.setdefault(word, {})
                    for rest in behind:
                        places[rest, child] = None
        return {word: self._state(places) for word, places in reached.items()}

    def _state(self, places: Iterable[_Place[Meaning]]) -> _State[Meaning]:
        key = frozenset(places)
        if key not in self._states:
            told = {at: meaning for tail, node in key if not tail for at, meaning in node.meanings}
            meanings = tuple(dict.fromkeys(told[at] for at in sorted(told)))
            self._states[key] = _State(key, meanings)
        return self._states[key]
