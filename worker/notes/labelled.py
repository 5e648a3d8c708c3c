"""Sentences with the findings that a person saw in them. Pure: no I/O, no clock.

Two shapes of a file. One has `version: 1` and `sentences`, each with everything that it states. The other ("wordings") has a
finding, a status and the sentences that state it; what else they state is not labelled. `nothing` there lists sentences
that state no finding of the patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, RootModel

from worker.decode.located_yaml import Located, PackModel, Problems, load_yaml, validate
from worker.model.errors import PackError
from worker.model.fact import AssertionStatus
from worker.notes.lexicon_spec import StatusName

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHORT = Annotated[str, Field(min_length=1, max_length=200)]
_NOTHING = "nothing"
_IN_NOTES = {"severe-back-pain": ("back-pain", "severe")}
"""Concepts that notes state as another finding with a qualifier."""


class ExpectSpec(PackModel):
    """One finding that a sentence states."""

    finding: _SHORT = Field(alias="f")
    status: StatusName = Field(alias="s")
    qualifiers: tuple[_SHORT, ...] = Field(default=(), alias="q")


class SentenceSpec(PackModel):
    """One labelled sentence, or a few lines of a note."""

    id: _SHORT
    kind: _SHORT
    text: str = Field(min_length=1)
    expect: tuple[ExpectSpec, ...]
    doubt: str | None = Field(default=None, description="Why the label is a matter of opinion.")


class LabelledFile(PackModel):
    """A file of labelled sentences."""

    version: Literal[1]
    author: str
    sentences: tuple[SentenceSpec, ...]


class WordingsFile(RootModel[dict[_SHORT, dict[StatusName, tuple[str, ...]] | tuple[str, ...]]]):
    """The other shape: finding, status, sentences."""


@dataclass(frozen=True, slots=True)
class Label:
    """A finding with its status; `qualifiers` are None where nobody labelled them."""

    finding: str
    status: AssertionStatus
    qualifiers: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class LabelledSentence:
    """A sentence with its labels.

    Shape: `only` names the finding that was labelled, empty where all were; `is_of_nobody` where the label is that it states
    nothing of the patient, whatever else; `doubt` why a label is a matter of opinion.
    """

    id: str
    kind: str
    text: str
    labels: tuple[Label, ...]
    doubt: str = ""
    only: str = ""
    is_of_nobody: bool = False


def parse_labelled(text: str, file: str) -> tuple[LabelledSentence, ...]:
    """Read a file of either shape.

    Raises: PackError with all problems, one line each: "file:line:column: message".
    """
    located = load_yaml(text, file)
    if isinstance(located.data, dict) and "sentences" in located.data:
        return _sentences(validate(LabelledFile, located), located)
    return tuple(_wordings(validate(WordingsFile, located), located))


def _sentences(read: LabelledFile, located: Located) -> tuple[LabelledSentence, ...]:
    problems, seen = Problems(), set[str]()
    for at, spec in enumerate(read.sentences):
        if spec.id in seen:
            problems.add(located.place(("sentences", at, "id")), f"'{spec.id}' stands twice; rename one")
        seen.add(spec.id)
    problems.raise_if_any()
    return tuple(
        LabelledSentence(spec.id, spec.kind, spec.text, tuple(map(_label, spec.expect)), spec.doubt or "")
        for spec in read.sentences
    )


def _label(spec: ExpectSpec) -> Label:
    finding, *more = _IN_NOTES.get(spec.finding, (spec.finding,))
    return Label(finding, AssertionStatus(spec.status), frozenset((*spec.qualifiers, *more)))


def _wordings(read: WordingsFile, located: Located) -> Iterator[LabelledSentence]:
    for finding, by_status in read.root.items():
        if (finding == _NOTHING) is isinstance(by_status, dict):
            message = f"'{_NOTHING}' is a list of sentences, a finding has a status and then its sentences"
            raise PackError(message, located.place((finding,)))
        if not isinstance(by_status, dict):
            for at, text in enumerate(by_status, 1):
                yield LabelledSentence(f"{finding}-{at}", finding, text, (), is_of_nobody=True)
            continue
        for status, texts in by_status.items():
            label = Label(finding, AssertionStatus(status))
            for at, text in enumerate(texts, 1):
                yield LabelledSentence(f"{finding}-{status}-{at}", "wording", text, (label,), only=finding)
