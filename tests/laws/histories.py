"""Made-up histories of patients for the laws: vignettes of the default pack, joined, shifted and gone wrong.

Random facts seldom fire a rule; vignettes do. Each history takes one to three of them, the first of which may be one that fires
a named rule, puts them on one patient, and lets happen what happens in hospitals: values are corrected, once or back again,
taken back, or charted late; an LP is cancelled or moved; parts are filed under other numbers, which are merged at some time,
or never.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from worker.decode.located_yaml import load_yaml, validate
from worker.simulate.coding import CODINGS, Kind
from worker.simulate.vignettes import FactSpec, PatientSpec, VignetteFile, VignetteSpec

FOLDER = Path(__file__).resolve().parents[2] / "mappings" / "tests"
MOST_FACTS = 24
SHIFTS = [0, 0, 0, 0, 2, 6, 26, 60, 100, -3]
DELAYS = [0.0, 0.1, 1.0, 5.0, 12.0, 30.0]
NUMBERS = ["b", "c"]
MEASURED = {Kind.QUANTITY, Kind.ANSWER}
REVISIONS = ["correct", "correct-back", "again", "move", "retract", "cancel"]
TROUBLES = [
    "correct",
    "correct",
    "correct-back",
    "retract",
    "late",
    "under",
    "under",
    "again",
    "move",
    "cancel",
]


@cache
def by_rule() -> dict[str, list[VignetteSpec]]:
    """Give the vignettes of the default pack by a rule that they fire, or nearly; small ones only."""
    found: dict[str, list[VignetteSpec]] = defaultdict(list)
    for path in sorted(FOLDER.glob("*.yaml")):
        for spec in validate(VignetteFile, load_yaml(path.read_text(encoding="utf-8"), path.name)).scenarios:
            if len(spec.facts) > MOST_FACTS // 2 or spec.t0 != VignetteSpec.model_fields["t0"].default:
                continue
            for rule in sorted(_fired(spec) or {path.stem} - {"scenarios"}):
                found[rule].append(spec)
    return dict(sorted(found.items()))


def _fired(spec: VignetteSpec) -> set[str]:
    return {alert.rule for alert in spec.alerts} | set(spec.finds or ())


@cache
def firing(rule: str) -> list[VignetteSpec]:
    """Give the vignettes that fire a rule, shortest first: an LP, what fires it, and little else."""
    return sorted(
        (spec for spec in by_rule()[rule] if rule in _fired(spec)), key=lambda spec: len(spec.facts)
    )


@cache
def values() -> dict[str, list[tuple[Any, str]]]:
    """Give the values that vignettes have of each concept that is measured, with their units."""
    found: dict[str, set[tuple[Any, str]]] = defaultdict(set)
    for specs in by_rule().values():
        for fact in (fact for spec in specs for fact in spec.facts):
            if fact.op is None and CODINGS[fact.c].kind in MEASURED:
                found[fact.c].add((fact.v, fact.u))
    return {concept: sorted(known, key=repr) for concept, known in found.items()}


def _moved(fact: FactSpec, prefix: str, hours: float) -> FactSpec:
    """Give a fact another place in time, and names that no other vignette has."""
    changed: dict[str, Any] = {
        "id": f"{prefix}{fact.id}" if fact.id else "",
        "of": f"{prefix}{fact.of}" if fact.of else "",
        "t": None if fact.t is None else fact.t + hours,
        "recv": None if fact.recv is None else fact.recv + hours,
    }
    return fact.model_copy(update=changed)


def receipt(fact: FactSpec) -> float:
    """Give the hour at which a fact is received."""
    return (fact.t or 0.0) if fact.recv is None else fact.recv


@st.composite
def histories(draw: st.DrawFn, troubles: Sequence[str] = (), rule: str = "") -> VignetteSpec:
    """Draw what happens to one patient, as a vignette without expectations, with one of `troubles` at least if given.

    Shape: what happens first fires `rule` where it is named, until something goes wrong with it.
    """
    rules = by_rule()
    count = draw(st.sampled_from([1, 1, 2, 2, 3]))
    named = [firing(rule)] if rule else []
    pools = named + [rules[draw(st.sampled_from(list(rules)))] for _ in range(count - len(named))]
    picked = [draw(st.sampled_from(pool)) for pool in pools]
    facts: list[FactSpec] = []
    for number, spec in enumerate(picked):
        hours = draw(st.sampled_from(SHIFTS)) if number else 0
        keeps_lp = number == 0 or draw(st.booleans())
        revised = {fact.of for fact in spec.facts}
        facts += [
            _moved(fact, "xyz"[number], hours)
            for fact in spec.facts
            if keeps_lp or fact.c != "lumbar-puncture" or fact.id in revised
        ]
    facts = facts[:MOST_FACTS]
    wanted = [draw(st.sampled_from(troubles))] if troubles else []
    wanted += draw(st.lists(st.sampled_from(TROUBLES), max_size=3))
    for number, trouble in enumerate(wanted):
        _trouble(draw, facts, f"t{number}", trouble)
    until = max(map(receipt, facts)) + draw(st.sampled_from([0.0, 0.5, 7.0, 30.0]))
    return history_spec(picked[0].patient, facts, until)


def undisturbed(spec: VignetteSpec) -> VignetteSpec:
    """Give a vignette as a history in which nothing goes wrong."""
    facts = list(spec.facts)
    return history_spec(spec.patient, facts, max(spec.until or 0.0, *map(receipt, facts)))


def history_spec(patient: PatientSpec, facts: list[FactSpec], until: float) -> VignetteSpec:
    """Put facts of one patient into a vignette."""
    return VignetteSpec(
        id="law", title="a law does not hold", patient=patient, facts=tuple(facts), alerts=(), until=until
    )


def _trouble(draw: st.DrawFn, facts: list[FactSpec], name: str, what: str) -> None:
    """Let something go wrong with one of the facts."""
    at = draw(st.integers(0, len(facts) - 1))
    delay = draw(st.sampled_from(DELAYS))
    fact = facts[at]
    if fact.op is not None:
        return
    if what == "late":
        facts[at] = fact.model_copy(update={"recv": receipt(fact) + delay})
        return
    if what == "under":
        _file_under(draw, facts, fact, receipt(fact) + delay)
        return
    named = fact if fact.id else fact.model_copy(update={"id": name})
    facts[at] = named
    for change in _revisions(draw, named, what):
        delay += 0.25
        facts.append(FactSpec.model_validate({"of": named.id, "recv": receipt(named) + delay, **change}))


def _file_under(draw: st.DrawFn, facts: list[FactSpec], first: FactSpec, merged: float) -> None:
    """File a fact and perhaps those beside it under another number, and merge it with the patient's own, or never."""
    under = draw(st.sampled_from(NUMBERS))
    is_one = draw(st.booleans())
    for at, fact in enumerate(facts):
        if fact.op is None and (fact is first or (not is_one and fact.c == first.c)):
            facts[at] = fact.model_copy(update={"under": under})
    if draw(st.sampled_from([True] * 5 + [False])):
        facts.append(FactSpec(op="merge", under=under, recv=merged))


