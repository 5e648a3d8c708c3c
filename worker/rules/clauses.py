"""The shapes of predicates in rule files: what may stand in `when`, `unless`, `raise`, `lower`. Pure: no I/O, no clock.

Two scopes. An *episode clause* says something of one LP; a *reading clause* says something of one fact r, and may hold
episode clauses too. Several keys in one clause must all hold. Numbers never stand here: `$name` refers to `params`.
Each predicate has a section with its truth table in docs/rules.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker.decode.located_yaml import PackModel

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Reference = Annotated[str, Field(pattern=r"^\$[a-z][a-z0-9_]*$")]
Status = Literal["present", "absent", "uncertain", "resolved", "historical", "hypothetical", "family"]
Concepts = Annotated[tuple[Name, ...], Field(min_length=1)]

RELATIONS = ("above", "at_least", "below", "at_most")


class Bounds(PackModel):
    """Limits for a number; all that are given must hold."""

    above: Reference | None = None
    at_least: Reference | None = None
    below: Reference | None = None
    at_most: Reference | None = None

    @model_validator(mode="after")
    def _has_one(self) -> Self:
        if all(getattr(self, relation) is None for relation in RELATIONS):
            raise ValueError("needs one of above, at_least, below, at_most")
        return self


class WindowSpec(PackModel):
    """Hours after the LP (before it, when negative) in which facts count.

    `from` and `to` include their instant, `after` and `before` do not. `counts_from: series` counts the start from the first
    LP of the series; the end always counts from the LP itself.
    """

    from_: Reference | None = Field(default=None, alias="from")
    after: Reference | None = None
    to: Reference | None = None
    before: Reference | None = None
    counts_from: Literal["lp", "series"] = "lp"

    @model_validator(mode="after")
    def _has_both_ends(self) -> Self:
        if (self.from_ is None) == (self.after is None):
            raise ValueError("needs either from (that instant counts) or after (it does not)")
        if (self.to is None) == (self.before is None):
            raise ValueError("needs either to (that instant counts) or before (it does not)")
        return self


class PunctureSpec(PackModel):
    """What the records of the LP say; any one that is given must be documented."""

    is_traumatic: Literal[True] | None = None
    passes: Bounds | None = None


class DrugSpec(PackModel):
    """A drug that acts at some instant of the span, one dose acting for `active_for`."""

    of: Concepts
    active_for: Reference
    during: WindowSpec
    with_: tuple[Name, ...] = Field(default=(), alias="with")
    without: tuple[Name, ...] = ()


class MissingSpec(PackModel):
    """No reading of any of the concepts for `gap`, judged `grace` later, while the patient is in the house."""

    of: Concepts
    gap: Reference
    grace: Reference
    encounter: Annotated[tuple[str, ...], Field(min_length=1)]


class RisingSpec(PackModel):
    """The last `readings` readings up to r rise strictly; with `or_more` as many as rise without a break."""

    readings: Reference
    or_more: bool = False
    within: Reference
    by: Bounds
    spanning: Bounds | None = None
    not_before: Reference | None = None
    counts_from: Literal["lp", "series"] = "lp"


class RiseSpec(Bounds):
    """How much r exceeds an earlier reading of its own concept."""

    over: Literal["previous", "lowest"]
    within: Reference
    not_before: Reference
    counts_from: Literal["lp", "series"] = "lp"


class BaselineRiseSpec(Bounds):
    """How much r exceeds the baseline of its concept."""

    over: Literal["highest", "last"]


class BaselineDropSpec(Bounds):
    """How far r is below the baseline of its concept, with what stands in for a missing baseline."""

    or_first_within: Reference
    or_assume: Reference


class WorseSpec(PackModel):
    """r stands further down an ordered list of answers than the baseline of its concept."""

    order: Annotated[tuple[str, ...], Field(min_length=2)]
    or_assume: str


class HasBaselineSpec(PackModel):
    """There is a value of r's concept from before the LP, or from soon after it."""

    or_first_within: Reference | None = None


class BaselineFindingSpec(PackModel):
    """A finding that was there before the LP, with one of these qualifiers where any is given."""

    of: Concepts
    with_: tuple[Name, ...] = Field(default=(), alias="with")


class ArrivalSpec(PackModel):
    """r is a visit that begins when the patient was not in the house, nor had left it less than `away` before."""

    away: Reference
    encounter: Annotated[tuple[str, ...], Field(min_length=1)]


