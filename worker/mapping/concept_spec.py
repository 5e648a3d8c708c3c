"""The shape of concept, unit and manifest files of a pack. Pure: no I/O, no clock.

Written for the people who edit them: field descriptions go into the JSON Schema that editors show.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from worker.decode.located_yaml import PackModel

Identifier = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Number = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?(/[0-9]+(\.[0-9]+)?)?$")]


class Kind(StrEnum):
    """Say what sort of value a concept has."""

    QUANTITY = "quantity"
    CODE = "code"
    ASSESSMENT = "assessment"
    PROCEDURE = "procedure"
    MEDICATION = "medication"
    FINDING = "finding"
    ENCOUNTER = "encounter"
    NOTE = "note"
    MOMENT = "moment"
    IGNORED = "ignored"


class CodeSpec(PackModel):
    """One code of a terminology that means the concept."""

    system: str = Field(description="Short name of the code system: loinc, sct, icd10cm, cpt, mdc, ...")
    code: str = Field(description="The code; write it in quotes where it is all digits.")
    display: str = Field(description="What the code system calls it.")
    seen_in: str = Field(description="The public source in which code and meaning were seen.")
    answer: str = Field(default="", description="The value that this code stands for (a drug of a class).")
    optional: bool = Field(
        default=False,
        description="Off unless a feed maps the code itself: known, and not reported as unmapped.",
    )


class ExcludedCodeSpec(PackModel):
    """A code that looks like the concept and is not: known, and never used."""

    system: str
    code: str
    display: str


class UnverifiedCodeSpec(PackModel):
    """A code nobody confirmed: never used, listed so that `lint` can name the gap."""

    system: str
    code: str = ""
    display: str


class AnswerSpec(PackModel):
    """One allowed value of a coded concept, and how sources write it."""

    value: str = Field(description="The value that rules compare (A, C, V, P, U).")
    codes: tuple[CodeSpec, ...] = ()
    words: tuple[str, ...] = Field(
        default=(), description="Whole texts that mean this value; case does not matter."
    )


class ResultPhrases(PackModel):
    """Phrases of one meaning in a result text, and interpretation flags that say the same."""

    phrases: tuple[str, ...] = Field(default=(), description="Words within the text; case does not matter.")
    flags: tuple[str, ...] = Field(default=(), description="OBX-8 or Observation.interpretation codes.")


class ResultsSpec(PackModel):
    """How a laboratory says positive, negative and contaminant."""

    positive: ResultPhrases = ResultPhrases()
    negative: ResultPhrases = ResultPhrases()
    contaminant: ResultPhrases = ResultPhrases()
    organisms: tuple[str, ...] = Field(
        default=(),
        description="Names of organisms and what they look like: positive where nothing in the clause denies it.",
    )
    pathogens: tuple[str, ...] = Field(
        default=(), description="Organisms that no contaminant beside them explains away."
    )
    shapes: tuple[str, ...] = Field(
        default=(),
        description="What a microscope shows (cocci): as `organisms`, and never the aim of a test that is awaited.",
    )
    sightings: tuple[str, ...] = Field(
        default=(),
        description="Words that say of an organism in their clause that it is there; of nothing else.",
    )
    labels: tuple[str, ...] = Field(
        default=(),
        description="Words that with a colon do as much for the name behind them: `Culture: Listeria`.",
    )
    awaited: tuple[str, ...] = Field(
        default=(),
        description="Words of a test without a result yet: with one of `tests`, the organism of their clause says nothing.",
    )
    tests: tuple[str, ...] = Field(default=(), description="Names of tests that look for organisms.")
    undone: tuple[str, ...] = Field(
        default=(),
        description="Phrases that no test was done, or sent away: the organism of their clause says nothing.",
    )
    follow_ups: tuple[str, ...] = Field(
        default=(),
        description="Tests of what was found: where one of them is awaited, the organism is there.",
    )
    retractions: tuple[str, ...] = Field(
        default=(),
        description="Words by which a text takes back what it repeats: with them, both things said is unknown.",
    )
    negators: tuple[str, ...] = Field(
        default=(), description="Words that turn the positive phrases of their clause into negative ones."
    )


class ReasonSpec(PackModel):
    """One complaint with which patients come, and how reasons for a visit name it."""

    id: Identifier = Field(description="Qualifier of the visit, which rules ask for.")
    words: tuple[str, ...] = Field(default=(), description="Words of the reason; case does not matter.")
    findings: tuple[Identifier, ...] = Field(
        default=(), description="Findings of the pack: a reason coded as one of them means the same."
    )


class ConversionSpec(PackModel):
    """value in the canonical unit = factor × value in `unit` + offset."""

    unit: str
    factor: Number = Field(description="A decimal number or a fraction, as text: '18.0156', '5/9'.")
    offset: Number = "0"
    why: str = Field(default="", description="Where the factor comes from.")


class SpecimenSpec(PackModel):
    """Which specimen a result of this concept is about."""

    is_: str = Field(alias="is", description="Specimen class: csf, blood, ...")
    implied: bool = Field(
        default=False,
        description="True: the codes name the specimen themselves. False: the message must name it.",
    )


class ConceptSpec(PackModel):
    """One clinical idea that rules speak of."""

    id: Identifier = Field(description="Name that rules use; never reused.")
    title: str = ""
    kind: Literal[
        "quantity", "code", "assessment", "procedure", "medication", "finding", "encounter", "note", "moment"
    ]
    disabled: bool = Field(default=False, description="True: remove the concept of a lower layer.")
    unit: str = Field(default="", description="Canonical UCUM unit, for quantities.")
    units: tuple[str, ...] = Field(default=(), description="UCUM units that are accepted and converted.")
    precision: float = Field(default=0.01, description="Values are rounded to this, before any comparison.")
    plausible: tuple[float, float] | None = Field(
        default=None, description="Outside it, a value is a data-quality event and never reaches a rule."
    )
    continuous: bool = Field(
        default=False,
        description="Bedside devices chart it all the time: a value nobody validated counts as the median of ten minutes.",
    )
    conversions: tuple[ConversionSpec, ...] = Field(
        default=(), description="Factors that hold for this concept only."
    )
    specimen: SpecimenSpec | None = None
    body_sites: dict[str, str] = Field(
        default_factory=dict, description="Body site class → concept that the value then means."
    )
    exclude_sites: tuple[str, ...] = Field(
        default=(),
        description="Body site classes at which, or by a method named so, a value is about something else (skin).",
    )
    codes: tuple[CodeSpec, ...] = ()
    exclude_codes: tuple[ExcludedCodeSpec, ...] = ()
    unverified: tuple[UnverifiedCodeSpec, ...] = ()
    answers: tuple[AnswerSpec, ...] = ()
    results: ResultsSpec | None = None
    qualifier_words: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Qualifier → words in the drug or order text that say so."
    )
    qualifier_overrides: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Qualifier → qualifiers that its words take away where both are said.",
    )
    reasons: tuple[ReasonSpec, ...] = Field(
        default=(), description="Complaints with which patients come, for visits."
    )
    negators: tuple[str, ...] = Field(
        default=(), description="Words before which a reason does not hold in their clause: no, denies."
    )
    note: str = ""


class BodySiteSpec(PackModel):
    """One class of body site, and how sources name it."""

    id: Identifier
    disabled: bool = False
    codes: tuple[CodeSpec, ...] = ()
    words: tuple[str, ...] = ()


class ConceptFile(PackModel):
    """A file of `concepts/`."""

    concepts: tuple[ConceptSpec, ...] = ()
    body_sites: tuple[BodySiteSpec, ...] = ()


class UnitSpec(PackModel):
    """A UCUM unit and the other ways to write it."""

    unit: str = Field(description="UCUM, case-sensitive form.")
    disabled: bool = False
    aliases: tuple[str, ...] = Field(
        default=(), description="Other spellings; a concept must accept the unit as well."
    )


class UnitConversionSpec(PackModel):
    """value in `to` = factor × value in `from` + offset, whatever is measured."""

    from_: str = Field(alias="from")
    to: str
    factor: Number
    offset: Number = "0"
    why: str = ""


class UnitFile(PackModel):
    """The file `concepts/units.yaml`."""

    units: tuple[UnitSpec, ...] = ()
    conversions: tuple[UnitConversionSpec, ...] = ()
    device_sentinels: tuple[float, ...] = Field(
        default=(), description="Numbers by which devices say that they have no value, in any unit."
    )
    remarks: tuple[str, ...] = Field(
        default=(),
        description="Words that may follow a number in its field and change nothing ('102.1F oral').",
    )


class Manifest(PackModel):
    """The file `pack.yaml`: what a pack is called."""

    id: Identifier
    version: str
    title: str = ""
    systems: dict[str, str] = Field(
        default_factory=dict, description="Short name of a code system → its URI."
    )