def _revisions(draw: st.DrawFn, fact: FactSpec, what: str) -> list[dict[str, Any]]:
    """Give what later messages change of a fact; nothing of a blood patch: PR1, in which it is sent, cannot be taken back."""
    kind = CODINGS[fact.c].kind
    if fact.c == "blood-patch":
        return []
    if what == "retract":
        return [{"op": "retract"}]
    if kind is Kind.PUNCTURE:
        status = draw(st.sampled_from(["cancelled", "stopped", "entered-in-error"]))
        back = [{"op": "correct", "status": "completed"}] if what == "correct-back" else []
        moved = [{"op": "correct", "t": (fact.t or 0.0) + draw(st.sampled_from([-2.0, 0.5, 3.0]))}]
        return moved if what == "move" else [{"op": "correct", "status": status}, *back]
    if kind in MEASURED:
        value, unit = draw(st.sampled_from(values()[fact.c]))
        change = {"op": "correct", "v": value, "u": unit}
        own = {"op": "correct", "v": fact.v, "u": fact.u}
        changes = {
            "correct-back": [change, own],
            "again": [own],
            "move": [own | {"t": (fact.t or 0.0) + 1.0}],
        }
        return changes.get(what, [change])
    if kind is Kind.NOTE:
        told: dict[str, Any] = {"op": "correct", "text": f"{fact.text}\nSeen again."}
        return [told | {"extract": fact.extract, "lp": fact.lp}]
    return [{"op": "retract"}]
