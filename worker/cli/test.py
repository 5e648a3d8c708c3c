"""`lpwatch test`: run vignettes against the rules, in every form and order."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from worker.cli.changed_by import ChangedBy
from worker.cli.main_errors import ExitCode
from worker.cli.render import json_option, notes_option, pack_option
from worker.cli.screen import json_line, visible
from worker.model.errors import ConfigError
from worker.runtime.logs import configure_logs
from worker.runtime.offline import load_pack, memory_store, program
from worker.simulate.judge import Failure, describe
from worker.simulate.trial import Bench, Verdict, try_vignette
from worker.simulate.vignettes import Vignette, parse_vignettes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from worker.simulate.judge import AlertDocument

EPILOG = """\b
Examples:
  lpwatch test mappings/tests
  lpwatch test our/vignettes.yaml --pack our/pack --json
"""

SUFFIXES = {".yaml", ".yml"}


@click.command(name="test", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@notes_option
@pack_option
@json_option
def test(*, paths: tuple[Path, ...], notes: str, packs: tuple[Path, ...], is_json: bool) -> None:
    """Run vignettes: timelines of facts, and the alerts that they must give.

    Each is written as HL7 v2 and as FHIR, in the two ways that each standard allows, and run in order and shuffled; its
    notes are read. It passes when all of them give what it states. Exit code 1 when one fails.
    """
    configure_logs(sys.stderr, level="critical")  # what fails is reported as a problem of its vignette
    vignettes = parse_vignettes(read_vignettes(paths))
    pack = load_pack(packs)
    bench = Bench(
        programs=lambda reader: program(pack, reader),
        open_store=memory_store,
        rules=frozenset(rule.id for rule in pack.rules.rules),
        is_gold=notes == "extract",
    )
    verdicts = _try_all(vignettes, bench)
    failed = [verdict for verdict in verdicts if not verdict.has_passed]
    changed_by = ChangedBy(packs, pack) if packs and failed else None
    reasons = {
        verdict.vignette.vignette_id: changed_by.lines(
            _rules_in_question(verdict), reads_notes=not bench.is_gold
        )
        for verdict in failed
        if changed_by is not None
    }
    if is_json:
        click.echo(json_line(_document(verdicts, reasons)))
    else:
        _tell(verdicts, reasons)
    if failed:
        raise SystemExit(ExitCode.PROBLEMS)


def read_vignettes(paths: Iterable[Path]) -> dict[str, str]:
    """Read files and the YAML files of folders, by name as given."""
    files: dict[str, str] = {}
    for path in paths:
        found = sorted(one for one in path.rglob("*") if one.suffix in SUFFIXES) if path.is_dir() else [path]
        if not found:
            raise ConfigError("no vignettes here; give YAML files or folders that hold some", str(path))
        for file in found:
            try:
                files[str(file)] = file.read_text(encoding="utf-8")
            except UnicodeDecodeError as error:
                raise ConfigError("not UTF-8; save the file as UTF-8", str(file)) from error
    return files


def _try_all(vignettes: Sequence[Vignette], bench: Bench) -> list[Verdict]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        return [
            try_vignette(vignette, bench) for vignette in progress.track(vignettes, description="vignettes")
        ]


def _rules_in_question(verdict: Verdict) -> set[str]:
    """Return the rules whose alerts are not the expected ones, in some form and order; without one all that it names."""
    differing = {
        alert["rule"]
        for failure in verdict.failures
        for alert in (*failure.expected, *failure.got)
        if (alert in failure.expected) != (alert in failure.got)
    }
    return differing or set(verdict.vignette.rules)


def _document(verdicts: Sequence[Verdict], reasons: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    passed = sum(verdict.has_passed for verdict in verdicts)
    failures = [
        {
            "id": failure.vignette_id,
            "form": failure.form,
            "order": failure.order,
            "expected": failure.expected,
            "got": failure.got,
        }
        | ({"problems": failure.problems} if failure.problems else {})
        | ({"changed_by": reasons[failure.vignette_id]} if reasons.get(failure.vignette_id) else {})
        for verdict in verdicts
        for failure in verdict.failures
    ]
    return {"passed": passed, "failed": len(verdicts) - passed, "failures": failures}


def _tell(verdicts: Sequence[Verdict], reasons: Mapping[str, tuple[str, ...]]) -> None:
    for verdict in verdicts:
        if verdict.has_passed:
            continue
        vignette = verdict.vignette
        click.echo(visible(f"FAIL {vignette.vignette_id} {vignette.title}"))
        for rule in verdict.missing_rules:
            click.echo(visible(f"  the pack has no rule {rule}"))
        for reason in reasons.get(vignette.vignette_id, ()):
            click.echo(visible(f"  changed by {reason}"))
        for failure in verdict.failures:
            _tell_failure(failure)
    passed = sum(verdict.has_passed for verdict in verdicts)
    click.echo(f"{passed} passed, {len(verdicts) - passed} failed")


def _tell_failure(failure: Failure) -> None:
    click.echo(f"  {failure.form}, {failure.order}")
    click.echo(visible(f"    expected {_listed(failure.expected)}"))
    click.echo(visible(f"    got      {_listed(failure.got)}"))
    for problem in failure.problems:
        click.echo(visible(f"    {problem}"))


def _listed(alerts: Sequence[AlertDocument]) -> str:
    return "; ".join(describe(alert) for alert in alerts) or "no alert"
