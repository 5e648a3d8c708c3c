"""A history that breaks a law, made small and printed as a vignette that `lpwatch test` runs."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

from ruamel.yaml import YAML

from tests.laws.worlds import Law, Trial, Watched
from worker.simulate.arrivals import Arrival
from worker.simulate.gold import GoldReader
from worker.simulate.judge import course_of, documents
from worker.simulate.letters import HL7_WAYS, write
from worker.simulate.trial import run
from worker.simulate.vignettes import VignetteSpec
from worker.storage.memory import MemoryState

Case = tuple[VignetteSpec, Arrival]
NAMES = ("op", "of", "under", "id", "t", "recv", "c", "v", "u")


def hold(law: Law, trial: Trial, arrival: Arrival) -> None:
    """Fail where the law does not hold, with the smallest history that breaks it as a vignette."""
    if not law(trial, arrival):
        return

    def is_broken(case: Case) -> bool:
        return bool(law(Trial(case[0]), case[1]))

    spec, small = smallest((trial.spec, arrival), is_broken)
    differences = "\n".join(law(Trial(spec), small))
    raise AssertionError(
        f"{differences}\n\nsave this and run `lpwatch test FILE --notes extract`:\n{printed(spec, small)}"
    )


def smallest(case: Case, is_broken: Callable[[Case], bool]) -> Case:
    """Leave out whatever is not needed to break the law, until nothing more can go."""
    while (less := next((one for one in _smaller(case) if is_broken(one)), None)) is not None:
        case = less
    return case


def _smaller(case: Case) -> Iterator[Case]:
    spec, arrival = case
    for place, fact in enumerate(spec.facts, start=1):
        gone = {place} | {
            at
            for at, other in enumerate(spec.facts, start=1)
            if fact.id and fact.op is None and other.of == fact.id
        }
        if len(gone) < len(spec.facts):
            yield _without(spec, arrival, gone)
    if spec.patient.encounter is not None:
        yield (
            spec.model_copy(update={"patient": spec.patient.model_copy(update={"encounter": None})}),
            Arrival(tuple(at for at in arrival.order if at), arrival.split, arrival.restart, arrival.forms),
        )
    for at, place in enumerate(arrival.order):
        if place in arrival.order[:at]:
            order = (*arrival.order[:at], *arrival.order[at + 1 :])
            yield spec, Arrival(order, arrival.split, arrival.restart, arrival.forms)
    if arrival.restart > 1:
        yield spec, Arrival(arrival.order, arrival.split, arrival.restart - 1, arrival.forms)


def _without(spec: VignetteSpec, arrival: Arrival, gone: set[int]) -> Case:
    """Leave out facts; those that stay keep their order."""
    kept = [place for place in range(1, len(spec.facts) + 1) if place not in gone]
    new = {0: 0} | {place: at for at, place in enumerate(kept, start=1)}
    forms = tuple(arrival.forms[place - 1] for place in kept) if arrival.forms else ()
    order = tuple(new[place] for place in arrival.order if place in new)
    less = spec.model_copy(update={"facts": tuple(spec.facts[place - 1] for place in kept)})
    return less, Arrival(order, arrival.split, arrival.restart, forms)


def printed(spec: VignetteSpec, arrival: Arrival) -> str:
    """Write a file of one vignette: its facts, the alerts that they give in order, arrivals that must give the same."""
    document: dict[str, Any] = {
        "id": spec.id,
        "title": spec.title,
        "patient": spec.patient.model_dump(exclude_none=True),
        "facts": [_fact(fact.model_dump(mode="json", exclude_defaults=True)) for fact in spec.facts],
        "alerts": _alerts(Trial(spec)),
        "until": spec.until,
        "arrivals": [arrival.document(), {"split": len(spec.facts) + 1}],
    }
    out = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    yaml.width = 200
    yaml.dump({"scenarios": [document]}, out)
    return out.getvalue()


def _fact(fact: dict[str, Any]) -> dict[str, Any]:
    return {name: fact[name] for name in (*NAMES, *fact) if name in fact}


def _alerts(trial: Trial) -> list[dict[str, Any]]:
    vignette = trial.vignette
    program = Watched(GoldReader(vignette.gold))
    made = run(write(vignette, HL7_WAYS[0]), vignette, program, MemoryState)
    return [dict(one) for one in documents(map(course_of, made.outcomes), vignette.t0_ms, ())]
