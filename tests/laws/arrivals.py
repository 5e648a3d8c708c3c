"""Ways for the facts of a history to arrive, one kind for each law."""

from __future__ import annotations

from itertools import count
from random import Random

from hypothesis import strategies as st

from tests.laws.histories import receipt
from worker.simulate.arrivals import Arrival
from worker.simulate.letters import FORMS, HL7_WAYS
from worker.simulate.vignettes import VignetteSpec

MOMENT = 0.02  # hours
SEEDS = st.integers(0, 2**32 - 1)


def by_receipt(spec: VignetteSpec) -> list[int]:
    """Give the places of all facts in the order of their receipt, the admission first."""
    places = sorted(range(1, len(spec.facts) + 1), key=lambda place: receipt(spec.facts[place - 1]))
    first = [0] if spec.patient.encounter is not None else []
    return [*first, *places]


def statements(spec: VignetteSpec) -> list[int]:
    """Give for each fact the place of the fact that it states or restates."""
    named = {fact.id: place for place, fact in enumerate(spec.facts, start=1) if fact.op is None and fact.id}
    return [named.get(fact.of, place) for place, fact in enumerate(spec.facts, start=1)]


def shuffled(spec: VignetteSpec, seed: int) -> Arrival:
    """Let all come in any order, all at once."""
    order = by_receipt(spec)
    Random(seed).shuffle(order)  # noqa: S311 - a seed must give the same order again
    return Arrival(tuple(order), len(order))


def repeated(spec: VignetteSpec, seed: int) -> Arrival:
    """Let any come again, at once or later, up to three times."""
    random, order = Random(seed), by_receipt(spec)  # noqa: S311 - see above
    for place in list(order):
        for _ in range(random.choice([0, 0, 1, 1, 3])):
            order.insert(random.randint(order.index(place) + 1, len(order)), place)
    return Arrival(tuple(order), random.choice([None, 2, 5]))


def split(spec: VignetteSpec, seed: int) -> Arrival:
    """Let so many be ingested at a time."""
    order = by_receipt(spec)
    return Arrival(tuple(order), seed % len(order) + 1)


def restarted(spec: VignetteSpec, seed: int) -> Arrival:
    """Let the worker end and begin again between any two batches, in any order."""
    random, order = Random(seed), by_receipt(spec)  # noqa: S311 - see above
    if random.random() < 0.5:
        random.shuffle(order)
    return Arrival(tuple(order), random.choice([1, 2, 4]), random.randint(1, len(order)))


def transported(spec: VignetteSpec, seed: int) -> Arrival:
    """Let each statement, with all that restates it, be written in any way of any standard; all LPs in one.

    An order and a procedure of some hours later are one LP, two orders are two: who mixes these says something else. So does
    the other way of HL7 v2, in which an LP that changes is an order and one that does not a procedure.
    """
    random, own = Random(seed), statements(spec)  # noqa: S311 - see above
    ways = [random.choice(FORMS)] if random.random() < 0.3 else list(FORMS)
    way = {place: random.choice(ways) for place in own}
    lps = {place for place in own if spec.facts[place - 1].c == "lumbar-puncture"}
    of_lps = random.choice([one for one in ways if len(lps) < 2 or one != HL7_WAYS[1]] or [HL7_WAYS[0]])
    way |= dict.fromkeys(lps, of_lps)
    return Arrival(tuple(by_receipt(spec)), len(spec.facts) + 1, forms=tuple(way[place] for place in own))


def untied(spec: VignetteSpec) -> VignetteSpec:
    """Let no two messages restate one statement at one instant, and no two values of a concept have one clinical time.

    Which of them counts, or counts as the latest, is settled by contents and numbers that each transport writes its own way.
    """
    told: set[tuple[int, float]] = set()
    taken: set[tuple[str, float]] = set()
    facts = []
    for own, fact in zip(statements(spec), spec.facts, strict=True):
        concept, hour = spec.facts[own - 1].c, receipt(fact)
        late = next(step for step in count() if (own, hour + step * MOMENT) not in told) * MOMENT
        told.add((own, hour + late))
        changed = {"recv": hour + late}
        if fact.t is not None and concept != "lumbar-puncture":
            later = next(step for step in count() if (concept, fact.t + step * MOMENT) not in taken) * MOMENT
            taken.add((concept, fact.t + later))
            changed = {"t": fact.t + later, "recv": hour + late + later}
        facts.append(fact.model_copy(update=changed))
    return spec.model_copy(update={"facts": tuple(facts)})


def merged(spec: VignetteSpec, seed: int) -> Arrival:
    """Let merges come at any time: before all they join, after it, or in between."""
    order = by_receipt(spec)
    merges = [place for place in order if place and spec.facts[place - 1].op == "merge"]
    return _scattered(order, merges, seed)


def corrected(spec: VignetteSpec, seed: int) -> Arrival:
    """Let corrections and withdrawals come at any time: before what they correct, too."""
    order = by_receipt(spec)
    changes = [place for place in order if place and spec.facts[place - 1].op in {"correct", "retract"}]
    return _scattered(order, changes, seed)


def _scattered(order: list[int], moving: list[int], seed: int) -> Arrival:
    random = Random(seed)  # noqa: S311 - a seed must give the same order again
    left = [place for place in order if place not in moving]
    for place in moving:
        left.insert(random.choice([0, 0, len(left), random.randint(0, len(left))]), place)
    return Arrival(tuple(left), random.choice([1, 3, len(left)]))
