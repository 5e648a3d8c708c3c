"""Values as compact bytes: positional msgpack arrays, the first element of a document being the version of this form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

from worker.model.alert import Alert, AlertState, LastTold, Target, Variant
from worker.model.episode import Episode
from worker.model.errors import LpwatchError
from worker.model.fact import (
    Assertion,
    AssertionStatus,
    Coded,
    Comparator,
    EncounterValue,
    Fact,
    Group,
    Identifier,
    Location,
    Moment,
    Puncture,
    PunctureSource,
    PunctureStatus,
    Quantity,
    SourceRef,
    Value,
    Version,
)
from worker.model.finding import Finding, RuleStatus, Severity
from worker.model.time import ClinicalTime, Precision

VERSION = 3
"""What is written: 2 knows where a patient is, and who was told of an alert; 3 what they were told last."""
_KNOWN = frozenset({1, 2, VERSION})
_KEEPS_LAST_TOLD = 3
_NAMES = 2
"""The place of the patient's numbers among what was told last, where they were kept."""

# An array as msgpack gives it back: its elements are checked by the constructors that take them.
Row: TypeAlias = Sequence[Any]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[Any, ...]).decode

_PRECISIONS = {int(precision): precision for precision in Precision}
_COMPARATORS = {comparator.value: comparator for comparator in Comparator}


def encode_fact(fact: Fact) -> bytes:
    """Encode a fact without its patient, whom the row names."""
    return _encode((VERSION, *_fact_row(fact)))


def decode_fact(data: bytes, patient: Identifier) -> Fact:
    """Decode a fact of `patient`.

    Raises: LpwatchError where the bytes have a form that this release does not know.
    """
    return _fact(_document(data), 1, patient)


def encode_alert(alert: Alert) -> bytes:
    """Encode an alert with its finding and evidence."""
    head = (
        alert.alert_id,
        alert.episode_id,
        alert.rule,
        alert.rule_version,
        alert.status,
        alert.state,
        int(alert.severity),
        alert.version,
        alert.raised_at_ms,
        alert.updated_at_ms,
    )
    tail = (alert.paged, alert.notified_severity, alert.notified_peak, alert.told, _last_told_row(alert))
    return _encode((VERSION, *head, _finding_row(alert.finding), *tail))


def decode_alert(data: bytes) -> Alert:
    """Decode an alert.

    Raises: LpwatchError where the bytes have a form that this release does not know.
    """
    row = _document(data)
    notified = row[13]
    finding = _finding(row[11])
    return Alert(
        row[1],
        row[2],
        row[3],
        row[4],
        RuleStatus(row[5]),
        AlertState(row[6]),
        Severity(row[7]),
        row[8],
        row[9],
        row[10],
        finding,
        row[12],
        None if notified is None else Severity(notified),
        row[14],
        tuple(Target(topic, Variant(variant)) for topic, variant in (row[15] if row[0] > 1 else ())),
        _last_told(row[16], finding) if row[0] >= _KEEPS_LAST_TOLD else None,
    )


def _last_told_row(alert: Alert) -> tuple[object, ...] | None:
    """Write what was told last; mostly it is what stands, which is not written twice."""
    told = alert.last_told
    if told is None:
        return None
    finding = None if told.finding == alert.finding else _finding_row(told.finding)
    return (told.at_ms, finding, told.names)


def _last_told(row: Row | None, finding: Finding) -> LastTold | None:
    if row is None:
        return None
    names = row[_NAMES] if len(row) > _NAMES else ()
    return LastTold(
        row[0],
        finding if row[1] is None else _finding(row[1]),
        tuple((authority, value) for authority, value in names),
    )


def encode_keys(keys: frozenset[tuple[str, str, str]]) -> bytes:
    """Encode the record keys of an episode, sorted, so that equal sets are equal bytes."""
    return _encode((VERSION, *sorted(keys)))


def decode_keys(data: bytes) -> frozenset[tuple[str, str, str]]:
    """Decode the record keys of an episode.

    Raises: LpwatchError where the bytes have a form that this release does not know.
    """
    return frozenset((authority, value, key) for authority, value, key in _document(data)[1:])


def _document(data: bytes) -> Row:
    row = _decode(data)
    if row[0] not in _KNOWN:
        raise LpwatchError(f"stored form {row[0]} is newer than this release", "codec")
    return row


def _fact_row(fact: Fact) -> tuple[object, ...]:
    version, effective, source, group = fact.version, fact.effective, fact.source, fact.group
    return (
        fact.key,
        version.major,
        version.minor,
        version.digest,
        fact.concept,
        effective.start_ms,
        int(effective.precision),
        effective.origin,
        effective.end_ms,
        _value_row(fact.value),
        source.feed,
        source.message_id,
        source.place,
        source.received_at_ms,
        None if group is None else (group.key, group.stated_at, group.replaces),
        fact.is_deleted,
        fact.specimen,
        fact.result_status,
        fact.qualifiers,
    )


