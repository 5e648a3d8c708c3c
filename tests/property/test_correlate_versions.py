"""Laws of the fold: order, repetition and split of arrival do not matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.property.test_recall import notes
from tests.unit.correlate.facts import OTHER, PATIENT, Group, temperature
from tests.unit.correlate.test_retelling import ACHE, FINAL, GONE, PRELIMINARY, WEAK, note, scan
from worker.correlate.versions import Change, Fold, current_facts
from worker.model.fact import Fact


def groups() -> st.SearchStrategy[Group | None]:
    stated = st.tuples(st.integers(0, 5), st.integers(0, 4))
    return st.none() | st.builds(Group, st.sampled_from(["g", "h"]), stated, st.booleans())


@st.composite
def any_fact(draw: st.DrawFn) -> Fact:
    made = temperature(
        draw(st.integers(0, 2)),
        draw(st.sampled_from([36.5, 38.5])),
        key=draw(st.sampled_from(["a", "b", "c"])),
        major=draw(st.integers(0, 5)),
        minor=draw(st.integers(0, 4)),
        group=draw(groups()),
        deleted=draw(st.booleans()),
        patient=draw(st.sampled_from([PATIENT, OTHER])),
        message=draw(st.sampled_from(["m1", "m2"])),
    )
    return replace(made, source=replace(made.source, received_at_ms=draw(st.integers(0, 9))))


facts = st.lists(any_fact(), max_size=12)
KINDS = {"headache": ("positional-headache",)}


@given(facts, st.randoms())
def test_any_permutation_gives_the_same_current_facts(known: list[Fact], random: object) -> None:
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    assert current_facts(shuffled) == current_facts(known)


@given(st.lists(notes(), max_size=12), st.randoms())
def test_lines_of_notes_are_dated_and_yield_the_same_in_any_order(known: list[Fact], random: object) -> None:
    shuffled = list(known)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random
    expected = Fold(known, KINDS).current()
    assert Fold(shuffled, KINDS).current() == expected
    assert Fold([*known, *shuffled], KINDS).current() == expected
    assert set(one_by_one(*([one] for one in shuffled))) == set(expected.facts)


@st.composite
def documents(draw: st.DrawFn) -> list[Fact]:
    """Draw a whole version of one of four documents."""
    number, hours = draw(st.sampled_from("abcd")), draw(st.sampled_from([10, 12, 30]))
    replaced = draw(st.sampled_from(["", "", "", *{*"abcd"} - {number}]))
    if draw(st.sampled_from([False] * 4 + [True])):
        return scan(number, hours, replaced)
    return note(
        number,
        hours,
        *draw(st.lists(st.sampled_from([ACHE, GONE, WEAK, "LP done."]), max_size=3, unique=True)),
        stated=hours + draw(st.integers(0, 5)),
        rank=draw(st.sampled_from([PRELIMINARY, FINAL])),
        replaces=replaced,
        deleted=draw(st.sampled_from([False] * 5 + [True])),
        part=draw(st.sampled_from([False] * 3 + [True])),
        patient=draw(st.sampled_from([PATIENT] * 3 + [OTHER])),
    )


@given(told=st.lists(documents(), max_size=8), in_order=st.booleans())
def test_versions_that_come_one_by_one_stand_as_all_at_once(
    *, told: list[list[Fact]], in_order: bool
) -> None:
    if in_order:
        told.sort(key=lambda version: version[0].version)
    known = [fact for version in told for fact in version]
    expected = Fold(known, KINDS).current()
    assert Fold(known[::-1], KINDS).current() == expected
    assert set(one_by_one(*told)) == set(expected.facts)


def one_by_one(*parts: list[Fact]) -> list[Fact]:
    """Fold facts as they come, anew only where the fold asks for it; give what stands by the changes that it told."""
    fold, known = Fold((), KINDS), list[Fact]()
    stands: dict[int, Fact] = {}
    for part in parts:
        known += part
        change = fold.add(part)
        if change is None:
            fold, stands = Fold(known, KINDS), {}
            change = Change((), fold.current().facts)
        for gone in change.removed:
            del stands[id(gone)]
        stands.update((id(each), each) for each in change.added)
    return list(stands.values())


@given(facts)
def test_facts_of_several_numbers_that_come_one_by_one_stand_as_all_at_once(known: list[Fact]) -> None:
    assert set(one_by_one(*([one] for one in known))) == set(current_facts(known).facts)


@given(facts, st.lists(st.integers(0, 11)))
def test_repeats_change_nothing(known: list[Fact], repeats: list[int]) -> None:
    again = [known[i] for i in repeats if i < len(known)]
    assert current_facts([*known, *again]) == current_facts(known)
