"""Compile feeds: each over the feed `default`, its codes over the vocabulary. Pure: no I/O, no clock."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, tzinfo
from typing import TypeVar
from zoneinfo import ZoneInfo

from worker.decode.located_yaml import Problems
from worker.mapping.compile_concepts import Vocabulary
from worker.mapping.concepts import IGNORED, Target, fold
from worker.mapping.feed_spec import (
    CommentSpec,
    DocumentCodeSpec,
    FeedSpec,
    IdentitySpec,
    LocalCodeSpec,
    NotesSpec,
    PunctureSpec,
)
from worker.mapping.feeds import ANY, CommentRow, Feed
from worker.mapping.identity import Authorities, compile_authorities
from worker.mapping.pack_files import PackFiles, Placed, each
from worker.model.fact import UNVALIDATED
from worker.model.time import MINUTE_MS

DEFAULT = "default"
_TOLERANCE_MIN = 10.0
Section = TypeVar("Section")


def compile_feeds(files: PackFiles, vocabulary: Vocabulary, problems: Problems) -> dict[str, Feed]:
    """Compile every feed; problems are collected, not raised."""
    base = files.feeds.get(DEFAULT)
    if base is None:
        problems.add("feeds/default.yaml:1:1", "the pack needs a feed 'default'; add it")
        return {}
    _check_senders(files, problems)
    return {
        placed.spec.feed: _Compiler(placed, base.spec, files, vocabulary, problems).feed()
        for placed in each(files.feeds)
    }


def _check_senders(files: PackFiles, problems: Problems) -> None:
    """Refuse one way to recognise two feeds: which of them reads a message must not hang on the order of names."""
    seen: dict[tuple[tuple[str, object], ...], tuple[str, str]] = {}
    for placed in each(files.feeds):
        for at, row in enumerate(placed.spec.match):
            keys = tuple(sorted(row.model_dump(exclude_none=True).items()))
            place = placed.place("match", at)
            owner, first = seen.setdefault(keys, (placed.spec.feed, place))
            if keys and first != place:
                sender = ", ".join(f"{name}: {value}" for name, value in keys)
                problems.add(
                    place, f"{{{sender}}} is already matched by feed '{owner}' ({first}); remove one"
                )


class _Compiler:
    """Compile one feed."""

    def __init__(
        self,
        placed: Placed[FeedSpec],
        base: FeedSpec,
        files: PackFiles,
        vocabulary: Vocabulary,
        problems: Problems,
    ) -> None:
        self._placed = placed
        self._spec = placed.spec
        self._base = base
        self._vocabulary = vocabulary
        self._problems = problems
        self._sites = frozenset(files.sites)
        self._systems = self._system_names(files.systems)

    def feed(self) -> Feed:
        spec, base = self._spec, self._base
        notes = _first(spec.notes, base.notes, NotesSpec())
        puncture = _first(spec.lumbar_puncture, base.lumbar_puncture, PunctureSpec())
        tolerance = _first(spec.future_tolerance_min, base.future_tolerance_min, _TOLERANCE_MIN)
        return Feed(
            id=spec.feed,
            title=spec.title,
            match=spec.match,
            zone=self._zone(),
            is_midnight_date=_first(spec.midnight, base.midnight, "time") == "date",
            future_tolerance_ms=round(tolerance * MINUTE_MS),
            is_rank_first=_first(spec.version, base.version, "source_time") == "rank_first",
            is_by_order=_first(spec.result_identity, base.result_identity, "order_time") == "order",
            is_number_per_visit=_first(spec.number_scope, base.number_scope, "patient") == "visit",
            authorities=self._authorities(),
            systems=self._systems,
            targets=self._targets(),
            names=self._names(),
            note_kinds=self._note_kinds(notes.types),
            skipped_notes=frozenset(self._note_kinds(notes.skip)),
            note_titles=frozenset(map(fold, puncture.note_titles)),
            comments=tuple(map(self._comment, notes.comments)),
            orders=puncture.orders,
            specimens=self._specimens(),
            sites=self._vocabulary.sites,
            encounter_classes={**base.encounter_classes, **spec.encounter_classes},
            admission_types={**base.admission_types, **spec.admission_types},
            ignored_messages={**base.ignore_messages, **spec.ignore_messages},
            error_comments=tuple(map(fold, _first(spec.error_comments, base.error_comments, ()))),
            quiet_after_ms=round(spec.expected_rate.quiet_after_min * MINUTE_MS) if spec.expected_rate else 0,
            charts=self._charted(),
        )

    def _charted(self) -> frozenset[str]:
        charts = self._spec.expected_rate.charts if self._spec.expected_rate else ()
        for number, name in enumerate(charts):
            if name not in self._vocabulary.concepts:
                place = self._placed.place("expected_rate", "charts", number)
                self._problems.add(place, f"concept '{name}' is unknown; name one of concepts/*.yaml")
        return frozenset(charts)

    def _zone(self) -> tzinfo:
        name = _first(self._spec.zone, self._base.zone, "UTC")
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (KeyError, ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
            self._problems.add(
                self._placed.place("zone"), f"time zone '{name}' is unknown; write it as Europe/London"
            )
            return UTC

    def _authorities(self) -> Authorities:
        spec = _first(self._spec.identity, self._base.identity, IdentitySpec())
        try:
            return compile_authorities(spec)
        except re.error as error:
            message = f"a pattern cannot be read ({error.msg}); correct it"
            self._problems.add(self._placed.place("identity"), message)
            return compile_authorities(IdentitySpec())

    def _system_names(self, uris: Mapping[str, str]) -> dict[str, str]:
        names = {uri: short for short, uri in uris.items()}
        names |= {short.upper(): short for short in uris} | {short: short for short in uris}
        for table in (self._base.systems, self._spec.systems):
            names |= table | {sent.upper(): short for sent, short in table.items()}
        return names

    def _key(self, system: str | None, code: str) -> str:
        return f"{ANY if system is None else self._systems.get(system, system)}|{code}"

    def _targets(self) -> dict[str, Target]:
        self._check_codes()
        made = dict(self._vocabulary.targets)
        made |= {self._key(row.system, row.code): Target(IGNORED) for row in self._spec.ignore_codes}
        for at, row in enumerate(self._spec.codes):
            made[self._key(row.system, row.code)] = self._local(at, row)
        if _first(self._spec.unvalidated, self._base.unvalidated, otherwise=False):
            made = {key: _unvalidated(target) for key, target in made.items()}
        return made

    def _check_codes(self) -> None:
        """Refuse a code that stands twice in the feed: only one of the rows would count."""
        seen: dict[str, str] = {}
        rows = [
            (self._key(row.system, row.code), self._placed.place(name, at))
            for name in ("codes", "ignore_codes")
            for at, row in enumerate(getattr(self._spec, name))
        ]
        for key, place in rows:
            first = seen.setdefault(key, place)
            if first != place:
                self._problems.add(place, f"code {key} already stands in this feed ({first}); remove one")

    def _local(self, at: int, row: LocalCodeSpec) -> Target:
        concept = self._vocabulary.concepts.get(row.concept)
        if concept is None:
            place = self._placed.place("codes", at, "concept")
            self._problems.add(place, f"concept '{row.concept}' is not defined; correct the name")
            return Target(IGNORED)
        if row.unit and row.unit not in concept.conversions:
            place = self._placed.place("codes", at, "unit")
            accepted = ", ".join(sorted(concept.conversions)) or "none"
            self._problems.add(
                place, f"unit {row.unit} is not accepted by '{row.concept}' (accepted: {accepted})"
            )
        if row.body_site and row.body_site not in self._sites:
            place = self._placed.place("codes", at, "body_site")
            known = ", ".join(sorted(self._sites))
            self._problems.add(place, f"body site '{row.body_site}' is not defined (defined: {known})")
        self._check_answers(at, row)
        qualifiers = tuple(sorted(row.qualifiers))
        answers = {fold(sent): value for sent, value in row.answers.items()}
        return Target(concept, row.answer, row.unit, row.body_site, row.specimen, answers, qualifiers)

    def _check_answers(self, at: int, row: LocalCodeSpec) -> None:
        concept = self._vocabulary.concepts[row.concept]
        if not concept.values:
            return
        if row.answer and row.answer not in concept.values:
            place = self._placed.place("codes", at, "answer")
            allowed = ", ".join(sorted(concept.values))
            self._problems.add(place, f"'{row.answer}' is no answer of '{row.concept}' (answers: {allowed})")
        for sent, value in row.answers.items():
            if value not in concept.values:
                place = self._placed.place("codes", at, "answers", sent)
                allowed = ", ".join(sorted(concept.values))
                self._problems.add(place, f"'{value}' is no answer of '{row.concept}' (answers: {allowed})")

    def _names(self) -> dict[str, Target]:
        """Collect code names that may stand in a text: those of the vocabulary, then local codes of the same systems."""
        systems = _first(self._spec.names_in_text, self._base.names_in_text, ())
        made = dict(self._vocabulary.names) if "mdc" in systems else {}
        for at, row in enumerate(self._spec.codes):
            if row.system is not None and self._systems.get(row.system, row.system) in systems:
                made[row.code] = self._local(at, row)
        for ignored in self._spec.ignore_codes:
            if ignored.system is not None and self._systems.get(ignored.system, ignored.system) in systems:
                made[ignored.code] = Target(IGNORED)
        return made

    def _note_kinds(self, rows: Iterable[DocumentCodeSpec]) -> dict[str, str]:
        return {self._key(row.system, row.code): row.kind for row in rows}

    def _comment(self, row: CommentSpec) -> CommentRow:
        key = "" if row.code is None else self._key(row.system, row.code)
        return CommentRow(row.below, key, row.type or "", row.kind)

    def _specimens(self) -> dict[str, str]:
        made: dict[str, str] = {}
        for table in (self._base.specimens, self._spec.specimens):
            for name, words in table.items():
                made |= {(word if "|" in word else f"{ANY}|{fold(word)}"): name for word in words}
        return made


def _unvalidated(target: Target) -> Target:
    """Mark what a code means as sent without anybody looking, where devices chart it all the time."""
    if not target.concept.is_continuous:
        return target
    return replace(target, qualifiers=tuple(sorted({*target.qualifiers, UNVALIDATED})))


def _first(own: Section | None, base: Section | None, otherwise: Section) -> Section:
    if own is not None:
        return own
    return otherwise if base is None else base
