"""`lpwatch lint`: tell whether a pack is good to run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from worker.cli.main_errors import ExitCode
from worker.cli.render import json_option, pack_option, print_json, print_lines, warn
from worker.model.errors import PackError
from worker.pipeline import Pack
from worker.runtime.bootstrap import load_pack
from worker.runtime.packs import default_pack_folder

EPILOG = """\b
Examples:
  lpwatch lint
  lpwatch lint --pack ours
  lpwatch lint --pack ours --json

Every problem is one line, file:line:column: message. Exit code 1 when there is one. Codes that nobody has verified are
listed too; they are no problem, because they are not used.
"""


@click.command(name="lint", epilog=EPILOG)
@pack_option
@json_option
def lint(*, packs: tuple[Path, ...], is_json: bool) -> None:
    """Check a pack: concepts, feeds, phrases, rules and routes."""
    pack, problems = _compile(packs)
    if is_json:
        print_json({"problems": problems, "unverified": _unverified(pack), **_contents(pack)})
    else:
        print_lines(problems)
        print_lines(f"not verified: {code}" for code in _unverified(pack))
        if pack is not None:
            print_lines(
                f"{count} {name}" for name, count in _contents(pack).items() if isinstance(count, int)
            )
    if problems:
        if not is_json:
            warn(f"{len(problems)} problems")
        raise SystemExit(ExitCode.PROBLEMS)


def _compile(packs: Sequence[Path]) -> tuple[Pack | None, list[str]]:
    try:
        return load_pack(packs), []
    except PackError as error:
        return None, [_with_folder(line, packs) for line in str(error).splitlines()]


def _with_folder(line: str, packs: Sequence[Path]) -> str:
    """Begin a problem with the path that an editor opens: that of the uppermost folder that has the file."""
    file = line.partition(":")[0]
    folder = next(
        (pack for pack in (*reversed(packs), default_pack_folder()) if (pack / file).is_file()), None
    )
    return line if folder is None else f"{_short(folder)}/{line}"


def _short(folder: Path) -> str:
    """Write a folder below the current one without what leads there."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


def _unverified(pack: Pack | None) -> list[str]:
    """List the codes that nobody saw in a public source: they are not used for reading."""
    if pack is None:
        return []
    return [
        f"{name}: {code}" for name, concept in pack.mapping.concepts.items() for code in concept.unverified
    ]


def _contents(pack: Pack | None) -> dict[str, object]:
    if pack is None:
        return {}
    return {
        "concepts": len(pack.mapping.concepts),
        "feeds": len(pack.mapping.feeds),
        "rules": len(pack.rules.rules),
        "routes": len(pack.routes.all),
        "digest": pack.digest,
    }
