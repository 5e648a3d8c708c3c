"""The list of mutants that no vignette need notice, each with its reason. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from worker.decode.located_yaml import PackModel, Problems, load_yaml, validate


class SurvivorSpec(PackModel):
    """A mutant that survives, and why that is right."""

    mutant: Annotated[str, Field(min_length=3, description="as the command names it")]
    why: Annotated[str, Field(min_length=10)]


class SurvivorsFile(PackModel):
    """A list of survivors."""

    survivors: tuple[SurvivorSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Survivors:
    """Reasons by the name of the mutant, and where each stands."""

    reasons: Mapping[str, str]
    places: Mapping[str, str]


NONE = Survivors({}, {})


def parse_survivors(text: str, file: str) -> Survivors:
    """Read a list.

    Raises: PackError with every problem, one line each; a mutant that stands twice is one.
    """
    located = load_yaml(text, file)
    problems = Problems()
    reasons: dict[str, str] = {}
    places: dict[str, str] = {}
    for at, one in enumerate(validate(SurvivorsFile, located).survivors):
        place = located.place(("survivors", at))
        if one.mutant in reasons:
            problems.add(place, f"'{one.mutant}' stands twice (first {places[one.mutant]}); remove one")
        reasons[one.mutant], places[one.mutant] = one.why, place
    problems.raise_if_any()
    return Survivors(reasons, places)


def check_survivors(
    listed: Survivors, survived: Collection[str], others: Collection[str], owners: Collection[str] = ()
) -> tuple[str, ...]:
    """Compare the list with what came out, both ways; empty where they agree.

    Shape: `survived` and `others` (noticed or refused) are names of mutants; with `owners`, only entries about
    these are checked.
    """
    problems = [
        f"{name}: no vignette notices; write one, or list it with the reason"
        for name in survived
        if name not in listed.reasons
    ]
    for name, place in listed.places.items():
        if owners and name.split(" ", 1)[0] not in owners:
            continue
        if name in others:
            problems.append(f"{place}: '{name}' does not survive any more; take it off the list")
        elif name not in survived:
            problems.append(f"{place}: there is no mutant '{name}'; take it off the list")
    return tuple(problems)
