"""What notes tell again: lines that versions of a note repeat, lines copied into other notes. Pure: no I/O, no clock.

A *line* is a finding with its status and the words of its sentence; white space and case do not matter.

1. *Versions.* A line of a note is dated by the first version that held it, be that of the same number or of a document in
   whose place this one came.

   | a later version | its lines are dated |
   |---|---|
   | has the same text and another time | by that time, as it was corrected; what an earlier version dated otherwise stays |
   | repeats a line in another text | as before; by the time of the note where that is now earlier than it was |
   | has a new line and another time | by that time |
   | adds to all lines, at the time of the note | the new ones by when it was stated, in notes that were sent when written |
   | follows a withdrawal of the same number | anew |
   | was read in part | as above; what it does not repeat of a version that was read whole stands |

   The record of a puncture in a note keeps the time of the first version likewise.
2. *Copies.* A line that stands word for word in an earlier note is stated again: nothing tells a copy from what is still
   so. Only where one note says of one instant that a finding is there and that it is gone, the line that was first written
   earlier yields to the one that was first written later; of one age both stand. What states why the patient came, or that
   something is chronic, neither yields nor makes another yield.

All versions that were ever told decide, those taken back included, so that the outcome hangs on no order of arrival.

Source: ADR 0032.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from msgspec.structs import replace

from worker.model.document import NOTE, UNREAD, is_part, replaced_keys, text_digests
from worker.model.fact import Assertion, AssertionStatus, Puncture, PunctureSource, PunctureStatus
from worker.model.time import DAY_MS, ClinicalTime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from worker.model.fact import Fact
    from worker.model.time import EpochMs

FactKey = tuple[str, str, str]
Document = tuple[str, str, str]
"""The identifier of a patient and the key of a document's group."""
Line = tuple[str, str, str]
Settled = dict[FactKey, "Fact | None"]
"""What counts in place of a fact that stands; None where it yields."""

TIMELY_MS = DAY_MS
"""A version stated within this span of its note's time was sent when it was written (house choice)."""

_THERE = frozenset({AssertionStatus.PRESENT, AssertionStatus.UNCERTAIN})
_GONE = frozenset({AssertionStatus.ABSENT, AssertionStatus.RESOLVED})
_OLD = frozenset({"baseline", "chronic"})
_DONE = frozenset({PunctureStatus.COMPLETED, PunctureStatus.ATTEMPTED})
_FINAL = 2
"""The rank of a finished document in both standards (`mapping.hl7v2.versions`, `mapping.fhir.status`)."""
_AROUND = " .,;:-–*•"


def document_of(fact: Fact) -> Document | None:
    """Return the document that a fact is of: a note, or what one states; None where it is of none."""
    said = fact.value
    is_told = (
        fact.concept in {NOTE, UNREAD}
        or (isinstance(said, Puncture) and said.source is PunctureSource.NOTE)
        or (isinstance(said, Assertion) and said.sentence != "")
    )
    return (*fact.patient.key, fact.group.key) if is_told and fact.group is not None else None


def line_of(fact: Fact) -> Line | None:
    """Return the line by which a fact is stated, None where no sentence states it."""
    said = fact.value
    if not isinstance(said, Assertion) or not said.sentence:
        return None
    return (fact.concept, said.status, " ".join(said.sentence.split()).strip(_AROUND).casefold())


@dataclass(slots=True)
class _Version:
    """One version of a document: the times of its lines, of its puncture and of itself.

    Shape: `begun_ms` and `first_stated_at` are the time of the first version and when that was stated, where this is another.
    """

    stated_at: tuple[int, int]
    lines: dict[Line, ClinicalTime] = field(default_factory=dict)
    puncture: ClinicalTime | None = None
    time: ClinicalTime | None = None
    texts: frozenset[str] = frozenset()
    is_deleted: bool = False
    is_part: bool = False
    begun_ms: EpochMs | None = None
    first_stated_at: tuple[int, int] | None = None

    def take(self, fact: Fact) -> None:
        """Note one fact of the version; of several times the earliest counts."""
        line, at = line_of(fact), fact.effective
        if fact.concept == NOTE:
            self.is_deleted = self.is_deleted or fact.is_deleted
            self.time = _earlier(self.time, at)
            self.texts |= text_digests(fact)
            self.is_part = self.is_part or is_part(fact)
        elif line is not None:
            self.lines[line] = _earlier(self.lines.get(line), at)
        elif isinstance(fact.value, Puncture) and fact.value.status in _DONE:
            self.puncture = _earlier(self.puncture, at)

    @property
    def stated_ms(self) -> EpochMs:
        """Return when it was stated; a rank is never that large."""
        return max(self.stated_at)

    @property
    def is_final(self) -> bool:
        """Tell whether its author had finished it."""
        return min(self.stated_at) >= _FINAL

    @property
    def is_prompt(self) -> bool:
        """Tell whether the document was sent when it was written, so that its times of sending say when lines were added."""
        begun_ms, stated_at = self.begun_ms, self.first_stated_at or self.stated_at
        if begun_ms is None and self.time is not None:
            begun_ms = self.time.start_ms
        is_rank_first = stated_at[0] < stated_at[1]
        return not is_rank_first and begun_ms is not None and 0 <= max(stated_at) - begun_ms <= TIMELY_MS


