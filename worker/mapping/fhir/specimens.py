"""Specimens: their class and time for the results that name them; collected CSF is a fact. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5, `Specimen`.
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.resources import Specimen
from worker.mapping.feeds import CSF, NOT_LUMBAR, Feed
from worker.mapping.fhir.codes import codings_of
from worker.mapping.fhir.statement import Stated, Statement
from worker.mapping.values import UNKNOWN
from worker.model.fact import Coded

CSF_SPECIMEN = "csf-specimen"


def specimen_class(feed: Feed, specimen: Specimen) -> str:
    """Return the feed's class of a specimen, `UNKNOWN` where it has none.

    How and where it was taken can say that CSF came from a shunt or drain.
    """
    codings = [*codings_of(specimen.type)]
    if specimen.collection is not None:
        site = specimen.collection.body_site
        codings += codings_of(site.stated) if site else ()
        codings += codings_of(specimen.collection.method)
    return feed.specimen(codings) or UNKNOWN


def collected_ways(specimen: Specimen, prefix: str = "") -> Iterator[Stated]:
    """Yield where the time of collection may stand; `prefix` is how a result names its specimen."""
    collection = specimen.collection
    if collection is None:
        return
    yield Stated(f"{prefix}collection.collectedDateTime", collection.collected_date_time)
    period = collection.collected_period
    if period is not None:
        yield Stated(f"{prefix}collection.collectedPeriod", period.start, period.end)


def map_specimen(specimen: Specimen, statement: Statement) -> None:
    """State that CSF was collected; what that says of a lumbar puncture is for `correlate` to decide.

    Fluid of a shunt, a drain or a ventricle takes back what an older version of the specimen said.
    """
    scope = statement.scope
    if CSF_SPECIMEN not in scope.pack.concepts:
        return
    found = specimen_class(scope.feed, specimen)
    if found in NOT_LUMBAR:
        statement.take_back(statement.key, CSF_SPECIMEN, statement.version_time())
    if found != CSF:
        return
    ways = [way for way in collected_ways(specimen) if way.start or way.end]
    effective = statement.when(ways) if ways else None
    if effective is not None:
        statement.add(CSF_SPECIMEN, Coded("collected"), effective, specimen=CSF)
