"""The in-memory twin of the state: plain dictionaries, the same answers, nothing durable."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from msgspec import structs

from worker.correlate.claims import MOST_MARKED, NOBODY, Instant, newer_elsewhere, standing
from worker.correlate.identity import LAPSED, Said, components, joined, newest
from worker.correlate.matching import StoredEpisode
from worker.model.alert import Alert, AlertChange, HistoryLine
from worker.model.fact import VERSION, Claim, Fact, Identifier, IdentityLink
from worker.model.message import RawMessage, Unused
from worker.model.time import DAY_MS, EpochMs
from worker.storage import group_size
from worker.storage.memory_outbox import MemoryOutbox
from worker.storage.records import (
    MOVED_RECORD,
    AlertRecord,
    Assessed,
    Batch,
    BlindSpan,
    Case,
    CountKey,
    EpisodeRecord,
    NoticeKey,
    PendingNotice,
    Position,
    Quarantined,
    Verdict,
    record_of,
)
from worker.storage.retries import retry_ms


@dataclass(slots=True)
class _Patient:
    """What is filed under one identifier; facts by their number."""

    number: int
    identifier: Identifier
    recent: dict[int, Fact] = field(default_factory=dict)
    kept: dict[int, Fact] = field(default_factory=dict)
    concepts: Counter[str] = field(default_factory=Counter)
    partners: set[int] = field(default_factory=set)
    due: dict[int, EpochMs] = field(default_factory=dict)
    failed_ms: EpochMs | None = None
    episodes: set[str] = field(default_factory=set)
    unused: dict[tuple[str, str, str, int], Unused] = field(default_factory=dict)
    contested: dict[str, EpochMs] = field(default_factory=dict)


@dataclass(slots=True)
class _Lp:
    """A stored LP."""

    record: EpisodeRecord
    alerts: set[str]
    is_current: bool = True
    blind: tuple[BlindSpan, ...] = ()


class MemoryState(MemoryOutbox):
    """Keep the state in dictionaries; used by one thread."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self._positions: dict[str, Position] = {}
        self._begun: set[str] = set()
        self._numbers: dict[tuple[str, str], int] = {}
        self._patients: dict[int, _Patient] = {}
        self._links: dict[tuple[int, int], dict[int, tuple[int, str]]] = {}
        self._versions: dict[int, EpochMs] = {}
        self._claims: dict[str, dict[int, tuple[Instant, EpochMs]]] = {}
        self._fact_count = 0
        self._due: list[tuple[EpochMs, int, int]] = []
        self._due_count = 0
        self._lps: dict[str, _Lp] = {}
        self._redirects: dict[str, str] = {}
        self._alerts: dict[str, Alert] = {}
        self._histories: dict[str, list[HistoryLine]] = {}
        self._quarantined: list[Quarantined] = []
        self._failed: set[tuple[str, int]] = set()
        self._counts: Counter[CountKey] = Counter()
        self._feeds: dict[str, EpochMs] = {}
        self._pack = ""

    def close(self) -> None:
        """Keep everything: the next user is in this process."""

    def commit(self) -> None:
        """Do nothing: what is written is there."""

    # Ingest

    def position(self, part: str) -> Position:
        """Tell how far this part of the journal is consumed."""
        return self._positions.get(part, Position())

    def positions(self) -> dict[str, Position]:
        """Tell how far every part is consumed."""
        return dict(sorted(self._positions.items()))

    def latest_ms(self) -> EpochMs:
        """Give the receipt time of the last message consumed of any part, 0 for none."""
        return max((known.at_ms for known in self._positions.values()), default=0)

    def note_caught_up(self, parts: Mapping[str, EpochMs]) -> None:
        """Note when nothing of these parts was left to read; the instant of a part never falls."""
        for part, at_ms in parts.items():
            known = self.position(part)
            self._positions[part] = replace(known, caught_up_ms=max(at_ms, known.caught_up_ms))

    def begin_position(self, part: str, next_: int) -> None:
        """Set the position of a part that nobody ever consumed; one that somebody did stays where it is."""
        self._positions.setdefault(part, Position(next_))

    def has_begun(self, source: str) -> bool:
        """Tell whether somebody began with the parts of a source, named `{source}:…`."""
        was_read = [
            part for part, known in self._positions.items() if known.at_ms > 0 or known.caught_up_ms > 0
        ]
        return source in self._begun or any(part.startswith(f"{source}:") for part in was_read)

    def begin_all(self, source: str, parts: Mapping[str, int]) -> bool:
        """Set the positions of all parts of a source at once; False, and nothing written, where somebody began with it."""
        if self.has_begun(source):
            return False
        self._begun.add(source)
        for part, next_ in parts.items():
            self.begin_position(part, next_)
        return True

    def note_log(self, part: str, log: str) -> None:
        """Note in which log the position of a part counts, where nobody did."""
        known = self.position(part)
        self._positions[part] = replace(known, log=known.log or log)

    def move_position(self, part: str, next_: int, log: str = "") -> None:
        """Set the position of a part, whatever it is, in a log (unnamed: in the one met next): for operators."""
        self._positions[part] = replace(self.position(part), next=next_, log=log)

    def record_all(self, batches: Sequence[Batch]) -> bool:
        """Write batches of different parts; False, and nothing written, where somebody else has moved one of the positions."""
        if any(self.position(batch.part).next != batch.first for batch in batches):
            return False
        for batch in batches:
            self.record(batch)
        return True

    def record(self, batch: Batch) -> bool:
        """Write one ingest batch; False, and nothing written, where somebody else has moved the position."""
        if self.position(batch.part).next != batch.first:
            return False
        self._positions[batch.part] = replace(self.position(batch.part), next=batch.next, at_ms=batch.at_ms)
        for fact in batch.facts:
            self._append(fact)
        for who, item in batch.unused:
            self._note_unused(who, item)
        for link in batch.links:
            self._link(link)
        for claim in batch.claims:
            self._claim(claim)
        for patient, at_ms in batch.due.items():
            self._add_due(self._patient(patient), at_ms)
        self._quarantined.extend(batch.quarantined)
        self.put(batch.outgoing, batch.at_ms)
        self._counts.update(batch.counts)
        for feed, at_ms in batch.feeds.items():
            self._feeds[feed] = max(at_ms, self._feeds.get(feed, at_ms))
        return True

    def _note_unused(self, who: Identifier, item: Unused) -> None:
        key = (item.feed, item.kind.value, item.subject, item.at_ms // DAY_MS)
        known = self._patient(who).unused
        known[key] = min(item, known.get(key, item))

    def _patient(self, identifier: Identifier) -> _Patient:
        number = self._numbers.setdefault(identifier.key, len(self._numbers) + 1)
        return self._patients.setdefault(number, _Patient(number, identifier))

    def _append(self, fact: Fact) -> None:
        patient = self._patient(fact.patient)
        self._fact_count += 1
        patient.recent[self._fact_count] = structs.replace(fact, patient=patient.identifier)
        patient.concepts[fact.concept] += 1

    def _claim(self, claim: Claim) -> None:
        """Keep the newest claim of each holder of a resource; of several each is to be judged."""
        holders = self._claims.setdefault(claim.resource, {})
        holder = NOBODY if claim.patient is None else self._patient(claim.patient).number
        if holder not in holders or claim.stated_at > holders[holder][0]:
            holders[holder] = (claim.stated_at, claim.received_at_ms)
        if 1 < len(holders) <= MOST_MARKED:
            for number in holders.keys() - {NOBODY}:
                self._patients[number].contested[claim.resource] = claim.received_at_ms
                self._add_due(self._patients[number], claim.received_at_ms)

    def _elsewhere(self, patient: _Patient, at_ms: EpochMs | None) -> dict[str, Instant]:
        """Give the newest claim of another holder for each contested resource that a patient had."""
        found: dict[str, Instant] = {}
        for resource in patient.contested:
            known = self._claims[resource].items()
            then = {
                number: stated for number, (stated, said_ms) in known if at_ms is None or said_ms <= at_ms
            }
            newest = newer_elsewhere(then, patient.number)
            if newest is not None:
                found[resource] = newest
        return found

    def _link(self, link: IdentityLink) -> None:
        one, other = self._patient(link.first), self._patient(link.second)
        if link.kind == VERSION:
            self._versions[one.number] = max(link.stated_at_ms, self._versions.get(one.number, 0))
        if one is other:
            return
        pair = (min(one.number, other.number), max(one.number, other.number))
        record = record_of(link, lambda who: self._patient(who).number)
        said = self._links.setdefault(pair, {})
        stated = (link.stated_at_ms, link.kind)
        said[record] = max(stated, said.get(record, stated))
        one.partners.add(other.number)
        other.partners.add(one.number)

    def _add_due(self, patient: _Patient, at_ms: EpochMs) -> None:
        self._due_count += 1
        patient.due[self._due_count] = at_ms
        heapq.heappush(self._due, (at_ms, self._due_count, patient.number))

    # Assessment

    def next_due_ms(self) -> EpochMs | None:
        """Tell when the next assessment is due."""
        while self._due and self._due[0][1] not in self._patients[self._due[0][2]].due:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    def assess(
        self,
        as_of_ms: EpochMs,
        opening: Iterable[str],
        decide: Callable[[Case], Verdict],
        *,
        limit: int = 200,
    ) -> Assessed:
        """Let `decide` judge patients that are due, and write what it decides."""
        taken: list[int] = []
        while len(taken) < limit and (at_ms := self.next_due_ms()) is not None and at_ms <= as_of_ms:
            _, row, number = heapq.heappop(self._due)
            self._patients[number].due.pop(row)
            taken.append(number)
        done, seen, opens = Assessed(due=len(taken)), set[int](), frozenset(opening)
        for number in taken:
            self._settle(number, as_of_ms)
            group = self._group(number) if number not in seen else ()
            seen.update(group)
            if any(self._is_watched(self._patients[member], opens) for member in group):
                done += self._judge(group, as_of_ms, decide)
        return done

    def _is_watched(self, patient: _Patient, opening: frozenset[str]) -> bool:
        return not opening.isdisjoint(patient.concepts) or bool(patient.episodes)

    def _group(self, number: int, at_ms: EpochMs | None = None) -> tuple[int, ...]:
        members, frontier = {number}, {number}
        while frontier:
            frontier = {
                partner for member in frontier for partner in self._patients[member].partners
            } - members
            members |= frontier
        if len(members) == 1:
            return (number,)
        pairs = joined(newest(self._said(members), at_ms))
        return next(group for group in components(members, pairs) if number in group)

    def _said(self, members: Iterable[int]) -> Iterator[Said[int]]:
        """Give what was said of these and their partners."""
        for one in members:
            for other in self._patients[one].partners:
                if one < other:
                    for record, stated in self._links[one, other].items():
                        yield Said(one, other, *stated, self._versions.get(record, 0))

    def _settle(self, number: int, at_ms: EpochMs) -> None:
        """Make those due who were joined with this patient until a newer version of a record did not say so any more, once."""
        for partner in self._patients[number].partners:
            said = self._links[min(number, partner), max(number, partner)]
            for record, (stated_ms, kind) in said.items():
                if kind != LAPSED and stated_ms < self._versions.get(record, 0):
                    said[record] = (stated_ms, LAPSED)
                    self._add_due(self._patients[partner if record == number else number], at_ms)

    def _judge(
        self, group: tuple[int, ...], as_of_ms: EpochMs, decide: Callable[[Case], Verdict]
    ) -> Assessed:
        if len(group) > group_size.LARGEST_GROUP:
            failure = group_size.too_large(as_of_ms)
            self._set_aside(self._patients[group[0]], failure)
            return Assessed(failed=1, failures=(failure,))
        case = self._case(group)
        verdict = decide(case)
        if verdict.failure is not None:
            self._fail(group, as_of_ms, verdict.failure)
            return Assessed(cases=1, failed=1)
        for member in group:
            self._patients[member].due.clear()
        self._write(case, verdict, as_of_ms)
        if verdict.episodes or case.episodes:
            for member in group:
                self._patients[member].kept.update(self._patients[member].recent)
        if verdict.next_due_ms is not None:
            self._add_due(self._patients[group[0]], verdict.next_due_ms)
        return Assessed(cases=1, changes=sum(change.is_visible for change in verdict.changes))

    def _fail(self, group: tuple[int, ...], as_of_ms: EpochMs, failure: Quarantined) -> None:
        """Set a failed assessment aside; the patient keeps his timers, or is due for another try."""
        members = [self._patients[member] for member in group]
        for member in members:
            member.due = {row: at_ms for row, at_ms in member.due.items() if at_ms > as_of_ms}
        last = max((member.failed_ms for member in members if member.failed_ms is not None), default=None)
        timers = [at_ms for member in members for at_ms in member.due.values()]
        at_ms = retry_ms(as_of_ms, last, timers)
        if at_ms is not None:
            self._add_due(members[0], at_ms)
        self._set_aside(members[0], failure)

    def _set_aside(self, patient: _Patient, failure: Quarantined) -> None:
        self._quarantined.append(failure)
        self._counts[CountKey("assessment", "", failure.reason, failure.place)] += 1
        self._failed.add((failure.reason, patient.number))
        patient.failed_ms = failure.at_ms

    def _case(self, group: tuple[int, ...], at_ms: EpochMs | None = None) -> Case:
        members = [self._patients[member] for member in group]
        facts = tuple(fact for member in members for fact in self._facts_of(member, at_ms))
        stored = sorted(
            (self._lps[name] for member in members for name in member.episodes),
            key=lambda lp: (lp.record.created_at_ms, lp.record.episode_id),
        )
        episodes = tuple(
            StoredEpisode(
                lp.record.episode_id, lp.record.record_keys, lp.record.created_at_ms, lp.record.anchor_ms
            )
            for lp in stored
        )
        alerts = sorted(
            (self._alerts[name] for lp in stored for name in lp.alerts),
            key=lambda alert: (alert.raised_at_ms, alert.alert_id),
        )
        return Case(
            tuple(member.identifier for member in members),
            facts,
            episodes,
            tuple(alerts),
            tuple(item for member in members for item in member.unused.values()),
            {lp.record.episode_id: lp.blind for lp in stored if lp.blind},
        )

    def _facts_of(self, patient: _Patient, at_ms: EpochMs | None) -> Iterable[Fact]:
        facts = (patient.recent | patient.kept).values()
        return standing(facts, self._elsewhere(patient, at_ms)) if patient.contested else facts

    def _write(self, case: Case, verdict: Verdict, as_of_ms: EpochMs) -> None:
        for old, kept in verdict.redirects:
            self._redirects[old] = kept
            joined = self._unfile(old)
            self._lps[kept].alerts.update(joined)
            for name in joined:
                self._alerts[name] = replace(self._alerts[name], episode_id=kept)
        for stored in case.episodes:
            if stored.episode_id in self._lps:
                self._lps[stored.episode_id].is_current = False
        for record in verdict.episodes:
            self._file(record)
        for record in verdict.episodes:
            self._lps[record.episode_id].blind = tuple(sorted(verdict.blind.get(record.episode_id, ())))
        for change in verdict.changes:
            self._change(change)
        self.put(verdict.notices, as_of_ms)
        for item in verdict.unused:
            self._note_unused(case.patients[0], item)
        self._counts.update(verdict.counts)

    def _file(self, record: EpisodeRecord) -> None:
        """File an LP under its patient, who may be another than before."""
        self._lps[record.episode_id] = _Lp(record, self._unfile(record.episode_id))
        self._patient(record.patient).episodes.add(record.episode_id)

    def _unfile(self, episode_id: str) -> set[str]:
        """Take an LP away, and give the ids of its alerts."""
        known = self._lps.pop(episode_id, None)
        if known is None:
            return set()
        self._patient(known.record.patient).episodes.discard(episode_id)
        return known.alerts

    def _change(self, change: AlertChange) -> None:
        alert = change.alert
        self._alerts[alert.alert_id] = alert
        self._lps[alert.episode_id].alerts.add(alert.alert_id)
        if change.is_visible:
            line = HistoryLine(alert.updated_at_ms, alert.version, alert.state, alert.severity, change.reason)
            self._histories.setdefault(alert.alert_id, []).append(line)

    def count_due(self, now_ms: EpochMs) -> int:
        """Count the assessments that are due now."""
        return sum(at_ms <= now_ms for patient in self._patients.values() for at_ms in patient.due.values())

    # Delivery, beside what `MemoryOutbox` does

    def refuse(self, sink: str, keys: Collection[NoticeKey], reasons: Collection[Quarantined]) -> None:
        """Note that the sink will never take these notices as they are: they wait no longer, and are set aside."""
        self.mark_sent(sink, keys)
        self._quarantined.extend(reasons)

    def exchange(self, sink: str, smaller: PendingNotice, reason: Quarantined) -> None:
        """Put a smaller form in the place of a notice that the sink will never take, and set that aside."""
        if self.replace(sink, smaller):
            self._quarantined.append(reason)

    # Reading

    def case(self, patient: int, at_ms: EpochMs | None = None) -> Case:
        """Read the patient with this number and everybody joined with him, now or at an instant."""
        return self._case(self._group(patient, at_ms), at_ms)

    def lps_over(self, value: str) -> tuple[EpochMs, ...]:
        """Give the instants of LPs, filed under an identifier with this value, whose facts were let go of."""
        found = (lp for lp in self._lps.values() if lp.record.patient.value == value)
        return tuple(sorted(lp.record.anchor_ms for lp in found if not self._is_filed(lp)))

    def find(self, value: str) -> tuple[int, ...]:
        """Find patients by an identifier's value, whatever its authority."""
        return tuple(number for (_, known), number in self._numbers.items() if known == value)

    def watched(self, anchored_from_ms: EpochMs) -> Iterator[Case]:
        """Read everybody whose LP stands and was at this instant or later, each once."""
        standing = [
            lp
            for lp in self._lps.values()
            if lp.is_current and lp.record.anchor_ms >= anchored_from_ms and self._is_filed(lp)
        ]
        groups = {self._group(self._patient(lp.record.patient).number) for lp in standing}
        for group in sorted(groups):
            yield self._case(group)

    def newest_lp_ms(self) -> EpochMs | None:
        """Give the instant of the newest LP that stands and is not over, None where there is none."""
        standing = (lp.record.anchor_ms for lp in self._lps.values() if lp.is_current and self._is_filed(lp))
        return max(standing, default=None)

    def count_blind(self, now_ms: EpochMs) -> dict[str, int]:
        """Count the LPs that are blind at an instant, by kind, as they were judged last."""
        return dict(
            Counter(
                span.kind
                for lp in self._lps.values()
                if lp.is_current and self._is_filed(lp)
                for span in lp.blind
                if span.from_ms <= now_ms < span.until_ms
            )
        )

    def _is_filed(self, lp: _Lp) -> bool:
        """Tell whether an LP is not over."""
        return lp.record.episode_id in self._patient(lp.record.patient).episodes

    def alerts(self) -> tuple[AlertRecord, ...]:
        """Read every alert with all identifiers of its patient and its history, oldest first."""
        ordered = sorted(self._alerts.values(), key=lambda alert: (alert.raised_at_ms, alert.alert_id))
        return tuple(
            AlertRecord(alert, self._joined(alert), tuple(self._histories.get(alert.alert_id, ())))
            for alert in ordered
        )

    def _joined(self, alert: Alert) -> tuple[Identifier, ...]:
        patient = self._patient(self._lps[alert.episode_id].record.patient)
        return tuple(self._patients[member].identifier for member in self._group(patient.number))

    def histories(self, alerts: Collection[str]) -> dict[str, tuple[HistoryLine, ...]]:
        """Read the histories of these alerts by their ids, oldest line first."""
        return {each: tuple(self._histories[each]) for each in sorted(alerts) if each in self._histories}

    def episodes(self) -> tuple[int, int]:
        """Count the LPs that stand, and how many of them are presumed."""
        standing = [lp.record.is_presumed for lp in self._lps.values() if lp.is_current]
        return len(standing), sum(standing)

    def counts(self) -> dict[CountKey, int]:
        """Sum the counts."""
        return dict(self._counts)

    def quarantined(self, limit: int = 1_000) -> tuple[Quarantined, ...]:
        """Read what was set aside, oldest first."""
        return tuple(self._quarantined[:limit])

    def kept_messages(self, first_ms: EpochMs, last_ms: EpochMs, limit: int) -> tuple[RawMessage, ...]:
        """Read messages of which something was set aside, received between two instants, last first."""
        messages = dict.fromkeys(item.message for item in self._quarantined if item.message is not None)
        found = [each for each in messages if first_ms <= each.received_at_ms <= last_ms]
        return tuple(sorted(found, key=lambda each: -each.received_at_ms)[:limit])

    def failed(self) -> dict[str, int]:
        """Count the patients whose assessment failed at some time, by reason."""
        return dict(Counter(reason for reason, _ in self._failed))

    def feeds(self) -> dict[str, EpochMs]:
        """Tell when each feed was last heard of."""
        return dict(self._feeds)

    # Housekeeping

    def use_pack(self, digest: str, now_ms: EpochMs) -> bool:
        """Remember the pack in use; where it changed, standing LPs and failed assessments become due. Tell whether it did."""
        if digest == self._pack:
            return False
        self._pack = digest
        standing = {self._patient(lp.record.patient).number for lp in self._lps.values() if lp.is_current}
        failed = {patient.number for patient in self._patients.values() if patient.failed_ms is not None}
        for number in standing | failed:
            self._add_due(self._patients[number], now_ms)
        return True

    def drop_recent(
        self, received_before_ms: EpochMs, long_concepts: Iterable[str], long_before_ms: EpochMs
    ) -> None:
        """Drop facts of patients without an LP that were received before these instants; few concepts stay longer."""
        longer = frozenset(long_concepts)
        days = {False: received_before_ms // DAY_MS, True: long_before_ms // DAY_MS}
        for patient in self._patients.values():
            patient.recent = {
                number: fact
                for number, fact in patient.recent.items()
                if fact.source.received_at_ms // DAY_MS >= days[fact.concept in longer]
            }
            patient.concepts = Counter(fact.concept for fact in (patient.recent | patient.kept).values())
            patient.unused = {key: item for key, item in patient.unused.items() if key[3] >= days[False]}
            if not patient.kept:
                patient.contested = {
                    resource: at_ms
                    for resource, at_ms in patient.contested.items()
                    if at_ms // DAY_MS >= days[True]
                }
        contested = {resource for patient in self._patients.values() for resource in patient.contested}
        for resource, holders in list(self._claims.items()):
            if resource not in contested:
                kept = {who: known for who, known in holders.items() if known[1] // DAY_MS >= days[True]}
                self._claims[resource] = kept
                if not kept:
                    del self._claims[resource]

    def drop_over(self, anchored_before_ms: EpochMs) -> None:
        """Let go of patients whose last LP was before this instant and who have no recent facts; alerts stay.

        Whoever was joined for a while, because something moved before this instant, is so no more.
        """
        for said in self._links.values():
            if said.get(MOVED_RECORD, (anchored_before_ms,))[0] < anchored_before_ms:
                del said[MOVED_RECORD]
        for patient in self._patients.values():
            lps = [self._lps[name] for name in patient.episodes]
            if lps and not patient.recent and max(lp.record.anchor_ms for lp in lps) < anchored_before_ms:
                for lp in lps:
                    lp.is_current = False
                patient.episodes.clear()
                patient.kept.clear()
                patient.concepts.clear()
                patient.due.clear()
