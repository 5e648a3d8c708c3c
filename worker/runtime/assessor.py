"""Judge patients that are due: find LPs and findings, bring the alerts in line with them, and write notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Protocol
from uuid import uuid4

import structlog

from worker.alerts.policy import Policy
from worker.alerts.reconcile import Standing, reconcile
from worker.alerts.routing import Outlet
from worker.alerts.transitions import Now
from worker.correlate.matching import EpisodeMatch, StoredEpisode, match_episodes
from worker.model.alert import Alert, AlertChange
from worker.model.episode import Episode
from worker.model.errors import LpwatchError
from worker.model.fact import Fact, Identifier
from worker.model.finding import Truth
from worker.model.message import Unused
from worker.model.time import MINUTE_MS, EpochMs
from worker.pipeline import Assessment
from worker.rules.blind import BlindSpot
from worker.runtime.notices import NoticeWriter, Writer
from worker.storage.records import Assessed, BlindSpan, Case, EpisodeRecord, Quarantined, Verdict

_log = structlog.get_logger(__name__)


class AssessmentStore(Protocol):
    """Keep what assessments read and write, whole verdicts only."""

    def next_due_ms(self) -> EpochMs | None:
        """Tell when the next assessment is due."""

    def assess(
        self,
        as_of_ms: EpochMs,
        opening: Iterable[str],
        decide: Callable[[Case], Verdict],
        *,
        limit: int = ...,
    ) -> Assessed:
        """Let `decide` judge up to `limit` of the patients that are due, and write what it decides.

        Raises: TemporaryError where nothing was written and a retry can help.
        """


class Judge(Writer, Protocol):
    """What an assessment needs of the pack in use."""

    @property
    def opening(self) -> frozenset[str]:
        """Name the concepts of which a patient without an LP has no fact."""

    @property
    def rules(self) -> frozenset[str]:
        """Name the rules."""

    @property
    def policy(self) -> Policy:
        """Say when an alert pages, is told again and may come back."""

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = ...,
    ) -> Assessment:
        """Find LPs and findings; `who` names the patient by all identifiers that are joined."""

    def find_blind_spots(
        self, found: Assessment, unused: Sequence[Unused]
    ) -> Mapping[EpochMs, tuple[BlindSpot, ...]]:
        """Say for each LP, by its anchor, where the rules are blind, now or later if nothing more comes."""


def random_id() -> str:
    """Give a new id for an LP or an alert."""
    return uuid4().hex


class Assessor:
    """Work through the due rows."""

    def __init__(
        self,
        store: AssessmentStore,
        judge: Judge,
        *,
        sinks: Sequence[Outlet] = (),
        new_id: Callable[[], str] = random_id,
        limit: int = 200,
    ) -> None:
        """Keep the store and the pack; `sinks` get each notice, `limit` is how many due rows one commit takes."""
        self._store = store
        self._judge = judge
        self._notices = NoticeWriter(judge, sinks)
        self._new_id = new_id
        self._limit = limit

    def run(self, as_of_ms: EpochMs, consumed_until_ms: EpochMs, *, rounds: int | None = None) -> Assessed:
        """Judge everybody who is due at `as_of_ms`; messages received until `consumed_until_ms` are all ingested.

        Shape: with `rounds`, after that many commits whoever is left stays due.
        """

        def decide(case: Case) -> Verdict:
            return self._decide(case, as_of_ms, consumed_until_ms)

        done = Assessed()
        for _ in count() if rounds is None else range(rounds):
            part = self._store.assess(as_of_ms, self._judge.opening, decide, limit=self._limit)
            done += part
            for failure in part.failures:
                _log.error("assessment_failed", reason=failure.reason, place=failure.place)
            # Those that another worker is at stay due: who comes again at once meets the same ones.
            if part.due + part.busy < self._limit or not part.due:
                break
        return done

    def _decide(self, case: Case, as_of_ms: EpochMs, consumed_until_ms: EpochMs) -> Verdict:
        try:
            return self._verdict(case, as_of_ms, consumed_until_ms)
        except LpwatchError as error:
            reason, place = error.reason, error.place
        except Exception as error:  # noqa: BLE001 - whatever one patient's facts make us raise, the others are judged
            reason, place = f"internal error {type(error).__name__}", ""
        _log.error("assessment_failed", reason=reason, place=place)
        return Verdict(failure=Quarantined("assessment", as_of_ms, reason, place))

    def _verdict(self, case: Case, as_of_ms: EpochMs, consumed_until_ms: EpochMs) -> Verdict:
        # Workers' clocks differ: for one patient time never goes back, or what one let expire another would raise again.
        asked_ms, as_of_ms = as_of_ms, max([as_of_ms, *(alert.updated_at_ms for alert in case.alerts)])
        found = self._judge.assess(case.facts, as_of_ms, consumed_until_ms, case.patients)
        match = match_episodes(found.episodes, case.episodes, self._new_id)
        ids = {episode.anchor_ms: id_ for episode, id_ in zip(found.episodes, match.ids, strict=True)}
        redirects = dict(match.redirects)
        changes = reconcile(
            [(ids[finding.episode.anchor_ms], finding) for finding in found.findings],
            case.alerts,
            Now(as_of_ms, self._judge.policy, tuple(sorted(who.key for who in case.patients))),
            self._new_id,
            Standing(
                match.ids, redirects, self._judge.rules, _awaiting(found, ids), lambda: found.index.facts
            ),
        )
        alerts = [_redirected(alert, redirects) for alert in case.alerts]
        changes = tuple(replace(change, alert=_redirected(change.alert, redirects)) for change in changes)
        told = self._notices.tell(changes, alerts, case.patients, found, as_of_ms)
        return Verdict(
            episodes=_records(found, match, case.episodes, as_of_ms),
            redirects=match.redirects,
            changes=told.changes,
            notices=told.notices,
            next_due_ms=_next_due(found, case.alerts, changes, as_of_ms, asked_ms),
            blind={
                ids[anchor_ms]: _spans(spots)
                for anchor_ms, spots in self._judge.find_blind_spots(found, case.unused).items()
                if spots
            },
            unused=_unclear(found, case.unused, as_of_ms),
        )


def _unclear(found: Assessment, known: Iterable[Unused], as_of_ms: EpochMs) -> tuple[Unused, ...]:
    """Give the data-quality notices that were not written before: of two versions of one second one was chosen."""
    told = {(item.feed, item.kind, item.subject) for item in known}
    ties = [(tie.kind, *tie.subject.partition("|")[::2]) for tie in found.ties]
    fresh = {Unused(as_of_ms, feed, kind, subject) for kind, feed, subject in ties}
    return tuple(sorted(item for item in fresh if (item.feed, item.kind, item.subject) not in told))


def _spans(spots: Iterable[BlindSpot]) -> tuple[BlindSpan, ...]:
    """Give for each kind the span from its first instant to its last: counted, not shown."""
    found: dict[str, BlindSpan] = {}
    for spot in spots:
        known = found.get(spot.kind.value)
        first_ms = spot.since_ms if known is None else min(known.from_ms, spot.since_ms)
        last_ms = spot.until_ms if known is None else max(known.until_ms, spot.until_ms)
        found[spot.kind.value] = BlindSpan(spot.kind.value, first_ms, last_ms)
    return tuple(sorted(found.values()))


def _redirected(alert: Alert, redirects: Mapping[str, str]) -> Alert:
    kept = redirects.get(alert.episode_id)
    return alert if kept is None else replace(alert, episode_id=kept)


def _awaiting(found: Assessment, ids: Mapping[EpochMs, str]) -> dict[tuple[str, str], Episode]:
    """Give the LP of each rule that cannot be answered in full before feeds are read further."""
    return {
        (ids[episode.anchor_ms], evaluation.rule.id): episode
        for evaluation in found.evaluations
        if evaluation.awaits_feeds_until_ms is not None and evaluation.truth is not Truth.FALSE
        for episode in (evaluation.context.view.episode,)
    }


def _records(
    found: Assessment, match: EpisodeMatch, stored: Sequence[StoredEpisode], as_of_ms: EpochMs
) -> tuple[EpisodeRecord, ...]:
    """Give the LPs as they are stored: each remembers every record it ever had, also of those that joined it."""
    known = {item.episode_id: item for item in stored}
    keys = {id_: item.record_keys for id_, item in known.items()}
    for old, kept in match.redirects:
        keys[kept] |= keys[old]
    return tuple(
        EpisodeRecord(
            id_,
            episode.records[0].patient,
            episode.anchor_ms,
            known[id_].created_at_ms if id_ in known else as_of_ms,
            episode.is_presumed,
            episode.record_keys | keys.get(id_, frozenset()),
        )
        for episode, id_ in zip(found.episodes, match.ids, strict=True)
    )


def _next_due(
    found: Assessment,
    alerts: Iterable[Alert],
    changes: Iterable[AlertChange],
    as_of_ms: EpochMs,
    asked_ms: EpochMs,
) -> EpochMs | None:
    """Give the next instant at which time alone can change the answer: a rule says so, or an open alert's window ends.

    A gap that cannot be judged yet is looked at again, messages or not: once our clock has come as far as that of the worker
    which judged before (`as_of_ms` lies after `asked_ms`), else in a minute, as the feeds may be idle and caught up by then.
    """
    now = {alert.alert_id: alert for alert in alerts}
    now.update((change.alert.alert_id, change.alert) for change in changes)
    instants = [alert.finding.window_end_ms for alert in now.values() if alert.state.is_open]
    if found.next_change_at_ms is not None:
        instants.append(found.next_change_at_ms)
    instants = [at_ms for at_ms in instants if at_ms > as_of_ms]
    if found.awaits_feeds:
        instants.append(as_of_ms if as_of_ms > asked_ms else as_of_ms + MINUTE_MS)
    return min(instants, default=None)
