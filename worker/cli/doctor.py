"""`lpwatch doctor`: what is wrong with an installation, and what to do next."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from worker.cli.main_errors import ExitCode
from worker.cli.render import json_option, print_json

if TYPE_CHECKING:
    from worker.runtime.doctor.checks import Check

EPILOG = """\b
Examples:
  lpwatch doctor --config lpwatch.yaml
  lpwatch doctor --config lpwatch.yaml --role worker --json
  LPWATCH_DATA=/var/lib/lpwatch lpwatch doctor

It looks at settings, folder, listeners, certificates, secrets, packs, clocks, database, brokers, topics and FHIR servers, and
changes nothing. Exit code 1 when something does not work; warnings alone leave it at 0.
"""
_MARKS = {"ok": "ok     ", "warning": "WARNING", "error": "ERROR  "}
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@click.command(name="doctor", epilog=EPILOG)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The settings file of the roles; the environment wins over it.",
)
@click.option(
    "--role",
    type=click.Choice(["run", "gateway", "worker", "deliver"]),
    help="Check what this role needs (default: each role whose settings are there).",
)
@json_option
def doctor(*, config: Path | None, role: str | None, is_json: bool) -> None:
    """Say in plain words what is wrong with an installation, and what to do next."""
    from worker.runtime.doctor.examine import examine, is_well  # noqa: PLC0415  not needed for --help
    from worker.runtime.role_settings import Role  # noqa: PLC0415  see above

    checks = examine({}, config, None if role is None else Role(role))
    if is_json:
        print_json({"is_well": is_well(checks), "checks": [_document(check) for check in checks]})
    else:
        for check in checks:
            _print(check)
        counts = Counter(check.status.value for check in checks)
        click.echo(", ".join(f"{counts[status]} {status}" for status in _MARKS if counts[status]))
    if not is_well(checks):
        raise SystemExit(ExitCode.PROBLEMS)


def _document(check: Check) -> dict[str, str]:
    return {
        "name": check.name,
        "status": check.status.value,
        "says": check.says,
        "next_step": check.next_step,
    }


def _print(check: Check) -> None:
    status = check.status.value
    click.echo(f"{click.style(_MARKS[status], fg=_COLOURS[status])} {check.name}: {check.says}")
    if check.next_step:
        click.echo(f"        → {check.next_step}")
