"""`lpwatch replay`: recorded messages through the engine, at the times they tell."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import click
import msgspec

from worker.cli.main_errors import ExitCode
from worker.cli.render import (
    INSTANT,
    counting,
    json_option,
    pack_option,
    print_counts,
    print_json,
    print_lines,
    warn,
    warn_skipped,
)
from worker.model.errors import ConfigError
from worker.model.time import EpochMs
from worker.runtime.bootstrap import temporary_state
from worker.runtime.found import Comparison, Difference, FindingProgram
from worker.runtime.offline import load_pack, memory_store, program
from worker.runtime.replay import UNDISTURBED, Disturbance, IssueCount, ReplayReport, replay_twice
from worker.runtime.replay import replay as replay_messages
from worker.sources.files import read_files

EPILOG = """\b
Examples:
  lpwatch replay feed.mllp.gz
  lpwatch replay january/ --pack ours --json > summary.json
  lpwatch replay feed.hl7 --alerts alerts.ndjson --until 2026-01-12T00:00:00Z
  lpwatch replay feed.hl7 --shuffle 7 --duplicate 0.2 --split 50 --restart 3

The receipt time of a message is its own time stamp (MSH-7, meta.lastUpdated), never earlier than the one before it.
Files may be HL7 v2 (any line end, batches, MLLP captures) or FHIR (JSON, NDJSON), plain or gzip.
"""


@click.command(name="replay", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@pack_option
@json_option
@click.option(
    "--alerts",
    "alerts_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write each alert in its final state to this file, as NDJSON.",
)
@click.option("--until", type=INSTANT, help="Let the clock run on to this instant; timers due by then fire.")
@click.option("--shuffle", type=int, metavar="SEED", help="Shuffle the messages.")
@click.option(
    "--duplicate",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="P",
    help="Repeat each message with this probability, somewhere later.",
)
@click.option(
    "--split",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ingest N messages at a time, whatever their times.",
)
@click.option(
    "--restart",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Close and open the database N times on the way.",
)
def replay(
    *,
    paths: tuple[Path, ...],
    packs: tuple[Path, ...],
    is_json: bool,
    alerts_file: Path | None,
    until: EpochMs | None,
    shuffle: int | None,
    duplicate: float,
    split: int | None,
    restart: int,
) -> None:
    """Read recorded messages and tell which alerts they give.

    The state is kept in memory, with --restart in a temporary database; nothing is sent to anyone. With --shuffle,
    --duplicate, --split or --restart the messages are read twice, as recorded and so disturbed, and what was found is
    compared: patient, lumbar puncture, rule, severity, evidence. Exit code 1 where it differs. Then nothing is forgotten
    by its age; the tables are of the disturbed reading.
    """
    disturbance = Disturbance(shuffle, duplicate, restart, split)
    pack = load_pack(packs)
    with tempfile.TemporaryDirectory(prefix="lpwatch-") as folder, counting("messages") as count:
        messages = read_files(paths, received_at_ms=0, on_skipped=warn_skipped)
        if disturbance == UNDISTURBED:
            comparison = None
            report = replay_messages(messages, program(pack), memory_store, until_ms=until, on_progress=count)
        else:
            open_store = temporary_state(Path(folder)) if restart else memory_store
            report, comparison = replay_twice(
                tuple(messages),
                lambda: FindingProgram(pack),
                (memory_store, open_store),
                disturbance,
                until_ms=until,
                on_progress=count,
            )
    if alerts_file is not None:
        _write_lines(alerts_file, report.alerts)
    if is_json:
        print_json(report.summary if comparison is None else {**report.summary, "compared": comparison})
    else:
        _print(report)
        _print_comparison(comparison)
    _warn_of_failures(report)
    if comparison is not None and comparison["differing"]:
        raise SystemExit(ExitCode.PROBLEMS)


def _write_lines(path: Path, documents: Iterable[object]) -> None:
    try:
        path.write_bytes(b"".join(msgspec.json.encode(document) + b"\n" for document in documents))
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", str(path)) from error


def _print(report: ReplayReport) -> None:
    summary = report.summary
    messages, episodes = summary["messages"], summary["episodes"]
    print_counts("Messages", messages.items())
    print_counts("Ignored", summary["ignored"].items())
    print_counts("Dead letters", report.dead_lettered.items())
    print_counts("Lumbar punctures", episodes.items())
    print_counts("Alerts ever raised", summary["alerts"]["by_rule"].items())
    print_counts("At their final severity", summary["alerts"]["by_severity"].items())
    print_counts("Not mapped", map(_row, summary["unmapped"]))
    print_counts("Set aside", map(_row, summary["set_aside"]))
    click.echo(f"{messages['received']:,} messages in {summary['seconds']:.1f} s")


def _print_comparison(comparison: Comparison | None) -> None:
    if comparison is None:
        return
    print_lines(map(_difference, comparison["differing"]))
    count = len(comparison["differing"])
    click.echo(f"{comparison['findings']:,} findings as recorded; {count or 'none'} differ when disturbed so")


def _difference(one: Difference) -> str:
    """Write a finding that was made in one way only."""
    numbers = ", ".join(f"{number['authority']} {number['value']}" for number in one["patient"])
    evidence = "; ".join(
        " ".join(filter(None, (told["concept"], _value(told["value"]), told["unit"], told["effective_at"])))
        for told in one["evidence"]
    )
    return f"only {one['only']}: {numbers}: LP {one['lp_at']} {one['rule']} {one['severity']}: {evidence}"


def _value(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float) else value or ""


def _row(issue: IssueCount) -> tuple[object, ...]:
    return issue["kind"], issue["feed"], issue["subject"], issue["n"]


def _warn_of_failures(report: ReplayReport) -> None:
    for reason, count in report.failed.items():
        warn(f"{count} patients could not be assessed: {reason}")
