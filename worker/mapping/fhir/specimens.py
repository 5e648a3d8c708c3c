"""Specimens: their class, their time, and the puncture that a lumbar CSF specimen tells of. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.resources import Specimen
from worker.mapping.feeds import Feed
from worker.mapping.fhir.codes import codings_of
from worker.mapping.fhir.orders import PUNCTURE, order_numbers
from worker.mapping.fhir.statement import Stated, Statement
from worker.model.fact import Puncture, PunctureSource, PunctureStatus

CSF = "csf"


def specimen_class(feed: Feed, specimen: Specimen) -> str:
    """Return the feed's class of a specimen; how and where it was taken can say that CSF came from a shunt or drain."""
    kind = feed.specimen(codings_of(specimen.type))
    collection = specimen.collection
    if collection is None or kind not in {"", CSF}:
        return kind
    site = codings_of(collection.body_site.stated) if collection.body_site else ()
    return feed.specimen((*site, *codings_of(collection.method))) or kind


def collected_ways(specimen: Specimen) -> Iterator[Stated]:
    """Yield where the time of collection may stand."""
    collection = specimen.collection
    if collection is None:
        return
    yield Stated("specimen.collection.collectedDateTime", collection.collected_date_time)
    period = collection.collected_period
    if period is not None:
        yield Stated("specimen.collection.collectedPeriod", period.start, period.end)


def map_specimen(specimen: Specimen, statement: Statement) -> None:
    """Add a puncture for a collected CSF specimen, where the feed counts it as a record of one."""
    feed = statement.scope.feed
    if not feed.is_specimen_puncture or specimen_class(feed, specimen) != CSF:
        return
    ways = [way for way in collected_ways(specimen) if way.start or way.end]
    if not ways:
        return
    effective = statement.when(*ways)
    if effective is not None:
        numbers = order_numbers(specimen.request, specimen.identifier)
        puncture = Puncture(PunctureStatus.COMPLETED, PunctureSource.SPECIMEN, numbers)
        statement.add(PUNCTURE, puncture, effective, specimen=CSF)
