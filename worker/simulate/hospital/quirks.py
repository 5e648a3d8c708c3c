"""The bad habits of real interfaces, each with a name and a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True)
class Quirk:
    """One habit: how often it shows (of what), and what it does."""

    rate: float
    what: str


QUIRKS: Final[Mapping[str, Quirk]] = {
    "obx14-empty": Quirk(0.6, "of result messages: OBX-14 empty, the time stands in OBR-7"),
    "fahrenheit": Quirk(
        0.15, "of patients: vitals come from a monitor feed in Fahrenheit that sends no unit"
    ),
    "no-zone": Quirk(0.5, "of messages: times without an offset"),
    "bp-as-text": Quirk(0.3, "of vitals: blood pressure as ST 140/90"),
    "comparator": Quirk(0.1, "of normal CSF counts: <1 in an NM field"),
    "junk-number": Quirk(0.02, "of vitals: a heart rate such as ?72 or 60~72 in an NM field"),
    "device-sentinel": Quirk(0.02, "of vitals: one more temperature of 8388607, -100 or 32767"),
    "type-empty": Quirk(0.03, "of result messages: OBX-2 empty although a number is present"),
    "appended-note": Quirk(0.3, "of notes: sent again later with all earlier lines and one more"),
    "mistyped": Quirk(
        0.05, "of patients with an LP: a temperature typed wrong and corrected within two hours"
    ),
    "correction-first": Quirk(0.4, "of those corrections: it arrives before its original"),
    "in-error-comment": Quirk(0.03, "of patients with an LP: a fever with the comment: entered in error"),
    "merge": Quirk(
        0.06, "of patients with an LP: begun under a temporary number, merged by A40 after the LP"
    ),
    "national-id-only": Quirk(0.1, "of patients: the laboratory names them by national id alone"),
    "late-charting": Quirk(0.1, "of vitals: charted up to an hour late"),
    "late-lp": Quirk(0.1, "of LPs: first documented three to ten hours later"),
    "lp-by-note-only": Quirk(0.1, "of LPs: no order, only a procedure note and the CSF"),
    "duplicate": Quirk(0.03, "of messages: sent twice"),
    "delayed": Quirk(0.03, "of messages: arrive up to twenty minutes after they were written"),
    "crlf": Quirk(0.1, "of messages: lines end with CR LF"),
    "line-feed": Quirk(0.05, "of messages: lines end with LF"),
    "z-segment": Quirk(0.1, "of messages: a Z segment at the end"),
    "batch": Quirk(0.05, "of messages in a file: wrapped as a batch with FHS and BHS"),
    "bare-resource": Quirk(
        0.2, "FHIR only, of reports that are one resource: sent as that, without a Bundle and its Patient"
    ),
    "lp-by-order-only": Quirk(0.2, "FHIR only, of ordered LPs: a ServiceRequest and no Procedure"),
}


class Quirks:
    """The rates in force."""

    def __init__(self, rates: Mapping[str, float]) -> None:
        """Keep a rate for every quirk; one that is not named is off.

        Raises: ValueError for an unknown name or a number that is no probability.
        """
        for name, rate in rates.items():
            if name not in QUIRKS:
                raise ValueError(f"unknown quirk '{name}'; known: {', '.join(QUIRKS)}")
            if not 0.0 <= rate <= 1.0:
                raise ValueError(f"the rate of quirk '{name}' must lie between 0 and 1")
        self._rates = dict.fromkeys(QUIRKS, 0.0) | dict(rates)

    def __getitem__(self, name: str) -> float:
        return self._rates[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rates)


NONE: Final = Quirks({})
ALL: Final = Quirks({name: quirk.rate for name, quirk in QUIRKS.items()})


def parse_quirks(text: str) -> Quirks:
    """Read `all`, `none`, or `name=rate,...`; a name alone takes its usual rate, and `all` may come first.

    Raises: ValueError with what is wrong.
    """
    rates: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, sign, number = part.partition("=")
        if name == "all" and not sign:
            rates |= {known: quirk.rate for known, quirk in QUIRKS.items()}
        elif name == "none" and not sign:
            rates = {}
        elif not sign and name in QUIRKS:
            rates[name] = QUIRKS[name].rate
        elif name not in QUIRKS:
            raise ValueError(f"unknown quirk '{name}'; known: {', '.join(QUIRKS)}")
        else:
            rates[name] = _rate(name, number)
    return Quirks(rates)


def _rate(name: str, number: str) -> float:
    try:
        return float(number)
    except ValueError:
        raise ValueError(f"the rate of quirk '{name}' must be a number, as in {name}=0.1") from None
