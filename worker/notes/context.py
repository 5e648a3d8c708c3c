"""Say what the words of a sentence state of each finding in it. Pure: no I/O, no clock.

A cue counts when it stands before the finding or close behind it, within its reach; without any the finding is present. Of
several the first of hypothetical, family, historical, absent, resolved, uncertain counts: a denial inside advice is advice.
What was and is no more ("ataxic on Friday, now steady") is resolved: within a sentence the last state counts.

Source: trigger terms with a scope that
ends at clause breaks, after Chapman et al., J Biomed Inform 2001 (NegEx) and Harkema et al. 2009 (ConText).
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from worker.model.fact import AssertionStatus
from worker.notes.forms import WORDS, Answer, answer_behind
from worker.notes.lexicon import Cue, Mark, Mention
from worker.notes.lexicon_spec import NearSpec
from worker.notes.once import once
from worker.notes.text import EMPTY_BOX, TICKED_BOX, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.notes.lexicon import Lexicon
    from worker.notes.lexicon_spec import QualifierSpec
    from worker.notes.phrases import Hit
    from worker.notes.text import Sentence

_STRENGTH = (
    AssertionStatus.HYPOTHETICAL,
    AssertionStatus.FAMILY,
    AssertionStatus.HISTORICAL,
    AssertionStatus.ABSENT,
    AssertionStatus.RESOLVED,
    AssertionStatus.UNCERTAIN,
)
_OF_NOBODY_NOW = frozenset({AssertionStatus.HYPOTHETICAL, AssertionStatus.FAMILY, AssertionStatus.HISTORICAL})
_FAR_BEHIND = 4
"""Words that may stand between a finding and a cue behind it."""

_SEGMENT_MARKS = frozenset(",;:()")
_UNCONDITIONAL_MARKS = frozenset(";:()")
_CLAUSE_MARKS = frozenset(";")
_ENDS = ([], *([mark] for mark in _SEGMENT_MARKS))
"""What stands behind the last word of a part."""
_DOUBT = "?"
_BEHIND = frozenset({"tail", "part"})
_NOT_HERE = frozenset({"colon", "remark"})
"""Reaches of cues behind a finding that say nothing of one in their own part."""
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
_WHICH = "which"
_RELATIVES = frozenset({_WHICH, "that"})
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
_BOXES = frozenset({EMPTY_BOX, TICKED_BOX})
_ANSWERED = frozenset({AssertionStatus.PRESENT, AssertionStatus.ABSENT})
"""What the answer of a form replaces."""
_NORMAL = "normal"
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


class Reading:
    """One sentence with everything that the lexicon finds in it, looked up where somebody asks."""

    def __init__(self, sentence: Sentence, lexicon: Lexicon) -> None:
        """Take the sentence."""
        self.sentence = sentence
        self.lexicon = lexicon

    @once
    def hits(self) -> tuple[Hit[Mention | Cue], ...]:
        """Mentions and cues, from left to right."""
        return tuple(self.lexicon.statements.find(self.sentence.words))

    @once
    def marks(self) -> tuple[Hit[Mark], ...]:
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
    def is_of_the_patient(self) -> bool:
        """Tell whether nothing in the sentence makes it advice, family or history."""
        return not any(
            isinstance(meaning, Cue) and meaning.status in _OF_NOBODY_NOW
            for hit in self.hits
            for meaning in hit.meanings
        )

    @once
    def _normal(self) -> tuple[tuple[int, int], ...]:
        return tuple(
            (hit.first, hit.after)
            for hit in self.hits
            if any(isinstance(meaning, Mention) and meaning.form == _NORMAL for meaning in hit.meanings)
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
            if word == _COMMA and words[at + 1 : at + 2] != [_WHICH]:
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
            if hit.after < len(words) and words[hit.after] not in _SEGMENT_MARKS:
                continue
            at = hit.first - 1
            while at >= 0 and words[at] not in _SEGMENT_MARKS and words[at] not in _OF_A_LIST:
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
        if hit.after < len(words) and words[hit.after] not in _SEGMENT_MARKS | _GOING_ON:
            return False
        return self._is_last_before(finding.after, comma) or self.is_within("segment", finding.after, comma)

    def is_of_another(self, hit: Hit[Mark]) -> bool:
        """Tell whether a mark behind "and" stands before what it is said of: the "mild" in "bruise and mild tenderness"."""
        words, after = self.sentence.words, hit.after
        return (
            hit.first > 0
            and words[hit.first - 1] in _JOINING
            and after < len(words)
            and words[after] not in _SEGMENT_MARKS | _GOING_ON
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
        if end < len(words) and words[end] not in _SEGMENT_MARKS:
            return None
        begin = self._begin(first)
        return next((doubt for doubt in self._doubts if doubt[1] == begin), None)

    @once
    def _doubts(self) -> tuple[tuple[int, int], ...]:
        marks = ((at, at + 1) for at, word in enumerate(self.sentence.words) if word == _DOUBT)
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
        return (self._spans[finding.first][0], self._spans[finding.after - 1][1])

    @once
    def _spans(self) -> list[tuple[int, int]]:
        return self.sentence.spans

    def _is_normal(self, mark: Hit[Mark]) -> bool:
        """Tell whether a mark stands inside a phrase that states what is normal: it says nothing of what else is there."""
        return any(first <= mark.first and mark.after <= after for first, after in self._normal)

    def stated(self) -> Iterable[Stated]:
        """Give every finding of the sentence with its status, in order."""
        for hit, mention in self._sorted[0]:
            found = Stated(
                hit.first, hit.after, mention.finding, mention.form, AssertionStatus.PRESENT, mention.near
            )
            answer = self._answer_of_form(hit.after)
            status = self._status(found)
            if answer is not None and answer.status is not None and status in _ANSWERED:
                status = answer.status
            if status is AssertionStatus.PRESENT and self._place_doubt(found) is not None:
                status = AssertionStatus.UNCERTAIN
            yield found if status is AssertionStatus.PRESENT else structs.replace(found, status=status)

    def _answer_of_form(self, after: int) -> Answer | None:
        words = self.sentence.words
        return None if WORDS.isdisjoint(words) else answer_behind(words, after)

    @property
    def begins_anew(self) -> bool:
        """Tell whether it begins with words that end a denial: "denies fever; reports headache"."""
        turns = next(self.lexicon.after_comma.find_all(self.sentence.words), None)
        return 0 in self._breaks or (turns is not None and turns.first == 0)

    @property
    def answer(self) -> AssertionStatus | None:
        """Return what the sentence answers to a question before it: "No.", "Yes, since noon."."""
        cue = self._opening("colon")
        return cue.status if cue else None

    @property
    def verdict(self) -> AssertionStatus | None:
        """Return what the sentence says of all that the one before it lists: "all denied"."""
        cue = self._opening("list")
        return cue.status if cue else None

    def outcome(self, finding: str) -> AssertionStatus | None:
        """Return what the sentence says became of a finding that the one before it states: "It has since gone."."""
        cue = self._opening("remark")
        if cue is None or self.mentioned or finding in cue.silent_of or cue.unless in self.groups:
            return None
        return cue.status

    def _opening(self, reach: str) -> Cue | None:
        """Return the cue of a reach with which the sentence begins, but for words that lead on."""
        for hit in self.hits[:1]:
            for cue in hit.meanings:
                if isinstance(cue, Cue) and cue.reach == reach:
                    is_parted = (
                        self._segment_ends[hit.first] or min(self._dashes, default=hit.after) <= hit.first
                    )
                    is_first = self._begins_part(hit.first) and not is_parted
                    return cue if is_first else None
        return None

    def is_left_blank(self, finding: Stated) -> bool:
        """Tell whether the box of a finding in a form is empty: the one before it where the form begins with a box."""
        answer = self._answer_of_form(finding.after)
        if answer is not None:
            return answer.status is None
        words = self.sentence.words
        if _BOXES.isdisjoint(words):
            return False
        boxes = [at for at, word in enumerate(words) if word in _BOXES]
        own = [at for at in boxes if (at < finding.first if boxes[0] == 0 else at >= finding.after)]
        return bool(own) and words[own[-1] if boxes[0] == 0 else own[0]] == EMPTY_BOX

    @property
    def lasting(self) -> AssertionStatus | None:
        """Return the status that a list opened by this sentence gives to its points."""
        found = {
            cue.status
            for hit in self.hits
            for cue in hit.meanings
            if isinstance(cue, Cue) and cue.side == "before"
        }
        lasting = (AssertionStatus.HYPOTHETICAL, AssertionStatus.FAMILY, AssertionStatus.ABSENT)
        return next((status for status in lasting if status in found), None)

    def _status(self, finding: Stated) -> AssertionStatus:
        found = [cue.status for hit, cue in self._cues if self._says(hit, cue, finding)]
        if self.is_doubted(finding):
            found.append(AssertionStatus.UNCERTAIN)
        if not found:
            return AssertionStatus.PRESENT
        return next((status for status in _STRENGTH if status in found), AssertionStatus.PRESENT)

    @property
    def _cues(self) -> list[tuple[Hit[Mention | Cue], Cue]]:
        """Return the cues that stand before or behind what they speak of."""
        return self._sorted[1]

    def _says(self, hit: Hit[Mention | Cue], cue: Cue, finding: Stated) -> bool:
        """Tell whether a cue counts for a finding."""
        first, after = finding.first, finding.after
        return (
            finding.finding not in cue.silent_of
            and self._counts(cue, hit.first, hit.after, first, after)
            and not (finding.form == _NORMAL and self._is_beyond(cue, hit.after, first))
            and not (cue.unless and self._is_void(cue.unless, first, after))
        )

    def _is_void(self, group: str, first: int, after: int) -> bool:
        """Tell whether a phrase of a group is said of what stands at a place: "seizure in 2019, again today"."""
        return any(
            any(mark.kind == "group" and mark.id == group for mark in hit.meanings)
            and self._is_said_of(hit, first, after)
            for hit in self.marks
        )

    def _is_said_of(self, hit: Hit[Mark], first: int, after: int) -> bool:
        """Tell whether a mark stands in the part of what it speaks of, or behind it before anything else is named."""
        if hit.first >= after:
            return not any(after <= other < hit.first for other, _ in self.mentioned)
        return self.is_within("segment", min(hit.after, first), first)

    def _is_cut(self, group: str, left_after: int, right_first: int) -> bool:
        """Tell whether a phrase of a group stands between two places."""
        return any(
            left_after <= hit.first < right_first
            and any(mark.kind == "group" and mark.id == group for mark in hit.meanings)
            for hit in self.marks
        )

    def cues_of(self, finding: Stated) -> list[tuple[int, int, AssertionStatus]]:
        """Return the cues that count for a finding, as words [first, after) with what they say, the deciding one first."""
        told = [
            (hit.first, hit.after, cue.status) for hit, cue in self._cues if self._says(hit, cue, finding)
        ]
        doubt = self._place_doubt(finding)
        if doubt is not None:
            told.append((*doubt, AssertionStatus.UNCERTAIN))
        answer = self._answer_of_form(finding.after)
        if answer is not None and answer.status is not None and finding.status in _ANSWERED:
            told = [each for each in told if each[2] not in _ANSWERED]
            told.append((answer.first, answer.after, answer.status))
        return sorted(
            told, key=lambda cue: _STRENGTH.index(cue[2]) if cue[2] in _STRENGTH else len(_STRENGTH)
        )

    def is_doubted(self, finding: Stated) -> bool:
        """Tell whether a question mark makes a finding uncertain."""
        return self._is_doubted(finding.first, finding.after)

    def _reaches(self, cue: Cue, cue_after: int, first: int) -> bool:
        """Tell whether a cue reaches the finding behind it; what runs through the sentence ends where advice does."""
        if cue.reach == "sentence":
            return self._advice_ends[cue_after] == self._advice_ends[first]
        return self.is_within(cue.reach, cue_after, first)

    def _ends_list(self, at: int) -> bool:
        """Tell whether what stands at a place speaks of the list before it, unlike that of "cultures all negative"."""
        return self.sentence.words[at - 1] in _SEGMENT_MARKS or any(
            hit.after == at and any(isinstance(meaning, Mention) for meaning in hit.meanings)
            for hit in self.hits
        )

    def _is_last_before(self, after: int, cue_first: int) -> bool:
        """Tell whether no finding stands between one that ends at a word and a cue."""
        return not any(after <= first < cue_first for first, _ in self.mentioned)

    def _is_answer(self, after: int, cue_first: int, cue_after: int) -> bool:
        """Tell whether a cue answers behind the colon or dash of a finding's segment: "back pain and leg weakness: nil"."""
        if cue_first in self._dashes:  # not "wide awake - no sleepiness"
            is_whole = self.sentence.words[cue_after : cue_after + 1] in _ENDS
            return is_whole and self._segment_ends[after] == self._segment_ends[cue_first]
        colon = cue_first - 1
        return self.sentence.words[colon] == ":" and self.is_within("segment", after, colon)

    def _is_beyond(self, cue: Cue, cue_after: int, first: int) -> bool:
        """Tell whether a denial stands too far off for a phrase that states what is normal: "no weakness, power 5/5"."""
        return cue.status is AssertionStatus.ABSENT and not self.is_within("segment", cue_after, first)

    def _counts(self, cue: Cue, cue_first: int, cue_after: int, first: int, after: int) -> bool:
        if cue.side == "before":
            return (
                cue_after <= first
                and self._reaches(cue, cue_after, first)
                and not (cue.until and self._is_cut(cue.until, cue_after, first))
            )
        if cue.side != "after" or cue_first < after:
            return False
        if self._is_answer(after, cue_first, cue_after):
            return True
        if cue.reach == "next":
            return cue_first == after
        if cue.reach == "list":
            return self._ends_list(cue_first)
        if cue.reach == "part":
            is_behind = not self._in_one_part(after, cue_first)
            return cue_first == after or (is_behind and self._is_tail(after, cue_first))
        if cue.reach == "tail":
            return (
                self._is_tail(after, cue_first)
                and (cue_first - after <= _FAR_BEHIND or self._is_last_before(after, cue_first))
                and all(first != cue_after for first, _ in self.mentioned)
            )
        return (
            cue.reach not in _NOT_HERE
            and (cue_first - after <= _FAR_BEHIND or self._is_told_of(after, cue_first))
            and self.is_within("segment", after, cue_first)
        )

    def _is_told_of(self, after: int, cue_first: int) -> bool:
        """Tell whether all up to a cue is said of the finding alone: "headache that was worse despite tablets has gone"."""
        return self.sentence.words[after] in _RELATIVES and not any(
            after <= hit.first < cue_first and isinstance(meaning, Mention)
            for hit in self.hits
            for meaning in hit.meanings
        )

    def _is_doubted(self, first: int, after: int) -> bool:
        """Tell whether a question mark stands before the finding, in its segment, or ends it ("?confusion", "Any fever?")."""
        words = self.sentence.words
        if _DOUBT not in words:
            return False
        if words[-1] == _DOUBT and self.is_within("segment", after, len(words) - 1):
            return True
        return any(words[at] == _DOUBT and self.is_within("segment", at + 1, first) for at in range(first))


def _real(marks: Iterable[Hit[Mark]]) -> tuple[Hit[Mark], ...]:
    """Leave out the marks that stand inside a phrase which only looks like them: the site in "cannula site"."""
    found = tuple(marks)
    covers = [(hit, mark.id) for hit in found for mark in hit.meanings if mark.kind == "not"]
    if not covers:
        return found
    return tuple(hit for hit in found if not any(_is_covered(hit, *cover) for cover in covers))


def _is_covered(hit: Hit[Mark], cover: Hit[Mark], name: str) -> bool:
    is_inside = cover.first <= hit.first and hit.after <= cover.after
    return is_inside and any(mark.id == name and mark.kind in _COVERED for mark in hit.meanings)


def words_between(hit: Hit[Mark], finding: Stated) -> int:
    """Return how many words stand between a mark and a finding."""
    return max(0, finding.first - hit.after, hit.first - finding.after)


def _is_close(hit: Hit[Mark], finding: Stated, within: int | None) -> bool:
    return within is None or words_between(hit, finding) <= within