@dataclass(slots=True)
class _History:
    """What is kept of the versions of one document: enough to date the next one.

    Shape: `keys` name what it stated ever; `latest` is when a version was stated last, taken back or not; `last` the last that
    took nothing back, with its lines dated by those before. `replaces` names documents in whose place this one came. Where not
    `are_versions`, tellings stand beside each other: addenda that are filed under one number.
    """

    keys: set[FactKey] = field(default_factory=set)
    replaces: set[Document] = field(default_factory=set)
    are_versions: bool = False
    latest: tuple[int, int] | None = None
    last: _Version | None = None
    is_withdrawn: bool = False
    is_alone: bool = True

    def take(self, document: Document, fact: Fact) -> bool:
        """Note one fact of the document; tell whether what was dated before stays as it is."""
        group = fact.group
        known = (self.are_versions, len(self.replaces))
        if fact.concept == NOTE and group is not None:
            self.are_versions = self.are_versions or group.replaces or is_part(fact)
        elif fact.concept != UNREAD:
            self.keys.add((*fact.patient.key, fact.key))
        self.replaces.update((*document[:2], key) for key in replaced_keys(fact))
        return self.latest is None or known == (self.are_versions, len(self.replaces))

    def date(self, version: _Version, first: _Version | None) -> _Version | None:
        """Date the next version, None where it takes the document back; `first` is what the document came in the place of."""
        before = first if self.latest is None else None if self.is_withdrawn else self.last
        self.latest, self.is_withdrawn = version.stated_at, version.is_deleted
        if version.is_deleted:
            return None
        self.is_alone = self.last is None
        self.last = version if before is None or not self.are_versions else _follow(before, version)
        return self.last


