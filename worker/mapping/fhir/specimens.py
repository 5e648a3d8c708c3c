"""Specimens: their class and their time, for the results that name them. Pure: no I/O, no clock.

Source: HL7 FHIR R4 and R5, `Specimen`.
"""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.resources import Specimen
from worker.mapping.feeds import Feed
from worker.mapping.fhir.codes import codings_of
from worker.mapping.fhir.statement import Stated
from worker.mapping.values import UNKNOWN

CSF = "csf"


def specimen_class(feed: Feed, specimen: Specimen) -> str:
    """Return the feed's class of a specimen, `UNKNOWN` where it has none.

    How and where it was taken can say that CSF came from a shunt or drain.
    """
    kind = feed.specimen(codings_of(specimen.type))
    collection = specimen.collection
    if collection is None or kind not in {"", CSF}:
        return kind or UNKNOWN
    site = codings_of(collection.body_site.stated) if collection.body_site else ()
    return feed.specimen((*site, *codings_of(collection.method))) or kind or UNKNOWN


def collected_ways(specimen: Specimen) -> Iterator[Stated]:
    """Yield where the time of collection may stand."""
    collection = specimen.collection
    if collection is None:
        return
    yield Stated("specimen.collection.collectedDateTime", collection.collected_date_time)
    period = collection.collected_period
    if period is not None:
        yield Stated("specimen.collection.collectedPeriod", period.start, period.end)
