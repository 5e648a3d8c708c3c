"""A pack, compiled once into lookup tables. Pure: no I/O, no clock.

Layers are read in order; a later layer replaces a concept, unit, body site or feed with the same id as a whole, and removes
it with `disabled: true`. Every problem of every file is reported at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from worker.decode.located_yaml import Problems
from worker.mapping.compile_concepts import Vocabulary, compile_vocabulary
from worker.mapping.compile_feeds import compile_feeds
from worker.mapping.concepts import Concept
from worker.mapping.feed_spec import MatchSpec
from worker.mapping.feeds import Feed
from worker.mapping.pack_files import read_layers
from worker.mapping.units import UnitTable

DEFAULT_FEED = "default"
_MAX_REMEMBERED = 1024


@dataclass(frozen=True, slots=True)
class MappingPack:
    """Concepts, units and feeds of a pack.

    Shape: `names` are "id version" of each layer that has a manifest, lowest first. `systems` from short name to URI.
    `routes` are the rows by which feeds are recognised, the first that fits counts.
    """

    names: tuple[str, ...]
    systems: Mapping[str, str]
    vocabulary: Vocabulary
    feeds: Mapping[str, Feed]
    routes: tuple[tuple[MatchSpec, Feed], ...]
    remembered: dict[tuple[str, str, str], Feed] = field(default_factory=dict, compare=False, repr=False)
    """What `feed_of` found lately; changes no answer."""

    @property
    def concepts(self) -> Mapping[str, Concept]:
        """Return the concepts by id."""
        return self.vocabulary.concepts

    @property
    def units(self) -> UnitTable:
        """Return the spellings of units."""
        return self.vocabulary.units

    def feed_of(self, application: str, facility: str, transport: str) -> Feed:
        """Return the feed of a message: by MSH-3 and MSH-4, then by transport, else the default feed.

        Shape: of several feeds that fit, the one whose row names most keys; then the first by id.
        """
        sender = (application, facility, transport)
        feed = self.remembered.get(sender)
        if feed is None:
            if len(self.remembered) >= _MAX_REMEMBERED:
                self.remembered.clear()
            self.remembered[sender] = feed = self._routed(application, facility, transport)
        return feed

    def _routed(self, application: str, facility: str, transport: str) -> Feed:
        for row, feed in self.routes:
            is_fitting = (
                (row.application is None or row.application == application)
                and (row.facility is None or row.facility == facility)
                and (row.transport is None or row.transport == transport)
            )
            if is_fitting:
                return feed
        return self.feeds[DEFAULT_FEED]


def _routes(feeds: Mapping[str, Feed]) -> tuple[tuple[MatchSpec, Feed], ...]:
    """Order the rows of all feeds: senders before transports, the row with most keys first, then by id."""

    def rank(entry: tuple[MatchSpec, Feed]) -> tuple[bool, int, str]:
        row, feed = entry
        keys = row.model_dump(exclude_none=True).keys()
        return (not keys & {"application", "facility"}, -len(keys), feed.id)

    rows = [(row, feed) for feed in feeds.values() for row in feed.match if row.model_dump(exclude_none=True)]
    return tuple(sorted(rows, key=rank))


def compile_mapping(layers: Sequence[Mapping[str, str]]) -> MappingPack:
    """Compile the layers of a pack, lowest first.

    Shape: each layer is `{path: text}`, paths below the pack's folder ("concepts/vitals.yaml"); other files are left alone.
    Raises: PackError with every problem, one line each: "file:line:column: message".
    """
    problems = Problems()
    files = read_layers(layers, problems)
    problems.raise_if_any()
    vocabulary = compile_vocabulary(files, problems)
    feeds = compile_feeds(files, vocabulary, problems)
    problems.raise_if_any()
    return MappingPack(files.names, files.systems, vocabulary, feeds, _routes(feeds))
