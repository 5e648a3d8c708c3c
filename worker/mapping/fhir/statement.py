"""One FHIR resource while it is read: its name, its version, and the facts it gives. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from worker.decode.fhir import Placed
from worker.decode.fhir.resources import Resource
from worker.decode.timestamps import parse_fhir_datetime
from worker.mapping.concepts import Coding
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.status import PLANNED, VOID, Status
from worker.model.errors import DecodeError
from worker.model.fact import Fact, Group, Identifier, SourceRef, Value, Version
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime, EpochMs, Precision

EARLIEST_MS = -2_208_988_800_000
"""1900-01-01T00:00Z: an earlier clinical time is a default or a mistake."""

_TIME_DOES_NOT_MATTER = frozenset({PLANNED, VOID})


@dataclass(frozen=True, slots=True)
class Stated:
    """One way in which a resource may give its clinical time.

    Shape: `name` is the element ("effectiveDateTime"). A month or a year is enough where `may_be_vague` (births, old problems).
    """

    name: str
    start: str | None
    end: str | None = None
    may_be_vague: bool = False


class Statement:
    """Collect what one resource says.

    Shape: `facts` and `issues` in the order they were found; `key` begins every key of the resource.
    """

    __slots__ = (
        "_limit_ms",
        "_source",
        "_stated_ms",
        "_type",
        "facts",
        "issues",
        "key",
        "patient",
        "place",
        "scope",
        "status",
    )

    def __init__(
        self,
        scope: Scope,
        placed: Placed,
        patient: Identifier,
        status: Status,
        dates: Iterable[str | None] = (),
    ) -> None:
        """Name the statement; `dates` are the resource's own dates of stating it, best first."""
        self.scope = scope
        self.place = placed.place
        self.patient = patient
        self.status = status
        self.facts: list[Fact] = []
        self.issues: list[Issue] = []
        self._source = SourceRef(scope.feed.id, scope.message_id, placed.place, scope.received_at_ms)
        self._type = placed.resource.type_name
        self.key = f"{scope.feed.id}|{self._type}|{_identity(placed)}"
        updated_ms = self._own_date(_last_updated(placed))
        said_ms = scope.message_at_ms if updated_ms is None else updated_ms
        self._limit_ms = None if said_ms is None else said_ms + scope.feed.future_tolerance_ms
        self._stated_ms = self._first_date(dates) if updated_ms is None else updated_ms

    @property
    def stated_ms(self) -> EpochMs:
        """Return when the resource was stated: by itself, else by its document, else never."""
        known = self.scope.message_at_ms if self._stated_ms is None else self._stated_ms
        return 0 if known is None else known

    def when(self, *ways: Stated) -> ClinicalTime | None:
        """Return the clinical time: the first way that is given, else the time of the version.

        Shape: None where the time cannot be used; that is noted as an issue, and nothing is guessed. A plan or a withdrawal
        is never lost by its time: it then has the time of the version.
        """
        way = next((way for way in ways if way.start or way.end), None)
        if way is None:
            return self._version_time()
        time = self._read(way)
        if isinstance(time, ClinicalTime):
            return time
        if self.status.rank in _TIME_DOES_NOT_MATTER:
            return self._version_time()
        self.refuse(IssueKind.BAD_TIME, way.name, time)
        return None

    def add(
        self,
        concept: str,
        value: Value,
        effective: ClinicalTime,
        *,
        part: str = "",
        is_deleted: bool = False,
        specimen: str = "",
        qualifiers: tuple[str, ...] = (),
    ) -> None:
        """Add a fact; `part` tells it from the others of this resource. A deleted statement loses its value."""
        is_deleted = is_deleted or self.status.is_deleted
        kept = None if is_deleted else value
        self.facts.append(
            Fact(
                self.patient,
                f"{self.key}|{part}" if part else self.key,
                self._version(concept, kept, effective, is_deleted=is_deleted),
                concept,
                effective,
                kept,
                self._source,
                None,
                is_deleted,
                specimen,
                self.status.shown,
                qualifiers,
            ),
        )

    def take_back(self, key: str, concept: str, effective: ClinicalTime) -> None:
        """Take back another statement, and all that was made with it, as of this one."""
        version = self._version(concept, None, effective, is_deleted=True)
        group = Group(key, (version.major, version.minor), replaces=True)
        self.facts.append(
            Fact(self.patient, key, version, concept, effective, None, self._source, group, is_deleted=True)
        )

    def replaces_all(self, key: str) -> None:
        """Turn the facts found so far into a group: this version of the resource replaces every older one as a whole."""
        self.facts = [
            Fact(
                fact.patient,
                fact.key,
                fact.version,
                fact.concept,
                fact.effective,
                fact.value,
                fact.source,
                Group(key, (fact.version.major, fact.version.minor), replaces=True),
                fact.is_deleted,
                fact.specimen,
                fact.result_status,
                fact.qualifiers,
            )
            for fact in self.facts
        ]

    def note(self, kind: IssueKind, element: str, subject: str) -> None:
        """Note what could not be used, without losing anything."""
        self.issues.append(Issue(kind, f"{self.place}.{element}", subject))

    def refuse(self, kind: IssueKind, element: str, subject: str) -> None:
        """Note a fact that could not be made, to be kept with the bytes."""
        place = f"{self.place}.{element}" if element else self.place
        self.issues.append(Issue(kind, place, subject, is_quarantined=True))

    def unmapped(self, codings: Iterable[Coding], element: str = "code") -> None:
        """Note a code that the pack does not know."""
        coding = next((coding for coding in codings if coding.code), None)
        if coding is None:
            self.note(IssueKind.UNMAPPED_CODE, element, "no code")
        elif not coding.system and coding.code == coding.text:
            # Free text may hold anything, a name included.
            self.note(IssueKind.UNMAPPED_CODE, element, "text without a code")
        else:
            self.note(
                IssueKind.UNMAPPED_CODE, element, f"{self.scope.feed.system(coding.system)}|{coding.code}"
            )

    def _first_date(self, dates: Iterable[str | None]) -> EpochMs | None:
        return next((ms for date in dates if (ms := self._own_date(date)) is not None), None)

    def _own_date(self, text: str | None) -> EpochMs | None:
        if not text:
            return None
        try:
            return parse_fhir_datetime(text, self.scope.feed.zone).at_ms
        except (DecodeError, OverflowError, ValueError):
            return None

    def _version_time(self) -> ClinicalTime | None:
        stated_ms = self.scope.message_at_ms if self._stated_ms is None else self._stated_ms
        if stated_ms is None:
            self.refuse(IssueKind.BAD_TIME, "", "no time given")
            return None
        return ClinicalTime(stated_ms, Precision.SECOND, f"{self._type}.meta.lastUpdated")

    def _read(self, way: Stated) -> ClinicalTime | str:
        """Return the time, or why it cannot be used."""
        try:
            start = parse_fhir_datetime(way.start or way.end or "", self.scope.feed.zone)
            end_ms = (
                parse_fhir_datetime(way.end, self.scope.feed.zone).at_ms if way.start and way.end else None
            )
        except DecodeError as problem:
            return problem.reason
        except (OverflowError, ValueError):
            return "not a date that a clock can show"
        precision = self._precision(way, start.precision)
        time = ClinicalTime(start.at_ms, precision, f"{self._type}.{way.name}", end_ms)
        if precision < Precision.DAY and not way.may_be_vague:
            return "less exact than a day"
        if self._limit_ms is not None and time.start_ms > self._limit_ms:
            return "later than the message"
        if time.latest_ms <= self.scope.births.get(self.patient.key, EARLIEST_MS):
            return "before birth"
        return "ends before it starts" if time.last_ms < time.start_ms else time

    def _precision(self, way: Stated, precision: Precision) -> Precision:
        """Lower a time of midnight to a date where the feed says that it means one."""
        is_midnight = self.scope.feed.is_midnight_date and "T00:00" in (way.start or way.end or "")
        return min(precision, Precision.DAY) if is_midnight else precision

    def _version(self, concept: str, value: Value, effective: ClinicalTime, *, is_deleted: bool) -> Version:
        content = f"{concept}|{value!r}|{effective.start_ms}|{effective.end_ms}|{is_deleted}"
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        stated_ms = effective.start_ms if self._stated_ms is None else self._stated_ms
        if self.scope.feed.is_rank_first:
            return Version(self.status.rank, stated_ms, digest)
        return Version(stated_ms, self.status.rank, digest)


def _last_updated(placed: Placed) -> str:
    return placed.resource.last_updated if isinstance(placed.resource, Resource) else ""


def _identity(placed: Placed) -> str:
    """Return what names a resource: its id, else its first identifier, else its urn, else its content."""
    resource = placed.resource
    if resource.id:
        return resource.id
    if isinstance(resource, Resource):
        for identifier in resource.identifier or ():
            if identifier.value:
                return f"{identifier.system or ''}#{identifier.value}"
    return placed.full_url or hashlib.blake2b(placed.raw, digest_size=8).hexdigest()
