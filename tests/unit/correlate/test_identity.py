"""Which identifiers name one person."""

from __future__ import annotations

from itertools import permutations

from worker.correlate.identity import LAPSED, Said, components, joined, newest

A, B, C, D = (("MRN", name) for name in "ABCD")
Key = tuple[str, str]


def said(first: Key, second: Key, kind: str = "merge", at_ms: int = 1, version_ms: int = 0) -> Said[Key]:
    low, high = sorted((first, second))
    return Said(low, high, at_ms, kind, version_ms)


def people(*statements: Said[Key], at_ms: int | None = None) -> tuple[tuple[Key, ...], ...]:
    return components([A, B, C, D], joined(newest(statements, at_ms)))


ALONE = ((A,), (B,), (C,), (D,))
TWO = ((A, B), (C,), (D,))


def test_identifiers_without_links_are_patients_of_their_own() -> None:
    assert people() == ALONE


def test_links_join_through_a_common_identifier() -> None:
    assert people(said(A, B), said(C, B, "same-pid")) == ((A, B, C), (D,))


def test_a_later_unlink_takes_a_link_back_whichever_way_round_it_names_the_pair() -> None:
    assert people(said(A, B, at_ms=1), said(B, A, "unlink", 2)) == ALONE


def test_an_unlink_older_than_the_link_does_nothing() -> None:
    assert people(said(A, B, "unlink", 1), said(A, B, at_ms=2)) == TWO


def test_of_two_statements_at_one_instant_the_unlink_counts() -> None:
    for order in permutations([said(A, B, "unlink"), said(A, B, "same-pid"), said(A, B, "merge")]):
        assert people(*order) == ALONE


def test_taking_one_link_back_leaves_a_patient_joined_by_another_way() -> None:
    assert people(said(A, B), said(B, C), said(A, C), said(A, B, "unlink", 9)) == ((A, B, C), (D,))


def test_the_order_of_statements_does_not_matter() -> None:
    statements = [said(A, B), said(B, C, at_ms=3), said(C, B, "unlink", 4), said(C, D, at_ms=2)]
    assert len({people(*order) for order in permutations(statements)}) == 1


def test_what_a_newer_version_of_the_record_does_not_repeat_has_lapsed() -> None:
    assert people(said(A, B, at_ms=3, version_ms=3)) == TWO
    assert people(said(A, B, at_ms=3, version_ms=4)) == ALONE
    assert people(said(A, A, "version", 4)) == ALONE, "a version names nobody else"


def test_what_others_say_of_the_pair_counts_whether_or_not_a_record_still_says_so() -> None:
    lapsed = said(A, B, "same-pid", 9, version_ms=10)
    for other, expected in (
        (said(A, B, "merge", 1), TWO),
        (said(B, A, "patient-link", 2, version_ms=2), TWO),
        (said(A, B, "unlink", 1), ALONE),
    ):
        assert people(lapsed, other) == people(other, lapsed) == expected


def test_what_has_lapsed_counted_before() -> None:
    for kind in ("same-pid", LAPSED):
        lapsed = said(A, B, kind, 3, version_ms=5)
        assert people(lapsed, at_ms=4) == TWO
        assert people(lapsed, at_ms=5) == people(lapsed) == ALONE