class MinusSpec(Bounds):
    """r minus a part of another reading of the same specimen or collection time, not below zero."""

    of: Name
    each: Reference
    from_age: Reference


class RatioSpec(Bounds):
    """r divided by the nearest reading of another concept."""

    of: Name
    within: Reference


class EpisodeClause(PackModel):
    """What holds of one LP."""

    all: tuple[EpisodeClause, ...] | None = None
    any: tuple[EpisodeClause, ...] | None = None
    not_: EpisodeClause | None = Field(default=None, alias="not")
    is_: Name | None = Field(default=None, alias="is")
    rule: Name | None = None
    age: Bounds | None = None
    reading: ReadingSpec | None = None
    finding: FindingSpec | None = None
    count: CountSpec | None = None
    missing: MissingSpec | None = None
    active_drug: DrugSpec | None = None
    puncture: PunctureSpec | None = None
    baseline_finding: BaselineFindingSpec | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("needs at least one predicate")
        return self


class ReadingClause(EpisodeClause):
    """What holds of one fact r, or of its LP."""

    all: tuple[ReadingClause, ...] | None = None
    any: tuple[ReadingClause, ...] | None = None
    not_: ReadingClause | None = Field(default=None, alias="not")
    above: Reference | None = None
    at_least: Reference | None = None
    below: Reference | None = None
    at_most: Reference | None = None
    minus: MinusSpec | None = None
    ratio_to: RatioSpec | None = None
    concept: Concepts | None = None
    answer: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    asserted: Annotated[tuple[Status, ...], Field(min_length=1)] | None = None
    with_: Annotated[tuple[Name, ...], Field(min_length=1)] | None = Field(default=None, alias="with")
    without: Annotated[tuple[Name, ...], Field(min_length=1)] | None = None
    new: Literal[True] | None = None
    since_lp: Bounds | None = None
    since_series: Bounds | None = None
    preceded_by: EarlierSpec | None = None
    near: NearSpec | None = None
    rising: RisingSpec | None = None
    rise: RiseSpec | None = None
    rise_from_baseline: BaselineRiseSpec | None = None
    drop_from_baseline: BaselineDropSpec | None = None
    worse_than_baseline: WorseSpec | None = None
    has_baseline: HasBaselineSpec | None = None
    baseline_has: ReadingClause | None = None
    arrival: ArrivalSpec | None = None


class ReadingSpec(PackModel):
    """There is a reading of one of the concepts in the window for which `where` holds."""

    of: Concepts
    window: WindowSpec | None = None
    where: ReadingClause | None = None


class FindingSpec(PackModel):
    """A note or a coded entry states a finding; by default as present or uncertain, and new against the baseline.

    `baseline_from` (hours before the LP) shortens how far back a dated statement counts as the baseline.
    """

    of: Concepts
    status: Annotated[tuple[Status, ...], Field(min_length=1)] = ("present", "uncertain")
    new: bool = True
    baseline_from: Reference | None = None
    with_: tuple[Name, ...] = Field(default=(), alias="with")
    without: tuple[Name, ...] = ()
    window: WindowSpec | None = None
    where: ReadingClause | None = None


class CountSpec(PackModel):
    """At least so many readings in the window, each at least `apart` after the one counted before it."""

    of: Concepts
    readings: Reference
    apart: Reference | None = None
    window: WindowSpec | None = None
    where: ReadingClause | None = None


class EarlierSpec(PackModel):
    """An earlier fact, `gap` before r (left out: any time) and not before `not_before` (counted from the LP or the series).

    With `unbroken_by` it is younger than every other fact before r of which that clause holds.
    """

    of: Concepts
    gap: Bounds | None = None
    not_before: Reference | None = None
    counts_from: Literal["lp", "series"] = "lp"
    where: ReadingClause | None = None
    unbroken_by: ReadingClause | None = None


class NearSpec(PackModel):
    """A fact at most `within` before or after r."""

    of: Concepts
    within: Reference
    where: ReadingClause | None = None


def predicate_names(clause: type[EpisodeClause]) -> tuple[str, ...]:
    """Return the predicates of a scope as rule files write them, in the order of the code."""
    return tuple(field.alias or name for name, field in clause.model_fields.items())
