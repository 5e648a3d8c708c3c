"""What stands where in a sentence: findings, cues, marks, and the parts between commas and breaks. Pure: no I/O, no clock.

What reaches what is a question of parts: a cue or mark reaches a finding in its own part, its clause, or the part behind it
that goes on to speak of the same ("headache, now severe"). What the words then state says `context`.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec

from worker.model.fact import AssertionStatus
from worker.notes.lexicon import Cue, Mark, Mention
from worker.notes.lexicon_spec import NearSpec
from worker.notes.once import once
from worker.notes.text import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.notes.lexicon import Lexicon
    from worker.notes.lexicon_spec import QualifierSpec
    from worker.notes.phrases import Hit
    from worker.notes.text import Sentence

SEGMENT_MARKS = frozenset(",;:()")
_UNCONDITIONAL_MARKS = frozenset(";:()")
_CLAUSE_MARKS = frozenset(";")
DOUBT = "?"
_BEHIND = frozenset({"tail", "part"})
_LEADS = frozenset(
    {"now", "it", "this", "which", "that", "all", "both", "has", "then", "but", "and", "since", "today"}
)
"""Words with which a part begins that goes on to speak of the one before it."""
_AND = "and"
_DASH = re.compile(r"\s(?:[-–—]|-+>|[→⇒])(?=\s)|[→⇒]|->")
"""Dashes and arrows between parts of a sentence."""
_SIDES = frozenset({"before", "after"})
_COMMA = ","
_OF_A_LIST = frozenset({"or", "nor"})
"""Words that keep the part behind a comma in the list before it."""
WHICH = "which"
_ARTICLES = frozenset({"the", "his", "her", "their"})
_TOO = (["too"], ["also"])
_DEGREES = frozenset({"now", "still", "very", "quite", "rather"})
_JOINING = frozenset({"and", "with"})
_GOING_ON = frozenset(
    {
        "and",
        "but",
        "at",
        "on",
        "in",
        "when",
        "since",
        "by",
        "today",
        "tonight",
        "overnight",
        "again",
        "now",
        "up",
        "down",
        "to",
        "over",
        "into",
        "than",
        "despite",
        "or",
    }
)
"""Words behind "severe" that begin no other complaint: "headache, severe at night"."""
NORMAL = "normal"
_COVERED = frozenset({"group", "qualifier"})


_Sorted = tuple[
    list[tuple["Hit[Mention | Cue]", Mention]], list[tuple["Hit[Mention | Cue]", Cue]], frozenset[int]
]


class Stated(msgspec.Struct, frozen=True, gc=False):
    """A finding in a sentence: words [first, after), the form of its phrase, its status, and its row if it needs a group."""

    first: int
    after: int
    finding: str
    form: str
    status: AssertionStatus
    near: NearSpec | None = None


class Parts:
    """One sentence with everything that the lexicon finds in it, looked up where somebody asks."""

    def __init__(self, sentence: Sentence, lexicon: Lexicon) -> None:
        """Take the sentence."""
        self.sentence = sentence
        self.lexicon = lexicon

    @once
    def hits(self) -> list[Hit[Mention | Cue]]:
        """Mentions and cues, from left to right."""
        return self.lexicon.statements.find(self.sentence.words)

    @once
    def marks(self) -> list[Hit[Mark]]:
        """Qualifiers and groups, which may overlap."""
        return _real(self.lexicon.marks.find_all(self.sentence.words))

    @once
    def groups(self) -> frozenset[str]:
        """Return the groups of which a phrase stands in the sentence."""
        return frozenset(mark.id for hit in self.marks for mark in hit.meanings if mark.kind == "group")

    @once
    def _sorted(self) -> _Sorted:
        """Mentions; cues that stand before or behind what they speak of; where breaks are."""
        mentions: list[tuple[Hit[Mention | Cue], Mention]] = []
        cues: list[tuple[Hit[Mention | Cue], Cue]] = []
        breaks: list[int] = []
        for hit in self.hits:
            for meaning in hit.meanings:
                if isinstance(meaning, Mention):
                    mentions.append((hit, meaning))
                elif meaning.side in _SIDES:
                    cues.append((hit, meaning))
                elif meaning.side == "break":
                    breaks.append(hit.first)
        return mentions, cues, frozenset(breaks)

    @property
    def _breaks(self) -> frozenset[int]:
        return self._sorted[2]

    @once
    def _normal(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (hit.first, hit.after)
            for hit in self.hits
            if any(isinstance(meaning, Mention) and meaning.form == NORMAL for meaning in hit.meanings)
        )

    @once
    def _segment_ends(self) -> tuple[int, ...]:
        return self._counted(_UNCONDITIONAL_MARKS, frozenset(self._commas()))

    def _commas(self) -> Iterator[int]:
        """Give the commas that part what stands around them; ", which" speaks of the words before it."""
        words = self.sentence.words
        if _COMMA not in words:
            return
        for at, word in enumerate(words):
            if word == _COMMA and words[at + 1 : at + 2] != [WHICH]:
                yield at

    @once
    def _dashes(self) -> frozenset[int]:
        """Find the words that a dash or an arrow stands before."""
        text = self.sentence.text
        if "-" not in text and text.isascii():
            return frozenset()
        return frozenset(len(words_of(text[: match.start()])) for match in _DASH.finditer(text))

    @once
    def mentioned(self) -> tuple[tuple[int, int], ...]:
        """Give the words [first, after) of each mention, but for words that name a finding only beside others."""
        return tuple((hit.first, hit.after) for hit in self.hits if self._names(hit))

    def _names(self, hit: Hit[Mention | Cue]) -> bool:
        for meaning in hit.meanings:
            if isinstance(meaning, Mention):
                near = meaning.near
                said = Stated(
                    hit.first, hit.after, meaning.finding, meaning.form, AssertionStatus.PRESENT, near
                )
                if near is None or self.is_near(said, near):
                    return True
        return False

    @once
    def _clause_ends(self) -> tuple[int, ...]:
        words = self.sentence.words
        if _COMMA not in words:
            return self._counted(_CLAUSE_MARKS, frozenset())
        turns = {hit.first - 1 for hit in self.lexicon.after_comma.find_all(words)}
        commas = {at for at in turns if at >= 0 and words[at] == _COMMA}
        return self._counted(_CLAUSE_MARKS, frozenset(commas.union(self._asserted_commas())))

    def _asserted_commas(self) -> Iterator[int]:
        """Give the commas before a part that says by its last words that something is there: ", leg weakness worse"."""
        words = self.sentence.words
        for hit in self.lexicon.asserts.find_all(words):
            if hit.after < len(words) and words[hit.after] not in SEGMENT_MARKS:
                continue
            at = hit.first - 1
            while at >= 0 and words[at] not in SEGMENT_MARKS and words[at] not in _OF_A_LIST:
                at -= 1
            if at >= 0 and words[at] == _COMMA:
                yield at

    @once
    def _advice_ends(self) -> tuple[int, ...]:
        words = self.sentence.words
        turns = self.lexicon.ends_advice.find_all(words)
        # "given new numbness" does, "advice given: new numbness" does not.
        ends = {hit.first for hit in turns if ":" not in words[hit.first : hit.after]}
        return (0, *accumulate(int(at in ends) for at in range(len(words))))

    def _counted(self, marks: frozenset[str], others: frozenset[int]) -> tuple[int, ...]:
        """Return for each position how many ends of the kind stand before it."""
        words, breaks = self.sentence.words, self._breaks
        if not others and not breaks and marks.isdisjoint(words):
            return (0,) * (len(words) + 1)
        ends = (int(word in marks or at in others or at in breaks) for at, word in enumerate(words))
        return (0, *accumulate(ends))

    def _in_one_part(self, left_after: int, right_first: int) -> bool:
        """Tell whether no mark, break or dash stands between what ends at a word and what begins at another."""
        return self._segment_ends[left_after] == self._segment_ends[right_first] and not any(
            left_after <= at <= right_first for at in self._dashes
        )

    def is_within(self, reach: str, left_after: int, right_first: int) -> bool:
        """Tell whether what ends at word `left_after` reaches what begins at `right_first`."""
        if reach == "sentence":
            return True
        if reach == "next":
            return left_after == right_first
        if reach == "brackets":
            words = self.sentence.words[left_after:right_first]
            return words[:1] == ["("] and ")" not in words
        if reach in _BEHIND:
            return self._is_tail(left_after, right_first)
        if reach == "phrase" and _AND in self.sentence.words[left_after:right_first]:
            return False
        if reach == "clause":
            return self._clause_ends[left_after] == self._clause_ends[right_first]
        return self._in_one_part(left_after, right_first)

    def _is_tail(self, left_after: int, right_first: int) -> bool:
        """Tell whether what begins at a word is said of what ends before it.

        It stands in the same part, or begins one behind it, and no other finding stands in the parts between or in its own.
        """
        if self._in_one_part(left_after, right_first):
            return True
        return self._begins_part(right_first) and not any(
            left_after <= first
            and not self._in_one_part(left_after, first)
            and (first < right_first or self._in_one_part(right_first + 1, first))
            for first, _ in self.mentioned
        )

    def _begins_part(self, at: int) -> bool:
        """Tell whether a word begins a part between commas, but for words that lead on."""
        while at > 0 and at not in self._dashes and self._leads_on(at - 1) and self._in_one_part(at, at - 1):
            at -= 1
        return at == 0 or at in self._dashes or self._segment_ends[at] > self._segment_ends[at - 1]

    def _leads_on(self, at: int) -> bool:
        """Tell whether a word leads on: "now", or "severe" in ", severe and worse"."""
        return self.sentence.words[at] in _LEADS or any(
            hit.first <= at < hit.after and any(mark.kind == "qualifier" for mark in hit.meanings)
            for hit in self.marks
        )

    def joins(self, hit: Hit[Mark], finding: Stated, reach: str) -> bool:
        """Tell whether a mark reaches a finding; one inside its words does."""
        if hit.after <= finding.first:
            return self.is_within("segment" if reach in _BEHIND else reach, hit.after, finding.first)
        if finding.after <= hit.first:
            return self.is_within(reach, finding.after, hit.first)
        return True

    def is_behind(self, hit: Hit[Mark], finding: Stated) -> bool:
        """Tell whether a mark is what a part behind a comma says of the finding before it: "headache, now severe"."""
        words = self.sentence.words
        comma = hit.first - 1 - int(hit.first > 0 and words[hit.first - 1] in _DEGREES)
        if comma < finding.after or words[comma] != _COMMA:
            return False
        if hit.after < len(words) and words[hit.after] not in SEGMENT_MARKS | _GOING_ON:
            return False
        return self._is_last_before(finding.after, comma) or self.is_within("segment", finding.after, comma)

    def is_of_another(self, hit: Hit[Mark]) -> bool:
        """Tell whether a mark behind "and" stands before what it is said of: the "mild" in "bruise and mild tenderness"."""
        words, after = self.sentence.words, hit.after
        return (
            hit.first > 0
            and words[hit.first - 1] in _JOINING
            and after < len(words)
            and words[after] not in SEGMENT_MARKS | _GOING_ON
            and all(mention[0] != after for mention in self.mentioned)
        )

    def parts(self, finding: Stated, hit: Hit[Mark]) -> bool:
        """Tell whether a mark stands in a part behind that of a finding."""
        return finding.after <= hit.first and not self._in_one_part(finding.after, hit.first)

    def in_part(self, one: Stated, other: Stated) -> bool:
        """Tell whether two findings stand in one part of the sentence."""
        first, last = sorted((one, other), key=lambda finding: finding.first)
        return last.first < first.after or self._in_one_part(first.after, last.first)

    def is_near(self, finding: Stated, near: NearSpec) -> bool:
        """Tell whether a finding stands beside a word of a group, and of no other, as its row of the lexicon asks."""
        is_out = near.unless is not None and any(self._places(finding, near, near.unless))
        return not is_out and any(self._places(finding, near, near.group))

    def _places(self, finding: Stated, near: NearSpec, group: str) -> Iterator[Hit[Mark]]:
        """Give the words of a group that a finding stands beside."""
        for hit in self._of_groups.get(group, ()):
            if (
                (self.joins(hit, finding, near.reach) or self._is_added(hit, finding))
                and _is_close(hit, finding, near.within)
                and not self._is_normal(hit)
            ):
                yield hit

    def is_placed_by(self, hit: Hit[Mark], finding: Stated) -> bool:
        """Tell whether a mark says which of two places a finding is told of: the "right" of "right leg numb, weak too"."""
        near = finding.near
        if near is None:
            return False
        key = (finding.first, finding.after, id(near))
        if key not in self._placed:
            self._placed[key] = {place.first for place in self._places(finding, near, near.group)}
        return hit.after in self._placed[key]

    @once
    def _placed(self) -> dict[tuple[int, int, int], set[int]]:
        return {}

    @once
    def _of_groups(self) -> dict[str, list[Hit[Mark]]]:
        """Return the phrases of each group that stand in the sentence."""
        found: dict[str, list[Hit[Mark]]] = {}
        for hit in self.marks:
            for name in {mark.id for mark in hit.meanings if mark.kind == "group"}:
                found.setdefault(name, []).append(hit)
        return found

    def _place_doubt(self, finding: Stated) -> tuple[int, int] | None:
        """Return the words that doubt the place of a finding where each place stands behind it and is doubted."""
        near = finding.near
        if near is None or not self._doubts:
            return None
        places = list(self._places(finding, near, near.group))
        if any(place.first < finding.after for place in places):
            return None
        doubts = [self._doubt_of(place.first, place.after) for place in places]
        return doubts[0] if doubts and None not in doubts else None

    def _is_added(self, mark: Hit[Mark], finding: Stated) -> bool:
        """Tell whether the later of both is added to the part before it: "legs numb, perhaps the saddle", ", saddle too"."""
        left, right = sorted(((mark.first, mark.after), (finding.first, finding.after)))
        words = self.sentence.words
        doubt = self._doubt_of(*right)
        is_too = words[right[1] : right[1] + 1] in _TOO
        comma = (self._begin(right[0]) if doubt is None else doubt[0]) - 1
        if (doubt is None and not is_too) or comma < left[1] or words[comma] != _COMMA:
            return False
        return self.is_within("segment", left[1], comma)

    def _begin(self, first: int) -> int:
        """Return where a place begins with its article."""
        return first - int(first > 0 and self.sentence.words[first - 1] in _ARTICLES)

    def _doubt_of(self, first: int, after: int) -> tuple[int, int] | None:
        """Return the words of doubt of which all up to the next mark is what stands at a place: "?saddle", "perhaps weak"."""
        words = self.sentence.words
        end = after + int(words[after : after + 1] in _TOO)
        if end < len(words) and words[end] not in SEGMENT_MARKS:
            return None
        begin = self._begin(first)
        return next((doubt for doubt in self._doubts if doubt[1] == begin), None)

    @once
    def _doubts(self) -> tuple[tuple[int, int], ...]:
        marks = ((at, at + 1) for at, word in enumerate(self.sentence.words) if word == DOUBT)
        words = (
            (hit.first, hit.after)
            for hit, cue in self._cues
            if cue.side == "before" and cue.status is AssertionStatus.UNCERTAIN
        )
        return (*marks, *words)

    def is_forbidden(self, spec: QualifierSpec, reach: str, finding: Stated) -> bool:
        """Tell whether words that a qualifier names forbid it for a finding."""
        if spec.id not in self._forbidding:
            return False
        key = (spec.id, finding.first, finding.after)
        if key not in self._forbidden:
            others = self._forbidding[spec.id]
            self._forbidden[key] = any(self.joins(other, finding, reach) for other in others)
        return self._forbidden[key]

    @once
    def _forbidding(self) -> dict[str, list[Hit[Mark]]]:
        """Return the words that forbid a qualifier, by its id."""
        found: dict[str, list[Hit[Mark]]] = {}
        for hit in self.marks:
            for mark in hit.meanings:
                if mark.kind == "unless":
                    found.setdefault(mark.id, []).append(hit)
        return found

    @once
    def _forbidden(self) -> dict[tuple[str, int, int], bool]:
        return {}

    def span(self, finding: Stated) -> tuple[int, int]:
        """Return the characters of the note that state a finding."""
        return self.sentence.span(finding.first, finding.after)

    def _is_normal(self, mark: Hit[Mark]) -> bool:
        """Tell whether a mark stands inside a phrase that states what is normal: it says nothing of what else is there."""
        return any(first <= mark.first and mark.after <= after for first, after in self._normal)

    @property
    def _cues(self) -> list[tuple[Hit[Mention | Cue], Cue]]:
        """Return the cues that stand before or behind what they speak of."""
        return self._sorted[1]

    def _is_last_before(self, after: int, cue_first: int) -> bool:
        """Tell whether no finding stands between one that ends at a word and a cue."""
        return not any(after <= first < cue_first for first, _ in self.mentioned)


def _real(found: list[Hit[Mark]]) -> list[Hit[Mark]]:
    """Leave out the marks that stand inside a phrase which only looks like them: the site in "cannula site"."""
    covers = [(hit, mark.id) for hit in found for mark in hit.meanings if mark.kind == "not"]
    if not covers:
        return found
    return [hit for hit in found if not any(_is_covered(hit, *cover) for cover in covers)]


def _is_covered(hit: Hit[Mark], cover: Hit[Mark], name: str) -> bool:
    is_inside = cover.first <= hit.first and hit.after <= cover.after
    return is_inside and any(mark.id == name and mark.kind in _COVERED for mark in hit.meanings)


def words_between(hit: Hit[Mark], finding: Stated) -> int:
    """Return how many words stand between a mark and a finding."""
    return max(0, finding.first - hit.after, hit.first - finding.after)


def _is_close(hit: Hit[Mark], finding: Stated, within: int | None) -> bool:
    return within is None or words_between(hit, finding) <= within
