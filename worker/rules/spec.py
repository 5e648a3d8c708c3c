"""The shape of rule files and `definitions.yaml`. Pure: no I/O, no clock.

Written for the people who edit them: field descriptions go into the JSON Schema that editors show.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker.decode.located_yaml import PackModel
from worker.rules.basis_spec import Claim, Sentence
from worker.rules.clauses import Concepts, EpisodeClause, Name, ReadingClause, Reference, WindowSpec

Level = Literal["info", "routine", "urgent", "emergent"]


class AgeBand(PackModel):
    """A value for patients younger than `below`; bands stand from the youngest on."""

    below: float = Field(gt=0, description="Age at the LP, exclusive.")
    age_unit: Literal["d", "a"] = Field(description="d: days, a: years of 365.25 days.")
    value: float


class ParamSpec(PackModel):
    """One clinical number: what it is, where it comes from or who must approve it."""

    value: float = Field(description="The number; with by_age the one for everybody older.")
    unit: Annotated[str, Field(min_length=1)] = Field(
        description="UCUM: the concept's unit, min/h/d/a, or 1 for a count."
    )
    by_age: tuple[AgeBand, ...] = ()
    source: tuple[str, ...] = Field(default=(), description="Keys of sources.yaml, or claims (B12).")
    house_choice: str = Field(default="", description="No source: who must approve the number.")
    why: str = Field(default="", description="What the number means, where the name does not say it.")
    review_until: date | None = Field(
        default=None,
        description="Last day on which the number counts as looked at; lint refuses it after that.",
    )

    @model_validator(mode="after")
    def _has_one_basis(self) -> Self:
        if bool(self.source) == bool(self.house_choice):
            raise ValueError(
                "needs either source (where the number is from) or house_choice (who must approve it)"
            )
        return self


class ShadowSpec(PackModel):
    """When a finding of an otherwise notifying rule is only stored and counted."""

    rests_on: Concepts = Field(description="Every hit is a fact of one of these concepts.")


class UnlessSpec(PackModel):
    """A clause that suppresses a hit where it is true, and what is said about it."""

    when: ReadingClause
    say: Sentence


class RaiseSpec(PackModel):
    """A clause that lifts the severity of a hit."""

    to: Level
    when: ReadingClause
    say: Sentence


class LowerSpec(PackModel):
    """A clause that lowers the severity of a hit, always with a remark."""

    to: Level | None = Field(default=None, description="At most this severity.")
    by: Literal[1] | None = Field(default=None, description="One level lower.")
    when: ReadingClause
    say: Sentence

    @model_validator(mode="after")
    def _has_one_way(self) -> Self:
        if (self.to is None) == (self.by is None):
            raise ValueError("needs either to (a severity) or by: 1 (one level)")
        return self


class RemarkSpec(PackModel):
    """A sentence for the alert where a clause holds of a hit."""

    when: ReadingClause
    say: Sentence


class RenotifySpec(PackModel):
    """A worsening of the same finding that is told again."""

    rise: Reference = Field(description="How much the highest value must exceed what was last told.")


class SaysSpec(PackModel):
    """What the alert tells the clinician, in our own words; never an order."""

    possible_causes: tuple[Sentence, ...] = Field(
        default=(), description="At least one, except where the rule opens no alert."
    )
    considerations: tuple[Sentence, ...] = ()
    check: tuple[Sentence, ...] = ()
    education: tuple[Sentence, ...] = Field(
        default=(), description="What may be told to a patient whose course is as expected."
    )


class ReviewSpec(PackModel):
    """Who reviewed the rule; nobody, until a site's own reviewers did."""

    status: Literal["not clinically reviewed", "clinically reviewed"]
    by: str | None
    on: date | None = Field(default=None, alias="date")
    until: date | None = Field(
        default=None, description="Last day of the review; lint refuses the rule after that."
    )

    @model_validator(mode="after")
    def _names_reviewer(self) -> Self:
        is_reviewed = self.status == "clinically reviewed"
        if is_reviewed != bool(self.by) or is_reviewed != bool(self.on):
            raise ValueError(
                "a clinically reviewed rule names who (by) and when (date); others leave both null"
            )
        if self.until is not None and (self.on is None or self.until < self.on):
            raise ValueError("until is a day after the date of a clinical review")
        return self


Params = dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], ParamSpec]


