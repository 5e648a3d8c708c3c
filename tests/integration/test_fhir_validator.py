"""HAPI's validator accepts every alert as FHIR R4: of all vignettes in every form, and of the recorded ward."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.rendered import recorded_notices, vignette_notices
from tools.fhir_validator import Remark, validate
from worker.model.alert import Notice
from worker.sinks.fhir_documents import fhir_bundle, fhir_resources
from worker.storage.records import Outgoing

pytestmark = [pytest.mark.integration, pytest.mark.slow]

BUNDLES = 5


@pytest.fixture(scope="module")
def recorded(request: pytest.FixtureRequest, root: Path) -> tuple[Outgoing, ...]:
    """Give the notices of the recorded ward, none where the shared material is not on this machine."""
    recording = root.parent / "shared" / "feeds" / "simhospital" / "lp.mllp.gz"
    return recorded_notices(recording) if recording.is_file() else ()


def errors(resources: list[bytes]) -> list[Remark]:
    return [remark for remark in validate(resources) if remark.is_error]


def written(notices: Iterable[Notice]) -> list[bytes]:
    return [resource.body for notice in notices for resource in fhir_resources(notice)]


def test_the_validator_finds_what_is_wrong() -> None:
    good, _ = fhir_resources(vignette_notices()[0].notice)
    issue = json.loads(good.body)
    wrong = [
        {**issue, "status": "withdrawn"},
        {**issue, "severity": "urgent"},
        {**issue, "identifiedDateTime": "yesterday"},
        {**issue, "mood": "bad"},
        {**issue, "evidence": [{"detail": [{"reference": "#nowhere"}]}]},
    ]
    found = errors([good.body, *(json.dumps(one).encode() for one in wrong)])
    assert {remark.index for remark in found} == {1, 2, 3, 4, 5}


def test_every_alert_is_accepted(recorded: tuple[Outgoing, ...]) -> None:
    notices = [item.notice for item in (*vignette_notices(), *recorded)]
    states = {json.loads(notice.body)["state"] for notice in notices}
    assert {"raised", "escalated", "withdrawn"} <= states
    bundles = [fhir_bundle(notice) for notice in notices[:: max(1, len(notices) // BUNDLES)]]
    found = errors([*written(notices), *bundles])
    assert found == [], f"{len(found)} of {len(notices)} alerts: {found[:3]}"
    statuses = {json.loads(body)["status"] for body in written(notices) if b'"DetectedIssue"' in body[:40]}
    assert statuses == {"final", "amended", "entered-in-error"}