class Retelling:
    """The documents of one patient group, in all versions that were ever told."""

    __slots__ = ("_circles", "_disputed", "_generals", "_histories", "_replaced", "_told")

    def __init__(self, kinds: Mapping[str, Iterable[str]]) -> None:
        """Take the kinds of findings: the general one, and those that are of it."""
        self._generals: dict[str, set[str]] = defaultdict(set)
        for general, specials in kinds.items():
            for special in specials:
                self._generals[special].add(general)
        self._histories: dict[Document, _History] = {}
        self._replaced: set[Document] = set()
        self._circles: set[Document] = set()
        self._told: dict[Line, EpochMs] = {}
        self._disputed: set[Line] = set()

    def keys(self, facts: Iterable[Fact]) -> set[FactKey]:
        """Return what the documents of these facts are known to have stated."""
        documents = {document_of(fact) for fact in facts}
        return {
            key
            for document in documents
            if document in self._histories
            for key in self._histories[document].keys
        }

    def take(self, facts: Iterable[Fact]) -> set[Document] | None:
        """Note all that documents tell; return which ones did.

        Shape: None where other documents or versions change by it: then all are to be taken anew. A version that was stated
        later than those known of its document changes none.
        """
        told: dict[Document, dict[tuple[int, int], _Version]] = {}
        is_apart = True
        for fact in facts:
            document = document_of(fact)
            if document is None or fact.group is None:
                continue
            versions = told.setdefault(document, {})
            history = self._histories.get(document)
            if history is None:
                history = self._histories[document] = _History()
            is_apart = history.take(document, fact) and is_apart
            stated_at = fact.group.stated_at
            if fact.concept == UNREAD:
                continue
            if stated_at not in versions:
                versions[stated_at] = _Version(stated_at)
            versions[stated_at].take(fact)
        looked_at = self._replaced.intersection(told)
        is_later = all(
            latest is None or not versions or latest < min(versions)
            for document, versions in told.items()
            for latest in [self._histories[document].latest]
        )
        if not (is_apart and is_later):
            return None
        for document in self._in_order(told):
            for version in self._date(document, told[document]):
                if document in looked_at or not self._tell(version):
                    return None
        return set(told)

    def _tell(self, version: _Version) -> bool:
        """Note when lines are told; tell whether none was told later up to now that other lines yield to, or that yields."""
        told = self._told
        for line, at in version.lines.items():
            known_ms = told.get(line)
            if known_ms is None or at.start_ms < known_ms:
                if line in self._disputed:
                    return False
                told[line] = at.start_ms
        return True

    def _date(self, document: Document, versions: Mapping[tuple[int, int], _Version]) -> Iterator[_Version]:
        """Give the further versions of a document that took nothing back, in order, each with its lines dated."""
        history = self._histories[document]
        if not self._circles.isdisjoint(history.replaces):
            self._circles.add(document)
        seen = history.replaces if document not in self._circles else history.replaces - self._circles
        first = max(self._last_of(seen), key=_age, default=None)
        for stated_at in sorted(versions):
            dated = history.date(versions[stated_at], first)
            if dated is not None:
                yield dated

    def _last_of(self, documents: Iterable[Document]) -> Iterator[_Version]:
        """Give the last versions of documents; of one that could not be read, those of what it was to replace."""
        left, seen = list(documents), set[Document]()
        while left:
            document = left.pop()
            history = self._histories.get(document)
            if document in seen or history is None:
                continue
            seen.add(document)
            if history.last is not None:
                yield history.last
            else:
                left += history.replaces

    def _in_order(self, told: Iterable[Document]) -> Iterator[Document]:
        """Give documents, each after those in whose place it came; at last those that replace each other."""
        places = {document: replaced for document in told if (replaced := self._histories[document].replaces)}
        self._replaced.update(*places.values())
        sorter = TopologicalSorter(places)
        with suppress(CycleError):  # all outside a circle come in order nevertheless
            sorter.prepare()
        left = set(told)
        while sorter.is_active():
            for document in sorter.get_ready():
                sorter.done(document)
                if document in left:
                    left.discard(document)
                    yield document
        self._circles.update(left.intersection(places))
        yield from left

    def settle(self, documents: Iterable[Document], best: Mapping[FactKey, Fact]) -> Settled:
        """Say what counts in place of what stands of these documents, where that is something else."""
        settled: Settled = {}
        for document in documents:
            standing = self._standing(document, best)
            outdated = self._outdated(document, standing, best)
            settled.update(dict.fromkeys(outdated))
            standing = {key: fact for key, fact in standing.items() if key not in outdated}
            dated = self._dated(document, standing)
            settled.update({key: fact for key, fact in dated.items() if fact is not standing[key]})
            settled.update(dict.fromkeys(self._yielding(dated)))
        return settled

    def _standing(self, document: Document, best: Mapping[FactKey, Fact]) -> dict[FactKey, Fact]:
        found = {key: best[key] for key in self._histories[document].keys if key in best}
        return {
            key: fact
            for key, fact in found.items()
            if not fact.is_deleted
            and fact.group is not None
            and fact.group.key == document[2]
            and fact.concept != NOTE
        }

    def _outdated(
        self, document: Document, standing: dict[FactKey, Fact], best: Mapping[FactKey, Fact]
    ) -> set[FactKey]:
        """Return what an earlier version stated, where the last one was read in part and says it again, or both were."""
        note = best.get(document)
        if note is None or note.group is None or not is_part(note):
            return set()
        stated_at = note.group.stated_at
        own = {
            fact for fact in standing.values() if fact.group is not None and fact.group.stated_at == stated_at
        }
        said = {line_of(fact) or fact.concept for fact in own}
        return {
            key
            for key, fact in standing.items()
            if fact not in own
            and (
                (fact.group is not None and not fact.group.replaces)
                or (line_of(fact) or fact.concept) in said
            )
        }

    def _dated(self, document: Document, standing: dict[FactKey, Fact]) -> dict[FactKey, Fact]:
        """Give the lines and the puncture of a document the time of the first version that held them."""
        history = self._histories[document]
        last = history.last
        if last is None or not history.are_versions or (history.is_alone and not history.replaces):
            return standing
        dated = {}
        for key, fact in standing.items():
            line = line_of(fact)
            is_puncture = isinstance(fact.value, Puncture)
            time = last.lines.get(line) if line is not None else last.puncture if is_puncture else None
            is_same = time is None or time.start_ms == fact.effective.start_ms
            dated[key] = fact if is_same or time is None else replace(fact, effective=time)
        return dated

    def _yielding(self, dated: Mapping[FactKey, Fact]) -> set[FactKey]:
        """Return the facts of a document that yield to a line of the same instant that says otherwise and is newer."""
        sides = _sides(dated)
        if not all(sides):
            return set()
        said = [
            (key, fact, side, self._first_told(fact), [(name, fact.effective.start_ms) for name in names])
            for side, facts in enumerate(sides)
            for key, fact in facts
            for names in [{fact.concept, *(() if side else self._generals.get(fact.concept, ()))}]
        ]
        newest: tuple[dict[tuple[str, EpochMs], EpochMs], ...] = ({}, {})
        for _, _, side, first_ms, subjects in said:
            for subject in subjects:
                newest[side][subject] = max(newest[side].get(subject, first_ms), first_ms)
        yielding = set()
        for key, fact, side, first_ms, subjects in said:
            other = newest[1 - side]
            against = [other[subject] for subject in subjects if subject in other]
            line = line_of(fact)
            if against and line is not None:
                self._disputed.add(line)
            if against and first_ms < max(against):
                yielding.add(key)
        return yielding

    def _first_told(self, fact: Fact) -> EpochMs:
        """Return when a line was first told: by an earlier note, else now."""
        line, at_ms = line_of(fact), fact.effective.start_ms
        return at_ms if line is None else min(self._told[line], at_ms)