class RuleSpec(PackModel):
    """One rule, one file."""

    id: Name = Field(description="Never reused. A later layer's rule of the same id replaces it.")
    version: int = Field(ge=1, description="Raised with every change of meaning.")
    title: Sentence
    status: Literal["draft", "shadow", "active", "retired"]
    shadow_when: ShadowSpec | None = None
    severity: Level
    window: WindowSpec
    lasts: Literal["window", "episode"] | Reference = Field(
        default="window",
        description="When its alert expires: with its window, so long after the LP, or when the LP itself is over.",
    )
    params: Params
    when: EpisodeClause
    unless: tuple[UnlessSpec, ...] = ()
    raise_: tuple[RaiseSpec, ...] = Field(default=(), alias="raise")
    lower: tuple[LowerSpec, ...] = ()
    remarks: tuple[RemarkSpec, ...] = ()
    renotify: RenotifySpec | None = None
    folds: tuple[Name, ...] = Field(
        default=(), description="Weaker rules that open no alert while this one holds."
    )
    asks_for: tuple[Name, ...] = Field(
        default=(),
        description="Circumstances of definitions.yaml: its alert names what of them is not on file. It decides nothing.",
    )
    opens: Literal["alert", "nothing"] = Field(
        default="alert",
        description="nothing: a finding that `why` shows and that opens no alert, whatever its status.",
    )
    context_of: tuple[Name, ...] = Field(
        default=(), description="Rules in whose alerts a finding that opens no alert stands as context."
    )
    says: SaysSpec
    misses: Annotated[tuple[Sentence, ...], Field(min_length=1)]
    false_positives: Annotated[tuple[Sentence, ...], Field(min_length=1)]
    seeds: tuple[Claim, ...] = Field(default=(), description="Claims that the rule follows from.")
    sources: tuple[str, ...] = Field(default=(), description="Keys of sources.yaml.")
    review: ReviewSpec

    @model_validator(mode="after")
    def _says_what_it_opens(self) -> Self:
        if self.opens == "alert":
            if not self.says.possible_causes:
                raise ValueError("a rule that opens alerts needs says.possible_causes")
            if self.context_of or self.says.education:
                raise ValueError("context_of and says.education are for rules with `opens: nothing`")
        elif self.folds or self.asks_for or self.renotify is not None or self.severity != "info":
            raise ValueError(
                "a rule with `opens: nothing` is of severity info, and has no folds, no asks_for and no renotify"
            )
        return self


class DisabledSpec(PackModel):
    """Removes the rule of a lower layer."""

    id: Name
    disabled: Literal[True]


class DefinitionSpec(PackModel):
    """A named clause with its own numbers, for several rules."""

    title: Sentence
    of: tuple[Name, ...] = Field(
        default=(), description="Concepts it is about; none for one that is about the LP."
    )
    params: Params = Field(default_factory=dict)
    where: ReadingClause


class SumSpec(PackModel):
    """A value added up from parts of the same instant, where it is not reported itself."""

    parts: Annotated[tuple[Name, ...], Field(min_length=2)]
    part_letters: tuple[str, ...] = Field(default=(), description="How people write the parts: E, V, M.")
    without: Name | None = Field(
        default=None, description="A part left out; said by `qualifier` where it is missing."
    )
    qualifier: Name | None = None


class ExpectedSpec(PackModel):
    """What is charted or reported of a patient who is watched after an LP, and how long its silence is ordinary."""

    title: Sentence
    of: Concepts = Field(description="Any of these will do; `note` stands for every finding, too.")
    within: ParamSpec = Field(
        description="A duration; after it the rules that need the input count as blind."
    )
    once: bool = Field(default=False, description="One is enough, as for a result of the LP's own fluid.")


class CircumstanceSpec(PackModel):
    """What stands beside every alert of an LP, and decides nothing."""

    title: Sentence
    of: Concepts = Field(description="Of each the newest value is shown, of drugs the newest dose of each.")
    from_: ParamSpec = Field(alias="from", description="From when on, counted from the LP.")
    to: ParamSpec = Field(description="Until when.")


class DefinitionsFile(PackModel):
    """`rules/definitions.yaml`."""

    params: Params = Field(
        default_factory=dict, description="Numbers that several rules or definitions share."
    )
    definitions: dict[Name, DefinitionSpec] = Field(default_factory=dict)
    kinds: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict, description="A finding, and the findings that are a kind of it."
    )
    sums: dict[Name, SumSpec] = Field(default_factory=dict)
    expected: dict[Name, ExpectedSpec] = Field(
        default_factory=dict,
        description="Inputs of which the silence makes rules blind (`lpwatch blindspots`).",
    )
    circumstances: dict[Name, CircumstanceSpec] = Field(
        default_factory=dict, description="What stands beside every alert of an LP, in this order."
    )
