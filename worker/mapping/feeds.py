"""A feed as the mapping uses it: what its codes, specimens, encounters and orders mean. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo

import msgspec

from worker.mapping.concepts import Coding, Target, fold
from worker.mapping.feed_spec import MatchSpec, OrderStatusSpec
from worker.mapping.identity import Authorities
from worker.model.fact import PunctureStatus

ANY = "*"
"""Stands for "whatever the system says" in the tables of codes."""

CSF = "csf"
NOT_LUMBAR = frozenset({"shunt", "drain", "ventricular"})
"""Classes of CSF specimens that tell of no lumbar puncture."""

_MAX_REMEMBERED = 4096
_WORD = re.compile(r"[^\W_]+")


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a coded element means to a feed: its codings, and what `find` and `note_kind` say of them."""

    codings: tuple[Coding, ...]
    target: Target | None
    note_kind: str


class CommentRow(msgspec.Struct, frozen=True, gc=False):
    """A row of `notes.comments`: `key` is "system|code" as in the tables of codes, empty for any code."""

    below: str
    key: str
    type: str
    kind: str


@dataclass(frozen=True, slots=True)
class Feed:
    """One message feed, compiled.

    Shape: `targets`, `note_kinds` and `sites` are keyed "system|code", system by its short name or `*`; `names` from a code
    name (MDC_TEMP) to its target; `skipped_notes` are known document types that are not read. After `quiet_after_ms` without a
    message it is silent, 0 for nobody knows; `charts` are the concepts whose readings come by it.
    """

    id: str
    title: str
    match: tuple[MatchSpec, ...]
    zone: tzinfo
    is_midnight_date: bool
    future_tolerance_ms: int
    is_rank_first: bool
    is_by_order: bool
    is_number_per_visit: bool
    authorities: Authorities
    systems: Mapping[str, str]
    targets: Mapping[str, Target]
    names: Mapping[str, Target]
    note_kinds: Mapping[str, str]
    skipped_notes: frozenset[str]
    note_titles: frozenset[str]
    comments: tuple[CommentRow, ...]
    orders: tuple[OrderStatusSpec, ...]
    specimens: Mapping[str, str]
    sites: Mapping[str, str]
    encounter_classes: Mapping[str, str]
    admission_types: Mapping[str, str]
    ignored_messages: Mapping[str, str]
    error_comments: tuple[str, ...]
    quiet_after_ms: int = 0
    charts: frozenset[str] = frozenset()
    meanings: dict[Hashable, Meaning] = field(default_factory=dict, compare=False, repr=False)
    """What coded elements meant lately, by the way they are written; changes no answer."""

    def system(self, sent: str) -> str:
        """Return the short name of a code system as sent (table name or URI); an unknown one stays as it is."""
        return self.systems.get(sent) or self.systems.get(sent.upper(), sent)

    def find(self, codings: Iterable[Coding]) -> Target | None:
        """Return what a coded element means; None where no coding is mapped.

        Shape: the first coding that is known decides, a text without a code being a code of the sender's own; then the first
        code name in a text (`names_in_text`).
        """
        tried = tuple(codings)
        for coding in tried:
            found = self.targets.get(f"{self.system(coding.system)}|{coding.code}") if coding.code else None
            found = found or self.targets.get(f"{ANY}|{coding.code}")
            if found:
                return found
            if not coding.code and coding.text and (worded := self.targets.get(f"{ANY}|{coding.text}")):
                return worded
        return next((self.names[coding.text] for coding in tried if coding.text in self.names), None)

    def remember(self, written: Hashable, codings: tuple[Coding, ...]) -> Meaning:
        """Find what a coded element means, and keep it in `meanings`: codes only, which repeat, never a value."""
        if len(self.meanings) >= _MAX_REMEMBERED:
            self.meanings.clear()
        meaning = Meaning(codings, self.find(codings), self.note_kind(codings))
        self.meanings[written] = meaning
        return meaning

    def note_kind(self, codings: Iterable[Coding]) -> str:
        """Return the kind of note that a code announces, or "" where it announces none."""
        return self._first(self.note_kinds, codings)

    def is_skipped_note(self, codings: Iterable[Coding]) -> bool:
        """Tell whether a code announces a document that is known and not read."""
        return any(key in self.skipped_notes for coding in codings for key in self._keys(coding))

    def comment_kind(self, below: str, codings: Iterable[Coding], comment_type: str) -> str:
        """Return the kind of note that an NTE below a result, an order or a patient is, or "" where it is none."""
        keys = {"", *(key for coding in codings for key in self._keys(coding))}
        for row in self.comments:
            if row.below == below and row.key in keys and row.type in {"", comment_type}:
                return row.kind
        return ""

    def specimen(self, codings: Iterable[Coding]) -> str:
        """Return the class of a specimen ("csf", "shunt", ...), or "" where it is unknown.

        Shape: `codings` of its type, then of how and where it was taken. What says that CSF did not come through the needle
        decides, also as words of a longer text.
        """
        named = tuple(codings)
        classes = [found for coding in named if (found := self._first(self.specimens, (coding,)))]
        if classes and classes[0] != CSF:
            return classes[0]
        other = next((found for found in classes if found in NOT_LUMBAR), "")
        return other or self._in_words(named) or next(iter(classes), "")

    def _in_words(self, codings: Iterable[Coding]) -> str:
        """Return the class of CSF not taken by the needle that the words of a text name, else ""."""
        for coding in codings:
            words = set(_WORD.findall(fold(f"{coding.code} {coding.text}")))
            for key, found in self.specimens.items():
                system, _, phrase = key.partition("|")
                if system == ANY and found in NOT_LUMBAR and words.issuperset(phrase.split()):
                    return found
        return ""

    def site(self, codings: Iterable[Coding]) -> str:
        """Return the class of a body site ("back", "head", "neck"), or "" where it is unknown."""
        return self._first(self.sites, codings)

    def puncture_status(
        self, control: str, status: str, result: str, *, has_time: bool
    ) -> PunctureStatus | None:
        """Return what an order for a lumbar puncture says of it, or None where no row fits."""
        for row in self.orders:
            is_fitting = (
                (not row.control or control in row.control)
                and (not row.status or status in row.status)
                and (not row.result or result in row.result)
                and (row.has_time is None or row.has_time == has_time)
            )
            if is_fitting:
                return PunctureStatus(row.means)
        return None

    def _first(self, table: Mapping[str, str], codings: Iterable[Coding]) -> str:
        return next((table[key] for coding in codings for key in self._keys(coding) if key in table), "")

    def _keys(self, coding: Coding) -> tuple[str, ...]:
        return (
            f"{self.system(coding.system)}|{coding.code}",
            f"{ANY}|{coding.code}",
            f"{ANY}|{fold(coding.code)}",
            f"{ANY}|{fold(coding.text)}",
        )


def elements(parts: tuple[str, ...]) -> tuple[Coding, ...]:
    """Read the six components of a CWE: its code and its alternate, those that hold anything."""
    pairs = (Coding(*parts[:3]), Coding(*parts[3:6]))
    return tuple(coding for coding in pairs if coding.code or coding.text)
