"""Every alert that the vignettes and the recorded ward give fits its schema, in both variants."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.rendered import recorded_notices, vignette_notices
from worker.alerts.minimal import minimal
from worker.alerts.schemas import alert_schema
from worker.storage.records import Outgoing

WHOLE, SMALL = (Draft202012Validator(alert_schema(name)) for name in ("alert", "alert-minimal"))


def misfits(notices: Iterable[Outgoing]) -> list[str]:
    documents = [json.loads(item.notice.body) for item in notices]
    return [
        f"{document['rule']['id']} {error.json_path}: {error.message}"
        for document in documents
        for error in (*WHOLE.iter_errors(document), *SMALL.iter_errors(minimal(document)))
    ]


def test_every_alert_of_the_vignettes_fits_its_schema() -> None:
    notices = vignette_notices()
    assert len(notices) > 500
    assert misfits(notices) == []


@pytest.fixture(scope="module")
def recorded(shared: Path) -> tuple[Outgoing, ...]:
    return recorded_notices(shared / "feeds" / "simhospital" / "lp.mllp.gz")


@pytest.mark.slow
def test_every_alert_of_the_recorded_ward_fits_its_schema(recorded: tuple[Outgoing, ...]) -> None:
    assert len(recorded) > 200
    assert misfits(recorded) == []


@pytest.mark.slow
def test_the_recorded_ward_says_where_its_patients_are(recorded: tuple[Outgoing, ...]) -> None:
    places = [json.loads(item.notice.body)["location"] for item in recorded]
    known = [place["now"] for place in places if place["now"] is not None]
    assert len(known) > len(places) * 0.9
    assert all(place["unit"] and place["bed"] for place in known)
    assert all(place["remark"].startswith("unit not known") for place in places if place["now"] is None)
