"""Compose the core: a message and a pack give facts; facts, a pack and an instant give findings. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from worker.alerts.fold import fold
from worker.alerts.policy import Policy
from worker.alerts.render import Surroundings, shown_finding
from worker.alerts.route_files import parse_routes
from worker.alerts.routing import Routes
from worker.alerts.taken_back import became_known, facts_of, taken_back
from worker.correlate.baseline import is_why_he_came_back
from worker.correlate.device_values import DeviceValues
from worker.correlate.episodes import find_episodes
from worker.correlate.index import FactIndex, is_csf
from worker.correlate.joining import PUNCTURE_CONCEPT
from worker.correlate.places import find_whereabouts
from worker.correlate.stays import find_stays, stay_at
from worker.correlate.versions import BIRTH_DATE, Change, Fold
from worker.correlate.view import EpisodeView, build_views
from worker.correlate.visits import ENCOUNTER, settle_visits
from worker.decode.fhir import decode_document
from worker.decode.hl7v2 import peek
from worker.decode.timestamps import parse_dtm, parse_fhir_datetime
from worker.mapping.fhir import map_fhir
from worker.mapping.hl7v2 import map_hl7
from worker.mapping.pack import MappingPack, compile_mapping
from worker.model.alert import Alert, AlertChange, AlertState
from worker.model.episode import Episode
from worker.model.errors import DecodeError
from worker.model.fact import EncounterValue, Fact
from worker.model.finding import Finding
from worker.model.message import Form, Issue, Outcome, OutcomeKind, RawMessage, Reading, Unused
from worker.model.time import EpochMs
from worker.notes.lexicon import compile_lexicon
from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import NoteReader
from worker.rules.blanks import charted_of, missing_beside
from worker.rules.blind import BlindSpot, blind_spots
from worker.rules.circumstances import Beside, circumstances_of
from worker.rules.evaluate import ALL_HEARD, Evaluation, Now, evaluate_again, evaluate_all
from worker.rules.parse import parse_rulebook
from worker.rules.rule import SHAPES_ALL, Circumstance, Expected, Rule, RuleBook
from worker.rules.totals import with_totals


@dataclass(frozen=True, slots=True)
class Pack:
    """Mappings, note phrases, rules and routes of one site, compiled.

    Shape: `digest` identifies the texts that it was compiled from; it stands in every alert. `device_values`
    says what counts of the concepts that bedside devices chart all the time.
    """

    mapping: MappingPack
    notes: NoteReader
    rules: RuleBook
    routes: Routes
    policy: Policy
    digest: str
    device_values: DeviceValues = field(default_factory=lambda: DeviceValues({}))

    @property
    def opening(self) -> frozenset[str]:
        """Return the concepts of which a patient without a lumbar puncture has no fact."""
        return frozenset(name for name in self.mapping.concepts if name == PUNCTURE_CONCEPT or is_csf(name))

    def settle(self, concept: str, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Say what the current facts of one concept of a patient group count as."""
        return settle_visits(facts) if concept == ENCOUNTER else self.device_values(concept, facts)


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one assessment of one patient found.

    Shape: `episodes` sorted by anchor; `findings` folded, without those of rules that open no alert; `evaluations` by LP,
    then in the order of the rule book. `next_change_at_ms` is the next instant at which time alone can change a finding;
    `awaits_feeds` tells that a gap cannot be judged until feeds are consumed further; `ties` are data-quality notices.
    `index` holds the current facts; `beside` says what stands beside every alert, `expected` what is watched.
    """

    episodes: tuple[Episode, ...] = ()
    findings: tuple[Finding, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    next_change_at_ms: EpochMs | None = None
    awaits_feeds: bool = False
    ties: tuple[Issue, ...] = ()
    index: FactIndex = field(default_factory=lambda: FactIndex(()))
    beside: tuple[Circumstance, ...] = ()
    expected: tuple[Expected, ...] = ()


def compile_pack(layers: Sequence[Mapping[str, str]]) -> Pack:
    """Compile the layers of a pack, lowest first.

    Shape: each layer is `{path: text}`, paths below the pack's folder.
    Raises: PackError with the problems of mappings, note phrases, rules or routes, one line each: "file:line:column: message".
    """
    mapping = compile_mapping(layers)
    rules = parse_rulebook(layers, mapping)
    routes = parse_routes(layers)
    continuous = {
        name: concept.decimals for name, concept in mapping.concepts.items() if concept.is_continuous
    }
    notes = LexiconReader(compile_lexicon(layers))
    return Pack(
        mapping, notes, rules, routes, policy_of(rules.rules), _digest(layers), DeviceValues(continuous)
    )


def policy_of(rules: Iterable[Rule]) -> Policy:
    """Gather what rules say of how their alerts live."""
    known = tuple(rules)
    rises = {rule.id: rule.renotify_rise for rule in known if rule.renotify_rise is not None}
    return Policy(renotify_rise=rises, folds={rule.id: rule.folds for rule in known if rule.folds})


def read(
    raw: RawMessage, pack: Pack, notes: NoteReader | None = None, latest_ms: EpochMs | None = None
) -> Reading:
    """Read all that one message says; what cannot be read is a dead letter with its reason.

    Shape: `notes` reads notes in place of the pack's own phrases. A message that says to be written after `latest_ms` is not
    believed in that (ADR 0042).
    """
    if raw.fault:
        return Reading(Outcome(OutcomeKind.DEAD_LETTERED, raw.fault))
    reader = pack.notes if notes is None else notes
    if raw.form is Form.HL7V2:
        return map_hl7(raw, pack.mapping, reader, latest_ms)
    return map_fhir(raw, pack.mapping, reader, latest_ms)


def message_time(raw: RawMessage, pack: Pack) -> EpochMs | None:
    """Give the time that a message states of itself (MSH-7, `meta.lastUpdated`), None where it states none that can be read."""
    if raw.fault:
        return None
    try:
        if raw.form is Form.HL7V2:
            header = peek(raw.body)
            feed = pack.mapping.feed_of(header.sending_application, header.sending_facility, raw.transport)
            return parse_dtm(header.message_time, feed.zone).at_ms
        zone = pack.mapping.feed_of("", "", raw.transport).zone
        return parse_fhir_datetime(decode_document(raw.body).message_at, zone).at_ms
    except DecodeError:
        return None


def assess(
    facts: Iterable[Fact],
    pack: Pack,
    as_of_ms: EpochMs,
    consumed_until_ms: EpochMs,
    unheard: Mapping[str, EpochMs] = ALL_HEARD,
) -> Assessment:
    """Find the lumbar punctures of one patient and what the rules say of each.

    Shape: `facts` all versions of one patient group in any order, repeats allowed; `unheard` are the concepts whose feeds are
    silent, with the instant up to which they were heard.
    """
    return Recall(pack).assess(tuple(facts), as_of_ms, consumed_until_ms, unheard)


class Recall:
    """One patient group as it was assessed last, so that the next assessment asks only what may have changed.

    What it answers is what `assess` answers of the same facts: a property test says so. Where facts are gone, a message
    replaced a group of earlier ones, or time went back, all is found anew; where LPs, stays or ages changed, every rule is
    asked. An assessment holds until the next one of the same patient begins.
    """

    def __init__(self, pack: Pack) -> None:
        """Know nothing of anybody yet."""
        self._pack = pack
        self._known: tuple[Fact, ...] = ()
        self._held: dict[int, Fact] = {}
        self._fold: Fold | None = None
        self._index = FactIndex(())
        self._totals: dict[tuple[str, EpochMs], Fact] = {}
        self._at_ms: tuple[EpochMs, EpochMs] = (0, 0)
        self._unheard: Mapping[str, EpochMs] = ALL_HEARD
        self._is_tail = False
        self._last = Assessment()

    @property
    def size(self) -> int:
        """Return how many facts it holds."""
        return len(self._known)

    def assess(
        self,
        facts: tuple[Fact, ...],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        unheard: Mapping[str, EpochMs] = ALL_HEARD,
    ) -> Assessment:
        """Find LPs and findings.

        Shape: `facts` all versions of one patient group in any order, repeats allowed; those of the last call were
        folded before. Up to where a concept is `unheard` never falls.
        """
        fold, fresh = self._fold, self._fresh(facts)
        is_later = as_of_ms >= self._at_ms[0] and consumed_until_ms >= self._at_ms[1]
        self._fold = None  # whatever is raised from here on, the next assessment begins anew
        change = fold.add(fresh) if fold is not None and fresh is not None and is_later else None
        if fold is None or change is None:
            fold = Fold(facts, self._pack.rules.kinds)
            self._last, self._totals, self._held = Assessment(), {}, {}
            change = Change((), fold.current().facts)
            self._index = FactIndex((), self._pack.settle)
            fresh = facts
        self._held.update((id(fact), fact) for fact in fresh or ())
        self._known, self._at_ms, self._unheard = facts, (as_of_ms, consumed_until_ms), unheard
        self._is_tail = True
        concepts = self._take(change)
        self._last = self._found(concepts, fold.ties)
        self._fold = fold
        return self._last

    def _change(self, removed: Iterable[Fact], added: Sequence[Fact]) -> None:
        """Bring the index in line, and note whether all that came is later than what was there."""
        newest_ms = max((episode.anchor_ms for episode in self._last.episodes), default=0)
        for fact in added:
            known = self._index.series(fact.concept).starts if fact.concept in self._index else ()
            at_ms = fact.effective.start_ms
            if fact.concept != BIRTH_DATE and (at_ms < newest_ms or (known and at_ms <= known[-1])):
                self._is_tail = False
        gone = tuple(removed)
        if any(fact.concept != BIRTH_DATE for fact in gone):
            self._is_tail = False
        self._index = self._index.changed(gone, added)
        # Medians are made anew for all facts of a concept: those that were looked at are not these.
        if not all(self._index.counts_as_stated(concept) for concept in {fact.concept for fact in added}):
            self._is_tail = False

    def _fresh(self, facts: tuple[Fact, ...]) -> tuple[Fact, ...] | None:
        """Give the facts that were not there before, None where one is gone that was."""
        size = len(self._known)
        if facts[:size] == self._known:  # comparing what is the very same costs next to nothing
            return facts[size:]
        fresh = tuple(fact for fact in facts if id(fact) not in self._held)
        return fresh if len(fresh) + size == len(facts) else None

    def _take(self, change: Change) -> frozenset[str]:
        """Bring the index in line with what stands, totals included; give the concepts of which something changed."""
        self._change(change.removed, change.added)
        book = self._pack.rules
        concepts, summed = change.concepts, book.summed
        if concepts.isdisjoint(summed):
            return concepts
        # A total is made of facts of one instant: no other instant has another total now.
        instants = {
            fact.effective.start_ms for fact in (*change.removed, *change.added) if fact.concept in summed
        }
        parts = [
            fact
            for name in sorted(summed)
            for fact in self._index.stated_at(name, instants)
            if not _is_sum(fact, self._totals)
        ]
        made = {(fact.key, fact.effective.start_ms): fact for fact in with_totals(parts, book)[len(parts) :]}
        old = {key: fact for key, fact in self._totals.items() if key[1] in instants}
        gone = {key: fact for key, fact in old.items() if made.get(key) != fact}
        new = {key: fact for key, fact in made.items() if old.get(key) != fact}
        self._change(gone.values(), tuple(new.values()))
        self._totals = {key: fact for key, fact in self._totals.items() if key not in gone} | new
        return concepts | {fact.concept for fact in (*gone.values(), *new.values())}

    def _found(self, concepts: frozenset[str], ties: tuple[Issue, ...]) -> Assessment:
        last, rules, (as_of_ms, consumed_until_ms) = self._last, self._pack.rules, self._at_ms
        if concepts & SHAPES_ALL or any(map(is_csf, concepts)) or not last.episodes:
            episodes = find_episodes(self._index)
            if not episodes:
                return Assessment(ties=ties, index=self._index)
            views = build_views(self._index, episodes)
            evaluations = evaluate_all(rules, views, as_of_ms, consumed_until_ms, unheard=self._unheard)
        elif concepts.isdisjoint(rules.read) and not self._is_due(as_of_ms):
            return self._unmoved(ties)
        else:
            episodes = last.episodes
            views = build_views(self._index, episodes)
            evaluations = evaluate_again(
                rules,
                views,
                Now(as_of_ms, consumed_until_ms, self._unheard),
                last.evaluations,
                concepts,
                keep_scans=self._is_tail,
            )
        found = (each.finding for each in evaluations if each.finding is not None and not each.rule.is_silent)
        changes = (evaluation.next_change_at_ms for evaluation in evaluations)
        return Assessment(
            episodes,
            fold(found, rules.folds),
            evaluations,
            min((at_ms for at_ms in changes if at_ms is not None), default=None),
            any(evaluation.awaits_feeds_until_ms is not None for evaluation in evaluations),
            ties,
            self._index,
            rules.circumstances,
            rules.expected,
        )

    def _is_due(self, as_of_ms: EpochMs) -> bool:
        """Tell whether time alone may have changed what a rule says."""
        next_ms = self._last.next_change_at_ms
        is_past = next_ms is not None and next_ms <= as_of_ms
        return is_past or self._last.awaits_feeds or self._pack.rules.is_timed

    def _unmoved(self, ties: tuple[Issue, ...]) -> Assessment:
        """Give what was found before, beside facts that no rule reads; the contexts of the last assessment become its own."""
        for evaluation in self._last.evaluations[:: len(self._pack.rules.rules) or 1]:
            context = evaluation.context
            context.as_of_ms, context.consumed_until_ms = self._at_ms
            context.unheard = self._unheard
            context.view.index = self._index
        return replace(self._last, ties=ties, index=self._index)


def _is_sum(fact: Fact, totals: Mapping[tuple[str, EpochMs], Fact]) -> bool:
    return totals.get((fact.key, fact.effective.start_ms)) is fact


def find_blind_spots(
    found: Assessment, pack: Pack, unused: Sequence[Unused] = ()
) -> Mapping[EpochMs, tuple[BlindSpot, ...]]:
    """Say for each LP, by its anchor, where the rules are blind, now or later if nothing more comes.

    Shape: `unused` is what could not be used of the patient's messages.
    """
    by_lp: dict[EpochMs, list[Evaluation]] = {episode.anchor_ms: [] for episode in found.episodes}
    for evaluation in found.evaluations:
        by_lp[evaluation.context.anchor_ms].append(evaluation)
    return {
        anchor_ms: blind_spots(evaluations, pack.rules.expected, unused)
        for anchor_ms, evaluations in by_lp.items()
    }


def surround(change: AlertChange, found: Assessment, as_of_ms: EpochMs) -> Surroundings:
    """Gather what the notice of a change shows beside its alert.

    Shape: without identifiers and pack, which the assessment does not know. The visit is that of the stay that covers
    `as_of_ms`; what is missing is told while the alert stands, what was taken back when it is withdrawn.
    """
    alert = change.alert
    stay = stay_at(find_stays(found.index), as_of_ms)
    visit = stay.fact.value.visit if stay and isinstance(stay.fact.value, EncounterValue) else ""
    is_gone = alert.state is AlertState.WITHDRAWN
    shown = shown_finding(alert)
    return Surroundings(
        encounter=visit,
        whereabouts=find_whereabouts(found.index, alert.finding.episode.anchor_ms, as_of_ms),
        reason=change.reason,
        others=(*found.findings, *_silent_beside(alert.rule, found)),
        missing=()
        if is_gone
        else missing_beside(alert.finding, found.evaluations, charted_of(found.expected)),
        taken_back=taken_back(shown, found.index.facts) if is_gone else (),
        became_known=_became_known(alert, found) if is_gone else (),
        circumstances=_circumstances(shown, found),
        came_back_with=_came_back_with(shown, found),
    )


def _became_known(alert: Alert, found: Assessment) -> tuple[Fact, ...]:
    """Give what took a withdrawn alert back without correcting anything that it told of.

    Shape: facts that decide now; of an LP whose time is known otherwise now, what gives its time.
    """
    told = alert.last_told
    if told is None:
        return ()
    lp = told.finding.episode
    for each in found.evaluations:
        if each.rule.id == alert.rule and each.context.anchor_ms == lp.anchor_ms:
            return became_known(told, facts_of(each.trace))
    times = {each.anchor for each in found.episodes if each.record_keys & lp.record_keys}
    return became_known(told, (fact for fact in found.index.facts if fact.effective in times))


def _circumstances(finding: Finding, found: Assessment) -> tuple[Beside, ...]:
    view = _view(finding, found)
    return () if view is None else tuple(circumstances_of(view, found.beside))


def _came_back_with(finding: Finding, found: Assessment) -> frozenset[tuple[str, str, str]]:
    """Name the statements on why the patient came back among what an alert shows of its LP."""
    view = _view(finding, found)
    if view is None or not view.returns:
        return frozenset()
    shown = (finding, *(each for each in found.findings if each.episode.anchor_ms == view.anchor_ms))
    facts = (fact for each in shown for fact in each.evidence)
    return frozenset((*fact.patient.key, fact.key) for fact in facts if is_why_he_came_back(view, fact))


def _view(finding: Finding, found: Assessment) -> EpisodeView | None:
    """Give the view of the LP of a finding, None where it stands no longer."""
    views = (each.context.view for each in found.evaluations)
    return next((view for view in views if view.anchor_ms == finding.episode.anchor_ms), None)


def _silent_beside(rule: str, found: Assessment) -> Iterator[Finding]:
    """Give the findings that open no alert and stand in the context of those of a rule."""
    return (
        each.finding
        for each in found.evaluations
        if each.finding is not None and each.rule.is_silent and rule in each.rule.context_of
    )


def _digest(layers: Sequence[Mapping[str, str]]) -> str:
    digest = hashlib.sha256()
    for layer in layers:
        for path, text in sorted(layer.items()):
            digest.update(f"{len(path)} {len(text)} {path}{text}".encode())
        digest.update(b"\n")
    return digest.hexdigest()
