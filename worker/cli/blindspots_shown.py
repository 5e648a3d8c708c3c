"""What `lpwatch blindspots` prints: LP by LP as they are found, then how many were watched, and at which instant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import click

from worker.cli.render import print_counts, print_lines
from worker.cli.screen import json_line
from worker.model.episode import Episode
from worker.model.fact import Fact, Identifier
from worker.model.time import DAY_MS, HOUR_MS, EpochMs, to_rfc3339
from worker.rules.blind import Blindness, BlindSpot
from worker.rules.words import describe_value

_CODES_SHOWN = 3
_QUIET_MS = DAY_MS
"""For a look at now: a store that heard nothing for longer is a recording, or nothing comes any more."""
_SOON_MS = 7 * DAY_MS
"""So long after an LP most rules are in their windows."""


@dataclass(frozen=True, slots=True)
class WatchedLp:
    """One LP that is watched, with the blind spots of its rules.

    Shape: `unit` is the ward now, "" where it is not known.
    """

    patients: tuple[Identifier, ...]
    episode: Episode
    unit: str
    spots: tuple[BlindSpot, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """The instant that is looked at, and what is known beside the LPs.

    Shape: `is_now` where nobody gave an instant; `feeds` tells when each was last heard, by the instant; `newest_lp_ms` None
    where no LP is on file; `last_received_ms` 0 where nothing was received. `wards` are those asked for, none for all.
    """

    at_ms: EpochMs
    is_now: bool
    feeds: Mapping[str, EpochMs]
    newest_lp_ms: EpochMs | None
    last_received_ms: EpochMs
    wards: tuple[str, ...] = ()
    is_everything: bool = True


def tell_json(found: Iterable[WatchedLp], look: Look) -> None:
    """Print one document, LP by LP as they are found."""
    click.echo(f'{{\n"at": "{to_rfc3339(look.at_ms)}",\n"lps": [', nl=False)
    separator, watched = "\n", 0
    for lp in found:
        watched += 1
        if lp.spots:
            document = json_line(_document(lp, look.feeds, look.at_ms))
            click.echo(separator + document, nl=False)
            separator = ",\n"
    rest = {
        "watched": watched,
        "newest_lp_at": None if look.newest_lp_ms is None else to_rfc3339(look.newest_lp_ms),
        "last_received_at": to_rfc3339(look.last_received_ms) if look.last_received_ms else None,
    }
    click.echo("\n],\n" + json_line(rest, indent=0)[2:])


def tell_lines(found: Iterable[WatchedLp], look: Look) -> None:
    """Print LP by LP as they are found, how many there are of each kind, and how many are watched."""
    counts: Counter[str] = Counter()
    watched = here = blind = 0
    for lp in found:
        watched += 1
        here += not look.wards or lp.unit in look.wards
        if lp.spots:
            blind += 1
            counts.update({spot.kind.value for spot in lp.spots})
            print_lines(_lines(lp, look.feeds, look.at_ms))
    print_counts("LPs with blind spots", sorted(counts.items()))
    print_lines(_closing(look, watched, here, blind))


def _closing(look: Look, watched: int, here: int, blind: int) -> Iterator[str]:
    """Say what was looked at: that nothing is shown may mean that nobody was there to look at."""
    at = to_rfc3339(look.at_ms)
    if not watched:
        yield f"at {at}: no LP is watched, so there is nothing to be blind of"
        yield _where_to_look(look)
        return
    are = "1 LP is watched" if watched == 1 else f"{watched} LPs are watched"
    if not here:
        yield f"at {at}: {are}, none of them on {' or '.join(look.wards)}"
    elif blind:
        yield f"at {at}: {are}, {blind} with {'' if look.is_everything else 'such '}blind spots"
    else:
        yield f"at {at}: {are}, none with {'a' if look.is_everything else 'such a'} blind spot"
    if look.is_now and look.last_received_ms and look.at_ms - look.last_received_ms > _QUIET_MS:
        last = to_rfc3339(look.last_received_ms)
        hours = round((look.at_ms - look.last_received_ms) / HOUR_MS)
        yield f"the last message was received {last}, {hours} h ago; --at {last} looks at that time"


def _where_to_look(look: Look) -> str:
    """Name an instant at which the newest LP is watched."""
    newest_ms, last_ms = look.newest_lp_ms, look.last_received_ms
    if newest_ms is None:
        return "no LP is on file"
    then = to_rfc3339(last_ms if 0 <= last_ms - newest_ms <= _SOON_MS else newest_ms + DAY_MS)
    return f"the newest LP on file is of {to_rfc3339(newest_ms)}; --at {then}, for example, looks at a time when it is watched"


def _document(lp: WatchedLp, feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> dict[str, object]:
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


def _lines(lp: WatchedLp, feeds: Mapping[str, EpochMs], at_ms: EpochMs) -> Iterator[str]:
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
