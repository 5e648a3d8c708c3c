"""Split newline-delimited JSON into documents. Pure: no I/O, no clock. Source: FHIR Bulk Data Access 2.0 (NDJSON)."""

from __future__ import annotations

from collections.abc import Iterator

from worker.decode.fhir.guard import strip_bom


def split_ndjson(data: bytes) -> Iterator[bytes]:
    """Yield each line that is not blank, as it stands; whether it is JSON shows when it is decoded."""
    for line in strip_bom(data).splitlines():
        document = line.strip()
        if document:
            yield document
