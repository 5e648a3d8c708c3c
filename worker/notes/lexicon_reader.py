"""Read notes by a lexicon: sections, sentences, phrases, context. Pure: no I/O, no clock."""

from __future__ import annotations

from itertools import chain, zip_longest
from typing import TYPE_CHECKING

from msgspec import structs

from worker.model.fact import Assertion, AssertionStatus
from worker.notes.context import Reading
from worker.notes.explain import Grounds, explain, heading_of
from worker.notes.lexicon import Mention
from worker.notes.punctures import may_document, read_puncture
from worker.notes.qualifiers import AFTER_LP, BASELINE, DATED, qualify
from worker.notes.reader import LONGEST_TEXT, NoteReading
from worker.notes.remarks import Remark
from worker.notes.sections import find_sections
from worker.notes.text import LONGEST_SENTENCE, split_sentences, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from worker.notes.explain import Explained
    from worker.notes.lexicon import Lexicon
    from worker.notes.lexicon_spec import SectionKind
    from worker.notes.parts import Stated
    from worker.notes.reader import NoteDocument, NotePuncture
    from worker.notes.sections import Section
    from worker.notes.text import Sentence

_OF_SECTION: dict[SectionKind, AssertionStatus] = {
    "hypothetical": AssertionStatus.HYPOTHETICAL,
    "family": AssertionStatus.FAMILY,
    "historical": AssertionStatus.HISTORICAL,
}
_PRESENT, _UNCERTAIN = AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN
_NORMAL = {
    AssertionStatus.PRESENT: AssertionStatus.ABSENT,
    AssertionStatus.ABSENT: AssertionStatus.UNCERTAIN,
}
"""What a phrase says that states what is normal, by the status that the words around it give."""


_OPENING = (":", ";")
"""What a sentence ends with of which the next one may inherit its status."""

_Known = dict[tuple[object, ...], AssertionStatus | None]
"""Sentences already read, by their text, where they stand and the next one; what that inherits. Notes repeat themselves."""


_Part = tuple["Section", "list[Sentence]"]
_Told = tuple[str, AssertionStatus, tuple[str, ...], int, Grounds]
"""A finding, its status and qualifiers, where the words that say so end (in the next sentence, too), and on what grounds."""
_Unique = dict[tuple[str, AssertionStatus, tuple[str, ...], tuple[str, ...]], tuple[Assertion, Grounds]]
"""By finding, status, qualifiers and words of the heading: what is said first, and on what grounds."""


