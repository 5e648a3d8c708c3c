"""Results: status, keys, groups, values, specimens. HL7 v2.5.1 ch. 7."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.mapping.pack import MappingPack
from worker.model.fact import Coded, Comparator, Fact, Quantity
from worker.model.message import Issue, IssueKind, OutcomeKind, Reading
from worker.model.time import from_rfc3339

Read = Callable[..., Reading]
OBR = "OBR|1|P9|F9|VITALS^Vitals^L|||20260105110000+0000|||||||||||||||20260105113000+0000|||F"


def temperature(value: str = "38.4", status: str = "F", set_id: int = 1, more: str = "") -> str:
    return f"OBX|{set_id}|NM|8310-5^Body temperature^LN||{value}|Cel|||||{status}{more}"


def facts(reading: Reading) -> list[Fact]:
    """Return the facts without the birth date, which every message of these tests gives."""
    assert reading.outcome.kind is OutcomeKind.PROCESSED
    return [fact for fact in reading.facts if fact.concept != "birth-date"]


def only(reading: Reading) -> Fact:
    (fact,) = facts(reading)
    return fact


def issues(reading: Reading) -> list[tuple[IssueKind, str, str]]:
    return [(issue.kind, issue.place, issue.subject) for issue in reading.issues]


def test_a_result_becomes_a_fact_with_its_time_value_and_source(read: Read) -> None:
    fact = only(read(OBR, temperature()))
    assert fact.concept == "body-temperature"
    assert fact.value == Quantity(38.4, "Cel", reported="38.4 Cel")
    assert fact.effective.start_ms == from_rfc3339("2026-01-05T11:00:00Z")
    assert fact.effective.origin == "OBR-7"
    assert (fact.source.feed, fact.source.message_id, fact.source.place) == ("default", "M1", "OBR[1]/OBX[1]")
    assert fact.result_status == "final"


def test_the_version_is_the_time_of_the_status_then_its_rank(read: Read) -> None:
    version = only(read(OBR, temperature())).version
    assert (version.major, version.minor) == (from_rfc3339("2026-01-05T11:30:00Z"), 2)


def test_a_feed_that_restamps_messages_puts_the_rank_first(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    bare = OBR.replace("20260105113000+0000", "")
    assert bare != OBR
    version = only(read(bare, temperature(), using=site("version: rank_first"))).version
    assert (version.major, version.minor) == (2, from_rfc3339("2026-01-05T12:00:00Z"))


def test_a_status_time_of_its_own_counts_whoever_restamps_messages(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site("version: rank_first")
    version = only(read(OBR, temperature(), using=pack)).version
    assert (version.major, version.minor) == (from_rfc3339("2026-01-05T11:30:00Z"), 2)


@pytest.mark.parametrize(
    ("status", "rank", "name"),
    [
        ("", 2, ""),
        ("A", 3, "corrected"),
        ("B", 3, "corrected"),
        ("C", 3, "corrected"),
        ("F", 2, "final"),
        ("P", 1, "preliminary"),
        ("R", 1, "preliminary"),
        ("S", 1, "preliminary"),
        ("U", 2, "final"),
        ("V", 2, "final"),
        ("?", 2, ""),
        ("f", 2, "final"),
    ],
)
def test_a_status_with_a_value_gives_a_fact(read: Read, status: str, rank: int, name: str) -> None:
    fact = only(read(OBR, temperature(status=status)))
    assert (fact.version.minor, fact.result_status, fact.is_deleted) == (rank, name, False)


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_a_status_that_takes_back_gives_a_deletion_under_the_same_key(read: Read, status: str) -> None:
    told, taken = only(read(OBR, temperature())), only(read(OBR, temperature("", status)))
    assert taken.is_deleted
    assert taken.value is None
    assert taken.key == told.key
    assert taken.version > told.version


@pytest.mark.parametrize("status", ["I", "N", "O"])
def test_a_status_without_a_result_gives_nothing(read: Read, status: str) -> None:
    assert facts(read(OBR, temperature(status=status))) == []


def test_two_quotation_marks_delete(read: Read) -> None:
    assert only(read(OBR, temperature('""'))).is_deleted


def test_an_empty_value_says_nothing(read: Read) -> None:
    reading = read(OBR, temperature(""), temperature("", "U"))
    assert facts(reading) == []
    assert reading.issues == ()


def test_a_correction_without_a_readable_value_takes_the_old_one_back_and_says_so(read: Read) -> None:
    for value in ("", "see comment"):
        reading = read(OBR, temperature(value, "C"))
        assert only(reading).is_deleted
        assert [issue.kind for issue in reading.issues] == [IssueKind.BAD_VALUE]


def test_a_comment_takes_a_result_back_only_where_the_feed_says_so(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    lines = (OBR, temperature(), "NTE|1||Entered in ERROR, wrong patient")
    assert not only(read(*lines)).is_deleted
    assert only(read(*lines, using=site("error_comments: [entered in error]"))).is_deleted


@pytest.mark.parametrize(
    ("comment", "is_deleted"),
    [
        ("***ENTERED IN ERROR***", True),
        ("Seen by Dr Roe. Entered  in error by the student", True),
        ("Rechecked, NOT entered in error", False),
        ("Earlier value of 41 was entered in error", False),
        ("This one stands, entered in error was the first", False),
    ],
)
def test_words_of_error_count_where_a_sentence_begins(
    read: Read, site: Callable[[str], MappingPack], comment: str, *, is_deleted: bool
) -> None:
    fact = only(
        read(OBR, temperature(), f"NTE|1||{comment}", using=site("error_comments: [entered in error]"))
    )
    assert fact.is_deleted == is_deleted


BY_ORDER = "result_identity: order"


def test_a_report_corrected_as_a_whole_replaces_its_order(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site(BY_ORDER)
    first = only(read(OBR, temperature(), using=pack)).group
    later = OBR.replace("113000", "114500")[:-1] + "C"
    corrected = only(read(later, temperature("36.8", "F", 7), using=pack))
    assert first is not None
    assert corrected.group is not None
    assert first.key == corrected.group.key == "site|obr|F9"
    assert (first.replaces, corrected.group.replaces) == (False, True)
    assert corrected.group.stated_at > first.stated_at
    assert corrected.version.minor == 3


def test_a_single_corrected_line_leaves_the_other_results_of_its_order(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    fact = only(read(OBR, temperature("36.8", "C", 7), using=site(BY_ORDER)))
    assert fact.group is not None
    assert not fact.group.replaces
    assert (fact.key, fact.version.minor) == ("site|F9|8310-5||1", 3)


def test_a_feed_that_says_nothing_keeps_readings_of_one_order_number_apart(read: Read) -> None:
    first = only(read(OBR, temperature(more="|||20260105100000+0000")))
    second = only(read(OBR, temperature(more="|||20260105110000+0000")))
    assert first.key != second.key
    assert first.group is None


def test_a_key_names_order_code_sub_id_and_occurrence(read: Read, site: Callable[[str], MappingPack]) -> None:
    lines = (OBR, temperature(set_id=1), temperature("?7", set_id=2), temperature("39", set_id=3))
    keys = [fact.key for fact in facts(read(*lines, using=site(BY_ORDER)))]
    assert keys == ["site|F9|8310-5||1", "site|F9|8310-5||3"]


def test_a_key_without_order_number_holds_the_time(read: Read) -> None:
    fact = only(read(OBR.replace("P9|F9", "|"), temperature()))
    at_ms = from_rfc3339("2026-01-05T11:00:00Z")
    assert (fact.key, fact.group) == (f"default|VITALS|8310-5||{at_ms}|1", None)


def test_a_feed_keyed_by_time_keeps_readings_of_one_order_apart(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pack = site("result_identity: order_time")
    first = only(read(OBR, temperature(more="|||20260105100000+0000"), using=pack))
    second = only(read(OBR, temperature(more="|||20260105110000+0000"), using=pack))
    assert first.key != second.key


def test_numbers_that_start_again_at_each_visit_hold_the_visit(
    read: Read, site: Callable[[str], MappingPack]
) -> None:
    pv1 = "PV1|1|I|||||||||||||||||V7"
    fact = only(read(pv1, OBR, temperature(), using=site(f"number_scope: visit\n{BY_ORDER}")))
    assert fact.key == "site|V7/F9|8310-5||1"


def test_the_order_number_may_stand_in_orc_alone(read: Read, site: Callable[[str], MappingPack]) -> None:
    fact = only(read("ORC|RE|P9|F9", OBR.replace("P9|F9", "|"), temperature(), using=site(BY_ORDER)))
    assert fact.key == "site|F9|8310-5||1"


@pytest.mark.parametrize(
    ("obx", "value", "comparator"),
    [
        ("OBX|1|NM|8867-4^HR^LN||>140|/min|||||F", 140.0, Comparator.ABOVE),
        ("OBX|1|SN|8867-4^HR^LN||>^140|/min|||||F", 140.0, Comparator.ABOVE),
        ("OBX|1||8867-4^HR^LN||90|/min|||||F", 90.0, Comparator.EXACT),
        ("OBX|1|ST|8867-4^HR^LN||90 bpm||||||F", 90.0, Comparator.EXACT),
        ("OBX|1|CWE|8867-4^HR^LN||90^90|/min|||||F", 90.0, Comparator.EXACT),
        ("OBX|1|NM|X^HR^L^8867-4^Heart rate^LN||90|^/min|||||F", 90.0, Comparator.EXACT),
    ],
)
def test_numbers_are_read_whatever_the_type_says(
    read: Read, obx: str, value: float, comparator: Comparator
) -> None:
    found = only(read(OBR, obx)).value
    assert isinstance(found, Quantity)
    assert (found.value, found.comparator) == (value, comparator)


@pytest.mark.parametrize(
    ("obx", "kind"),
    [
        ("OBX|1|NM|8867-4^HR^LN||60~120|/min|||||F", IssueKind.BAD_VALUE),
        ("OBX|1|SN|8867-4^HR^LN||^60^-^120|/min|||||F", IssueKind.BAD_VALUE),
        ("OBX|1|NM|8867-4^HR^LN||90||||||F", IssueKind.MISSING_UNIT),
        ("OBX|1|NM|8867-4^HR^LN||90|furlong|||||F", IssueKind.UNMAPPED_UNIT),
        ("OBX|1|NM|8310-5^T^LN||8388607|Cel|||||F", IssueKind.IMPLAUSIBLE),
    ],
)
def test_a_value_that_cannot_be_used_is_quarantined(read: Read, obx: str, kind: IssueKind) -> None:
    reading = read(OBR, obx)
    assert facts(reading) == []
    assert [(issue.kind, issue.is_quarantined) for issue in reading.issues] == [(kind, True)]


def test_a_code_nobody_mapped_is_reported_by_system_and_code(read: Read) -> None:
    reading = read(OBR, "OBX|1|NM|tt-1^InsOxy^Welch||28|%|||||F")
    assert reading.issues == (Issue(IssueKind.UNMAPPED_CODE, "OBX[1]-3", "Welch|tt-1"),)


def test_known_codes_that_are_not_needed_are_not_reported(read: Read) -> None:
    assert (
        read(OBR, "OBX|1|NM|39106-0^Skin^LN||30|Cel|||||F", "OBX|2|ED|9^Doc^L||^a^b^Base64^xx||||||F").issues
        == ()
    )


def test_a_coded_answer_and_a_text_give_the_same(read: Read) -> None:
    coded = only(read(OBR, "OBX|1|CWE|80288-4^AVPU^LN||130987000^Acute confusion^SCT||||||F"))
    text = only(read(OBR, "OBX|1|ST|80288-4^AVPU^LN||Confusion||||||F"))
    assert coded.value == Coded("C", "Acute confusion")
    assert text.value == Coded("C", "Confusion")


def test_an_interpretation_decides_where_the_text_does_not(read: Read) -> None:
    fact = only(read(OBR, "OBX|1|TX|606-4^CSF culture^LN||see report|||POS|||F"))
    assert fact.value == Coded("positive", "see report")


def test_a_pain_score_takes_its_site_from_obx_20(read: Read) -> None:
    obx = "OBX|1|NM|72514-3^Pain^LN||6|{{score}}|||||F|||||||||{site}"
    assert only(read(OBR, obx.format(site="77568009^Back^SCT"))).concept == "back-pain-score"
    assert only(read(OBR, obx.format(site="^Neck"))).concept == "neck-pain-score"
    assert only(read(OBR, obx.format(site=""))).concept == "pain-score"
    assert issues(read(OBR, obx.format(site="K^Knee^L"))) == [
        (IssueKind.UNMAPPED_CODE, "OBX[1]-5", "body site of pain-score"),
    ]


@pytest.mark.parametrize(
    ("code", "unit", "expected"),
    [
        ("777-3^Platelets^LN", "10^9/L", (38.0, "10*9/L")),
        ("777-3^Platelets^LN", "x10^9/L", (38.0, "10*9/L")),
        ("777-3^Platelets^LN", "10^3/uL^^UCUM", (38.0, "10*9/L")),
        ("777-3^Platelets^LN", "10\\S\\9/L", (38.0, "10*9/L")),
        ("777-3^Platelets^LN", "10*9/L^billion per litre^UCUM", (38.0, "10*9/L")),
        ("26465-5^WBC^LN", "x10^6/L", (38.0, "/uL")),
        ("26465-5^WBC^LN", "/mm^3", (38.0, "/uL")),
        ("26465-5^WBC^LN", "/mm3^3", (38.0, "/uL")),
        ("98979-8^eGFR^LN", "mL/min/1.73m^2", (38.0, "mL/min/{1.73_m2}")),
    ],
)
def test_a_power_in_a_unit_that_nobody_escaped_is_read(
    read: Read, code: str, unit: str, expected: tuple[float, str]
) -> None:
    value = only(read(CSF_OBR.format(source=""), f"OBX|1|NM|{code}||38|{unit}|||||F")).value
    assert isinstance(value, Quantity)
    assert (value.value, value.unit) == expected


def test_a_local_code_brings_unit_site_and_qualifiers(read: Read, site: Callable[[str], MappingPack]) -> None:
    pack = site(
        "codes: [{system: L, code: T, concept: body-temperature, unit: '[degF]', qualifiers: [oral]},"
        " {code: LBP, concept: pain-score, body_site: back}]"
    )
    reading = read(OBR, "OBX|1|NM|T^Temp^L||102.2||||||F", "OBX|2|NM|LBP||4||||||F", using=pack)
    warm, pain = facts(reading)
    assert (warm.value, warm.qualifiers) == (Quantity(39.0, "Cel", reported="102.2 [degF]"), ("oral",))
    assert pain.concept == "back-pain-score"


CSF_OBR = "OBR|1|P9|F9|CSF^CSF^L|||20260105110000+0000||||||||{source}|||||||20260105113000+0000|||F"
WHITE_CELLS = "OBX|1|NM|26465-5^WBC^LN||4|/uL|||||F"


@pytest.mark.parametrize(
    ("source", "spm", "specimen"),
    [
        ("", "", "csf"),
        ("CSF&Cerebral spinal fluid&HL70070", "", "csf"),
        ("^cerebrospinal fluid", "", "csf"),
        ("", "SPM|1|||258450006^Cerebrospinal fluid^SCT|||||||||||||20260105104500+0000", "csf"),
        ("", "SPM|1|||^EVD", "drain"),
        ("", "SPM|1|||^VP shunt", "shunt"),
        ("", "SPM|1|||CSF^CSF from ventricular shunt", "shunt"),
        ("", "SPM|1|||CSF^CSF||||VP^VP shunt reservoir^L", "shunt"),
        ("", "SPM|1|||CSF^CSF|||DRN^Aspirated from external ventricular drain^L", "drain"),
        ("CSF&Cerebrospinal fluid&HL70070^^^VENT&Lateral ventricle, ventricular tap", "", "ventricular"),
        ("", "SPM|1|||CSF^CSF, drainage not needed||||LUMB^Lumbar spine^L", "csf"),
        ("ventricular", "", "ventricular"),
        ("", "SPM|1|||ZZ^liquor^L", "csf"),
    ],
)
def test_a_csf_result_carries_its_specimen(read: Read, source: str, spm: str, specimen: str) -> None:
    lines = [CSF_OBR.format(source=source), WHITE_CELLS, *([spm] if spm else [])]
    found = [fact for fact in facts(read(*lines)) if fact.concept == "csf-wbc"]
    assert [fact.specimen for fact in found] == [specimen]


def test_a_gram_stain_needs_a_csf_specimen(read: Read) -> None:
    obx = "OBX|1|ST|664-3^Gram^LN||No organisms seen||||||F"
    named = [fact.concept for fact in facts(read(CSF_OBR.format(source="CSF"), obx))]
    assert named == ["csf-gram", "csf-specimen"]
    assert facts(read(CSF_OBR.format(source="urine"), obx)) == []
    assert issues(read(CSF_OBR.format(source=""), obx)) == [
        (IssueKind.UNMAPPED_CODE, "OBX[1]-5", "csf-gram without a specimen"),
    ]


def test_a_collected_csf_specimen_is_a_fact_even_without_a_mapped_result(read: Read) -> None:
    spm = "SPM|1|||258450006^Cerebrospinal fluid^SCT|||||||||||||20260105104500+0000"
    fact = only(read(CSF_OBR.format(source=""), "OBX|1|NM|LOCAL^x^L||4|/uL|||||F", spm))
    assert (fact.concept, fact.value, fact.specimen) == ("csf-specimen", Coded("collected"), "csf")
    assert fact.effective.origin == "SPM-17"


def test_an_ordered_csf_specimen_counts_once_it_is_collected(read: Read) -> None:
    order = "ORC|NW|P9", "OBR|1|P9||CSF^CSF^L|||20260105110000+0000"
    spm = "SPM|1|||258450006^Cerebrospinal fluid^SCT|||||||||||||{at}"
    assert facts(read(*order, spm.format(at=""), kind="OML^O21")) == []
    collected = read(*order, spm.format(at="20260105104500+0000"), kind="OML^O21")
    assert only(collected).concept == "csf-specimen"


def test_a_specimen_with_an_impossible_time_is_left_out(read: Read) -> None:
    spm = "SPM|1|||258450006^Cerebrospinal fluid^SCT|||||||||||||20990105104500+0000"
    assert facts(read("OBR|1|P9|F9|CSF^CSF^L", spm)) == []


def test_results_of_several_patients_stay_apart(read: Read, site: Callable[[str], MappingPack]) -> None:
    second = ("PID|2||P2^^^HOSP^MR", OBR.replace("F9", "F10"), temperature("36.6"))
    reading = read(OBR, temperature(), *second, using=site(BY_ORDER))
    assert [(fact.patient.value, fact.key) for fact in facts(reading)] == [
        ("P1", "site|F9|8310-5||1"),
        ("P2", "site|F10|8310-5||1"),
    ]
    assert [patient.value for patient in reading.patients] == ["P1", "P2"]


def test_one_unreadable_patient_of_several_is_an_issue(read: Read) -> None:
    reading = read(OBR, temperature(), "PID|2||0000", OBR, temperature("36.6"))
    assert [fact.patient.value for fact in facts(reading)] == ["P1"]
    assert [(issue.kind, issue.place, issue.is_quarantined) for issue in reading.issues] == [
        (IssueKind.BAD_ENTRY, "PID[2]-3", True),
    ]


def test_a_csf_specimen_whose_results_were_posted_as_wrong_is_taken_back(read: Read) -> None:
    lines = (CSF_OBR.format(source="CSF"), WHITE_CELLS.replace("|4|", "||").replace("|F", "|W"))
    assert [(fact.concept, fact.is_deleted) for fact in facts(read(*lines))] == [
        ("csf-wbc", True),
        ("csf-specimen", True),
    ]


@pytest.mark.parametrize(("status", "is_deleted"), [("C", [True]), ("F", [])])
def test_a_csf_specimen_that_is_corrected_to_fluid_of_a_shunt_is_taken_back(
    read: Read, status: str, is_deleted: list[bool]
) -> None:
    lines = (CSF_OBR.format(source="CSF shunt"), WHITE_CELLS[:-1] + status)
    assert [fact.is_deleted for fact in facts(read(*lines)) if fact.concept == "csf-specimen"] == is_deleted


@pytest.mark.parametrize(
    ("more", "count"),
    [
        ("|||||||||SKIN^Skin", 0),
        ("||||||SKIN^Skin probe^L", 0),
        ("||||||ORAL^Oral", 1),
        ("|||||||||HEAD^Head", 1),
        ("", 1),
    ],
)
def test_a_temperature_at_or_by_the_skin_is_not_read(read: Read, more: str, count: int) -> None:
    found = read(OBR, temperature(more=more))
    assert (len(facts(found)), issues(found)) == (count, [])


def test_a_correction_that_says_skin_takes_the_value_back(read: Read) -> None:
    (fact,) = facts(read(OBR, temperature(status="C", more="|||||||||SKIN^Skin")))
    assert (fact.concept, fact.is_deleted) == ("body-temperature", True)
