"""Units that read as something else, and every conversion against the definitions of UCUM."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from worker.mapping.pack import MappingPack
from worker.mapping.values import Given, read_quantity
from worker.model.fact import Quantity

TRAPS = {
    "C": ("Cel", "body-temperature"),
    "K/uL": ("10*3/uL", "platelets"),
    "10^9/L": ("10*9/L", "platelets"),
    "mmHg": ("mm[Hg]", "opening-pressure"),
    "degF": ("[degF]", "body-temperature"),
    "cmH2O": ("cm[H2O]", "opening-pressure"),
    "mmH2O": ("mm[H2O]", "opening-pressure"),
    "x10E3/uL": ("10*3/uL", "wbc"),
}
FAHRENHEIT = "100.4 [degF]"

# UCUM: case-sensitive atoms as (factor, dimension); dimensions are words, joined by the parser.
ATOMS = {
    "g": (Fraction(1), "mass"),
    "L": (Fraction(1000), "length3"),
    "m": (Fraction(100), "length"),
    "mol": (Fraction(1), "amount"),
    "Pa": (Fraction(1), "pressure"),
    "m[Hg]": (Fraction(133322), "pressure"),
    "m[H2O]": (Fraction("9806.65"), "pressure"),
    "min": (Fraction(60), "time"),
    "h": (Fraction(3600), "time"),
}
PREFIXES = {
    "": Fraction(1),
    "k": Fraction(1000),
    "d": Fraction(1, 10),
    "c": Fraction(1, 100),
    "m": Fraction(1, 10**3),
    "u": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
}
MOLAR_MASSES = {"csf-glucose": "180.156", "serum-glucose": "180.156", "creatinine": "113.12"}
SPECIAL = {"Cel", "[degF]", "K"}


def ucum(unit: str) -> tuple[Fraction, tuple[str, ...]]:
    """Return the factor of a unit over its base units, and its dimension."""
    factor, dimension = Fraction(1), []
    for at, part in enumerate(re.sub(r"\{[^}]*\}", "1", unit).split("/")):
        found, words = _term(part or "1")
        factor = factor * found if at == 0 else factor / found
        dimension += [word if at == 0 else f"per {word}" for word in words]
    return factor, tuple(sorted(dimension))


def _term(term: str) -> tuple[Fraction, list[str]]:
    if term in {"1", "%"}:
        return Fraction(1), []
    if power := re.fullmatch(r"10\*([0-9]+)", term):
        return Fraction(10) ** int(power[1]), []
    if term == "mm3":
        return Fraction(1, 1000), ["length3"]
    for length in (0, 1):
        prefix, atom = term[:length], term[length:]
        if atom in ATOMS and prefix in PREFIXES:
            factor, word = ATOMS[atom]
            return PREFIXES[prefix] * factor, [word]
    raise ValueError(term)


@pytest.mark.parametrize("written", TRAPS)
def test_a_unit_that_reads_as_something_else_is_what_people_mean(pack: MappingPack, written: str) -> None:
    meant, concept = TRAPS[written]
    assert pack.units.ucum(written) == meant
    value = "100" if meant == "[degF]" else "40"
    read = read_quantity(pack.concepts[concept], Given(value, None, written), pack.units, "", "")
    sure = read_quantity(pack.concepts[concept], Given(value, None, meant), pack.units, "", "")
    assert isinstance(read, Quantity)
    assert read == sure


def test_c_is_celsius_for_a_temperature_and_nothing_elsewhere(pack: MappingPack) -> None:
    assert not isinstance(
        read_quantity(pack.concepts["crp"], Given("40", None, "C"), pack.units, "", ""), Quantity
    )


def test_exactly_100_4_fahrenheit_is_38_celsius(pack: MappingPack) -> None:
    concept = pack.concepts["body-temperature"]
    assert concept.conversions["[degF]"].apply(100.4) != 38.0
    read = read_quantity(concept, Given("100.4", None, "[degF]"), pack.units, "", "")
    assert isinstance(read, Quantity)
    assert (read.value, read.unit, read.reported) == (38.0, "Cel", FAHRENHEIT)


def test_every_trap_of_the_specification_is_here(shared: Path) -> None:
    text = (shared / "clinical" / "concepts.yaml").read_text(encoding="utf-8")
    traps: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(text)["unit_traps"]
    stated = {written for trap in traps for written in trap["in"].split(", ")}
    assert stated == {*TRAPS, FAHRENHEIT}
    wanted = {
        written: meant
        for trap in traps
        if trap["in"] != FAHRENHEIT
        for written, meant in zip(trap["in"].split(", "), trap["want"].split(", "), strict=True)
    }
    assert wanted == {written: meant for written, (meant, _) in TRAPS.items()}


def test_every_conversion_agrees_with_the_definitions_of_ucum(pack: MappingPack) -> None:
    wrong = []
    for concept in pack.concepts.values():
        for unit, conversion in concept.conversions.items():
            if {unit, concept.unit} & SPECIAL:
                continue
            (factor, dimension), (base, based) = ucum(unit), ucum(concept.unit)
            if concept.id in MOLAR_MASSES and "amount" in dimension:
                factor *= Fraction(MOLAR_MASSES[concept.id])
                dimension = tuple(sorted(word.replace("amount", "mass") for word in dimension))
            if dimension != based or conversion.offset:
                wrong.append((concept.id, unit, dimension))
            if conversion.factor != pytest.approx(float(factor / base), rel=1e-12):
                wrong.append((concept.id, unit, conversion.factor))
    assert wrong == []


@pytest.mark.parametrize(
    ("unit", "value", "celsius"), [("[degF]", 212.0, 100.0), ("[degF]", -40.0, -40.0), ("K", 273.15, 0.0)]
)
def test_temperatures_agree_at_their_fixed_points(
    pack: MappingPack, unit: str, value: float, celsius: float
) -> None:
    conversion = pack.concepts["body-temperature"].conversions[unit]
    assert conversion.apply(value) == pytest.approx(celsius, abs=1e-9)
