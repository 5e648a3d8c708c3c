"""Values as sent, to values that rules compare."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.mapping.concepts import Coding, Target
from worker.mapping.feeds import Feed
from worker.mapping.pack import MappingPack
from worker.mapping.values import UNKNOWN, Given, Understood, qualifiers_of, read_value
from worker.model.fact import Assertion, AssertionStatus, Coded, Comparator, Quantity
from worker.model.message import Issue, IssueKind


def read(pack: MappingPack, name: str, sent: Given, **target: str) -> Understood | Issue | None:
    feed: Feed = pack.feeds["default"]
    return read_value(Target(pack.concepts[name], **target), sent, feed, pack, "OBX[1]-5")  # type: ignore[arg-type]  # text fields only


def quantity(pack: MappingPack, name: str, text: str, unit: str = "", **target: str) -> Quantity:
    found = read(pack, name, Given(text, unit=unit), **target)
    assert isinstance(found, Understood)
    assert isinstance(found.value, Quantity)
    return found.value


def issue(pack: MappingPack, name: str, sent: Given, **target: str) -> Issue:
    found = read(pack, name, sent, **target)
    assert isinstance(found, Issue)
    assert found.is_quarantined
    return found


def answer(pack: MappingPack, name: str, sent: Given) -> str:
    found = read(pack, name, sent)
    if isinstance(found, Understood):
        assert isinstance(found.value, Coded)
        return found.value.code
    assert isinstance(found, Issue)
    return ""


def test_a_value_is_converted_then_rounded(pack: MappingPack) -> None:
    assert quantity(pack, "body-temperature", "100.4", "degF") == Quantity(
        38.0, "Cel", reported="100.4 [degF]"
    )


def test_a_comparator_is_kept(pack: MappingPack) -> None:
    found = quantity(pack, "heart-rate", ">140", "bpm")
    assert (found.value, found.comparator, found.reported) == (140.0, Comparator.ABOVE, ">140 /min")


def test_a_unit_in_the_value_counts(pack: MappingPack) -> None:
    assert quantity(pack, "body-temperature", "102.1F oral").value == 38.94
    assert quantity(pack, "body-temperature", "38,9 C").value == 38.9


def test_a_missing_unit_is_that_of_the_feed_or_an_issue(pack: MappingPack) -> None:
    found = read(pack, "body-temperature", Given("102.2"), unit="[degF]")
    assert isinstance(found, Understood)
    assert issue(pack, "body-temperature", Given("38.4")).kind is IssueKind.MISSING_UNIT


@pytest.mark.parametrize("name", ["pain-score", "gcs", "inr"])
def test_a_score_needs_no_unit(pack: MappingPack, name: str) -> None:
    assert quantity(pack, name, "5").value == 5.0


def test_an_unknown_unit_is_an_issue_that_names_it(pack: MappingPack) -> None:
    found = issue(pack, "body-temperature", Given("38.4", unit="furlong"))
    assert (found.kind, found.subject) == (IssueKind.UNMAPPED_UNIT, "unit furlong for body-temperature")


def test_a_unit_of_something_else_is_an_issue(pack: MappingPack) -> None:
    assert issue(pack, "body-temperature", Given("38.4", unit="mg/dL")).kind is IssueKind.UNMAPPED_UNIT


def test_two_different_units_are_an_issue(pack: MappingPack) -> None:
    assert issue(pack, "body-temperature", Given("102 F", unit="Cel")).kind is IssueKind.BAD_VALUE


@pytest.mark.parametrize("text", ["?7", "60~120", "high", "38.4 C wrong patient", "60 to 120", ""])
def test_what_is_no_number_is_an_issue_without_the_value(pack: MappingPack, text: str) -> None:
    found = issue(pack, "body-temperature", Given(text, unit="Cel"))
    assert (found.kind, found.subject) == (IssueKind.BAD_VALUE, "body-temperature: not a number")


@pytest.mark.parametrize(
    ("name", "text", "unit"),
    [
        ("body-temperature", "99.1", "Cel"),
        ("body-temperature", "8388607", "Cel"),
        ("heart-rate", "32767", "/min"),
        ("spo2", "-100", "%"),
        ("gcs", "2", ""),
        ("pain-score", "11", ""),
    ],
)
def test_an_impossible_number_is_an_issue(pack: MappingPack, name: str, text: str, unit: str) -> None:
    assert issue(pack, name, Given(text, unit=unit)).kind is IssueKind.IMPLAUSIBLE


def test_a_pain_score_at_a_site_is_the_score_of_that_site(pack: MappingPack) -> None:
    for site, concept in (
        ("back", "back-pain-score"),
        ("head", "headache-score"),
        ("neck", "neck-pain-score"),
    ):
        by_value = read(pack, "pain-score", Given("5", site=site))
        by_code = read(pack, "pain-score", Given("5"), body_site=site)
        assert isinstance(by_value, Understood)
        assert isinstance(by_code, Understood)
        assert {by_value.concept.id, by_code.concept.id} == {concept}


def test_a_pain_score_at_a_site_nobody_mapped_is_an_issue(pack: MappingPack) -> None:
    assert issue(pack, "pain-score", Given("5", site=UNKNOWN)).subject == "body site of pain-score"


def test_a_site_says_nothing_of_a_temperature(pack: MappingPack) -> None:
    found = read(pack, "body-temperature", Given("38", unit="Cel", site=UNKNOWN))
    assert isinstance(found, Understood)


def test_a_temperature_of_the_skin_is_no_body_temperature(pack: MappingPack) -> None:
    assert read(pack, "body-temperature", Given("38", unit="Cel", site="skin")) is None
    assert read(pack, "body-temperature", Given("38", unit="Cel"), body_site="skin") is None
    assert isinstance(read(pack, "body-temperature", Given("38", unit="Cel", site="head")), Understood)


@pytest.mark.parametrize(
    ("sent", "letter"),
    [
        (Given(codings=(Coding("130987000", "Acute confusion", "SCT"),)), "C"),
        (Given(codings=(Coding("130987000", "", "http://snomed.info/sct"),)), "C"),
        (Given("Alert"), "A"),
        (Given("  voice "), "V"),
        (Given("P"), "P"),
        (Given(codings=(Coding("", "Unresponsive"),)), "U"),
        (Given("asleep"), ""),
        (Given(codings=(Coding("130987000", "", "L"),)), ""),
    ],
)
def test_consciousness_is_one_of_five_letters_or_unknown(pack: MappingPack, sent: Given, letter: str) -> None:
    assert answer(pack, "acvpu", sent) == letter


@pytest.mark.parametrize(
    ("text", "flags", "meaning"),
    [
        ("No organisms seen", (), "negative"),
        ("NOS", (), "negative"),
        ("No growth after 48 hours", (), "negative"),
        ("Gram positive cocci in pairs", (), "positive"),
        ("Gram negative rods seen", (), "positive"),
        ("No Gram positive cocci or Gram negative rods seen", (), "negative"),
        ("Neisseria meningitidis isolated", (), "positive"),
        ("Coagulase negative staphylococci, likely contaminant", ("POS",), "contaminant"),
        ("Coagulase negative staphylococci", (), "positive"),
        ("positive", (), "positive"),
        ("see comment", ("POS",), "positive"),
        ("see comment", ("NEG",), "negative"),
        ("see comment", (), ""),
        ("No growth", ("POS",), ""),
        ("Enterovirus detected; HSV not detected", (), "positive"),
        ("Enterovirus: not detected, HSV: not detected", (), "negative"),
        ("Neisseria meningitidis DNA not detected", (), "negative"),
        ("Growth of Streptococcus pneumoniae. No anaerobes isolated.", (), "positive"),
        ("Gram positive cocci in chains seen. No yeasts seen.", (), "positive"),
        ("E. coli isolated", (), "positive"),
        ("White cells present. No organisms seen.", (), "negative"),
        ("White cells seen", (), ""),
        ("No growth of Neisseria meningitidis", (), "negative"),
        ("Streptococcus, Neisseria, Listeria: not detected", (), ""),
        ("Previously reported Gram positive cocci seen. Now no organisms seen.", (), ""),
        ("Escherichia coli isolated", ("NEG",), ""),
        ("Neisseria meningitidis isolated. Skin flora also present.", (), "positive"),
        ("Neisseria meningitidis, likely contaminant", (), "contaminant"),
        ("Coagulase negative staphylococcus isolated. Likely contaminant.", (), "contaminant"),
        ("Cutibacterium acnes isolated", (), "positive"),
        ("Staphylococcus epidermidis isolated, mixed skin flora", (), "contaminant"),
        ("No growth at 5 days", (), "negative"),
        ("Positive control passed. Result: negative", (), ""),
        ("Not seen on film. Culture to follow", (), "negative"),
        ("E.coli", (), "positive"),
        ("Staph aureus", (), "positive"),
        ("Light growth of Staph. No anaerobes isolated.", (), "positive"),
        ("N.meningitidis", (), "positive"),
        ("GPC in clusters", (), "positive"),
        ("Gram pos cocci", (), "positive"),
        ("gram neg", (), "positive"),
        ("Coag neg staph", (), "positive"),
        ("Coag neg staph, probable contaminant", (), "contaminant"),
        ("MRSA", (), "positive"),
        ("Heavy growth", (), "positive"),
        ("no heavy growth", (), "negative"),
        ("AFB seen", (), "positive"),
        ("No AFB seen, no bacteria", (), "negative"),
        ("MTB not detected", (), "negative"),
        ("pos", (), "positive"),
        ("Neg", (), "negative"),
        ("Polymorphs ++ seen", (), ""),
        ("HSV PCR pending", (), ""),
        ("Enterovirus PCR: in progress", (), ""),
        ("Neisseria meningitidis PCR requested", (), ""),
        ("Mycobacterium culture to follow", (), ""),
        ("AFB stain to follow", (), ""),
        ("HSV PCR not done", (), ""),
        ("Specimen insufficient for meningococcus PCR", (), ""),
        ("HSV PCR requested. Not detected.", (), "negative"),
        ("No organisms seen. Mycobacterium culture to follow", (), "negative"),
        ("Gram negative diplococci PCR to follow", (), "positive"),
        ("Listeria isolated sensitivities to follow", (), "positive"),
        ("E. coli sensitivities to follow", (), "positive"),
        ("MRSA sent for typing", (), "positive"),
        ("Listeria monocytogenes sent to reference laboratory", (), "positive"),
        ("Streptococcus pneumoniae full report to follow", (), "positive"),
        ("Neisseria meningitidis referred", (), "positive"),
        ("HSV PCR sent", (), ""),
        ("HSV not tested", (), ""),
        ("No organisms seen. Culture: Listeria monocytogenes", (), "positive"),
        ("No organisms seen. Cultures grew Streptococcus", (), "positive"),
        ("No organisms seen. Culture: no Listeria", (), "negative"),
        ("Culture: Listeria, likely contaminant", (), "contaminant"),
    ],
)
def test_result_texts_are_positive_negative_contaminant_or_unknown(
    pack: MappingPack, text: str, flags: tuple[str, ...], meaning: str
) -> None:
    for name in ("csf-culture", "csf-pcr", "blood-culture"):
        assert answer(pack, name, Given(text, flags=flags)) == meaning


def test_an_answer_nobody_mapped_is_an_issue_without_its_text(pack: MappingPack) -> None:
    found = issue(pack, "csf-culture", Given("see Mrs Example's chart"))
    assert (found.kind, found.subject) == (IssueKind.UNMAPPED_ANSWER, "answer of csf-culture")


def test_a_gram_stain_counts_only_where_the_message_says_csf(pack: MappingPack) -> None:
    sent = Given("No organisms seen", specimen="csf")
    found = read(pack, "csf-gram", sent)
    assert isinstance(found, Understood)
    assert found.specimen == "csf"
    assert read(pack, "csf-gram", Given("x", specimen="urine")) is None
    assert issue(pack, "csf-gram", Given("x")).subject == "csf-gram without a specimen"
    assert issue(pack, "csf-gram", Given("x", specimen=UNKNOWN)).kind is IssueKind.UNMAPPED_CODE


def test_a_code_that_says_csf_needs_no_specimen_and_yields_to_a_known_one(pack: MappingPack) -> None:
    for sent, specimen in (("", "csf"), (UNKNOWN, "csf"), ("shunt", "shunt")):
        found = read(pack, "csf-wbc", Given("4", unit="/uL", specimen=sent))
        assert isinstance(found, Understood)
        assert found.specimen == specimen


def test_any_recorded_leg_power_counts(pack: MappingPack) -> None:
    assert answer(pack, "leg-power", Given("5/5 both legs")) == "recorded"


def test_a_drug_code_stands_for_its_drug(pack: MappingPack) -> None:
    found = read(pack, "anticoagulant", Given("given"), answer="warfarin")
    assert isinstance(found, Understood)
    assert found.value == Coded("warfarin", "given")


def test_a_charted_finding_is_there_or_not_by_its_answer(pack: MappingPack) -> None:
    target = Target(pack.concepts["neck-stiffness"], answers={"yes": "present"}, qualifiers=("severe",))
    feed = pack.feeds["default"]
    found = read_value(target, Given("Yes"), feed, pack, "OBX[1]-5")
    assert isinstance(found, Understood)
    assert found.value == Assertion(AssertionStatus.PRESENT, ("severe",))
    assert isinstance(read_value(target, Given("maybe"), feed, pack, "OBX[1]-5"), Issue)


def test_words_of_an_order_give_qualifiers(pack: MappingPack) -> None:
    concept = pack.concepts["anticoagulant"]
    assert qualifiers_of(concept, ["Heparin line lock", "Catheter FLUSH"]) == ("flush",)
    assert qualifiers_of(concept, ["Enoxaparin 40 mg", "DVT prophylaxis"]) == ("prophylactic",)
    assert qualifiers_of(concept, ["flushing"]) == ()
    assert qualifiers_of(concept, ["apixaban 5 mg", "stroke prophylaxis in AF"]) == ("therapeutic",)
    assert qualifiers_of(concept, ["Heparin flush, 5 mL", "line-lock"]) == ("flush",)
    assert qualifiers_of(concept, ["peripheral line", "lock the cupboard"]) == ()


@given(
    st.text(max_size=40),
    st.text(max_size=12),
    st.sampled_from(["body-temperature", "csf-gram", "gcs", "acvpu"]),
)
def test_any_value_is_understood_or_an_issue(pack: MappingPack, text: str, unit: str, name: str) -> None:
    found = read(pack, name, Given(text, unit=unit, specimen="csf"))
    assert isinstance(found, Understood | Issue)


@given(st.floats(25.0, 45.0))
def test_celsius_and_fahrenheit_of_one_temperature_agree(pack: MappingPack, celsius: float) -> None:
    direct = quantity(pack, "body-temperature", repr(celsius), "Cel").value
    converted = quantity(pack, "body-temperature", repr(celsius * 9 / 5 + 32), "[degF]").value
    assert abs(direct - converted) <= 0.011
