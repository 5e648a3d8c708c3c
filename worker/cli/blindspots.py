"""`lpwatch blindspots`: which patients the rules do not see, since when, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import click

from worker.cli.database_options import database_options, database_settings, open_state
from worker.cli.render import INSTANT, json_option, pack_option, print_counts, print_lines
from worker.correlate.places import find_whereabouts
from worker.model.episode import Episode
from worker.model.fact import Fact, Identifier
from worker.model.time import DAY_MS, HOUR_MS, EpochMs, to_rfc3339
from worker.pipeline import Assessment, Pack, assess, find_blind_spots
from worker.rules.blind import Blindness, BlindSpot, at_instant
from worker.rules.words import describe_value
from worker.runtime.bootstrap import load_pack
from worker.runtime.clock import WallClock
from worker.storage.records import Case

EPILOG = """\b
Examples:
  lpwatch blindspots --data /var/lib/lpwatch
  lpwatch blindspots --kind silent --unit A3 --database postgresql+psycopg://lpwatch@db/lpwatch
  lpwatch blindspots --data /var/lib/lpwatch --json | jq '.lps[].spots[].kind'
"""
_LONGEST_MS = 90 * DAY_MS
_CODES_SHOWN = 3


class WatchedStore(Protocol):
    """Know who is watched, and the feeds."""

    def watched(self, anchored_from_ms: EpochMs) -> Iterator[Case]:
        """Read everybody whose LP stands and was at this instant or later, each once."""

    def feeds(self) -> dict[str, EpochMs]:
        """Tell when each feed was last heard of."""


@dataclass(frozen=True, slots=True)
class BlindLp:
    """One LP whose rules are blind.

    Shape: `unit` is the ward now, "" where it is not known.
    """

    patients: tuple[Identifier, ...]
    episode: Episode
    unit: str
    spots: tuple[BlindSpot, ...]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is asked for; nothing stands for everything."""

    kinds: frozenset[str]
    rules: frozenset[str]
    units: frozenset[str]

    def of(self, lp: BlindLp) -> BlindLp | None:
        if self.units and lp.unit not in self.units:
            return None
        spots = tuple(
            spot
            for spot in lp.spots
            if (not self.kinds or spot.kind in self.kinds)
            and (not self.rules or not self.rules.isdisjoint(spot.rules))
        )
        return replace(lp, spots=spots) if spots else None


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

    For each LP: which rules are blind, since when and why, and by which feed the input came last. Only reads. Exit code 0,
    whether there are any or not.
    """
    pack = load_pack(packs)
    if unknown := sorted(set(rules) - pack.rules.by_id.keys()):
        raise click.UsageError(f"the pack has no rule {', '.join(unknown)}")
    wanted = _Wanted(frozenset(kinds), frozenset(rules), frozenset(units))
    now_ms = WallClock().now_ms() if at_ms is None else at_ms
    store = open_state(database_settings(data, database, config))
    try:
        feeds = store.feeds()
        found = (lp for each in find_blind(store, pack, now_ms) if (lp := wanted.of(each)) is not None)
        if is_json:
            _tell_json(found, feeds, now_ms)
        else:
            _tell_lines(found, feeds, now_ms)
    finally:
        store.close()


def find_blind(store: WatchedStore, pack: Pack, at_ms: EpochMs) -> Iterator[BlindLp]:
    """Give the LPs whose rules are blind at an instant, as far as it was known then; one patient in memory at a time."""
    for case in store.watched(at_ms - _LONGEST_MS):
        facts = [fact for fact in case.facts if fact.source.received_at_ms <= at_ms]
        found = assess(facts, pack, at_ms, at_ms)
        spots = find_blind_spots(found, pack, [item for item in case.unused if item.at_ms <= at_ms])
        for episode in found.episodes:
            here = at_instant(spots[episode.anchor_ms], at_ms)
            if here:
                yield BlindLp(case.patients, episode, _unit(found, episode, at_ms), here)


def _unit(found: Assessment, episode: Episode, at_ms: EpochMs) -> str:
    place = find_whereabouts(found.index, episode.anchor_ms, at_ms).now
    return "" if place is None else place.location.unit


def _tell_json(found: Iterable[BlindLp], feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> None:
    """Print one document, LP by LP as they are found."""
    click.echo(f'{{\n"at": "{to_rfc3339(at_ms)}",\n"lps": [', nl=False)
    separator = "\n"
    for lp in found:
        click.echo(separator + json.dumps(_document(lp, feeds, at_ms), ensure_ascii=False), nl=False)
        separator = ",\n"
    click.echo("\n]\n}")


def _document(lp: BlindLp, feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> dict[str, object]:
    return {
        "patient": [
            {"authority": each.authority, "value": each.value, "type": each.type} for each in lp.patients
        ],
        "lp_at": to_rfc3339(lp.episode.anchor_ms),
        "hours_since_lp": round((at_ms - lp.episode.anchor_ms) / HOUR_MS, 1),
        "unit": lp.unit,
        "spots": [_spot(spot, feeds) for spot in lp.spots],
    }


def _spot(spot: BlindSpot, feeds: Mapping[str, EpochMs]) -> dict[str, object]:
    heard_ms = feeds.get(spot.feed)
    return {
        "kind": spot.kind.value,
        "since": to_rfc3339(spot.since_ms),
        "until": to_rfc3339(spot.until_ms),
        "what": spot.what,
        "rules": list(spot.rules),
        "feed": spot.feed,
        "feed_last_received_at": None if heard_ms is None else to_rfc3339(heard_ms),
        "last": None if spot.last is None else _last(spot.last),
    }


def _last(fact: Fact) -> dict[str, str]:
    return {
        "concept": fact.concept,
        "value": describe_value(fact),
        "effective_at": to_rfc3339(fact.effective.start_ms),
    }


def _tell_lines(found: Iterable[BlindLp], feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> None:
    """Print LP by LP as they are found, then how many there are of each kind."""
    counts: Counter[str] = Counter()
    for lp in found:
        counts.update({spot.kind.value for spot in lp.spots})
        print_lines(_lines(lp, feeds, at_ms))
    if counts:
        print_counts("LPs with blind spots", sorted(counts.items()))
    else:
        click.echo("no blind spots")


def _lines(lp: BlindLp, feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> Iterator[str]:
    names = ", ".join(f"{each.authority}|{each.value}" for each in lp.patients)
    hours = round((at_ms - lp.episode.anchor_ms) / HOUR_MS, 1)
    where = f", {lp.unit}" if lp.unit else ""
    yield f"{names}: lumbar puncture {to_rfc3339(lp.episode.anchor_ms)}, {hours:g} h ago{where}"
    codes = [spot for spot in lp.spots if spot.kind is Blindness.UNMAPPED]
    for spot in (*(spot for spot in lp.spots if spot.kind is not Blindness.UNMAPPED), *codes[:_CODES_SHOWN]):
        yield f"  {spot.kind.value} since {to_rfc3339(spot.since_ms)}: {spot.what}{_by(spot, feeds)}"
        yield f"    blind: {', '.join(spot.rules)}"
    if len(codes) > _CODES_SHOWN:
        yield f"  unmapped: {len(codes) - _CODES_SHOWN} more; --json names them"
    yield ""


def _by(spot: BlindSpot, feeds: Mapping[str, EpochMs]) -> str:
    told = []
    if spot.last is not None:
        at = to_rfc3339(spot.last.effective.start_ms)
        told.append(f"last {spot.last.concept} {describe_value(spot.last)} of {at}".replace("  ", " "))
    if spot.feed:
        heard_ms = feeds.get(spot.feed)
        heard = "" if heard_ms is None else f", which was last heard {to_rfc3339(heard_ms)}"
        told.append(f"by feed {spot.feed}{heard}")
    return f"; {' '.join(told)}" if told else ""
