"""What each system of the synthetic hospital calls the things it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.simulate.hl7_writer import Code
from worker.simulate.hospital.reports import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.simulate.happenings import Scalar

WARD_CODES: Final = {
    "body-temperature": Code("OBS1", "Temp", "NV"),
    "heart-rate": Code("OBS2", "Pulse", "NV"),
    "respiratory-rate": Code("OBS3", "Resps", "NV"),
    "spo2": Code("OBS4", "Sats", "NV"),
    "blood-pressure": Code("OBS5", "BP", "NV"),
    "pain-score": Code("OBS6", "Pain 0-10", "NV"),
    "acvpu": Code("OBS7", "ACVPU", "NV"),
    "gcs": Code("OBS8", "GCS total", "NV"),
    "leg-power": Code("OBS9", "Leg power 0-5", "NV"),
    "post-void-residual": Code("OBS10", "Bladder scan", "NV"),
    "opening-pressure": Code("OBS11", "CSF opening pressure", "NV"),
}
MONITOR_CODES: Final = {
    "body-temperature": Code("6", "Temp", "NVM"),
    "blood-pressure": Code("9", "NIBP", "NVM"),
}
LABORATORY_CODES: Final = {
    "crp": Code("CRPQ", "CRP", "NV"),
    "csf-wbc": Code("CSFW", "CSF white cells", "NV"),
    "csf-rbc": Code("CSFR", "CSF red cells", "NV"),
}
PANELS: Final = {
    "vitals": Code("OBS", "Observations", "NV"),
    "blood": Code("ADMB", "Admission bloods", "NV"),
    "csf": Code("CSFP", "CSF examination", "NV"),
    "csf-stain": Code("664-3", "Gram stain", "LN"),
    "csf-culture": Code("606-4", "CSF culture", "LN"),
    "blood-culture": Code("600-7", "Blood culture", "LN"),
}
OWN_CODES: Final[Mapping[Source, Mapping[str, Code]]] = {
    Source.WARD: WARD_CODES,
    Source.MONITOR: MONITOR_CODES,
    Source.LABORATORY: LABORATORY_CODES,
}
FAHRENHEIT_OFFSET: Final = 32.0


def fahrenheit(celsius: Scalar) -> float:
    """Give a temperature as the monitors show it, to one digit."""
    return round(float(celsius) * 9 / 5 + FAHRENHEIT_OFFSET, 1)
