"""Write results taken together as FHIR: observations of a ward, or a laboratory's report of a specimen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from worker.model.time import to_rfc3339
from worker.simulate import fhir_writer as fhir
from worker.simulate.coding import CODINGS, SITES, SPECIMENS, Term
from worker.simulate.happenings import Happening, Revision
from worker.simulate.hospital.codes import PANELS, fahrenheit
from worker.simulate.hospital.fhir_sheet import Sheet, coding_of
from worker.simulate.hospital.reports import Source
from worker.simulate.render_fhir import Server, observed_value

if TYPE_CHECKING:
    from worker.simulate.fhir_writer import Json

_SERVER: Final = Server()
_STATUS: Final = {Revision.ORIGINAL: "final", Revision.CORRECTED: "corrected"}


def results(sheet: Sheet) -> list[Json]:
    """Write the results of a report: Observations, and where a specimen was examined the Specimen and the report on it."""
    report = sheet.report
    first = report.happenings[0]
    is_undated = sheet.desk.shows("obx14-empty")
    specimen = CODINGS[first.concept].specimen
    specimen_id = f"{report.number}-specimen" if specimen else ""
    observations = [_observation(one, sheet, specimen_id, is_undated=is_undated) for one in report.happenings]
    if sheet.desk.shows("type-empty"):
        observations[0] = _with_unit_as_text(observations[0])
    if report.comment:
        observations[0] |= {"status": "entered-in-error", "note": [{"text": report.comment}]}
    if not specimen:
        return observations
    kind = _concept(SPECIMENS[specimen])
    taken = fhir.specimen(sheet.stated(specimen_id), kind, first.at_ms)
    told = fhir.diagnostic_report(
        sheet.stated(report.number),
        fhir.concept(coding_of(PANELS[report.panel])),
        first.at_ms,
        [one.name for one in report.happenings],
    )
    return [taken, *observations, told | {"specimen": [{"reference": f"Specimen/{specimen_id}"}]}]


def _observation(happening: Happening, sheet: Sheet, specimen_id: str, *, is_undated: bool) -> Json:
    value = _value(happening, sheet)
    if specimen_id:
        value["specimen"] = {"reference": f"Specimen/{specimen_id}"}
    site = CODINGS[happening.concept].site
    if site:
        value["bodySite"] = _concept(SITES[site])
    stated, code = sheet.stated(happening.name), sheet.code(happening.concept)
    status = _STATUS[happening.revision]
    if not is_undated:
        return fhir.observation(stated, code, happening.at_ms, value, status)
    if not specimen_id:
        at = to_rfc3339(happening.at_ms)
        value["effectivePeriod"] = {"start": at, "end": at}
    return fhir.undated_observation(stated, code, value, status)


def _value(happening: Happening, sheet: Sheet) -> Json:
    """Give a value as the source charts it."""
    value, desk = happening.value, sheet.desk
    if happening.concept == "blood-pressure":
        return {"valueString": value} if desk.shows("bp-as-text") else {"component": _pressures(str(value))}
    if happening.concept == "heart-rate" and desk.shows("junk-number"):
        return desk.rng.choice(_junk(float(str(value))))
    if happening.concept == "body-temperature" and sheet.report.source is Source.MONITOR:
        shown = fahrenheit(value) if isinstance(value, float) else value
        return {"valueQuantity": {"value": shown, "unit": "°F"}}
    return observed_value(happening, _SERVER)


def _pressures(text: str) -> list[Json]:
    systolic, _, diastolic = text.partition("/")
    parts = (("systolic-pressure", systolic), ("diastolic-pressure", diastolic))
    return [
        {
            "code": _concept(CODINGS[concept].term),
            "valueQuantity": fhir.quantity(int(part), CODINGS[concept].unit),
        }
        for concept, part in parts
    ]


def _junk(rate: float) -> tuple[Json, Json, Json]:
    """Write a heart rate in ways that name no single number."""
    unit = CODINGS["heart-rate"].unit
    return (
        {"valueString": f"?{rate:.0f}"},
        {"valueRange": {"low": fhir.quantity(60, unit), "high": fhir.quantity(rate, unit)}},
        {"valueQuantity": fhir.quantity(rate, unit, ">")},
    )


def _with_unit_as_text(observation: Json) -> Json:
    quantity = observation.get("valueQuantity")
    if not isinstance(quantity, dict):
        return observation
    kept = {name: found for name, found in quantity.items() if name not in {"system", "code"}}
    return observation | {"valueQuantity": kept}


def _concept(term: Term) -> Json:
    return fhir.concept(fhir.Coding(term.system, term.code, term.display), text=term.display)
