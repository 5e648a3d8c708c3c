"""Compose the core: a message and a pack give facts; facts, a pack and an instant give findings. Pure: no I/O, no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from worker.alerts.fold import fold
from worker.alerts.policy import Policy
from worker.alerts.render import Surroundings, shown_finding
from worker.alerts.route_files import parse_routes
from worker.alerts.routing import Routes
from worker.alerts.taken_back import became_known, taken_back
from worker.correlate.device_values import DeviceValues
from worker.correlate.episodes import find_episodes
from worker.correlate.index import FactIndex, is_csf
from worker.correlate.joining import PUNCTURE_CONCEPT
from worker.correlate.places import find_whereabouts
from worker.correlate.stays import find_stays, stay_at
from worker.correlate.versions import current_facts
from worker.correlate.view import build_views
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
from worker.rules.blanks import missing_beside
from worker.rules.blind import BlindSpot, blind_spots
from worker.rules.circumstances import Beside, circumstances_of
from worker.rules.evaluate import Evaluation, evaluate_all
from worker.rules.parse import parse_rulebook
from worker.rules.rule import Circumstance, RuleBook
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


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one assessment of one patient found.

    Shape: `episodes` sorted by anchor; `findings` folded, without those of rules that open no alert; `evaluations` by LP,
    then in the order of the rule book. `next_change_at_ms` is the next instant at which time alone can change a finding;
    `awaits_feeds` tells that a gap cannot be judged until feeds are consumed further; `ties` are data-quality notices.
    `index` holds the current facts; `beside` says what stands beside every alert.
    """

    episodes: tuple[Episode, ...] = ()
    findings: tuple[Finding, ...] = ()
    evaluations: tuple[Evaluation, ...] = ()
    next_change_at_ms: EpochMs | None = None
    awaits_feeds: bool = False
    ties: tuple[Issue, ...] = ()
    index: FactIndex = field(default_factory=lambda: FactIndex(()))
    beside: tuple[Circumstance, ...] = ()


def compile_pack(layers: Sequence[Mapping[str, str]]) -> Pack:
    """Compile the layers of a pack, lowest first.

    Shape: each layer is `{path: text}`, paths below the pack's folder.
    Raises: PackError with the problems of mappings, note phrases, rules or routes, one line each: "file:line:column: message".
    """
    mapping = compile_mapping(layers)
    rules = parse_rulebook(layers, mapping)
    routes = parse_routes(layers)
    rises = {rule.id: rule.renotify_rise for rule in rules.rules if rule.renotify_rise is not None}
    policy = Policy(renotify_rise=rises, folds=rules.folds)
    continuous = {
        name: concept.decimals for name, concept in mapping.concepts.items() if concept.is_continuous
    }
    notes = LexiconReader(compile_lexicon(layers))
    return Pack(mapping, notes, rules, routes, policy, _digest(layers), DeviceValues(continuous))


def read(raw: RawMessage, pack: Pack, notes: NoteReader | None = None) -> Reading:
    """Read all that one message says; what cannot be read is a dead letter with its reason.

    Shape: `notes` reads notes in place of the pack's own phrases.
    """
    if raw.fault:
        return Reading(Outcome(OutcomeKind.DEAD_LETTERED, raw.fault))
    reader = pack.notes if notes is None else notes
    if raw.form is Form.HL7V2:
        return map_hl7(raw, pack.mapping, reader)
    return map_fhir(raw, pack.mapping, reader)


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


def assess(facts: Iterable[Fact], pack: Pack, as_of_ms: EpochMs, consumed_until_ms: EpochMs) -> Assessment:
    """Find the lumbar punctures of one patient and what the rules say of each.

    Shape: `facts` all versions of one patient group in any order, repeats allowed.
    """
    current = current_facts(facts)
    index = FactIndex(with_totals(current.facts, pack.rules), pack.device_values)
    episodes = find_episodes(index)
    if not episodes:
        return Assessment(ties=current.ties, index=index)
    views = build_views(index, episodes)
    evaluations = evaluate_all(pack.rules, views, as_of_ms, consumed_until_ms)
    found = (each.finding for each in evaluations if each.finding is not None and not each.rule.is_silent)
    changes = (evaluation.next_change_at_ms for evaluation in evaluations)
    return Assessment(
        episodes,
        fold(found, pack.rules.folds),
        evaluations,
        min((at_ms for at_ms in changes if at_ms is not None), default=None),
        any(evaluation.awaits_feeds_until_ms is not None for evaluation in evaluations),
        current.ties,
        index,
        pack.rules.circumstances,
    )


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
        missing=() if is_gone else missing_beside(alert.finding, found.evaluations),
        taken_back=taken_back(shown, found.index.facts) if is_gone else (),
        became_known=_became_known(alert, found) if is_gone else (),
        circumstances=_circumstances(shown, found),
    )


def _became_known(alert: Alert, found: Assessment) -> tuple[Fact, ...]:
    """Give what took a withdrawn alert back without correcting anything that it told of."""
    told = alert.last_told
    if told is None:
        return ()
    anchor_ms = told.finding.episode.anchor_ms
    return next(
        (
            became_known(told, each.trace)
            for each in found.evaluations
            if each.rule.id == alert.rule and each.context.anchor_ms == anchor_ms
        ),
        (),
    )


def _circumstances(finding: Finding, found: Assessment) -> tuple[Beside, ...]:
    views = (each.context.view for each in found.evaluations)
    view = next((view for view in views if view.anchor_ms == finding.episode.anchor_ms), None)
    return () if view is None else tuple(circumstances_of(view, found.beside))


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
