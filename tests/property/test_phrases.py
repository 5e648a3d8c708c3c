"""The automaton of phrases finds what comparing every form of every phrase at every place finds."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from worker.notes.phrases import PhraseTable, Sequences, Slots, expand

CLASSES: dict[str, Sequences] = {"limb": expand("leg") + expand("left leg a?"), "turn": expand("a|b c? leg")}
SLOTS = ["a", "b", "leg", "a|b", "a?", "b|c?", "@limb", "@turn", "@limb|c", "@turn?"]


def expand_all(phrase: str) -> Sequences:
    """Return its forms, none for a phrase that is refused."""
    try:
        return expand(phrase, CLASSES)
    except ValueError:
        return ()


phrases = st.lists(st.sampled_from(SLOTS), min_size=1, max_size=4).map(" ".join).filter(expand_all)
words = st.lists(st.sampled_from(["a", "b", "c", "leg", "left", ":", ",", "other"]), max_size=12)


def end_of(form: tuple[str, ...], text: list[str], first: int) -> int | None:
    """Return the place behind a form that stands at `first`, one colon before each further word left out."""
    at = first
    for word in form:
        at += at > first and text[at : at + 1] == [":"]
        if text[at : at + 1] != [word]:
            return None
        at += 1
    return at


@given(st.lists(st.tuples(phrases, st.integers(0, 2)), max_size=6), words)
def test_every_longest_phrase_is_found_with_all_that_it_means(
    known: list[tuple[str, int]], text: list[str]
) -> None:
    table: PhraseTable[int] = PhraseTable(Slots(CLASSES))
    for phrase, meaning in known:
        table.add(phrase, meaning)
    expected = []
    for first in range(len(text)):
        ends = [
            (end, meaning)
            for phrase, meaning in known
            for form in expand_all(phrase)
            if (end := end_of(form, text, first)) is not None
        ]
        longest = max((end for end, _ in ends), default=None)
        if longest is not None:
            meanings = tuple(dict.fromkeys(meaning for end, meaning in ends if end == longest))
            expected.append((first, longest, meanings))
    assert [(hit.first, hit.after, hit.meanings) for hit in table.find_all(text)] == expected
    found = list(table.find(text))
    assert all(left.after <= right.first for left, right in pairwise(found))
    assert {(hit.first, hit.after) for hit in found} <= {(first, end) for first, end, _ in expected}
    assert table.may_be_in(text) or not expected
