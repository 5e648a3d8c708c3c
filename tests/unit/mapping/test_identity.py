"""Patient numbers: authorities, placeholders, newborns, links."""

from __future__ import annotations

from worker.mapping.feed_spec import AuthoritySpec, IdentitySpec
from worker.mapping.identity import Number, compile_authorities
from worker.model.fact import Identifier, IdentityLink

AUTHORITIES = compile_authorities(
    IdentitySpec(
        authorities=(
            AuthoritySpec(name="mrn", authority="HOSP"),
            AuthoritySpec(name="mrn", system="https://hosp.example/mrn"),
            AuthoritySpec(name="national", type="NI"),
        ),
        primary=("mrn", "national"),
        placeholders=("^0+$", "(?i:unknown)"),
        never_join_numbers=("^NB",),
        never_join_types=("VN",),
    ),
)


def test_authorities_get_short_names_and_the_primary_comes_first() -> None:
    numbers = [Number("9", type="NI"), Number("1", "HOSP", "MR"), Number("7", "ELSEWHERE")]
    assert AUTHORITIES.identifiers(numbers, "CITY") == (
        Identifier("mrn", "1", "MR"),
        Identifier("national", "9", "NI"),
        Identifier("ELSEWHERE", "7"),
    )


def test_hl7_and_fhir_names_of_one_authority_agree() -> None:
    hl7 = AUTHORITIES.identifiers([Number("1", "HOSP")], "CITY")
    fhir = AUTHORITIES.identifiers([Number("1", system="https://hosp.example/mrn")], "CITY")
    assert hl7 == fhir


def test_a_number_without_authority_takes_the_fallback() -> None:
    assert AUTHORITIES.identifiers([Number("1")], "CITY") == (Identifier("CITY", "1"),)


def test_placeholders_blanks_and_repeats_are_no_numbers() -> None:
    numbers = [Number("000"), Number(" "), Number("Unknown"), Number("1", "HOSP"), Number("1", "HOSP", "MR")]
    assert AUTHORITIES.identifiers(numbers, "CITY") == (Identifier("mrn", "1"),)


def test_newborn_and_visit_numbers_name_a_patient_but_never_link() -> None:
    found = AUTHORITIES.identifiers(
        [Number("NB1", "HOSP"), Number("5", "V", "VN"), Number("9", type="NI")], "CITY"
    )
    assert found[0] == Identifier("national", "9", "NI")
    assert AUTHORITIES.links(found, "same-pid", 5) == ()


def test_numbers_of_one_patient_are_linked_with_the_first() -> None:
    found = AUTHORITIES.identifiers([Number("9", type="NI"), Number("1", "HOSP")], "CITY")
    assert AUTHORITIES.links(found, "same-pid", 5) == (
        IdentityLink(Identifier("mrn", "1"), Identifier("national", "9", "NI"), "same-pid", 5),
    )


def test_the_number_of_a_record_joins_whatever_it_looks_like() -> None:
    record, number = Identifier("ehr|Patient", "NB1"), Identifier("mrn", "1")
    assert AUTHORITIES.links((record, number), "same-pid", 5) == ()
    assert AUTHORITIES.links((record, number), "same-pid", 5, record) == (
        IdentityLink(record, number, "same-pid", 5, record),
    )