def _fact(row: Row, at: int, patient: Identifier) -> Fact:
    (
        key,
        major,
        minor,
        digest,
        concept,
        start,
        precision,
        origin,
        end,
        value,
        feed,
        message,
        place,
        received,
    ) = row[at : at + 14]
    group, is_deleted, specimen, result_status, qualifiers = row[at + 14 : at + 19]
    return Fact(
        patient,
        key,
        Version(major, minor, digest),
        concept,
        ClinicalTime(start, _PRECISIONS[precision], origin, end),
        None if value is None else _VALUES[value[0]](value),
        SourceRef(feed, message, place, received),
        None if group is None else Group(group[0], tuple(group[1]), group[2]),
        is_deleted,
        specimen,
        result_status,
        tuple(qualifiers),
    )


def _owned_fact_row(fact: Fact) -> tuple[object, ...]:
    patient = fact.patient
    return (patient.authority, patient.value, patient.type, *_fact_row(fact))


def _owned_fact(row: Row) -> Fact:
    return _fact(row, 3, Identifier(row[0], row[1], row[2]))


def _value_row(value: Value) -> tuple[object, ...] | None:
    match value:
        case None:
            return None
        case Quantity():
            return ("q", value.value, value.unit, value.comparator, value.reported)
        case Coded():
            return ("c", value.code, value.reported)
        case Assertion():
            return (
                *("a", value.status, value.qualifiers, value.span, value.sentence),
                *(value.phrase, value.title, value.section),
            )
        case Puncture():
            return ("p", value.status, value.source, value.numbers, value.passes, value.is_traumatic)
        case EncounterValue():
            return ("e", value.encounter_class, value.visit, value.reason)
        case Location():
            return ("l", value.unit, value.room, value.bed, value.facility, value.visit)
        case Moment():
            return ("m", value.at_ms)


def _assertion(row: Row) -> Assertion:
    """Read a statement of a note; one that was stored before its place in the sentence was kept has none."""
    phrase, title, section = row[5:8] or (None, "", "")
    span = row[3] and tuple(row[3])
    return Assertion(
        AssertionStatus(row[1]), tuple(row[2]), span, row[4], phrase and tuple(phrase), title, section
    )


_VALUES: dict[str, Callable[[Row], Value]] = {
    "q": lambda row: Quantity(row[1], row[2], _COMPARATORS[row[3]], row[4]),
    "c": lambda row: Coded(row[1], row[2]),
    "a": _assertion,
    "p": lambda row: Puncture(PunctureStatus(row[1]), PunctureSource(row[2]), tuple(row[3]), row[4], row[5]),
    "e": lambda row: EncounterValue(row[1], row[2], row[3]),
    "l": lambda row: Location(row[1], row[2], row[3], row[4], row[5]),
    "m": lambda row: Moment(row[1]),
}


def _episode_row(episode: Episode) -> tuple[object, ...]:
    anchor = episode.anchor
    return (
        (anchor.start_ms, int(anchor.precision), anchor.origin, anchor.end_ms),
        episode.status,
        [_owned_fact_row(record) for record in episode.records],
        episode.is_presumed,
        episode.is_time_uncertain,
        episode.series_start_ms,
        episode.until_ms,
    )


def _episode(row: Row) -> Episode:
    start, precision, origin, end = row[0]
    return Episode(
        ClinicalTime(start, _PRECISIONS[precision], origin, end),
        PunctureStatus(row[1]),
        tuple(_owned_fact(record) for record in row[2]),
        row[3],
        row[4],
        row[5],
        row[6],
    )


def _finding_row(finding: Finding) -> tuple[object, ...]:
    return (
        _episode_row(finding.episode),
        finding.rule,
        finding.rule_version,
        finding.status,
        int(finding.severity),
        finding.effective_ms,
        finding.latest_ms,
        finding.window_end_ms,
        [_owned_fact_row(fact) for fact in finding.evidence],
        finding.remarks,
        finding.peak,
        finding.folded_by,
        finding.gap_closed,
    )


def _finding(row: Row) -> Finding:
    return Finding(
        _episode(row[0]),
        row[1],
        row[2],
        RuleStatus(row[3]),
        Severity(row[4]),
        row[5],
        row[6],
        row[7],
        tuple(_owned_fact(fact) for fact in row[8]),
        tuple(row[9]),
        row[10],
        row[11],
        row[12],
    )
