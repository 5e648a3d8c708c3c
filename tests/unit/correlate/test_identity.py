"""Which identifiers name one person."""

from __future__ import annotations

from itertools import permutations

from worker.correlate.identity import connected
from worker.model.fact import Identifier, IdentityLink

A, B, C, D = (Identifier("MRN", name) for name in "ABCD")


def link(first: Identifier, second: Identifier, kind: str = "merge", at_ms: int = 1) -> IdentityLink:
    return IdentityLink(first, second, kind, at_ms)


def test_identifiers_without_links_are_patients_of_their_own() -> None:
    assert connected([A.key, B.key], []).groups == ((A.key,), (B.key,))


def test_links_join_through_a_common_identifier() -> None:
    found = connected([A.key, D.key], [link(A, B), link(C, B, "same-pid")])
    assert found.groups == ((A.key, B.key, C.key), (D.key,))
    assert found.roots[C.key] == A.key
    assert found.group_of(C.key) == (A.key, B.key, C.key)
    assert found.group_of(("MRN", "unknown")) == (("MRN", "unknown"),)


def test_a_later_unlink_takes_a_link_back_whichever_way_round_it_names_the_pair() -> None:
    assert connected([], [link(A, B, at_ms=1), link(B, A, "unlink", 2)]).groups == ((A.key,), (B.key,))


def test_an_unlink_older_than_the_link_does_nothing() -> None:
    assert connected([], [link(A, B, "unlink", 1), link(A, B, at_ms=2)]).groups == ((A.key, B.key),)


def test_of_two_statements_at_one_instant_the_unlink_counts() -> None:
    for order in permutations([link(A, B, "unlink"), link(A, B, "same-pid"), link(A, B, "merge")]):
        assert connected([], order).groups == ((A.key,), (B.key,))


def test_taking_one_link_back_leaves_a_patient_joined_by_another_way() -> None:
    links = [link(A, B), link(B, C), link(A, C), link(A, B, "unlink", 9)]
    assert connected([], links).groups == ((A.key, B.key, C.key),)


def test_the_order_of_statements_does_not_matter() -> None:
    links = [link(A, B), link(B, C, at_ms=3), link(C, B, "unlink", 4), link(C, D, at_ms=2)]
    assert len({connected([], order).groups for order in permutations(links)}) == 1


def test_the_type_of_an_identifier_does_not_make_another_person() -> None:
    typed = Identifier("MRN", "A", "MR")
    assert connected([], [link(typed, B), link(A, C)]).groups == ((A.key, B.key, C.key),)
