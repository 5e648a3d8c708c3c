"""The shape of the files in `mappings/notes/`. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from worker.decode.located_yaml import PackModel

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
Phrase = Annotated[str, Field(min_length=1, max_length=800)]
Phrases = tuple[Phrase, ...]
StatusName = Literal["present", "absent", "uncertain", "resolved", "historical", "hypothetical", "family"]
Reach = Literal[
    "next", "colon", "brackets", "phrase", "segment", "tail", "part", "clause", "sentence", "list", "remark"
]
SectionKind = Literal["baseline", "hypothetical", "family", "historical", "neutral"]
Extent = Literal["paragraph", "line"]


class WordsSpec(PackModel):
    """A class of words and turns that phrases name as `@id`; it names no other class."""

    id: Name
    any_: Phrases = Field(default=(), alias="any")
    disabled: bool = False


class WordsFile(PackModel):
    """`words.yaml`."""

    words: tuple[WordsSpec, ...] = ()
    misspelt: tuple[Annotated[str, Field(pattern=r"^[a-z]{5,30}$")], ...] = Field(
        default=(), description="Words that are read with a slip of spelling, too."
    )


class NearSpec(PackModel):
    """Phrases that state a finding only beside a word of a group."""

    group: Name
    unless: Name | None = Field(
        default=None, description="A group; a word of it as near leaves the finding unstated."
    )
    phrases: Phrases
    reach: Reach = "sentence"
    within: int | None = Field(default=None, ge=0, description="At most this many words between them.")


class BecomesSpec(PackModel):
    """Another finding that this one is in a sentence with a phrase of a group."""

    finding: Name
    with_: Name = Field(alias="with", description="A group; its phrases make the other finding.")
    unless: Name | None = Field(default=None, description="A group; its phrases leave the finding as it is.")
    remark: Name | None = Field(
        default=None, description="A group; with it the next sentence makes the other finding, too."
    )


class FindingSpec(PackModel):
    """How notes word one finding."""

    id: Name = Field(description="A finding concept. A later layer's entry replaces this one.")
    phrases: Phrases = ()
    denied: Phrases = Field(default=(), description="Count only where the note denies them.")
    normal: Phrases = Field(default=(), description="State by themselves that the finding is absent.")
    not_: Phrases = Field(default=(), alias="not", description="Phrases that only look like it.")
    gone: Phrases = Field(default=(), description="State by themselves that it was there and is over.")
    near: NearSpec | tuple[NearSpec, ...] = ()
    becomes: BecomesSpec | None = None
    disabled: bool = False

    @property
    def nears(self) -> tuple[NearSpec, ...]:
        """Return its rows of phrases beside a group, one or several."""
        return self.near if isinstance(self.near, tuple) else (self.near,)


class FindingFile(PackModel):
    """`findings.yaml`."""

    findings: tuple[FindingSpec, ...] = ()


class CueSpec(PackModel):
    """Words that say what a finding's status is."""

    id: Name
    status: StatusName
    reach: Reach
    before: Phrases = ()
    after: Phrases = ()
    until: Name | None = Field(default=None, description="A group; its phrases end the reach of the cue.")
    unless: Name | None = Field(
        default=None, description="A group; beside the finding its phrases void the cue."
    )
    except_: tuple[Name, ...] = Field(
        default=(), alias="except", description="Findings of which the cue says nothing."
    )
    not_: Phrases = Field(default=(), alias="not", description="Phrases that only look like a cue.")
    disabled: bool = False


class GroupSpec(PackModel):
    """Words that other entries refer to."""

    id: Name
    phrases: Phrases
    not_: Phrases = Field(default=(), alias="not", description="Phrases that only look like the group.")
    disabled: bool = False


class QualifierSpec(PackModel):
    """Words that qualify a finding."""

    id: Name
    means: Name | None = Field(default=None, description="The qualifier; the id when not given.")
    phrases: Phrases = ()
    group: Name | None = None
    reach: Reach = "segment"
    side: Literal["either", "before"] = Field(
        default="either", description="before: it qualifies only what stands behind it."
    )
    is_remark: bool = Field(
        default=False,
        alias="remark",
        description="A next sentence that names none of these findings speaks of them, too.",
    )
    of: tuple[Name, ...] = Field(default=(), description="The findings it applies to; all when empty.")
    unless: Phrases = Field(default=(), description="Words in the same reach that forbid it.")
    beside: tuple[Name, ...] = Field(
        default=(), description="It counts only for a finding that has one of these qualifiers."
    )
    replaces: tuple[Name, ...] = Field(default=(), description="Qualifiers that it takes the place of.")
    not_: Phrases = Field(default=(), alias="not", description="Phrases that only look like it.")
    disabled: bool = False


class ScoreSpec(PackModel):
    """Scores out of ten that say how bad a pain is."""

    mild_up_to: int
    severe_from: int
    of: tuple[Name, ...]


class ContextFile(PackModel):
    """`context.yaml`."""

    cues: tuple[CueSpec, ...] = ()
    breaks: Phrases = ()
    after_comma: Phrases = ()
    asserts: Phrases = Field(
        default=(), description="At the end of a part between commas they end a denial before that part."
    )
    ends_advice: Phrases = ()
    groups: tuple[GroupSpec, ...] = ()
    qualifiers: tuple[QualifierSpec, ...] = ()
    scores: ScoreSpec | None = None


class SectionSpec(PackModel):
    """Headings of one kind of text."""

    kind: SectionKind
    extent: Extent = Field(
        default="paragraph", description="line: text on the heading's own line ends with that line."
    )
    is_said: bool = Field(
        default=False, alias="said", description='The heading is read with its text: "Allergies: ibuprofen".'
    )
    headings: Phrases


class SectionFile(PackModel):
    """`sections.yaml`."""

    sections: tuple[SectionSpec, ...] = ()
    turns: Phrases = Field(
        default=(), description="At the beginning of a sentence they end a section whose extent is its line."
    )


class PunctureSpec(PackModel):
    """Words that document an LP."""

    id: Name
    status: Literal["completed", "attempted", "cancelled"]
    anywhere: Phrases = Field(default=(), description="Count in a note or title that names an LP.")
    joined: Phrases = Field(default=(), description="Name the LP themselves.")


class ProcedureFile(PackModel):
    """`procedures.yaml`; a later layer's file replaces it whole."""

    names: Phrases
    rows: tuple[PunctureSpec, ...]
    elsewhere: Phrases = ()
    timed: Phrases = Field(
        default=(), description="Right before a time of day they say when the LP was: 'LP performed at'."
    )
    traumatic: Phrases = ()
    not_traumatic: Phrases = ()
    attempt_words: tuple[str, ...] = ()
    numbers: dict[str, int] = Field(default_factory=dict)
