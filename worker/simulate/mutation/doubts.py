"""Doubt the reasons of survivors: look for a random timeline that tells one from the rules as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from worker.model.errors import PackError
from worker.simulate.judge import course_of, documents
from worker.simulate.mutation.bench import Case, MutationBench, case_of
from worker.simulate.mutation.mutants import Catalogue, Mutant
from worker.simulate.mutation.timelines import Timeline, timelines
from worker.simulate.vignettes import parse_vignettes


@dataclass(frozen=True, slots=True)
class Doubt:
    """A survivor that a timeline tells from the rules as they are.

    Shape: `vignette` as a file writes it, with the alerts that the rules give as they are; whether these are right is for
    people to say.
    """

    mutant: Mutant
    vignette: Timeline


def doubts(
    bench: MutationBench, catalogue: Catalogue, survivors: Sequence[Mutant], tries: int, seed: int = 1
) -> Iterator[Doubt]:
    """Try each survivor with so many timelines of what its rules look at; the first that tells it apart is made short."""
    known: dict[frozenset[str], list[tuple[Timeline, Case]]] = {}
    for mutant in survivors:
        tried = known.get(mutant.scene.changed)
        if tried is None:
            random = islice(timelines(catalogue.ground(mutant.scene), seed), tries)
            tried = [(timeline, case) for timeline in random if (case := _case(timeline)) is not None]
            known[mutant.scene.changed] = tried
        found = next(bench.tells_apart((case for _, case in tried), mutant), None)
        if found is not None:
            timeline = next(timeline for timeline, case in tried if case is found)
            is_silent = any(catalogue.rule(name).is_silent for name in mutant.scene.touched)
            shorter = _shortened(timeline, bench, mutant)
            yield Doubt(mutant, _settled(shorter, bench, with_finds=is_silent))


def _case(timeline: Timeline) -> Case | None:
    """Read a timeline; None where it cannot be a vignette."""
    try:
        (vignette,) = parse_vignettes({"timeline": json.dumps({"scenarios": [timeline]})})
    except PackError:
        return None
    return case_of(vignette, is_gold=True)


def _shortened(timeline: Timeline, bench: MutationBench, mutant: Mutant) -> Timeline:
    """Leave out facts, the last first, as long as it still tells the mutant apart."""
    facts = cast("list[object]", timeline["facts"])
    for at in reversed(range(len(facts))):
        shorter = {**timeline, "facts": [*facts[:at], *facts[at + 1 :]]}
        case = _case(shorter)
        if case is not None and any(bench.tells_apart([case], mutant)):
            return _shortened(shorter, bench, mutant)
    return timeline


def _settled(timeline: Timeline, bench: MutationBench, *, with_finds: bool) -> Timeline:
    """Write what the rules give as they are where the timeline expects something."""
    case = _case(timeline)
    if case is None:
        raise TypeError(timeline)
    made = bench.as_it_is(case)
    alerts = documents(map(course_of, made.outcomes), case.vignette.t0_ms)
    finds = {"finds": sorted(made.finds)} if with_finds else {}
    kept = {key: value for key, value in timeline.items() if key != "finds"}
    return {**kept, "alerts": [dict(alert) for alert in alerts], **finds}
