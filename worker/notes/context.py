"""Say what the words of a sentence state of each finding in it. Pure: no I/O, no clock.

A cue counts when it stands before the finding or close behind it, within its reach; without any the finding is present. Of
several the first of hypothetical, family, historical, absent, resolved, uncertain counts: a denial inside advice is advice.
What was and is no more ("ataxic on Friday, now steady") is resolved: within a sentence the last state counts.

Source: trigger terms with a scope that ends at clause breaks, after Chapman et al., J Biomed Inform 2001 (NegEx) and
Harkema et al. 2009 (ConText).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.model.fact import AssertionStatus
from worker.notes.forms import WORDS, Answer, answer_behind
from worker.notes.lexicon import Cue, Mark, Mention
from worker.notes.once import once
from worker.notes.parts import DOUBT, NORMAL, SEGMENT_MARKS, WHICH, Parts, Stated
from worker.notes.text import EMPTY_BOX, TICKED_BOX

if TYPE_CHECKING:
    from collections.abc import Iterable

    from worker.notes.phrases import Hit

_STRENGTH = (
    AssertionStatus.HYPOTHETICAL,
    AssertionStatus.FAMILY,
    AssertionStatus.HISTORICAL,
    AssertionStatus.ABSENT,
    AssertionStatus.RESOLVED,
    AssertionStatus.UNCERTAIN,
)
_PRESENT, _ABSENT, _UNCERTAIN = AssertionStatus.PRESENT, AssertionStatus.ABSENT, AssertionStatus.UNCERTAIN
"""Named once: to ask an enumeration for its member takes a while."""
_OF_NOBODY_NOW = frozenset({AssertionStatus.HYPOTHETICAL, AssertionStatus.FAMILY, AssertionStatus.HISTORICAL})
_FAR_BEHIND = 4
"""Words that may stand between a finding and a cue behind it."""

_ENDS = ([], *([mark] for mark in SEGMENT_MARKS))
"""What stands behind the last word of a part."""
_NOT_HERE = frozenset({"colon", "remark"})
"""Reaches of cues behind a finding that say nothing of one in their own part."""
_RELATIVES = frozenset({WHICH, "that"})
_BOXES = frozenset({EMPTY_BOX, TICKED_BOX})
_ANSWERED = frozenset({AssertionStatus.PRESENT, AssertionStatus.ABSENT})
"""What the answer of a form replaces."""


class Reading(Parts):
    """What one sentence states of each finding in it."""

    @once
    def is_of_the_patient(self) -> bool:
        """Tell whether nothing in the sentence makes it advice, family or history."""
        return not any(
            isinstance(meaning, Cue) and meaning.status in _OF_NOBODY_NOW
            for hit in self.hits
            for meaning in hit.meanings
        )

    def stated(self) -> Iterable[Stated]:
        """Give every finding of the sentence with its status, in order."""
        for hit, mention in self._sorted[0]:
            place = (hit.first, hit.after, mention.finding, mention.form)
            found = Stated(*place, _PRESENT, mention.near)
            answer = self._answer_of_form(hit.after)
            status = self._status(found)
            if answer is not None and answer.status is not None and status in _ANSWERED:
                status = answer.status
            if status is _PRESENT and self._place_doubt(found) is not None:
                status = _UNCERTAIN
            yield found if status is _PRESENT else Stated(*place, status, mention.near)

    def _answer_of_form(self, after: int) -> Answer | None:
        words = self.sentence.words
        return None if WORDS.isdisjoint(words) else answer_behind(words, after)

    @property
    def begins_anew(self) -> bool:
        """Tell whether it begins with words that end a denial: "denies fever; reports headache"."""
        return 0 in self._breaks or self.lexicon.after_comma.first_of(self.sentence.words) is not None

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

    @once
    def _may_open(self) -> bool:
        """Tell whether a cue that speaks of the sentence before it may stand here; in most sentences none does."""
        return not self.lexicon.openings.isdisjoint(self.sentence.words)

    def _opening(self, reach: str) -> Cue | None:
        """Return the cue of a reach with which the sentence begins, but for words that lead on."""
        if not self._may_open:
            return None
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
        lasting = (AssertionStatus.HYPOTHETICAL, AssertionStatus.FAMILY, _ABSENT)
        return next((status for status in lasting if status in found), None)

    def _status(self, finding: Stated) -> AssertionStatus:
        found = [cue.status for hit, cue in self._cues if self._says(hit, cue, finding)]
        if self.is_doubted(finding):
            found.append(_UNCERTAIN)
        if not found:
            return _PRESENT
        return next((status for status in _STRENGTH if status in found), _PRESENT)

    def _says(self, hit: Hit[Mention | Cue], cue: Cue, finding: Stated) -> bool:
        """Tell whether a cue counts for a finding."""
        first, after = finding.first, finding.after
        return (
            finding.finding not in cue.silent_of
            and self._counts(cue, hit.first, hit.after, first, after)
            and not (finding.form == NORMAL and self._is_beyond(cue, hit.after, first))
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
            told.append((*doubt, _UNCERTAIN))
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
        return self.sentence.words[at - 1] in SEGMENT_MARKS or any(
            hit.after == at and any(isinstance(meaning, Mention) for meaning in hit.meanings)
            for hit in self.hits
        )

    def _is_answer(self, after: int, cue_first: int, cue_after: int) -> bool:
        """Tell whether a cue answers behind the colon or dash of a finding's segment: "back pain and leg weakness: nil"."""
        if cue_first in self._dashes:  # not "wide awake - no sleepiness"
            is_whole = self.sentence.words[cue_after : cue_after + 1] in _ENDS
            return is_whole and self._segment_ends[after] == self._segment_ends[cue_first]
        colon = cue_first - 1
        return self.sentence.words[colon] == ":" and self.is_within("segment", after, colon)

    def _is_beyond(self, cue: Cue, cue_after: int, first: int) -> bool:
        """Tell whether a denial stands too far off for a phrase that states what is normal: "no weakness, power 5/5"."""
        return cue.status is _ABSENT and not self.is_within("segment", cue_after, first)

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
        if DOUBT not in words:
            return False
        if words[-1] == DOUBT and self.is_within("segment", after, len(words) - 1):
            return True
        return any(words[at] == DOUBT and self.is_within("segment", at + 1, first) for at in range(first))
