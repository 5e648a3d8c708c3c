"""Reasons for a visit, to complaints. Tests worker.mapping.reasons and visits."""

from __future__ import annotations

import pytest

from worker.mapping.concept_spec import ReasonSpec
from worker.mapping.pack import MappingPack
from worker.mapping.reasons import Reasons, compile_reasons
from worker.mapping.visits import said_of_visit

SPECS = (
    ReasonSpec(id="headache", words=("headache", "sore head"), findings=("headache",)),
    ReasonSpec(id="fever", words=("fever",), findings=("fever-finding",)),
    ReasonSpec(id="urinary", words=("not able to pass urine", "bladder")),
)


@pytest.fixture
def reasons() -> Reasons:
    return compile_reasons(SPECS, ("no", "not", "denies"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ()),
        ("HEADACHE  since Monday", ("headache",)),
        ("headaches", ()),
        ("Sore\n head", ()),
        ("Fever and headache", ("fever", "headache")),
        ("No fever or headache", ()),
        ("No fever, headache", ("headache",)),
        ("Headache but denies fever", ("headache",)),
        ("headache no fever", ("headache",)),
        ("Not able to pass urine", ("urinary",)),
        ("Headache; headache again", ("headache",)),
    ],
)
def test_words_of_a_reason_name_complaints(reasons: Reasons, text: str, said: tuple[str, ...]) -> None:
    assert reasons.read(text) == said


def test_a_code_names_the_complaint_of_its_finding(reasons: Reasons) -> None:
    assert reasons.read("?", ["fever-finding", "purpuric-rash"]) == ("fever",)


def test_a_phrase_with_two_meanings_is_refused() -> None:
    with pytest.raises(ValueError, match="listed as headache and as fever"):
        compile_reasons((*SPECS, ReasonSpec(id="fever", words=("headache",))), ())


@pytest.mark.parametrize(("priority", "said"), [("C", ("planned",)), ("el", ("planned",)), ("E", ())])
def test_what_was_planned_says_so(pack: MappingPack, priority: str, said: tuple[str, ...]) -> None:
    assert said_of_visit(pack.feeds["default"], pack, "", (), (priority,)) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Unable to pass urine since the morning", ("urinary",)),
        ("Weak legs, can't walk", ("weakness",)),
        ("Planned admission for infusion", ("planned",)),
        ("Headache, planned review tomorrow", ("headache",)),
        ("Fit and well, sprained ankle", ()),
    ],
)
def test_the_default_pack_knows_what_patients_come_with(
    pack: MappingPack, text: str, said: tuple[str, ...]
) -> None:
    assert said_of_visit(pack.feeds["default"], pack, text, (), ()) == said
