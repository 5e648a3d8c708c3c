"""`lpwatch why` and `lpwatch why-not`: what the rules said of a patient at an instant, and what decided it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from worker.cli.database_options import database_options, database_settings, open_state
from worker.cli.render import INSTANT, json_option, pack_option, print_json, print_lines
from worker.cli.why_known import AlertThen, Known, known_from_database, known_from_files
from worker.correlate.joining import PUNCTURE_CONCEPT
from worker.model.episode import Episode
from worker.model.fact import Fact, Puncture, PunctureStatus
from worker.model.time import HOUR_MS, EpochMs, to_rfc3339
from worker.pipeline import Assessment, Pack, assess
from worker.rules.evaluate import Evaluation
from worker.rules.explain import explain_document, explain_lines
from worker.runtime.clock import WallClock
from worker.runtime.offline import load_pack
from worker.runtime.set_aside import SetAside, about

_NONE_HELD = "no rule holds of it by then; `lpwatch why-not` tells what each saw"
_ALL_HELD = "every rule holds of it by then; `lpwatch why` tells what each saw"

_NOT_DONE = frozenset({PunctureStatus.PLANNED, PunctureStatus.CANCELLED})

Command = TypeVar("Command", bound=Callable[..., object])

WHY_EPILOG = """\b
Examples:
  lpwatch why 4711 --data /var/lib/lpwatch
  lpwatch why 4711 --at 2026-01-06T14:00:00Z --data /var/lib/lpwatch
  lpwatch why 'NORTH|4711' --at 2026-01-06T14:00:00Z --from feed.mllp.gz --json
  lpwatch why 4711 --at 2026-01-06T14:00:00Z --database postgresql+psycopg://lpwatch@db/lpwatch
"""
WHY_NOT_EPILOG = """\b
Examples:
  lpwatch why-not 4711 --at 2026-01-06T14:00:00Z --data /var/lib/lpwatch
  lpwatch why-not 4711 --rule fever-single --at 2026-01-06T14:00:00Z --from january/
