"""What is shown of a note: its words marked, cut between words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.model.fact import Assertion, AssertionStatus
from worker.model.passage import CUT, LONGEST_PASSAGE, Passage, cut_around, passage_of


def test_the_words_that_say_it_stand_in_marks() -> None:
    said = Assertion(AssertionStatus.PRESENT, (), (30, 47), "Says headache is worse since noon.", (5, 22))
    assert passage_of(said).marked == "Says «headache is worse» since noon."


def test_without_a_place_nothing_is_marked() -> None:
    assert passage_of(Assertion(AssertionStatus.PRESENT)).marked == ""
    assert passage_of(Assertion(AssertionStatus.PRESENT, sentence="Confused.")).marked == "Confused."


def test_a_long_sentence_is_cut_between_words_around_what_says_it() -> None:
    text = f"{'before ' * 60}numb legs{' behind' * 60}"
    start = text.index("numb")
    shown = cut_around(text, start, start + len("numb legs"))
    assert shown.text[shown.start : shown.end] == "numb legs"
    assert set(shown.text.strip(CUT).split()) == {"before", "numb", "legs", "behind"}
    assert shown.text.startswith(CUT)
    assert shown.text.endswith(CUT)


def test_a_long_text_without_a_place_is_cut_at_its_end() -> None:
    assert cut_around("word " * 100).text.rstrip(CUT).split() == ["word"] * (LONGEST_PASSAGE // 5)


@given(
    st.text(st.sampled_from("ab \n")),
    st.integers(0, 600),
    st.integers(1, 40),
    st.text(st.sampled_from("ab "), max_size=600),
)
def test_whatever_is_cut_the_words_stay_and_the_rest_is_bounded(
    left: str, repeat: int, length: int, right: str
) -> None:
    before = (left or "a") * repeat
    phrase = "x" * length
    shown = cut_around(f"{before}{phrase}{right}", len(before), len(before) + length)
    assert shown.text[shown.start : shown.end] == phrase
    assert len(shown.text) <= LONGEST_PASSAGE + 2 * len(CUT)
    assert shown.text.strip(CUT) in f"{before}{phrase}{right}"
    assert isinstance(shown, Passage)
