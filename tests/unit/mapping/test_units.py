"""Units: spellings, traps, and arithmetic by hand."""

from __future__ import annotations

import pytest

from worker.mapping.concept_spec import UnitSpec
from worker.mapping.pack import MappingPack
from worker.mapping.units import Linear, compile_units, linear


@pytest.mark.parametrize(
    ("written", "ucum"),
    [
        ("C", "Cel"),
        ("°C", "Cel"),
        ("deg C", "Cel"),
        ("DegF", "[degF]"),
        ("degF", "[degF]"),
        ("F", "[degF]"),
        ("°F", "[degF]"),
        ("MDC_DIM_DEGC", "Cel"),
        ("MDC_DIM_BEAT_PER_MIN", "/min"),
        ("MDC_DIM_PERCENT", "%"),
        ("bpm", "/min"),
        ("mmHg", "mm[Hg]"),
        ("mm Hg", "mm[Hg]"),
        ("cmH2O", "cm[H2O]"),
        ("mmH2O", "mm[H2O]"),
        ("K/uL", "10*3/uL"),
        ("x10E3/uL", "10*3/uL"),
        ("10^9/L", "10*9/L"),
        ("G/L", "10*9/L"),
        ("g/L", "g/L"),
        ("MG/DL", "mg/dL"),
        ("/10", "{score}"),
        (" mg / dL ", "mg/dL"),
        ("furlong", ""),
        ("", ""),
    ],
)
def test_a_spelling_becomes_ucum(pack: MappingPack, written: str, ucum: str) -> None:
    assert pack.units.ucum(written) == ucum


def test_case_matters_where_two_units_differ_by_it_alone() -> None:
    table = compile_units([UnitSpec(unit="g/L"), UnitSpec(unit="10*9/L", aliases=("G/L",))])
    assert (table.ucum("g/L"), table.ucum("G/L"), table.ucum("g/l")) == ("g/L", "10*9/L", "")


@pytest.mark.parametrize(
    ("rest", "unit"),
    [
        ("", ""),
        ("oral", ""),
        ("F oral", "[degF]"),
        ("deg C (oral)", "Cel"),
        ("C wrong patient", None),
        ("to 120", None),
    ],
)
def test_text_behind_a_number_is_a_unit_and_remarks_or_nothing(
    pack: MappingPack, rest: str, unit: str | None
) -> None:
    assert pack.units.in_text(rest) == unit


@pytest.mark.parametrize(
    ("concept", "value", "unit", "expected"),
    [
        ("body-temperature", 100.4, "[degF]", 38.0),
        ("body-temperature", 100.6, "[degF]", 38.11),
        ("body-temperature", 311.15, "K", 38.0),
        ("csf-glucose", 1.4, "mmol/L", 25.22),
        ("serum-glucose", 5.5, "mmol/L", 99.09),
        ("creatinine", 88.4, "umol/L", 1.0),
        ("csf-protein", 0.45, "g/L", 45.0),
        ("csf-protein", 450.0, "mg/L", 45.0),
        ("crp", 3.4, "mg/dL", 34.0),
        ("opening-pressure", 25.0, "cm[H2O]", 250.0),
        ("opening-pressure", 10.0, "mm[Hg]", 135.95),
        ("opening-pressure", 2.0, "kPa", 203.94),
        ("platelets", 150_000.0, "/uL", 150.0),
        ("csf-wbc", 820.0, "10*6/L", 820.0),
        ("csf-wbc", 0.006, "10*9/L", 6.0),
        ("csf-rbc", 1.2, "10*9/L", 1200.0),
        ("wbc", 12.1, "10*3/uL", 12.1),
    ],
)
def test_a_value_is_converted_to_the_unit_of_its_concept(
    pack: MappingPack, concept: str, value: float, unit: str, expected: float
) -> None:
    found = pack.concepts[concept]
    assert round(found.conversions[unit].apply(value), found.decimals) == expected


def test_glucose_is_not_converted_with_the_factor_of_another_substance(pack: MappingPack) -> None:
    assert "mmol/L" not in pack.concepts["creatinine"].conversions
    assert "umol/L" not in pack.concepts["csf-glucose"].conversions


def test_factors_are_decimals_or_fractions() -> None:
    assert linear("5/9", "-160/9").apply(212) == pytest.approx(100.0)
    assert linear("0.1", "0") == Linear(0.1, 0.0)
