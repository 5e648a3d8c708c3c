"""How a reading of labelled sentences is scored. Invented sentences, and a reader that says what a test wants."""

from __future__ import annotations

import pytest

from worker.model.errors import PackError
from worker.model.fact import Assertion, AssertionStatus
from worker.notes.evaluation import Evaluation, evaluate
from worker.notes.labelled import parse_labelled
from worker.notes.reader import NoteDocument, NoteReading


class Says:
    """Read every note as it was told."""

    def __init__(self, *said: str) -> None:
        self._said = said

    def read(self, _document: NoteDocument) -> NoteReading:
        words = [one.split() for one in self._said]
        return NoteReading(
            tuple(
                (finding, Assertion(AssertionStatus(status), tuple(marks)))
                for finding, status, *marks in words
            )
        )


def labelled(expect: str, doubt: str = "") -> str:
    doubted = f', doubt: "{doubt}"' if doubt else ""
    return (
        f'version: 1\nauthor: a\nsentences:\n- {{id: s1, kind: k, text: "A.", expect: [{expect}]{doubted}}}\n'
    )


def scored(expect: str, *said: str) -> Evaluation:
    return evaluate(Says(*said), parse_labelled(labelled(expect), "f.yaml"))


def counts(found: Evaluation) -> tuple[int, int, int]:
    return found.overall.right, found.overall.extra, found.overall.missed


HEADACHE = "{f: headache, s: present, q: [severe]}"


def test_a_finding_with_its_status_is_right() -> None:
    found = scored(HEADACHE, "headache present severe")
    assert counts(found) == (1, 0, 0)
    assert found.differences == []
    assert found.by_qualifier["severe"].f1 == 1.0


def test_a_wrong_status_is_one_too_many_and_one_missed() -> None:
    found = scored(HEADACHE, "headache absent")
    assert counts(found) == (0, 1, 1)
    assert found.by_status["present"].recall == 0.0
    assert found.by_status["absent"].precision == 0.0
    assert [(one.expected, one.got) for one in found.differences] == [
        (("headache present severe",), ("headache absent",))
    ]


def test_a_wrong_qualifier_is_a_difference_but_no_wrong_finding() -> None:
    found = scored(HEADACHE, "headache present mild")
    assert counts(found) == (1, 0, 0)
    assert found.exact.total() == 0
    assert found.by_qualifier["severe"].missed == 1
    assert found.by_qualifier["mild"].extra == 1


def test_qualifiers_of_what_is_not_there_do_not_count() -> None:
    assert scored("{f: headache, s: absent, q: [severe]}", "headache absent").exact.total() == 1


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("{f: positional-headache, s: present}", ("positional-headache present", "headache present")),
        ("{f: saddle-numbness, s: absent}", ("saddle-numbness absent", "numbness absent")),
        ("{f: band-like-back-pain, s: present}", ("band-like-back-pain present", "back-pain present")),
        ("{f: severe-back-pain, s: present}", ("back-pain present severe",)),
        (
            "{f: headache, s: present, q: [nonpostural]}",
            ("headache present nonpostural", "positional-headache absent"),
        ),
    ],
)
def test_what_a_label_implies_is_no_error(expect: str, said: tuple[str, ...]) -> None:
    found = scored(expect, *said)
    assert counts(found) == (1, 0, 0)
    assert found.exact.total() == 1


def test_what_a_label_implies_has_its_status() -> None:
    assert counts(
        scored("{f: saddle-numbness, s: absent}", "saddle-numbness absent", "numbness present")
    ) == (1, 1, 0)
    assert counts(scored("{f: headache, s: present}", "headache present", "positional-headache absent")) == (
        1,
        1,
        0,
    )


def test_a_wider_finding_that_is_labelled_counts() -> None:
    both = "{f: saddle-numbness, s: present}, {f: numbness, s: present}"
    assert counts(scored(both, "saddle-numbness present")) == (1, 0, 1)


def test_sentences_in_doubt_can_be_left_out() -> None:
    sentences = parse_labelled(labelled(HEADACHE, "opinion"), "f.yaml")
    assert evaluate(Says(), sentences).of.total() == 1
    assert evaluate(Says(), sentences, with_doubt=False).of.total() == 0
    assert evaluate(Says(), sentences, with_doubt=False).overall.f1 is None


def test_of_a_wording_only_its_finding_counts() -> None:
    sentences = parse_labelled("headache:\n  absent:\n  - No headache, feverish.\n", "w.yaml")
    found = evaluate(Says("headache absent", "fever-finding present mild"), sentences)
    assert counts(found) == (1, 0, 0)
    assert found.by_qualifier == {}


def test_sentences_that_state_nothing_of_the_patient_may_state_what_is_not_there() -> None:
    sentences = parse_labelled("nothing:\n- Lost his glasses.\n", "w.yaml")
    assert counts(evaluate(Says("seizure absent"), sentences)) == (0, 0, 0)
    assert counts(evaluate(Says("seizure uncertain"), sentences)) == (0, 1, 0)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (
            "version: 1\nauthor: a\nsentences:\n- {id: a, kind: k, text: t, expect: [{f: x, s: gone}]}\n",
            "f.yaml:4:",
        ),
        (labelled(HEADACHE) + '- {id: s1, kind: k, text: "B.", expect: []}\n', "f.yaml:5:"),
        ("nothing:\n  absent: [a]\n", "f.yaml:2:"),
        ("headache: [a]\n", "f.yaml:1:"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(PackError) as raised:
        parse_labelled(text, "f.yaml")
    assert str(raised.value).startswith(place)
