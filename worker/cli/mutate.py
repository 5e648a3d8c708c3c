"""`lpwatch mutate`: change the rules in one place at a time, and see whether the vignettes notice."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from worker.cli.main_errors import ExitCode
from worker.cli.render import json_option, notes_option, pack_option
from worker.cli.screen import json_line
from worker.cli.test import read_vignettes
from worker.model.errors import ConfigError
from worker.rules.library import terms_of
from worker.runtime.clock import Stopwatch
from worker.runtime.logs import configure_logs
from worker.runtime.offline import load_pack, memory_store
from worker.runtime.packs import read_layers
from worker.simulate.mutation.bench import End, Judgement, MutationBench
from worker.simulate.mutation.doubts import Doubt, doubts
from worker.simulate.mutation.edits import Kind
from worker.simulate.mutation.mutants import Catalogue, Mutant
from worker.simulate.mutation.session import judge_all
from worker.simulate.mutation.survivors import NONE, Survivors, check_survivors, parse_survivors
from worker.simulate.vignettes import parse_vignettes

EPILOG = """\b
Examples:
  lpwatch mutate mappings/tests --rule fever-single
  lpwatch mutate mappings/tests our/tests --pack our/pack --survivors our/survivors.yaml --json
"""


@dataclass(frozen=True, slots=True)
class _Result:
    """What came out.

    Shape: `judged` in the order of the rules; `failing` vignettes that the pack fails unchanged; `problems` end the command
    badly.
    """

    judged: tuple[tuple[Mutant, Judgement], ...]
    failing: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: float
    doubts: tuple[Doubt, ...] = ()

    def names(self, *ends: End) -> list[str]:
        return [mutant.name for mutant, judgement in self.judged if judgement.end in ends]

    @property
    def rate(self) -> float:
        noticed, survived = len(self.names(End.NOTICED)), len(self.names(End.SURVIVED))
        return 1.0 if not noticed + survived else noticed / (noticed + survived)


@click.command(name="mutate", epilog=EPILOG)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--rule", "owners", multiple=True, help="Only this rule, or definitions/NAME; may be repeated.")
@click.option(
    "--survivors",
    "survivors_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A list of mutants that no vignette need notice, each with its reason; it must be right both ways.",
)
@click.option(
    "--at-least",
    default=95.0,
    show_default=True,
    help="How many in a hundred must be noticed, listed or not.",
)
@click.option(
    "--doubt",
    "tries",
    type=click.IntRange(min=0),
    default=0,
    help="Try each survivor with so many random timelines: one that tells it apart shows that its reason is wrong.",
)
@notes_option
@pack_option
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; one for each core unless told.")
@json_option
def mutate(
    *,
    paths: tuple[Path, ...],
    owners: tuple[str, ...],
    survivors_file: Path | None,
    at_least: float,
    tries: int,
    notes: str,
    packs: tuple[Path, ...],
    jobs: int | None,
    is_json: bool,
) -> None:
    """Change each number, operator, window and join of the rules, one at a time, and ask the vignettes.

    A change that no vignette notices could be made by mistake. What lint refuses is counted apart. Exit code 1 where too
    few are noticed, a survivor has no reason in the list, or the list is out of date.
    """
    configure_logs(sys.stderr, level="critical")
    watch = Stopwatch()
    listed = NONE if survivors_file is None else _read_survivors(survivors_file)
    pack = load_pack(packs)
    catalogue = Catalogue(read_layers(packs), terms_of(pack.mapping))
    mutants = tuple(catalogue.mutants(owners))
    unknown = set(owners) - {mutant.owner for mutant in mutants}
    if unknown:
        raise ConfigError("no rule or definition with anything to change", ", ".join(sorted(unknown)))
    texts = read_vignettes(paths)
    vignettes = [(file, one) for file, text in texts.items() for one in parse_vignettes({file: text})]
    bench = MutationBench(catalogue, pack, vignettes, memory_store, is_gold=notes == "extract")
    judged = _judged(bench, mutants, jobs or os.cpu_count() or 1)
    failing = sorted({name for _, judgement in judged for name in judgement.failing})
    survivors = [mutant for mutant, judgement in judged if judgement.end is End.SURVIVED]
    found = tuple(doubts(bench, catalogue, survivors, tries)) if tries else ()
    result = _result(judged, tuple(failing), listed, owners, at_least, watch, found)
    if is_json:
        click.echo(json_line(_document(result, listed)))
    else:
        _tell(result, listed)
    if result.problems:
        raise SystemExit(ExitCode.PROBLEMS)


def _read_survivors(file: Path) -> Survivors:
    return parse_survivors(file.read_text(encoding="utf-8"), str(file))


def _judged(
    bench: MutationBench, mutants: Sequence[Mutant], jobs: int
) -> tuple[tuple[Mutant, Judgement], ...]:
    found: dict[int, Judgement] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("mutants", total=len(mutants))
        for at, judgement in judge_all(bench, mutants, jobs):
            found[at] = judgement
            progress.advance(task)
    return tuple((mutant, found[at]) for at, mutant in enumerate(mutants))


def _result(
    judged: tuple[tuple[Mutant, Judgement], ...],
    failing: tuple[str, ...],
    listed: Survivors,
    owners: Sequence[str],
    at_least: float,
    watch: Stopwatch,
    doubted: tuple[Doubt, ...],
) -> _Result:
    found = _Result(judged, failing, (), 0.0)
    survived = found.names(End.SURVIVED)
    problems = list(
        check_survivors(listed, survived, set(found.names(End.NOTICED, End.REFUSED)), frozenset(owners))
    )
    problems += [f"{name}: the vignette fails with the rules as they are" for name in failing]
    if found.rate * 100 < at_least:
        problems.append(f"{found.rate:.1%} noticed, less than {at_least:g} %")
    problems += [
        f"{doubt.mutant.name}: a timeline tells it from the rule as it is; make it a vignette where its alerts are right: "
        f"{json_line(doubt.vignette)}"
        for doubt in doubted
    ]
    return _Result(judged, failing, tuple(problems), round(watch.seconds, 1), doubted)


def _document(result: _Result, listed: Survivors) -> dict[str, object]:
    rules: dict[str, Counter[str]] = {}
    for mutant, judgement in result.judged:
        rules.setdefault(mutant.owner, Counter())[judgement.end.value] += 1
    return {
        "rate": round(result.rate, 4),
        "mutants": len(result.judged),
        **{end.value: len(result.names(end)) for end in End},
        "seconds": result.seconds,
        "rules": {owner: {end.value: counts[end.value] for end in End} for owner, counts in rules.items()},
        "survivors": [
            {"mutant": mutant.name, "kind": mutant.kind.value, "why": listed.reasons.get(mutant.name)}
            for mutant, judgement in result.judged
            if judgement.end is End.SURVIVED
        ],
        "refusals": [
            {"mutant": mutant.name, "why": judgement.by}
            for mutant, judgement in result.judged
            if judgement.end is End.REFUSED
        ],
        "doubts": [{"mutant": doubt.mutant.name, "vignette": doubt.vignette} for doubt in result.doubts],
        "problems": list(result.problems),
    }


def _tell(result: _Result, listed: Survivors) -> None:
    click.echo("noticed/judged by rule and kind of change; refused by lint are apart")
    for line in _table(result):
        click.echo(line)
    known = [name for name in result.names(End.SURVIVED) if name in listed.reasons]
    if known:
        click.echo(f"survive with a reason: {len(known)}")
    for problem in result.problems:
        click.echo(problem)
    noticed, survived, refused = (len(result.names(end)) for end in End)
    click.echo(
        f"{noticed} of {noticed + survived} noticed ({result.rate:.1%}), {refused} refused by lint, "
        f"{result.seconds:g} s"
    )


def _table(result: _Result) -> list[str]:
    counts: Counter[tuple[str, str, End]] = Counter(
        (mutant.owner, mutant.kind.value, judgement.end) for mutant, judgement in result.judged
    )
    owners = list(dict.fromkeys(mutant.owner for mutant, _ in result.judged))
    kinds = [
        kind.value
        for kind in Kind
        if any((owner, kind.value, end) in counts for owner in owners for end in End)
    ]
    rows = [["", *kinds, "all", "refused"]]
    for owner in owners:
        cells = [_cell(counts, [owner], [kind]) for kind in kinds]
        rows.append([owner, *cells, _cell(counts, [owner], kinds), _refused(counts, [owner])])
    totals = [_cell(counts, owners, [kind]) for kind in kinds]
    rows.append(["all", *totals, _cell(counts, owners, kinds), _refused(counts, owners)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _cell(counts: Counter[tuple[str, str, End]], owners: Sequence[str], kinds: Sequence[str]) -> str:
    ends = {
        end: sum(counts[owner, kind, end] for owner in owners for kind in kinds)
        for end in (End.NOTICED, End.SURVIVED)
    }
    judged = sum(ends.values())
    return f"{ends[End.NOTICED]}/{judged}" if judged else "-"


def _refused(counts: Counter[tuple[str, str, End]], owners: Sequence[str]) -> str:
    found = sum(count for (owner, _, end), count in counts.items() if end is End.REFUSED and owner in owners)
    return str(found) if found else "-"
