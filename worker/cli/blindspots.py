"""`lpwatch blindspots`: which patients the rules do not see, since when, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from worker.cli.blindspots_shown import Look, WatchedLp, tell_json, tell_lines
from worker.cli.database_options import database_options, database_settings, open_state
from worker.cli.render import INSTANT, json_option, pack_option
from worker.correlate.places import find_whereabouts
from worker.model.episode import Episode
from worker.model.time import DAY_MS, EpochMs
from worker.pipeline import Assessment, Pack, assess, find_blind_spots
from worker.rules.blind import Blindness, at_instant, is_watched
from worker.runtime.clock import WallClock
from worker.runtime.offline import load_pack
from worker.storage.records import Case

EPILOG = """\b
Examples:
  lpwatch blindspots --data /var/lib/lpwatch
  lpwatch blindspots --kind silent --unit A3 --database postgresql+psycopg://lpwatch@db/lpwatch
  lpwatch blindspots --data /var/lib/lpwatch --json | jq '.lps[].spots[].kind'
"""
_LONGEST_MS = 90 * DAY_MS


class WatchedStore(Protocol):
    """Know who is watched, and the feeds."""

    def watched(self, anchored_from_ms: EpochMs) -> Iterator[Case]:
        """Read everybody whose LP stands and was at this instant or later, each once."""

    def feeds(self) -> dict[str, EpochMs]:
        """Tell when each feed was last heard of."""

    def latest_ms(self) -> EpochMs:
        """Give the receipt time of the last message, 0 for none."""

    def newest_lp_ms(self) -> EpochMs | None:
        """Give the instant of the newest LP that stands and is not over, None where there is none."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked for; nothing stands for everything."""

    kinds: frozenset[str]
    rules: frozenset[str]
    units: frozenset[str]

    @property
    def is_everything(self) -> bool:
        return not (self.kinds or self.rules or self.units)

    def is_here(self, lp: WatchedLp) -> bool:
        """Tell whether an LP is of a ward that is asked for."""
        return not self.units or lp.unit in self.units

    def of(self, lp: WatchedLp) -> WatchedLp:
        """Leave of an LP the blind spots that are asked for."""
        spots = tuple(
            spot
            for spot in lp.spots
            if (not self.kinds or spot.kind in self.kinds)
            and (not self.rules or not self.rules.isdisjoint(spot.rules))
        )
        return replace(lp, spots=spots if self.is_here(lp) else ())


@click.command(epilog=EPILOG)
@click.option(
    "--at", "at_ms", type=INSTANT, help="As far as it was known at this instant (receipt time); else now."
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice([kind.value for kind in Blindness]),
    multiple=True,
    help="Only blind spots of this kind; may be repeated.",
)
@click.option("--rule", "rules", metavar="ID", multiple=True, help="Only of this rule; may be repeated.")
@click.option(
    "--unit", "units", metavar="WARD", multiple=True, help="Only patients of this ward; may be repeated."
)
@database_options
@pack_option
@json_option
def blindspots(
    *,
    at_ms: EpochMs | None,
    kinds: tuple[str, ...],
    rules: tuple[str, ...],
    units: tuple[str, ...],
    data: Path | None,
    database: str | None,
    config: Path | None,
    packs: tuple[Path, ...],
    is_json: bool,
) -> None:
    """List patients in an open window of an LP whom the rules do not see.

    For each LP: which rules are blind, since when and why, and by which feed the input came last. Below: at which instant it
    looked, and how many LPs were watched then. Only reads. Exit code 0, whether there are any or not.
    """
    pack = load_pack(packs)
    if unknown := sorted(set(rules) - pack.rules.by_id.keys()):
        raise click.UsageError(f"the pack has no rule {', '.join(unknown)}")
    wanted = _Wanted(frozenset(kinds), frozenset(rules), frozenset(units))
    store = open_state(database_settings(data, database, config))
    try:
        look = _look(store, at_ms, wanted)
        found = (wanted.of(each) for each in find_watched(store, pack, look.at_ms))
        if is_json:
            tell_json(found, look)
        else:
            tell_lines(found, look)
    finally:
        store.close()


def find_watched(store: WatchedStore, pack: Pack, at_ms: EpochMs) -> Iterator[WatchedLp]:
    """Give the LPs that are watched at an instant, with where their rules are blind, as far as it was known then.

    Shape: one patient in memory at a time; an LP is watched while some rule that is told to people is in its window, or waits
    for a result of it.
    """
    for case in store.watched(at_ms - _LONGEST_MS):
        facts = [fact for fact in case.facts if fact.source.received_at_ms <= at_ms]
        found = assess(facts, pack, at_ms, at_ms)
        spots = find_blind_spots(found, pack, [item for item in case.unused if item.at_ms <= at_ms])
        for episode in found.episodes:
            asked = [each for each in found.evaluations if each.context.anchor_ms == episode.anchor_ms]
            here = at_instant(spots[episode.anchor_ms], at_ms)
            if here or is_watched(asked, at_ms):
                yield WatchedLp(case.patients, episode, _unit(found, episode, at_ms), here)


def _look(store: WatchedStore, at_ms: EpochMs | None, wanted: _Wanted) -> Look:
    """Read what is said of an instant beside its LPs.

    When a feed was last heard is known of now only: what a feed said after the instant is left out, and so is the feed.
    """
    now_ms = WallClock().now_ms() if at_ms is None else at_ms
    return Look(
        at_ms=now_ms,
        is_now=at_ms is None,
        feeds={feed: heard_ms for feed, heard_ms in store.feeds().items() if heard_ms <= now_ms},
        newest_lp_ms=store.newest_lp_ms(),
        last_received_ms=store.latest_ms(),
        wards=tuple(sorted(wanted.units)),
        is_everything=wanted.is_everything,
    )


def _unit(found: Assessment, episode: Episode, at_ms: EpochMs) -> str:
    place = find_whereabouts(found.index, episode.anchor_ms, at_ms).now
    return "" if place is None else place.location.unit
