"""Say why a finding of a note was given its status. Pure: no I/O, no clock.

The reader keeps the grounds of each assertion as it goes; they are put into words only where somebody asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from worker.model.fact import AssertionStatus
from worker.notes.context import Reading
from worker.notes.parts import Stated
from worker.notes.sections import Section

if TYPE_CHECKING:
    from worker.model.fact import Assertion
    from worker.notes.lexicon_spec import SectionKind

By = Literal["cue", "question-mark", "section", "list", "next-sentence", "normal", "remark", "nothing"]
_LONGEST_HEADING = 60
_ENDS = re.compile(r"[.!?;\r\n]")
_STANDING = frozenset({AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN})


class Grounds(msgspec.Struct, frozen=True, gc=False):
    """What a status was given for: the finding in its sentence, what the next sentence made of it, section, list."""

    reading: Reading
    finding: Stated
    answered: AssertionStatus
    section: Section
    lasting: AssertionStatus | None


@dataclass(frozen=True, slots=True)
class Reason:
    """What spoke for a status: `by` says what kind of thing, `words` which; empty where there is none to show.

    Shape: by "cue" with its words in lower case; "section" with the words of its heading; "list" and "next-sentence" and
    "question-mark" without; "normal" for a phrase that states by itself that a finding is absent; "remark" with the
    sentence that adds to what is said; "nothing" where no word speaks against the finding.
    """

    by: By
    status: AssertionStatus
    words: str = ""

    def __str__(self) -> str:
        """Put it into words."""
        return {
            "cue": f'"{self.words}" makes it {self.status}',
            "question-mark": f"a question mark makes it {self.status}",
            "section": f'under the heading "{self.words}" it is {self.status}',
            "list": f"it is a point of a list, whose first line makes it {self.status}",
            "next-sentence": f"the next sentence answers: {self.status}",
            "normal": "the phrase itself says that all is well",
            "remark": "the next sentence adds to it",
            "nothing": "no word speaks against it",
        }[self.by]


@dataclass(frozen=True, slots=True)
class Explained:
    """An assertion with why: `heading` as it stands in the note, empty for none; the deciding reason comes first."""

    finding: str
    said: Assertion
    section: SectionKind
    heading: str
    reasons: tuple[Reason, ...]


def explain(text: str, finding: str, said: Assertion, grounds: Grounds) -> Explained:
    """Put the grounds of an assertion into words."""
    heading = heading_of(text, grounds.section)
    return Explained(finding, said, grounds.section.kind, heading, tuple(_reasons(said, heading, grounds)))


def _reasons(said: Assertion, heading: str, grounds: Grounds) -> list[Reason]:
    found = list(_of_words(grounds))
    stated, answered = grounds.finding.status, grounds.answered
    if answered is not stated:
        found.insert(0, Reason("next-sentence", answered))
    elif grounds.reading.is_doubted(grounds.finding):
        at = 0 if stated is AssertionStatus.UNCERTAIN else len(found)
        found.insert(at, Reason("question-mark", AssertionStatus.UNCERTAIN))
    given = _given(grounds)
    if given is not None and answered in _STANDING:
        by: By = "list" if grounds.section.kind in {"neutral", "baseline"} else "section"
        found.insert(0, Reason(by, given, heading if by == "section" else ""))
    if grounds.finding.form == "normal":
        found.insert(0, Reason("normal", said.status))
    if not found:
        found.append(Reason("nothing", said.status))
    if said.sentence != grounds.reading.sentence.text:
        found.append(Reason("remark", said.status, said.sentence))
    return found


def _of_words(grounds: Grounds) -> list[Reason]:
    words = grounds.reading.sentence.words
    return [
        Reason("cue", status, " ".join(words[first:after]))
        for first, after, status in grounds.reading.cues_of(grounds.finding)
    ]


def _given(grounds: Grounds) -> AssertionStatus | None:
    """Return the status that section or list give to what stands in it."""
    kind = grounds.section.kind
    return grounds.lasting if kind in {"neutral", "baseline"} else AssertionStatus(kind)


def heading_of(text: str, section: Section) -> str:
    """Return the words right before a section, where it is not the beginning of the note or what follows on another."""
    if section.kind == "neutral":
        return ""
    before = text[max(0, section.start - _LONGEST_HEADING) : section.start].rstrip()
    return _ENDS.split(before)[-1].strip(" \t-*•:")