"""


def _options(command: Command) -> Command:
    """Add what both commands take."""
    for option in reversed(
        (
            click.argument("patient"),
            click.option(
                "--at",
                "at_ms",
                type=INSTANT,
                help="What was known at this instant (receipt time); else now.",
            ),
            database_options,
            click.option(
                "--from",
                "paths",
                type=click.Path(path_type=Path),
                multiple=True,
                metavar="PATH",
                help="Read messages from this file or folder; may be repeated.",
            ),
        )
    ):
        command = option(command)
    return pack_option(json_option(command))


@click.command(name="why", epilog=WHY_EPILOG)
@_options
def why(
    *,
    patient: str,
    at_ms: EpochMs | None,
    data: Path | None,
    database: str | None,
    config: Path | None,
    paths: tuple[Path, ...],
    packs: tuple[Path, ...],
    is_json: bool,
) -> None:
    """Explain the findings of a patient at an instant.

    PATIENT is a number, or authority|number where several authorities use the same one. What was known is told by receipt:
    corrections, LPs and merges that came later do not count. The pack is that of now; feeds count as read up to the instant.
    """
    pack, at_ms = load_pack(packs), _instant(at_ms)
    known = _known(patient, at_ms, (data, database, config), paths, pack)
    found = assess(known.facts, pack, at_ms, at_ms)
    shown = [each for each in found.evaluations if each.finding is not None]
    _tell(_about(known, pack, None), at_ms, found, shown, is_json=is_json, nothing=_NONE_HELD)


@click.command(name="why-not", epilog=WHY_NOT_EPILOG)
@_options
@click.option("--rule", metavar="ID", help="Explain this rule only, whether it held or not.")
def why_not(
    *,
    patient: str,
    at_ms: EpochMs | None,
    data: Path | None,
    database: str | None,
    config: Path | None,
    paths: tuple[Path, ...],
    packs: tuple[Path, ...],
    rule: str | None,
    is_json: bool,
) -> None:
    """Explain why rules did not hold for a patient at an instant, or could not tell.

    PATIENT is a number, or authority|number where several authorities use the same one.
    """
    pack, at_ms = load_pack(packs), _instant(at_ms)
    if rule is not None and rule not in pack.rules.by_id:
        raise click.UsageError(_no_rule(pack, rule))
    known = _known(patient, at_ms, (data, database, config), paths, pack)
    found = assess(known.facts, pack, at_ms, at_ms)
    shown = [each for each in found.evaluations if _is_asked(each, rule)]
    _tell(_about(known, pack, rule), at_ms, found, shown, is_json=is_json, nothing=_ALL_HELD)


def _instant(at_ms: EpochMs | None) -> EpochMs:
    return WallClock().now_ms() if at_ms is None else at_ms


def _no_rule(pack: Pack, rule: str) -> str:
    idle = pack.rules.idle.get(rule)
    if idle is not None:
        return f"rule {rule} is {idle} in this pack, so nobody is asked by it; give the pack that had it with --pack"
    return f"the pack has no rule {rule}; it has: {', '.join(sorted(pack.rules.by_id))}"


def _about(known: Known, pack: Pack, rule: str | None) -> Known:
    """Leave of what was set aside what can matter to a rule, or to any."""
    rules = pack.rules.rules if rule is None else (pack.rules.by_id[rule],)
    wanted = frozenset(concept for each in rules for concept in each.inputs)
    return replace(known, set_aside=about(known.set_aside, wanted, frozenset(pack.mapping.concepts)))


def _is_asked(evaluation: Evaluation, rule: str | None) -> bool:
    return evaluation.finding is None if rule is None else evaluation.rule.id == rule


def _known(
    patient: str,
    at_ms: EpochMs,
    named: tuple[Path | None, str | None, Path | None],
    paths: Sequence[Path],
    pack: Pack,
) -> Known:
    if bool(paths) == any(each is not None for each in named):
        raise click.UsageError("give one of --data, --database and --config, or --from")
    if paths:
        return known_from_files(paths, pack, patient, at_ms)
    store = open_state(database_settings(*named))
    try:
        return known_from_database(store, pack, patient, at_ms)
    finally:
        store.close()


def _tell(
    known: Known,
    at_ms: EpochMs,
    found: Assessment,
    shown: Sequence[Evaluation],
    *,
    is_json: bool,
    nothing: str,
) -> None:
    if is_json:
        print_json(_document(known, at_ms, found, shown))
    else:
        print_lines(_lines(known, at_ms, found, shown, nothing))


def _document(
    known: Known, at_ms: EpochMs, found: Assessment, shown: Sequence[Evaluation]
) -> dict[str, object]:
    folded = {(each.episode.anchor_ms, each.rule): each.folded_by for each in found.findings}
    return {
        "patient": [
            {"authority": each.authority, "value": each.value, "type": each.type} for each in known.patients
        ],
        "at": to_rfc3339(at_ms),
        "facts": len(known.facts),
        "set_aside": [_aside(item) for item in known.set_aside],
        "gone": list(known.gone),
        "later": list(known.later),
        "alerts": [_alert(each) for each in known.alerts],
        "lps": [_puncture(episode) for episode in found.episodes],
        "rules": [
            {**explain_document(each), "folded_by": folded.get((each.context.anchor_ms, each.rule.id), "")}
            for each in shown
        ],
    }


def _aside(item: SetAside) -> dict[str, object]:
    return {
        "kind": item.issue.kind.value,
        "subject": item.issue.subject,
        "received_at": to_rfc3339(item.received_at_ms),
        "feed": item.feed,
        "message_id": item.message_id,
        "place": item.issue.place,
    }


def _aside_lines(items: Sequence[SetAside]) -> Iterator[str]:
    """Write each reason and subject once, with how many there are and where the last one stands."""
    last = {(item.issue.kind, item.issue.subject): item for item in items}
    counts = Counter((item.issue.kind, item.issue.subject) for item in items)
    for (kind, subject), item in last.items():
        n = counts[kind, subject]
        at = f"{'the last ' if n > 1 else ''}received {to_rfc3339(item.received_at_ms)}"
        where = f"message {item.message_id}, {item.issue.place}" if item.message_id else f"feed {item.feed}"
        yield f"set aside: {n} of {subject}: {kind.value}, {at} ({where})"


def _puncture(episode: Episode) -> dict[str, object]:
    return {
        "at": to_rfc3339(episode.anchor_ms),
        "status": episode.status.value,
        "is_presumed": episode.is_presumed,
        "is_time_uncertain": episode.is_time_uncertain,
        "origin": episode.anchor.origin,
        "records": [
            {"feed": record.source.feed, "message_id": record.source.message_id, "place": record.source.place}
            for record in episode.records
        ],
    }


def _alert(told: AlertThen) -> dict[str, object]:
    return {
        "alert_id": told.alert.alert_id,
        "rule": told.alert.rule,
        "lp_at": to_rfc3339(told.anchor_ms),
        "ever_paged": told.alert.paged,
        "history": [
            {
                "at": to_rfc3339(line.at_ms),
                "version": line.version,
                "state": line.state.value,
                "severity": line.severity.name.lower(),
                "reason": line.reason,
            }
            for line in told.history
        ],
    }


def _alert_lines(alerts: Sequence[AlertThen]) -> Iterator[str]:
    """Write what became of each alert by then; whether it paged is known of now."""
    for told in alerts:
        quiet = "" if told.alert.paged else "; it never paged"
        yield f"alert of {told.alert.rule} ({told.alert.alert_id}){quiet}"
        for line in told.history:
            why = "" if line.reason == line.state.value else f": {line.reason}"
            yield f"  {to_rfc3339(line.at_ms)} {line.state.value}, {line.severity.name.lower()}{why}"


def _hours(anchor_ms: EpochMs, at_ms: EpochMs) -> str:
    hours = round(abs(at_ms - anchor_ms) / HOUR_MS, 1)
    return f"{hours:g} h {'earlier' if anchor_ms <= at_ms else 'later'}"


def _void_lines(facts: Sequence[Fact]) -> Iterator[str]:
    """Write the newest version of each record of a lumbar puncture, where none stands: planned, cancelled or taken back."""
    newest: dict[str, Fact] = {}
    for fact in facts:
        if fact.concept == PUNCTURE_CONCEPT and (
            fact.key not in newest or fact.version > newest[fact.key].version
        ):
            newest[fact.key] = fact
    for fact in sorted(newest.values(), key=lambda fact: (fact.effective.start_ms, fact.key)):
        told = fact.value.status if isinstance(fact.value, Puncture) else None
        status = told.value if told is not None and told in _NOT_DONE else "taken back"
        source = f"{fact.source.feed}, message {fact.source.message_id}"
        yield f"  a record of one at {to_rfc3339(fact.effective.start_ms)}: {status} ({source})"


def _lines(
    known: Known, at_ms: EpochMs, found: Assessment, shown: Sequence[Evaluation], nothing: str
) -> Iterator[str]:
    names = ", ".join(f"{each.authority}|{each.value}" for each in known.patients)
    yield f"{names}: {len(known.facts)} facts received until {to_rfc3339(at_ms)}"
    yield from (f"gone: {each}" for each in known.gone)
    yield from (f"later: {each}" for each in known.later)
    yield from _aside_lines(known.set_aside)
    if not found.episodes:
        yield "no lumbar puncture was known by then, so no rule was asked"
        yield from _void_lines(known.facts)
    folded = {(each.episode.anchor_ms, each.rule): each.folded_by for each in found.findings}
    for episode in found.episodes:
        kind = "presumed" if episode.is_presumed else episode.status.value
        yield ""
        ago = _hours(episode.anchor_ms, at_ms)
        yield f"lumbar puncture {to_rfc3339(episode.anchor_ms)} ({kind}, from {episode.anchor.origin}), {ago}"
        its = [each for each in known.alerts if each.anchor_ms == episode.anchor_ms]
        yield from (f"  {line}" for line in _alert_lines(its))
        here = [each for each in shown if each.context.anchor_ms == episode.anchor_ms]
        if not here:
            yield f"  {nothing}"
        for evaluation in here:
            yield ""
            yield from (f"  {line}" for line in explain_lines(evaluation))
            if stronger := folded.get((episode.anchor_ms, evaluation.rule.id)):
                yield f"    folded into {stronger}: no alert of its own"
    anchors = {episode.anchor_ms for episode in found.episodes}
    if others := [each for each in known.alerts if each.anchor_ms not in anchors]:
        yield ""
        yield "of lumbar punctures that do not stand, or stood at another time:"
        yield from (f"  {line}" for line in _alert_lines(others))
