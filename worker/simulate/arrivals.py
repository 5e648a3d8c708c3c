"""How facts of a vignette arrive otherwise than in the order of their receipt. Pure: no I/O, no clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeAlias

from pydantic import Field

from worker.decode.located_yaml import PackModel

if TYPE_CHECKING:
    from collections.abc import Iterator

Way: TypeAlias = Literal["hl7v2", "hl7v2-alternate", "fhir", "fhir-alternate"]
Place: TypeAlias = Annotated[int, Field(ge=0)]


class ArrivalSpec(PackModel):
    """Another way for the facts to arrive, as written: what is found at the end must be the same."""

    order: tuple[Place, ...] = Field(
        default=(),
        description="facts by their place in `facts` from 1 on, 0 the admission; each at least once, repeats are sent again",
    )
    split: int | None = Field(default=None, ge=1, description="how many messages are ingested at a time")
    restart: int = Field(default=0, ge=0, description="how often the worker ends and begins again on the way")
    forms: tuple[Way, ...] = Field(default=(), description="for each fact the way in which it is written")


@dataclass(frozen=True, slots=True)
class Arrival:
    """Another way for the facts to arrive.

    Shape: `order` has places of facts from 1 on, 0 the admission, empty for the order of receipt; `forms` the way of each
    fact, empty where all are written in the way that is tried.
    """

    order: tuple[int, ...] = ()
    split: int | None = None
    restart: int = 0
    forms: tuple[Way, ...] = ()

    def form(self, place: int, usual: str) -> str:
        """Return the way in which a fact is written; the admission is written as the first fact is."""
        return self.forms[max(place, 1) - 1] if self.forms else usual

    def document(self) -> dict[str, object]:
        """Write it as a vignette does."""
        given: dict[str, object] = {"order": list(self.order), "split": self.split, "restart": self.restart}
        return {name: value for name, value in given.items() if value} | (
            {"forms": list(self.forms)} if self.forms else {}
        )


BY_RECEIPT: Final = Arrival()


def arrival_of(spec: ArrivalSpec) -> Arrival:
    """Build what is written."""
    return Arrival(spec.order, spec.split, spec.restart, spec.forms)


def arrival_problems(spec: ArrivalSpec, facts: int, *, has_admission: bool) -> Iterator[str]:
    """Say what is wrong with an arrival of so many facts."""
    places = range(0 if has_admission else 1, facts + 1)
    if spec.order:
        sent = Counter(spec.order)
        if missing := [str(place) for place in places if place not in sent]:
            yield f"'order' leaves out {', '.join(missing)}; whatever happens must arrive"
        if unknown := [str(place) for place in sent if place not in places]:
            yield f"'order' names {', '.join(unknown)}; places are {places.start} to {facts}"
    if spec.forms and len(spec.forms) != facts:
        yield f"'forms' needs one way for each of the {facts} facts"
