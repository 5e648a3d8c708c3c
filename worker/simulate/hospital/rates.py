"""How often things happen in the synthetic hospital: published rates by id, and house choices that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

HOUSE: Final = "house choice: made up to exercise the worker, no claim about the world"


@dataclass(frozen=True, slots=True)
class Rate:
    """A probability, and whose number it is."""

    probability: float
    source: str


PUBLISHED: Final[Mapping[str, Rate]] = {
    "headache-typical-pdph": Rate(0.09, "Duits 2016, 23 memory clinics"),
    "back-pain": Rate(0.17, "Duits 2016, 23 memory clinics"),
    "spinal-haematoma-30d": Rate(0.0020, "Bodilsen 2020, 99 of 49526 without coagulopathy"),
    "traumatic-tap": Rate(0.278, "Bodilsen 2020, more than 300e6/L red cells"),
    "thrombocytopenia-lt150": Rate(0.09, "Bodilsen 2020"),
    "inr-gt-1.4": Rate(0.02, "Bodilsen 2020"),
    "fever-in-medical-inpatients": Rate(0.36, "J Gen Intern Med 1988, above 38.0 during the stay"),
    "fever-two-days": Rate(0.29, "McGowan 1987"),
    "lp-for-suspected-cns-infection-in-ed": Rate(0.76, "emergency department LP cohort, PubMed 11803005"),
    "cns-infection-among-lps": Rate(0.157, "another cohort, 489 LPs"),
    "incident-delirium-older-inpatients": Rate(0.135, "Wu 2025"),
}
"""By the id that the list of base rates gives them; a test compares the numbers."""

CHOSEN: Final[Mapping[str, Rate]] = {
    "has-lp": Rate(0.6, HOUSE),
    "febrile-before-lp": Rate(0.5, HOUSE),
    "infant": Rate(0.05, HOUSE),
    "older": Rate(0.4, HOUSE),
    "dementia": Rate(0.1, HOUSE),
    "platelets-lt50": Rate(0.02, HOUSE),
    "anticoagulated": Rate(0.04, HOUSE),
    "pain-spike": Rate(0.08, HOUSE),
    "missed-temperatures": Rate(0.06, HOUSE),
    "lp-cancelled": Rate(0.04, HOUSE),
}


class Rates:
    """Look up rates; some may be set otherwise for a test or a demonstration."""

    def __init__(
        self, overrides: Mapping[str, float] | None = None, known: Mapping[str, Rate] | None = None
    ) -> None:
        """Keep overrides by id; `known` are the rates that there are (None: those of the hospital).

        Raises: ValueError for an id that does not exist or a number that is no probability.
        """
        known = {**PUBLISHED, **CHOSEN} if known is None else known
        for name, probability in (overrides or {}).items():
            if name not in known:
                raise ValueError(f"unknown rate '{name}'; known: {', '.join(sorted(known))}")
            if not 0.0 <= probability <= 1.0:
                raise ValueError(f"rate '{name}' must lie between 0 and 1")
        self._probabilities = {name: rate.probability for name, rate in known.items()} | dict(overrides or {})

    def __getitem__(self, name: str) -> float:
        return self._probabilities[name]
