"""`lpwatch lint`: tell whether a pack is good to run, and to rely on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from worker.cli.main_errors import ExitCode
from worker.cli.render import json_option, pack_option, print_json, print_lines, warn
from worker.decode.located_yaml import Problems
from worker.mapping.coverage import given_qualifiers, mapped_concepts
from worker.mapping.pack_files import read_layers as read_mappings
from worker.model.errors import ConfigError, PackError
from worker.model.time import to_datetime
from worker.notes.lexicon_reader import LexiconReader
from worker.pipeline import Pack
from worker.rules.lint_versions import write_lock
from worker.rules.release import Given, Report, Sample, check_release, rules_to_try
from worker.rules.rule_files import LOCK, RuleFiles, read_rule_files
from worker.runtime.clock import WallClock
from worker.runtime.offline import load_pack
from worker.runtime.packs import Layer, default_pack_folder, read_layers, read_vignettes, unread_files
from worker.simulate.samples import sample_of
from worker.simulate.vignettes import parse_vignettes

EPILOG = """\b
Examples:
  lpwatch lint
  lpwatch lint --pack ours
  lpwatch lint --pack ours --json
  lpwatch lint --pack ours --lock

Every problem is one line, file:line:column: message. Exit code 1 when there is one. A warning says what a site has to know
or to do: rules that see nothing until a code is mapped. Codes that nobody has verified are listed too; they are not used.
"""


@click.command(name="lint", epilog=EPILOG)
@pack_option
@click.option(
    "--lock",
    "is_locking",
    is_flag=True,
    help="Write what the uppermost pack's rules mean, and those that its definitions change, to rules/versions.lock.yaml.",
)
@json_option
def lint(*, packs: tuple[Path, ...], is_locking: bool, is_json: bool) -> None:
    """Check a pack: concepts, feeds, phrases, rules, routes, claims, vignettes and versions."""
    pack, problems = _compile(packs)
    if is_locking and pack is not None:
        _lock(packs)
    report = Report() if pack is None else _release(pack, packs)
    errors = [*problems, *(_with_folder(line, packs) for line in report.errors)]
    warnings = [*_unread(packs), *(_with_folder(line, packs) for line in report.warnings)]
    if is_json:
        print_json(
            {"problems": errors, "warnings": warnings, "unverified": _unverified(pack), **_contents(pack)}
        )
    else:
        print_lines(errors)
        print_lines(f"warning: {line}" for line in warnings)
        print_lines(f"not verified: {code}" for code in _unverified(pack))
        if pack is not None:
            print_lines(
                f"{count} {name}" for name, count in _contents(pack).items() if isinstance(count, int)
            )
    if errors:
        if not is_json:
            warn(f"{len(errors)} problems")
        raise SystemExit(ExitCode.PROBLEMS)


def _compile(packs: Sequence[Path]) -> tuple[Pack | None, list[str]]:
    try:
        return load_pack(packs), []
    except PackError as error:
        return None, [_with_folder(line, packs) for line in str(error).splitlines()]


def _release(pack: Pack, packs: Sequence[Path]) -> Report:
    """Check what a worker need not know to run the pack."""
    layers = read_layers(packs)
    files = read_rule_files(layers, Problems())
    given = _given(pack, layers)
    today = to_datetime(WallClock().now_ms()).date()
    try:
        samples = _samples(packs, files)
    except PackError as error:
        return Report(tuple(str(error).splitlines()))
    return check_release(files, pack.rules, samples, given, today)


def _given(pack: Pack, layers: Sequence[Layer]) -> Given:
    """Return what codes give, and what notes state."""
    feeds, notes = _own_feeds(layers), pack.notes
    stated, marked = (
        (notes.findings, notes.qualifiers)
        if isinstance(notes, LexiconReader)
        else (frozenset[str](), frozenset[str]())
    )
    return Given(
        mapped_concepts(pack.mapping, feeds) | stated,
        given_qualifiers(pack.mapping, feeds) | marked,
        frozenset(name for name, concept in pack.mapping.concepts.items() if concept.plausible is None),
    )


def _own_feeds(layers: Sequence[Layer]) -> frozenset[str]:
    """Return the feeds of a site; those of the default pack are examples, but for the one of standard codes."""
    return frozenset(read_mappings(layers[1:], Problems()).feeds)


def _samples(packs: Sequence[Path], files: RuleFiles) -> list[Sample]:
    """Read the vignettes of each layer; those of the default pack, which are many, where they may be about a rule to try.

    Shape: an id may stand in two layers.
    """
    is_default_needed = rules_to_try(files) & files.layers[0].rules.keys()
    folders = (default_pack_folder(), *packs) if is_default_needed else packs
    return [sample_of(vignette) for folder in folders for vignette in parse_vignettes(read_vignettes(folder))]


def _lock(packs: Sequence[Path]) -> None:
    """Write the lock of the uppermost layer; a rule that changed under its version is told by the lint that follows."""
    folder = packs[-1] if packs else default_pack_folder()
    files = read_rule_files(read_layers(packs), Problems())
    try:
        text = write_lock(files)
    except PackError:
        return
    if not text:
        raise ConfigError("no rules here to lock; they are in another layer", str(folder))
    try:
        (folder / LOCK).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", str(folder / LOCK)) from error


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


def _unread(packs: Sequence[Path]) -> list[str]:
    """Tell of files in the folders of a pack that nothing reads, because an editor or a copy gave them another ending."""
    return [
        f"{_short(file)}:1:1: not read, because its name does not end with .yaml; rename it, or move it out of the pack"
        for folder in packs
        for file in unread_files(folder)
    ]


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
