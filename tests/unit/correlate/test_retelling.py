"""How lines are dated that a note repeats, and which of two lines stands that contradict each other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, permutations

import pytest
from msgspec.structs import replace

from tests.unit.correlate.facts import OTHER, PATIENT, at, fact
from worker.correlate.versions import Change, Fold, current_facts
from worker.model.document import NOTE, UNREAD, document_marks, unread_key, unread_marks
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Fact,
    Group,
    Identifier,
    Puncture,
    PunctureSource,
    PunctureStatus,
)

KINDS = {"headache": ("positional-headache",)}
ABSENT, RESOLVED = AssertionStatus.ABSENT, AssertionStatus.RESOLVED
ACHE, GONE = "Headache 4/10.", "Headache has gone completely."
WEAK = "Leg weakness persists."
FINAL, PRELIMINARY = 2, 1


def line(text: str, concept: str = "headache", status: str = "present", *qualifiers: str) -> Fact:
    return fact(concept, 0, Assertion(AssertionStatus(status), qualifiers, (0, 1), text))


SAID = {
    ACHE: line(ACHE),
    GONE: line(GONE, status="resolved"),
    WEAK: line(WEAK, "leg-weakness"),
    "headache  4/10": line("headache  4/10"),
    "No headache.": line("No headache.", status="absent"),
    "Headache on standing.": line("Headache on standing.", "positional-headache"),
    "Not postural.": line("Not postural.", "positional-headache", "absent"),
    "?Headache.": line("?Headache.", status="uncertain"),
    "Came with headache.": line("Came with headache.", "headache", "present", "baseline"),
    "Mother had headaches.": line("Mother had headaches.", status="family"),
    "LP done.": fact(
        "lumbar-puncture", 0, Puncture(PunctureStatus.COMPLETED, PunctureSource.NOTE), key="lumbar-puncture"
    ),
}


def note(  # noqa: PLR0913 # a builder names every part it can set
    number: str,
    hours: float,
    *texts: str,
    stated: float | None = None,
    rank: int = FINAL,
    replaces: str = "",
    patient: Identifier = PATIENT,
    deleted: bool = False,
    rank_first: bool = False,
    part: bool = False,
) -> list[Fact]:
    """Build one version of a document: what it states at `hours`, as it was stated at `stated`; `part` of it was read."""
    sent = at(hours if stated is None else stated)
    order = (rank, sent) if rank_first else (sent, rank)
    group = Group(number, order, replaces=not part)
    marks = () if deleted else document_marks(" ".join(texts), [replaces] if replaces else [], is_part=part)
    facts = [fact(NOTE, hours, key=number, patient=patient, deleted=deleted, qualifiers=marks)]
    for place, text in enumerate(texts if not deleted else ()):
        key = f"{number}|{' '.join(texts) if part else ''}|{SAID[text].concept}|{place}"
        facts.append(replace(SAID[text], key=key, patient=patient, effective=facts[0].effective))
    made = [
        replace(one, group=group, version=replace(one.version, major=order[0], minor=order[1]))
        for one in facts
    ]
    return [*made, *note(replaces, hours, stated=stated, rank=4, deleted=True)] if replaces else made


def scan(number: str, stated: float, replaces: str = "", patient: Identifier = PATIENT) -> list[Fact]:
    """Build a version of a document of which nothing could be read."""
    marks = unread_marks(["unreadable-text: jpeg"], [replaces] if replaces else [])
    lost = fact(UNREAD, stated, key=unread_key(number), patient=patient, qualifiers=marks)
    group = Group(number, (at(stated), FINAL), replaces=False)
    return [
        replace(lost, group=group, version=replace(lost.version, major=at(stated), minor=FINAL), value=None)
    ]


def stated(*versions: Iterable[Fact]) -> list[tuple[str, float]]:
    """Return what stands: the words (or the concept), and the hour; the same in any order of arrival, and bit by bit."""
    facts = [one for version in versions for one in version]
    folded = Fold(facts, KINDS).current()
    assert Fold(facts[::-1], KINDS).current() == folded
    for parts in ([*versions], [*versions][::-1], [[one] for one in facts]):
        assert set(_bit_by_bit([list(part) for part in parts])) == set(folded.facts)
    return sorted(
        (
            (one.value.sentence if isinstance(one.value, Assertion) else one.concept),
            (one.effective.start_ms - at(0)) / 3_600_000,
        )
        for one in folded.facts
        if one.concept not in {NOTE, UNREAD}
    )


def _bit_by_bit(parts: list[list[Fact]]) -> tuple[Fact, ...]:
    """Fold as assessments do: add while that is possible, else anew; what changed must add up."""
    fold, known = Fold((), KINDS), list[Fact]()
    stands: list[Fact] = []
    for part in parts:
        known += part
        change = fold.add(part)
        if change is None:
            fold = Fold(known, KINDS)
            change = Change(tuple(stands), fold.current().facts)
        gone = {id(one) for one in change.removed}
        assert gone <= {id(one) for one in stands}
        stands = [one for one in stands if id(one) not in gone] + list(change.added)
    return tuple(stands)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ("the time moved with the addition", [(10, 10, [ACHE]), (30, 30, [ACHE, WEAK])]),
        ("the time did not move", [(10, 10, [ACHE]), (10, 30, [ACHE, WEAK])]),
        ("in three versions", [(10, 10, [ACHE]), (10, 20, [ACHE]), (10, 30, [ACHE, WEAK])]),
        ("signed again", [(10, 10, [ACHE]), (10, 30, [ACHE, WEAK]), (10, 31, [ACHE, WEAK])]),
        ("white space and case", [(10, 10, ["headache  4/10"]), (30, 30, [ACHE, WEAK])]),
    ],
)
def test_a_line_is_dated_by_the_first_version_that_held_it(
    versions: str, expected: list[tuple[float, float, list[str]]]
) -> None:
    told = [note("d", hours, *texts, stated=sent) for hours, sent, texts in expected]
    assert stated(*told) == [(ACHE, 10), (WEAK, 30)], versions


def test_lines_that_come_day_by_day_have_each_their_day() -> None:
    told = [
        note("d", 10, ACHE, stated=10.5),
        note("d", 10, ACHE, WEAK, stated=40),
        note("d", 10, ACHE, WEAK, GONE, stated=70),
        note("d", 10, ACHE, WEAK, GONE, "Not postural.", stated=90),
    ]
    assert stated(*told) == [(ACHE, 10), (GONE, 70), (WEAK, 40), ("Not postural.", 90)]


def test_what_is_added_to_a_note_without_findings_is_dated_by_when_it_was_added() -> None:
    assert stated(note("d", -3, stated=-2), note("d", -3, WEAK, stated=9)) == [(WEAK, 9)]


def test_what_a_heading_dates_keeps_that_time() -> None:
    added = note("d", 10, ACHE, WEAK, stated=40)
    headed = [*added[:2], replace(added[2], effective=replace(added[2].effective, start_ms=at(34)))]
    assert stated(note("d", 10, ACHE), headed) == [(ACHE, 10), (WEAK, 34)]


def test_what_was_added_is_no_older_than_the_addition() -> None:
    added = note("d", 10, "Not postural.", ACHE, GONE, stated=30)
    denied = [*added[:3], replace(added[3], effective=replace(added[3].effective, start_ms=at(30)))]
    told = [note("d", 10, "Not postural."), denied]
    assert stated(*told) == [(ACHE, 30), (GONE, 30), ("Not postural.", 10)]
    other = [note("d0", 24, ACHE), note("d", 10, WEAK), note("d", 10, WEAK, GONE, stated=30)]
    assert (GONE, 48) in stated(*other, note("d1", 48, ACHE, GONE))


def test_addenda_under_one_number_are_no_versions_of_each_other() -> None:
    told = [
        [replace(one, group=Group("d", (at(hours), FINAL), replaces=False), key=f"{one.key}|{hours}")]
        for hours in (10, 30)
        for one in note("d", hours, WEAK)
    ]
    assert stated(*told) == [(WEAK, 10), (WEAK, 30)]


def test_a_time_that_is_corrected_counts() -> None:
    assert stated(note("d", 10, ACHE), note("d", 14, ACHE, stated=15)) == [(ACHE, 14)]
    assert stated(note("d", 10, ACHE), note("d", 7, ACHE, stated=15)) == [(ACHE, 7)]
    later = note("d", 7, ACHE, WEAK, stated=15)
    assert stated(note("d", 10, ACHE), later) == [(ACHE, 7), (WEAK, 7)]


def test_a_corrected_time_moves_only_what_stood_at_the_time_of_the_note() -> None:
    told = [note("d", 10, ACHE), note("d", 30, ACHE, WEAK), note("d", 31, ACHE, WEAK, stated=40)]
    assert stated(*told) == [(ACHE, 10), (WEAK, 31)]


def test_what_a_version_says_no_longer_does_not_stand_and_is_new_where_it_comes_again() -> None:
    told = [note("d", 10, ACHE, WEAK), note("d", 30, WEAK)]
    assert stated(*told) == [(WEAK, 10)]
    assert stated(*told, note("d", 50, WEAK, ACHE)) == [(ACHE, 50), (WEAK, 10)]


def test_a_rewritten_note_keeps_its_time() -> None:
    assert stated(note("d", 10, ACHE), note("d", 10, WEAK, stated=30)) == [(WEAK, 10)]


@pytest.mark.parametrize("first", [{"rank": PRELIMINARY}, {"stated": 35}])
def test_a_note_that_was_unfinished_or_sent_late_keeps_its_time(first: dict[str, float]) -> None:
    begun = note("d", 10, ACHE, **first)  # type: ignore[arg-type] # passes builder options on
    assert stated(begun, note("d", 10, ACHE, WEAK, stated=36)) == [(ACHE, 10), (WEAK, 10)]


def test_a_feed_that_restamps_does_not_date_additions() -> None:
    told = [note("d", 10, ACHE, rank_first=True), note("d", 10, ACHE, WEAK, stated=30, rank_first=True)]
    assert stated(*told) == [(ACHE, 10), (WEAK, 10)]


def test_a_document_in_the_place_of_another_goes_on_with_its_lines() -> None:
    told = [note("d", 10, ACHE), note("e", 30, ACHE, WEAK, replaces="d")]
    assert stated(*told) == [(ACHE, 10), (WEAK, 30)]
    assert stated(*told, note("f", 50, ACHE, replaces="e")) == [(ACHE, 10)]
    assert stated(note("d", 10, ACHE), note("e", 14, ACHE, replaces="d")) == [(ACHE, 14)]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([([ACHE, WEAK], False), ([GONE], True)], [(ACHE, 10), (GONE, 20), (WEAK, 10)]),
        ([([ACHE, WEAK], False), ([ACHE], True)], [(ACHE, 10), (WEAK, 10)]),
        ([([ACHE], False), ([ACHE, WEAK], False), ([GONE], True)], [(ACHE, 10), (GONE, 30), (WEAK, 20)]),
        ([([WEAK], False), ([ACHE], True), ([GONE], True)], [(GONE, 30), (WEAK, 10)]),
        ([([WEAK], False), ([ACHE], True), ([], True)], [(WEAK, 10)]),
        ([([ACHE], True), ([WEAK], True)], [(WEAK, 20)]),
        ([([ACHE], True), ([ACHE, WEAK], False)], [(ACHE, 10), (WEAK, 20)]),
        ([([ACHE, WEAK], False), ([GONE], True), ([ACHE], False)], [(ACHE, 10)]),
        ([(["LP done."], False), (["LP done.", WEAK], True)], [(WEAK, 20), ("lumbar-puncture", 10)]),
    ],
)
def test_what_was_not_read_takes_nothing_back(
    versions: list[tuple[list[str], bool]], expected: list[tuple[str, float]]
) -> None:
    told = [note("d", 10 * at, *texts, part=part) for at, (texts, part) in enumerate(versions, 1)]
    assert stated(*told) == sorted(expected)
    assert stated(*told, note("d", 50, stated=60, rank=4, deleted=True)) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ([], [(ACHE, 10)]),
        ([note("e", 30, WEAK)], [(WEAK, 30)]),
        ([note("f", 30, ACHE, WEAK, replaces="e")], [(ACHE, 10), (WEAK, 30)]),
        ([note("e", 30, WEAK, part=True)], [(ACHE, 10), (WEAK, 30)]),
        ([note("e", 30, stated=31, rank=4, deleted=True)], [(ACHE, 10)]),
        ([scan("f", 25, "e")], [(ACHE, 10)]),
        ([scan("f", 25, "e"), note("f", 30, WEAK)], [(WEAK, 30)]),
        ([scan("f", 25, "e"), note("g", 30, WEAK, replaces="f")], [(WEAK, 30)]),
        ([note("e", 15, WEAK)], [(ACHE, 10), (WEAK, 15)]),
        ([note("e", 30, WEAK), note("d", 40, GONE)], [(GONE, 40), (WEAK, 30)]),
        ([scan("d", 25, "e")], [(ACHE, 10)]),
        ([scan("d", 25, "e"), note("e", 30, WEAK)], [(WEAK, 30)]),
    ],
)
def test_what_a_scan_was_to_replace_falls_once_that_is_read(
    after: list[list[Fact]], expected: list[tuple[str, float]]
) -> None:
    assert stated(note("d", 10, ACHE), scan("e", 20, "d"), *after) == sorted(expected)


def test_what_was_not_read_stands_until_a_version_is_read_whole() -> None:
    def lost(*versions: list[Fact]) -> list[str]:
        folded = [current_facts(chain(*order)).facts for order in permutations(versions)]
        assert all(one == folded[0] for one in folded)
        return [one.key for one in folded[0] if one.concept == UNREAD]

    assert lost(scan("e", 20), note("e", 10, ACHE)) == [unread_key("e")]
    assert lost(scan("e", 20), note("e", 30, ACHE, part=True)) == [unread_key("e")]
    assert lost(scan("e", 20), note("e", 30, ACHE)) == []
    assert lost(scan("e", 20), note("f", 30, ACHE, replaces="e")) == []
    assert lost(scan("e", 20), scan("f", 25, "e"), note("g", 30, replaces="f")) == []
    assert lost(scan("e", 20), note("e", 20, stated=30, rank=4, deleted=True)) == []


def test_a_long_chain_of_documents_is_followed_to_its_end() -> None:
    facts = note("d10", 10, ACHE)
    for hours in range(11, 1_500):
        facts += note(f"d{hours}", hours, ACHE, *[WEAK] * (hours % 2), replaces=f"d{hours - 1}")
    standing = {one.concept: one.effective.start_ms for one in Fold(facts).current().facts}
    assert standing["headache"] == at(10)
    assert standing["leg-weakness"] == at(1_499)


@pytest.mark.parametrize(
    "later",
    [
        note("d", 30, ACHE, WEAK),
        note("d", 10, ACHE, GONE, stated=30),
        note("d", 10, WEAK, part=True, stated=30),
        note("d", 10, stated=30, rank=4, deleted=True),
        note("e", 30, ACHE, WEAK, replaces="d"),
        note("e", 30, ACHE),
    ],
)
def test_what_comes_after_all_versions_is_folded_without_them(later: list[Fact]) -> None:
    fold = Fold([*note("c", 5, "Not postural."), *note("d", 10, ACHE), *note("d", 20, ACHE)], KINDS)
    assert fold.add(later) is not None


def test_documents_that_replace_each_other_end() -> None:
    told = [note("d", 10, ACHE, replaces="e"), note("e", 30, ACHE, replaces="d")]
    assert stated(*told) == [(ACHE, 30)]


def test_after_a_withdrawal_a_document_begins_anew() -> None:
    told = [note("d", 10, ACHE), note("d", 10, stated=20, rank=4, deleted=True)]
    assert stated(*told) == []
    assert stated(*told, note("d", 30, ACHE, WEAK)) == [(ACHE, 30), (WEAK, 30)]


def test_an_appended_note_of_a_puncture_does_not_move_the_puncture() -> None:
    told = [note("d", 10, "LP done."), note("d", 34, "LP done.", WEAK)]
    assert stated(*told) == [(WEAK, 34), ("lumbar-puncture", 10)]
    assert stated(note("d", 10, "LP done."), note("d", 9, "LP done.", stated=12)) == [("lumbar-puncture", 9)]
    assert stated(note("d", 10, "LP done."), note("d", 12, "LP done.", stated=13)) == [
        ("lumbar-puncture", 12)
    ]


def test_a_finding_without_a_sentence_has_the_time_of_its_version() -> None:
    def coded(hours: float) -> list[Fact]:
        return [
            replace(one, value=replace(one.value, sentence="")) if isinstance(one.value, Assertion) else one
            for one in note("d", hours, ACHE)
        ]

    changed = [*coded(30)[1:], *note("d", 30, WEAK, "LP done.")[::2]]
    assert stated([*coded(10), *note("d", 10, "LP done.")], changed) == [("", 30), ("lumbar-puncture", 10)]


def test_a_line_that_is_copied_is_stated_again() -> None:
    told = [note(f"d{day}", 24 * day, WEAK) for day in range(3)]
    assert stated(*told) == [(WEAK, 0), (WEAK, 24), (WEAK, 48)]


@pytest.mark.parametrize(
    ("before", "after", "standing"),
    [
        # what was written first yields
        ([ACHE], [ACHE, GONE], [GONE]),
        ([ACHE], [GONE, ACHE], [GONE]),
        ([ACHE], ["headache  4/10", GONE], [GONE]),
        ([ACHE], [ACHE, "No headache."], ["No headache."]),
        (["?Headache."], ["?Headache.", GONE], [GONE]),
        (["No headache."], ["No headache.", ACHE], [ACHE]),
        ([GONE], [GONE, ACHE], [ACHE]),
        ([GONE], [GONE, "?Headache."], ["?Headache."]),
        (["Headache on standing."], ["Headache on standing.", GONE], [GONE]),
        (["No headache."], ["No headache.", "Headache on standing."], ["Headache on standing."]),
        # of one age both stand
        ([], [ACHE, GONE], [ACHE, GONE]),
        ([ACHE, GONE], [ACHE, GONE], [ACHE, GONE]),
        # no contradiction
        ([ACHE], [ACHE, "Not postural."], [ACHE, "Not postural."]),
        (["Not postural."], ["Not postural.", ACHE], [ACHE, "Not postural."]),
        ([ACHE], [ACHE, "Mother had headaches."], [ACHE, "Mother had headaches."]),
        ([WEAK], [WEAK, GONE], [GONE, WEAK]),
        (["Came with headache."], ["Came with headache.", GONE], ["Came with headache.", GONE]),
        # one line of the note is new, and agrees
        ([ACHE], [ACHE, "Headache on standing.", GONE], [GONE, "Headache on standing."]),
    ],
)
def test_of_lines_that_contradict_each_other_the_older_yields(
    before: list[str], after: list[str], standing: list[str]
) -> None:
    told = [note("d0", 24, *before), note("d1", 48, *after)]
    assert stated(*told) == sorted([*((text, 24) for text in before), *((text, 48) for text in standing)])


def test_a_contradiction_that_is_copied_as_a_whole_is_settled_as_it_was() -> None:
    told = [note("d0", 24, ACHE), note("d1", 48, ACHE, GONE), note("d2", 72, ACHE, GONE)]
    assert stated(*told) == [(ACHE, 24), (GONE, 48), (GONE, 72)]
    again = note("d3", 160, ACHE, GONE, "Headache on standing.")
    assert stated(*told, again)[-1] == ("Headache on standing.", 160)
    assert (GONE, 160) not in stated(*told, again)


def test_only_an_earlier_note_makes_a_copy() -> None:
    assert stated(note("d0", 48, ACHE, GONE), note("d1", 48, ACHE)) == [(ACHE, 48), (ACHE, 48), (GONE, 48)]
    assert stated(note("d0", 24, ACHE, GONE), note("d1", 48, ACHE)) == [(ACHE, 24), (ACHE, 48), (GONE, 24)]


def test_a_copy_of_a_withdrawn_line_is_still_a_copy() -> None:
    told = [note("d0", 24, ACHE), note("d0", 24, stated=60, rank=4, deleted=True), note("d1", 48, ACHE, GONE)]
    assert stated(*told) == [(GONE, 48)]


def test_notes_of_one_person_under_two_identifiers_are_compared() -> None:
    told = [note("d0", 24, ACHE, patient=OTHER), note("d1", 48, ACHE, GONE)]
    assert stated(*told) == [(ACHE, 24), (GONE, 48)]


def test_without_kinds_a_finding_contradicts_itself_only() -> None:
    facts = [*note("d0", 24, "Headache on standing."), *note("d1", 48, "Headache on standing.", GONE)]
    assert len(current_facts(facts).facts) == len(facts)
