"""Slips of spelling by which a word is still known. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_VOWELS = "aeiouy"


def slips(words: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Return what each of the words may be written as by mistake, and the word itself.

    A slip is one letter left out, doubled or changed about with the next, or one vowel for another or too many; the first
    letter stays. Left out is what is a known word itself, or the slip of two words.
    """
    found: dict[str, str] = {}
    ambiguous = set(known).union(words)
    for word in words:
        for slip in _slips_of(word):
            if found.get(slip, word) != word:
                ambiguous.add(slip)
            found[slip] = word
    return {slip: word for slip, word in found.items() if slip not in ambiguous}


def _slips_of(word: str) -> Iterator[str]:
    for at in range(1, len(word)):
        before, letter, behind = word[:at], word[at], word[at + 1 :]
        yield before + behind
        yield before + letter + letter + behind
        if behind:
            yield before + behind[0] + letter + behind[1:]
        for vowel in _VOWELS:
            if letter in _VOWELS:
                yield before + vowel + behind
            yield before + vowel + letter + behind