class LexiconReader:
    """Read notes by rules that a site can tune."""

    def __init__(self, lexicon: Lexicon) -> None:
        """Keep the compiled lexicon."""
        self._lexicon = lexicon
        self._remarkable = frozenset(
            finding for spec in lexicon.qualifiers.values() if spec.is_remark for finding in spec.of
        )
        self._beginnings = lexicon.statements.beginnings(lambda meaning: isinstance(meaning, Mention))

    @property
    def lexicon(self) -> Lexicon:
        """Return what it reads by."""
        return self._lexicon

    @property
    def findings(self) -> frozenset[str]:
        """Return the findings that notes can state."""
        return self._lexicon.findings

    @property
    def qualifiers(self) -> frozenset[str]:
        """Return the qualifiers that notes can state."""
        return frozenset(spec.means or name for name, spec in self._lexicon.qualifiers.items())

    def read(self, document: NoteDocument) -> NoteReading:
        """Return what the note states; each (finding, status, qualifiers) once, where it stands first."""
        is_cut = len(document.text) > LONGEST_TEXT
        text = _beginning(document.text) if is_cut else document.text
        parts = self._parts(text)
        unique = self._unique(document.title, text, parts)
        return NoteReading(
            tuple((finding, said) for (finding, *_), (said, _) in unique.items()),
            self._puncture(document.title, text, parts),
            is_cut,
            tuple(written for *_, written in unique),
        )

    def explain(self, document: NoteDocument) -> tuple[Explained, ...]:
        """Return the same assertions as `read`, in the same order, each with why it was given its status."""
        text = _beginning(document.text) if len(document.text) > LONGEST_TEXT else document.text
        unique = self._unique(document.title, text, self._parts(text))
        return tuple(
            explain(text, finding, said, grounds) for (finding, *_), (said, grounds) in unique.items()
        )

    def _parts(self, text: str) -> list[_Part]:
        sections = find_sections(text, self._lexicon)
        return [(section, self._sentences(text, section.start, section.end)) for section in sections]

    def _sentences(self, text: str, start: int, end: int) -> list[Sentence]:
        """Return the sentences of [start, end), with slips of spelling put right."""
        right = self._lexicon.misspelt
        return [
            sentence
            if right.keys().isdisjoint(sentence.words)
            else structs.replace(
                sentence, words=[right.get(word, word) for word in sentence.words], is_respelt=True
            )
            for sentence in split_sentences(text, start, end)
        ]

    def _puncture(self, title: str, text: str, parts: Sequence[_Part]) -> NotePuncture | None:
        """Read an LP in the text as a whole: its headings speak, too."""
        words: list[str] = []
        end = 0
        for section, sentences in parts:
            words += words_of(text[end : section.start])
            words += chain.from_iterable(sentence.words for sentence in sentences)
            end = section.end
        if not may_document(title, words, self._lexicon):
            return None
        return read_puncture(title, split_sentences(text), self._lexicon)

    def _unique(self, title: str, text: str, parts: Sequence[_Part]) -> _Unique:
        unique: _Unique = {}
        known: _Known = {}
        for section, sentences in parts:
            heading: str | None = None
            for finding, status, kept, end, grounds in self._section(sentences, section, known):
                key = (finding, status, kept, section.written)
                if key not in unique:
                    heading = heading_of(text, section) if heading is None else heading
                    begin = grounds.reading.sentence.start
                    first, after = grounds.reading.span(grounds.finding)
                    phrase = (first - begin, after - begin)
                    said = Assertion(status, kept, (first, after), text[begin:end], phrase, title, heading)
                    unique[key] = (said, grounds)
        return unique

    def _section(self, sentences: Sequence[Sentence], section: Section, known: _Known) -> Iterator[_Told]:
        lasting: AssertionStatus | None = None
        behind: Reading | None = None
        for sentence, after in zip_longest(sentences, sentences[1:]):
            reading, behind = behind, None
            states_nothing = self._beginnings.isdisjoint(sentence.words)
            if states_nothing and lasting is None and not sentence.text.endswith(_OPENING):
                continue
            reading = reading or Reading(sentence, self._lexicon)
            if lasting is not None and not sentence.is_point and _is_new(reading, lasting):
                lasting = None
            if states_nothing:
                lasting = self._lasting(reading, lasting)
                continue
            place = (sentence.text, section.kind, section.written, lasting, after.text if after else "")
            if place not in known:
                behind = Reading(after, self._lexicon) if after else None
                yield from self._sentence(reading, section, lasting, behind)
                known[place] = self._lasting(reading, lasting)
            lasting = known[place]

    def _sentence(
        self,
        reading: Reading,
        section: Section,
        lasting: AssertionStatus | None,
        following: Reading | None,
    ) -> list[_Told]:
        kind, sentence = section.kind, reading.sentence
        stated = list(reading.stated())
        told: list[_Told] = []
        if not stated:
            return told
        remark = Remark(following) if following else None
        given = _OF_SECTION.get(kind, lasting)
        for finding, own in zip(stated, qualify(reading, stated), strict=True):
            answered = _answered(finding, sentence, remark)
            status = self._status(answered, reading, given)
            if status is None or reading.is_left_blank(finding):
                continue
            if kind == "baseline" and AFTER_LP not in reading.groups:
                own.add(BASELINE)
            added = (
                remark.qualifiers(finding.finding) if remark and finding.finding in self._remarkable else ()
            )
            kept = tuple(sorted(own.union(added))) if _stands(status) else ()
            name = finding.finding
            is_remarked = bool(added)
            if name in self._lexicon.becomes:
                name = self._name(finding.finding, reading, remark)
                is_remarked = is_remarked or name != self._name(finding.finding, reading, None)
            end = following.sentence.end if following and is_remarked else sentence.end
            told.append(
                (name, status, kept, end, Grounds(reading, finding, answered.status, section, lasting))
            )
        return told

    def _status(
        self, finding: Stated, reading: Reading, given: AssertionStatus | None
    ) -> AssertionStatus | None:
        """Return the status of a finding by its form, None where the form says nothing here."""
        status = given if given is not None and _stands(finding.status) else finding.status
        if finding.form == "normal":
            return _NORMAL.get(status)
        if finding.form == "denied":
            return status if status is AssertionStatus.ABSENT else None
        if finding.form == "gone":
            return {
                AssertionStatus.PRESENT: AssertionStatus.RESOLVED,
                AssertionStatus.ABSENT: AssertionStatus.PRESENT,
            }.get(status, status)
        if finding.near is not None and not reading.is_near(finding, finding.near):
            return None
        return status

    def _name(self, finding: str, reading: Reading, remark: Remark | None) -> str:
        becomes = self._lexicon.becomes[finding]
        if becomes.unless in reading.groups:
            return finding
        is_other = becomes.with_ in reading.groups or (remark is not None and remark.makes(finding, becomes))
        return becomes.finding if is_other else finding

    def _lasting(self, reading: Reading, lasting: AssertionStatus | None) -> AssertionStatus | None:
        """Return the status that the next sentence inherits: the points of a list, or the next part behind a semicolon."""
        sentence = reading.sentence
        if sentence.text.endswith(_OPENING):
            own = reading.lasting
            return own or (lasting if not sentence.opens_list else None)
        return lasting if sentence.is_point else None


def _answered(finding: Stated, sentence: Sentence, remark: Remark | None) -> Stated:
    """Return a finding with what the next sentence answers: "Any weakness? No.", "Asked about weakness; all denied."."""
    if remark is None or not _stands(finding.status):
        return finding
    is_question = sentence.text.endswith("?")
    answer = remark.verdict if is_question or sentence.text.endswith(";") else None
    if is_question and finding.status is AssertionStatus.UNCERTAIN:
        answer = answer or remark.answer
    answer = answer or remark.outcome(finding.finding)
    return finding if answer is None else structs.replace(finding, status=answer)


def _is_new(reading: Reading, lasting: AssertionStatus) -> bool:
    """Tell whether a sentence goes on with something else than the list before it: "to call if worse; numb today"."""
    return DATED in reading.groups or (lasting is AssertionStatus.ABSENT and reading.begins_anew)


def _stands(status: AssertionStatus) -> bool:
    """Tell whether a finding of a status can fire a rule."""
    return status is _PRESENT or status is _UNCERTAIN


def _beginning(text: str) -> str:
    """Return what is read of a text that is too long: it ends with a line, or else with a word."""
    near = LONGEST_TEXT - LONGEST_SENTENCE
    ends = (text.rfind(end, near, LONGEST_TEXT) for end in "\n\r ")
    return text[: next((end for end in ends if end > 0), LONGEST_TEXT)]
