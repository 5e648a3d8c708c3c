"""One FHIR resource while it is read: its name, its version, and the facts it gives. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import tzinfo

import msgspec
from msgspec import structs

from worker.decode.fhir import DecodedResource, Placed
from worker.decode.fhir.resources import Resource
from worker.mapping.concepts import Coding
from worker.mapping.digests import digest_of, written
from worker.mapping.fhir.instants import read_instant
from worker.mapping.fhir.scope import Scope
from worker.mapping.fhir.status import CORRECTED, PLANNED, VOID, Status
from worker.mapping.procedures import doubt_end
from worker.model.document import NOTE
from worker.model.errors import DecodeError
from worker.model.fact import NEWEST_MS, Fact, Group, Identifier, SourceRef, Value, Version
from worker.model.message import Issue, IssueKind
from worker.model.time import ClinicalTime, EpochMs, Precision

EARLIEST_MS = -2_208_988_800_000
"""1900-01-01T00:00Z: an earlier clinical time is a default or a mistake."""

_DAY = Precision.DAY  # named once: to ask an enumeration for its member takes a while
_LATER = "later than the message"
_TIME_DOES_NOT_MATTER = frozenset({PLANNED, VOID})


class Stated(msgspec.Struct, frozen=True, gc=False):
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
        "_is_ahead",
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
        dates: tuple[str, ...] = (),
    ) -> None:
        """Name the statement; `dates` are attributes of the resource that hold its own dates of stating it, best first."""
        self.scope = scope
        self.place = placed.place
        self.patient = patient
        self.status = status
        self.facts: list[Fact] = []
        self.issues: list[Issue] = []
        self._source = SourceRef(scope.feed.id, scope.message_id, placed.place, scope.received_at_ms)
        resource = placed.resource
        self._type = resource.type_name
        self.key = f"{scope.feed.id}|{self._type}|{resource.id or _identity(placed)}"
        self._is_ahead = False
        updated_ms = self._updated_ms(placed)
        said_ms = scope.message_at_ms if updated_ms is None else updated_ms
        self._limit_ms = scope.latest_ms if said_ms is None else said_ms + scope.feed.future_tolerance_ms
        self._stated_ms = self._first_date(resource, dates) if updated_ms is None else updated_ms

    @property
    def stated_ms(self) -> EpochMs:
        """Return when the resource was stated: by itself, else by its document, else never."""
        known = self.scope.message_at_ms if self._stated_ms is None else self._stated_ms
        return 0 if known is None else known

    def when(self, ways: Iterable[Stated] = (), *, or_filed: bool = False) -> ClinicalTime | None:
        """Return the clinical time: the first way that is given, else the time of the version.

        Shape: None where the time cannot be used; that is noted as an issue, and nothing is guessed. A plan or a withdrawal
        is never lost by its time: it then has the time of the version, and so, with `or_filed`, has what lies ahead.
        """
        for way in ways:
            if way.start or way.end:
                time = self._read(way)
                if isinstance(time, ClinicalTime):
                    return time
                if self.status.rank in _TIME_DOES_NOT_MATTER:
                    break
                self.refuse(IssueKind.BAD_TIME, way.name, time)
                if or_filed and time == _LATER:
                    break
                return None
        return self._known_version_time()

    def believed_end(self, time: ClinicalTime) -> ClinicalTime:
        """Return the time of a procedure, without an end that cannot be true; that is noted as an issue."""
        doubt = doubt_end(time, self._limit_ms)
        if not doubt:
            return time
        self.note(IssueKind.BAD_TIME, time.origin.rpartition(".")[2], doubt)
        return ClinicalTime(time.start_ms, time.precision, time.origin)

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

    def take_back_unsaid(self) -> None:
        """Take back what older versions said, where this one corrects or voids them and says nothing that is read.

        Shape: such as a resource that is entered in error and bare of its code. What could not be read takes nothing back.
        """
        is_lost = any(issue.is_quarantined for issue in self.issues)
        is_correction = self.status.rank == CORRECTED and not is_lost
        if not self.facts and (self.status.is_deleted or is_correction):
            self.take_back(self.key, NOTE, self.version_time())

    def version_time(self) -> ClinicalTime:
        """Return the time of the version, for what needs none of its own."""
        return ClinicalTime(self.stated_ms, Precision.SECOND, f"{self._type}.meta.lastUpdated")

    def replaces_all(self, key: str) -> None:
        """Turn the facts found so far into a group: this version of the resource replaces every older one as a whole."""
        self.is_group(key, replaces=True)

    def is_group(self, key: str, *, replaces: bool) -> None:
        """Turn the facts found so far into a group; `replaces` as in `Group`."""
        if self.facts:
            stated_at = max((fact.version.major, fact.version.minor) for fact in self.facts)
            group = Group(key, stated_at, replaces)
            self.facts = [structs.replace(fact, group=group) for fact in self.facts]

    def group_last(self, key: str, *, replaces: bool) -> None:
        """Put the fact found last into a group; with `replaces` it stands in place of what older versions said there."""
        last = self.facts[-1]
        group = Group(key, (last.version.major, last.version.minor), replaces)
        self.facts[-1] = structs.replace(last, group=group)

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

    def _updated_ms(self, placed: Placed) -> EpochMs | None:
        meta = placed.resource.meta
        text = meta.last_updated if meta is not None else None
        # A document of one resource is dated by it.
        known_ms = self.scope.message_at_ms if text and text == self.scope.message_at else None
        return self._own_date(text) if known_ms is None else known_ms

    def _first_date(self, resource: DecodedResource, names: tuple[str, ...]) -> EpochMs | None:
        dates = (self._own_date(getattr(resource, name)) for name in names)
        return next((at_ms for at_ms in dates if at_ms is not None), None)

    def _own_date(self, text: str | None) -> EpochMs | None:
        date_ms = read_own_date(text, self.scope.feed.zone)
        if not is_ahead(date_ms, self.scope.latest_ms):
            return date_ms
        if not self._is_ahead:
            self.note(IssueKind.BAD_TIME, "meta.lastUpdated", "more than a day ahead of our clock")
        self._is_ahead = True
        return None

    def _known_version_time(self) -> ClinicalTime | None:
        if self._stated_ms is None and self.scope.message_at_ms is None:
            self.refuse(IssueKind.BAD_TIME, "", "no time given")
            return None
        return self.version_time()

    def _read(self, way: Stated) -> ClinicalTime | str:
        """Return the time, or why it cannot be used."""
        feed = self.scope.feed
        zone = feed.zone
        text = way.start or way.end or ""
        try:
            start = read_instant(text, zone)
            end_ms = read_instant(way.end, zone).at_ms if way.end and way.start else None
        except DecodeError as problem:
            return problem.reason
        except (OverflowError, ValueError):
            return "not a date that a clock can show"
        precision = start.precision
        if feed.is_midnight_date and "T00:00" in text:
            precision = min(precision, _DAY)
        if precision < _DAY and not way.may_be_vague:
            return "less exact than a day"
        time = ClinicalTime(start.at_ms, precision, f"{self._type}.{way.name}", end_ms)
        return self._objection(time) or time

    def _objection(self, time: ClinicalTime) -> str:
        """Say why a time cannot be true, empty where it can."""
        if self._limit_ms is not None and time.start_ms > self._limit_ms:
            return _LATER
        births = self.scope.births
        born_ms = births.get(self.patient.key, EARLIEST_MS) if births else EARLIEST_MS
        if time.start_ms <= born_ms and time.latest_ms <= born_ms:
            return "before birth"
        return "ends before it starts" if time.end_ms is not None and time.end_ms < time.start_ms else ""

    def _version(self, concept: str, value: Value, effective: ClinicalTime, *, is_deleted: bool) -> Version:
        digest = digest_of(f"{concept}|{written(value)}|{effective.start_ms}|{effective.end_ms}|{is_deleted}")
        stated_ms = effective.start_ms if self._stated_ms is None else self._stated_ms
        if self._is_ahead and self._stated_ms is None and self.status.rank >= CORRECTED:
            stated_ms = NEWEST_MS
        if self.scope.feed.is_rank_first:
            return Version(self.status.rank, stated_ms, digest)
        return Version(stated_ms, self.status.rank, digest)


def is_ahead(date_ms: EpochMs | None, latest_ms: EpochMs | None) -> bool:
    """Tell whether a date of writing cannot be true."""
    return date_ms is not None and latest_ms is not None and date_ms > latest_ms


def read_own_date(text: str | None, zone: tzinfo) -> EpochMs | None:
    """Read when something was stated; None where that is missing or no date."""
    if not text:
        return None
    try:
        return read_instant(text, zone).at_ms
    except (DecodeError, OverflowError, ValueError):
        return None


def _identity(placed: Placed) -> str:
    """Return what names a resource without an id: its first identifier, else its urn, else its content."""
    resource = placed.resource
    if isinstance(resource, Resource):
        for identifier in resource.identifiers:
            if identifier.value:
                return f"{identifier.system or ''}#{identifier.value}"
    return placed.full_url or hashlib.blake2b(placed.raw, digest_size=8).hexdigest()
