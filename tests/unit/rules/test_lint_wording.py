"""Wording that orders, diagnoses or is certain is refused, wherever it stands in a sentence."""

from __future__ import annotations

import pytest

from tests.unit.rules.pack import book_of, rule_text
from worker.model.errors import PackError

HOT = "reading: {of: [body-temperature], where: {above: $limit}}"
LIMIT = "limit: {value: 38.0, unit: Cel, house_choice: a lead}"
SAYS = 'says: {{possible_causes: ["{cause}"], considerations: ["{consider}"], check: ["{check}"]}}'


def problems(
    cause: str = "possible cause",
    consider: str = "consider review",
    check: str = "leg power",
    say: str = "Seen.",
) -> list[str]:
    remarks = f'remarks: [{{say: "{say}", when: {{above: $limit}}}}]'
    text = rule_text(HOT, LIMIT, more=remarks)
    says = SAYS.format(cause=cause, consider=consider, check=check)
    text = text.replace('says: {possible_causes: ["possible cause"]}', says)
    assert says in text
    try:
        book_of(text)
    except PackError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    ("refused", "accepted", "word"),
    [
        ("consider antibiotics, treat now", "consider antibiotics, per local policy", "treat now"),
        (
            "consider imaging; stop heparin",
            "consider imaging; stopping heparin is for the team to decide",
            "stop",
        ),
        ("consider a scan, and hold the next dose", "consider a scan, and the next dose", "hold"),
        ("consider cultures, then give fluids", "consider cultures, then fluids", "give"),
        ("consider review. Call the surgeon", "consider review. The surgeon may be called", "Call"),
        ("consider that the patient should be scanned", "consider a scan", "should"),
        ("consider imaging immediately", "consider immediate imaging", "immediately"),
        ("consider: do not wait", "consider not waiting for results", "do not"),
        ("consider an LP, which needs to be repeated", "consider a repeat LP", "needs to"),
    ],
)
def test_an_order_inside_a_sentence_is_refused(refused: str, accepted: str, word: str) -> None:
    (line,) = problems(consider=refused)
    assert f"'{word}' reads as an order" in line
    assert problems(consider=accepted) == []


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        ("check the legs", "leg power"),
        ("repeat the reading", "a second reading"),
        ("order CRP", "CRP, if not done"),
    ],
)
def test_what_to_check_names_a_thing(refused: str, accepted: str) -> None:
    (line,) = problems(check=refused)
    assert "reads as an order" in line
    assert problems(check=accepted) == []


@pytest.mark.parametrize(
    ("refused", "accepted", "word"),
    [
        ("Meningitis after the LP.", "Fever after the LP.", "Meningitis"),
        ("The haematoma grows.", "A possible haematoma grows.", "haematoma"),
        ("This confirms infection.", "This fits with infection.", "confirms"),
        ("A normal count rules out infection.", "A normal count does not rule out infection.", "rules out"),
        ("The diagnosis is clear.", "What it is, is not clear.", "diagnosis"),
        ("The patient has fever.", "Fever was recorded.", "The patient has"),
    ],
)
def test_a_diagnosis_is_not_stated_as_a_fact(refused: str, accepted: str, word: str) -> None:
    (line,) = problems(say=refused)
    assert f"'{word}' reads as a diagnosis" in line
    assert problems(say=accepted) == []


def test_causes_are_possible_and_considerations_are_considered() -> None:
    assert "a cause starts with 'possible'" in problems(cause="infection")[0]
    assert "a consideration starts with 'consider'" in problems(consider="senior review")[0]
    assert problems(cause="Possible meningitis", consider="Consider review") == []


def test_signs_of_a_disease_may_be_looked_for() -> None:
    assert problems(check="signs of meningitis") == []


@pytest.mark.parametrize(
    ("refused", "accepted"),
    [
        ("this is meningitis", "whether meningitis was looked for"),
        ("note that it is bacterial meningitis", "signs of meningitis"),
        ("the leg is weak because of haematoma", "leg power, in view of a haematoma"),
        ("there is no abscess", "whether there is an abscess"),
        ("CSF, which shows infection", "CSF, where it shows infection"),
        ("if it is worse; there's bleeding", "if it is worse, the site"),
        ("fever that has CSF leak as its cause", "fever that may have a CSF leak as its cause"),
    ],
)
def test_a_disease_that_is_said_to_be_there_is_refused_under_every_key(refused: str, accepted: str) -> None:
    for key, start in (("check", ""), ("cause", "possible fever; "), ("consider", "consider that ")):
        lines = problems(**{key: start + refused})
        assert [("reads as a diagnosis" in line) for line in lines] == [True], (key, lines)
        assert problems(**{key: start + accepted}) == []
