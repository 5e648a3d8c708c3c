"""HAPI's validator accepts alerts as FHIR R4: of the vignettes in every form, and of the recorded ward.

One of each kind, by rule, severity, state and the elements that stand in its documents; LPWATCH_TEST_EVERY_ALERT=1 takes
all of them (`make fhir-validate`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.rendered import recorded_notices, vignette_notices
from tools.fhir_validator import Remark, validate
from worker.model.alert import Notice
from worker.sinks.fhir_documents import fhir_bundle, fhir_resources
from worker.storage.records import Outgoing

pytestmark = [pytest.mark.integration, pytest.mark.slow]

IS_EVERY = os.environ.get("LPWATCH_TEST_EVERY_ALERT") == "1"  # noqa: TID251  how long a test takes is set from outside
BUNDLES = 5


def wrong_resources(notice: Notice) -> list[bytes]:
    """Give a resource that is right, and five that are not."""
    good, _ = fhir_resources(notice)
    issue = json.loads(good.body)
    wrong = [
        {**issue, "status": "withdrawn"},
        {**issue, "severity": "urgent"},
        {**issue, "identifiedDateTime": "yesterday"},
        {**issue, "mood": "bad"},
        {**issue, "evidence": [{"detail": [{"reference": "#nowhere"}]}]},
    ]
    return [good.body, *(json.dumps(one).encode() for one in wrong)]


def all_notices(root: Path, made_once: Callable[..., tuple[Outgoing, ...]]) -> list[Notice]:
    """Give those of the vignettes, and of the recorded ward where the shared material is on this machine."""
    recording = root.parent / "shared" / "feeds" / "simhospital" / "lp.mllp.gz"
    is_here = recording.is_file()
    recorded = made_once("recorded", partial(recorded_notices, recording)) if is_here else ()
    notices = [item.notice for item in (*made_once("vignettes", vignette_notices), *recorded)]
    return [*notices, speaking_for_another(notices[0])]


def speaking_for_another(notice: Notice) -> Notice:
    """Give a notice of an alert whose LP turned out to be that of another alert."""
    body = {**json.loads(notice.body), "joined": ["another-alert"]}
    return replace(notice, body=json.dumps(body).encode())


def elements(value: object) -> object:
    """Give which elements a document has, without what they say."""
    if isinstance(value, dict):
        return tuple(sorted((name, elements(one)) for name, one in value.items()))
    if isinstance(value, list):
        return tuple(sorted({repr(elements(one)) for one in value}))
    return type(value).__name__


def kind(notice: Notice) -> object:
    document: dict[str, Any] = json.loads(notice.body)
    told = [elements(json.loads(resource.body)) for resource in fhir_resources(notice)]
    return document["rule"]["id"], document["severity"], document["state"], elements(document), repr(told)


def written(notices: Iterable[Notice]) -> list[bytes]:
    return [resource.body for notice in notices for resource in fhir_resources(notice)]


@pytest.fixture(scope="module")
def chosen(root: Path, made_once: Callable[..., tuple[Outgoing, ...]]) -> list[Notice]:
    notices = all_notices(root, made_once)
    return notices if IS_EVERY else list({kind(notice): notice for notice in notices}.values())


@pytest.fixture(scope="module")
def found(chosen: Sequence[Notice]) -> tuple[list[Remark], list[Remark]]:
    """Give the errors in what is wrong, and in the alerts: all in one run, because Java starts slowly."""
    wrong = wrong_resources(chosen[0])
    bundles = [fhir_bundle(notice) for notice in chosen[:: max(1, len(chosen) // BUNDLES)]]
    remarks = validate([*wrong, *written(chosen), *bundles], is_long=IS_EVERY)
    errors = [remark for remark in remarks if remark.is_error]
    return [one for one in errors if one.index < len(wrong)], [
        one for one in errors if one.index >= len(wrong)
    ]


def test_the_validator_finds_what_is_wrong(found: tuple[list[Remark], list[Remark]]) -> None:
    assert {remark.index for remark in found[0]} == {1, 2, 3, 4, 5}


def test_alerts_of_every_kind_are_accepted(
    chosen: list[Notice], found: tuple[list[Remark], list[Remark]]
) -> None:
    states = {json.loads(notice.body)["state"] for notice in chosen}
    assert {"raised", "escalated", "withdrawn"} <= states
    statuses = {json.loads(body)["status"] for body in written(chosen) if b'"DetectedIssue"' in body[:40]}
    assert statuses == {"final", "amended", "entered-in-error"}
    assert found[1] == [], f"{len(found[1])} errors in {len(chosen)} alerts: {found[1][:3]}"
