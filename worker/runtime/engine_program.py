"""A compiled pack as the engine uses it: read, judge, render."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from worker import pipeline
from worker.alerts.documents import AlertDocument
from worker.alerts.policy import Policy
from worker.alerts.render import NOT_REVIEWED, RuleText, Surroundings, render_alert
from worker.alerts.routing import Routes
from worker.correlate.limits import DEFAULT_LIMITS
from worker.mapping.concept_spec import Kind
from worker.mapping.silence import silent_feeds, unheard_concepts
from worker.model.alert import Alert
from worker.model.document import UNREAD
from worker.model.fact import Fact, Identifier
from worker.model.message import RawMessage, Reading, Unused
from worker.model.time import DAY_MS, EpochMs
from worker.notes.reader import NoteReader
from worker.rules.blind import BlindSpot
from worker.rules.rule import Rule
from worker.runtime.clock import is_believable, latest_believable_ms
from worker.runtime.recalls import Recalls

_log = structlog.get_logger(__name__)
_LONG_MS = 8 * DAY_MS
# An LP that was taken back must stay taken back when a copy of its first message comes late.
_LONG_KINDS = frozenset({Kind.FINDING, Kind.NOTE, Kind.ENCOUNTER, Kind.MOMENT, Kind.PROCEDURE})


class PackProgram:
    """Answer for one pack."""

    def __init__(self, pack: pipeline.Pack, notes: NoteReader | None = None) -> None:
        """Keep the pack; `notes` reads notes in place of the pack's own phrases."""
        self._pack = pack
        self._notes = notes
        self._has_warned = False
        self._recalls = Recalls(pack)
        self._watched = [feed for feed in pack.mapping.feeds.values() if feed.quiet_after_ms]
        self._silent: Mapping[str, EpochMs] = {}
        self._unheard: Mapping[str, EpochMs] = {}
        self._texts = {rule.id: _text(rule) for rule in pack.rules.rules}
        self._titles = {rule.id: rule.text.title for rule in pack.rules.rules}
        self.opening = pack.opening
        self.rules = frozenset(self._texts)
        self.long_lived = frozenset(
            name
            for name, concept in pack.mapping.concepts.items()
            if concept.kind in _LONG_KINDS or DEFAULT_LIMITS.baseline_ms(name) > _LONG_MS
        ) | {UNREAD}

    @property
    def digest(self) -> str:
        """Identify the pack."""
        return self._pack.digest

    @property
    def policy(self) -> Policy:
        """Say when an alert pages, is told again and may come back."""
        return self._pack.policy

    def read(self, raw: RawMessage) -> Reading:
        """Read a message."""
        return pipeline.read(raw, self._pack, self._notes, latest_believable_ms())

    def message_time(self, raw: RawMessage) -> EpochMs | None:
        """Give the time that a message states of itself (MSH-7, `meta.lastUpdated`); None where it cannot be believed."""
        told_ms = pipeline.message_time(raw, self._pack)
        if told_ms is None or is_believable(told_ms):
            return told_ms
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "message_from_the_future", reason="its time is not believed; later ones are not told"
            )
        return None

    def assess(
        self,
        facts: Sequence[Fact],
        as_of_ms: EpochMs,
        consumed_until_ms: EpochMs,
        who: Sequence[Identifier] = (),
    ) -> pipeline.Assessment:
        """Find LPs and findings; of a patient who was assessed lately only what changed is asked again."""
        return self._recalls.assess(tuple(who), tuple(facts), as_of_ms, consumed_until_ms, self._unheard)

    def listen(self, last_heard: Callable[[], Mapping[str, EpochMs]], now_ms: EpochMs) -> None:
        """Learn which feeds are silent: until they are heard again, nothing that they chart is called overdue.

        Shape: `last_heard` gives when each feed was last heard of; it is asked only if the pack says what is normal.
        """
        if not self._watched:
            return
        silent = silent_feeds(self._watched, last_heard(), now_ms)
        for feed in sorted(silent.keys() - self._silent.keys()):
            _log.warning("feed_silent", feed=feed)
        for feed in sorted(self._silent.keys() - silent.keys()):
            _log.info("feed_heard_again", feed=feed)
        self._silent, self._unheard = silent, unheard_concepts(self._pack.mapping.feeds, silent)

    def find_blind_spots(
        self, found: pipeline.Assessment, unused: Sequence[Unused]
    ) -> Mapping[EpochMs, tuple[BlindSpot, ...]]:
        """Say for each LP, by its anchor, where the rules are blind."""
        return pipeline.find_blind_spots(found, self._pack, unused)

    @property
    def routes(self) -> Routes:
        """Say what goes where."""
        return self._pack.routes

    def render(self, alert: Alert, around: Surroundings) -> AlertDocument:
        """Write an alert version for people and machines."""
        # A rule that the pack retired is told once more, by the withdrawal of its alert.
        text = self._texts.get(alert.rule) or RuleText(alert.rule)
        return render_alert(alert, text, replace(around, titles=self._titles))


def _text(rule: Rule) -> RuleText:
    text = rule.text
    return RuleText(
        text.title,
        text.possible_causes,
        text.considerations,
        text.check,
        text.misses,
        tuple(source.line for source in text.sources),
        is_reviewed=text.review != NOT_REVIEWED,
    )