def _sides(dated: Mapping[FactKey, Fact]) -> tuple[Sequence[tuple[FactKey, Fact]], ...]:
    """Part findings that are there from those that are gone; what is called old is of neither side."""
    there, gone = [], []
    for key, fact in dated.items():
        said = fact.value
        if isinstance(said, Assertion) and _OLD.isdisjoint((*said.qualifiers, *fact.qualifiers)):
            if said.status in _THERE:
                there.append((key, fact))
            elif said.status in _GONE:
                gone.append((key, fact))
    return there, gone


def _follow(before: _Version, version: _Version) -> _Version:
    """Date the lines of a version by those of the version before it."""
    own = version.time or before.time
    was = before.time or own
    is_same_text = not version.texts.isdisjoint(before.texts)
    is_moved = own is not None and was is not None and own.start_ms != was.start_ms
    is_addition = (
        not (is_moved or is_same_text)
        and before.lines.keys() <= version.lines.keys()
        and before.is_final
        and before.is_prompt
    )
    dated: dict[Line, ClinicalTime] = {}
    for line, at in version.lines.items():
        known = before.lines.get(line)
        if known is None:
            dated[line] = _added(at, version) if is_addition else at
        elif is_same_text:
            dated[line] = at if was is not None and known.start_ms == was.start_ms else known
        else:
            is_back = is_moved and own is not None and was is not None and own.start_ms < was.start_ms
            dated[line] = _earlier(known, at) if is_back else known
    puncture = version.puncture
    if version.is_part:
        dated = {**before.lines, **dated}
        puncture = puncture or before.puncture
    if puncture is not None and before.puncture is not None and not is_same_text:
        puncture = _earlier(before.puncture, puncture)
    begun_ms = before.begun_ms if before.begun_ms is not None or was is None else was.start_ms
    return _Version(
        version.stated_at,
        dated,
        puncture,
        version.time,
        version.texts,
        begun_ms=begun_ms,
        first_stated_at=before.first_stated_at or before.stated_at,
    )


def _added(at: ClinicalTime, version: _Version) -> ClinicalTime:
    """Date a line that was added without moving the time of the note, unless a heading dates it."""
    is_own = version.time is not None and at.start_ms == version.time.start_ms
    if not is_own:
        return at
    return replace(at, start_ms=version.stated_ms, end_ms=None, origin=f"{at.origin}, addition")


def _age(version: _Version) -> tuple[object, ...]:
    """Order the last versions of several documents, the same whatever came first."""
    return (version.stated_at, sorted(version.lines), sorted(version.texts))


def _earlier(one: ClinicalTime | None, other: ClinicalTime) -> ClinicalTime:
    return other if one is None or _rank(other) < _rank(one) else one


def _rank(time: ClinicalTime) -> tuple[object, ...]:
    return (time.start_ms, time.precision, time.origin, time.end_ms or 0)
