"""The shape of `sources.yaml`, `claims.yaml` and `versions.lock.yaml`: what rules rest on. Pure: no I/O, no clock.

Written for the people who edit them: field descriptions go into the JSON Schema that editors show.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from worker.decode.located_yaml import PackModel
from worker.rules.clauses import Name

Sentence = Annotated[str, Field(min_length=3)]
Claim = Annotated[str, Field(pattern=r"^[A-Z][0-9]{2}$")]
ClaimKind = Literal[
    "rule",
    "threshold",
    "window",
    "exclusion",
    "risk",
    "action",
    "education",
    "base-rate",
    "dispute",
]


class SourceSpec(PackModel):
    """One source: how to find it, what it says of our subject, and how it was read."""

    cite: Sentence
    year: Annotated[int, Field(ge=1900, le=2100)] | None = Field(
        default=None, description="Of this edition; none where only summaries of an unnamed one were read."
    )
    read: Sentence = Field(description="What of it was read: page, abstract, secondary summary.")
    fact: Sentence | None = Field(
        default=None, description="What it says that rules use, in our own words, with its numbers."
    )


class ViewSpec(PackModel):
    """What one source says of a matter on which sources differ."""

    source: str
    claims: tuple[Claim, ...] = ()
    says: Sentence


class DifferenceSpec(PackModel):
    """A matter on which sources differ, and what the rules do."""

    about: Sentence
    views: Annotated[tuple[ViewSpec, ...], Field(min_length=1)]
    here: Sentence = Field(description="What the rules take, and who may change it.")
    rules: tuple[Name, ...] = ()


class SourcesFile(PackModel):
    """`rules/sources.yaml`."""

    sources: dict[str, SourceSpec] = Field(default_factory=dict)
    differences: tuple[DifferenceSpec, ...] = Field(
        default=(), description="Where sources differ; those of a later layer come after."
    )


class ClaimSpec(PackModel):
    """One claim of an article, in our own few words."""

    kind: ClaimKind
    fact: Sentence = Field(description="What is claimed, in our own words; never a quotation.")
    rules: tuple[Name, ...] = Field(default=(), description="Rules that have it among their seeds.")
    no_rule: Sentence | None = Field(default=None, description="Why no rule follows from it.")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if bool(self.rules) == bool(self.no_rule):
            raise ValueError("needs either rules (that follow from it) or no_rule (why none does)")
        return self


class ClaimsFile(PackModel):
    """`rules/claims.yaml`."""

    articles: dict[Annotated[str, Field(pattern=r"^[A-Z]$")], str] = Field(
        default_factory=dict, description="Letter of a claim → key of sources.yaml."
    )
    claims: dict[Claim, ClaimSpec] = Field(default_factory=dict)


class LockedSpec(PackModel):
    """What one version of a rule means."""

    version: int = Field(ge=1)
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class LockFile(PackModel):
    """`rules/versions.lock.yaml`, written by `lpwatch lint --lock`."""

    rules: dict[Name, LockedSpec] = Field(default_factory=dict)
    below: dict[Name, LockedSpec] = Field(
        default_factory=dict,
        description="Rules of the layers below that mean something else here, because definitions.yaml says so.",
    )
