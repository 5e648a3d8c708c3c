"""Laws of resources: what a FHIR server moved to another patient, or deleted, leaves no trace; in any order and store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace as changed

from tests.laws.sizes import of_each_rule, try_law
from tests.laws.stores import SqliteStores
from tests.laws.worlds import Found, Trial, run_messages
from worker.model.message import RawMessage
from worker.runtime.replay import Disturbance, ReplayStore
from worker.simulate.letters import FHIR_WAYS, write
from worker.storage import claims, memory

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: what JSON holds
STRANGER = "stranger"
LONG_AFTER = timedelta(days=60)


def messages_of(trial: Trial) -> list[RawMessage]:
    return list(write(trial.vignette, FHIR_WAYS[0]))


def resources_of(raw: RawMessage) -> list[Json]:
    """Give what a message says beside its Patient."""
    resources = [entry["resource"] for entry in json.loads(raw.body)["entry"]]
    return [resource for resource in resources if resource["resourceType"] != "Patient"]


def name_of(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def later(resource: Json, by: timedelta) -> str:
    updated = datetime.fromisoformat(resource["meta"]["lastUpdated"]) + by
    return updated.isoformat().replace("+00:00", "Z")


def of_stranger(raw: RawMessage, resource: Json, by: timedelta) -> RawMessage:
    """Write the resource about somebody else, stated by so much later."""
    about = "patient" if "patient" in resource else "subject"
    theirs = {"reference": f"Patient/{STRANGER}"}
    return _bundle(
        raw, {"resource": resource | {about: theirs, "meta": {"lastUpdated": later(resource, by)}}}
    )


def deletion_of(raw: RawMessage, resource: Json, by: timedelta) -> RawMessage:
    """Write that the resource was deleted so much later."""
    gone = {"method": "DELETE", "url": name_of(resource)}
    return _bundle(raw, {"request": gone, "response": {"status": "204", "lastModified": later(resource, by)}})


def _bundle(raw: RawMessage, entry: Json) -> RawMessage:
    body = {"resourceType": "Bundle", "type": "history", "entry": [entry]}
    return changed(raw, body=json.dumps(body).encode())


def found(
    trial: Trial, messages: list[RawMessage], size: int, store: Callable[[], ReplayStore] | None = None
) -> Found:
    return run_messages(messages, [trial.vignette], Disturbance(batch_size=size), store)


def of_patient(found: Found) -> Found:
    """Leave out what is found of the stranger."""
    mine = (
        tuple(line for line in some if not line.startswith(STRANGER))
        for some in (found.findings, found.standing)
    )
    return Found(*mine)


def came_back(trial: Trial, seed: int, store: Callable[[], ReplayStore] | None = None) -> list[str]:
    """Compare with a worker that also hears where each resource was before: with a stranger, or deleted.

    Nothing is left of the stranger either.
    """
    random, messages = Random(seed), messages_of(trial)  # noqa: S311 - a seed must give the same again
    told = list(messages)
    for raw in messages:
        for resource in resources_of(raw):
            way = random.choice([of_stranger, deletion_of, None])
            if way is not None:
                told.insert(random.randint(0, len(told)), way(raw, resource, -timedelta(seconds=1)))
    size = random.choice([1, 3, len(told)])
    return found(trial, messages, len(messages)).difference(found(trial, told, size, store))


def went_away(trial: Trial, seed: int, store: Callable[[], ReplayStore] | None = None) -> list[str]:
    """Compare with a worker that hears of one resource, and at some time that it is another's or was deleted."""
    random, messages = Random(seed), messages_of(trial)  # noqa: S311 - see above
    raw = random.choice(messages)
    gone = {name_of(resource) for resource in resources_of(raw)}
    others = [each for each in messages if gone.isdisjoint(map(name_of, resources_of(each)))]
    told = list(messages)
    for resource in resources_of(raw):
        way = random.choice([of_stranger, deletion_of])
        told.insert(random.randint(0, len(told)), way(raw, resource, LONG_AFTER))
    size = random.choice([1, 3, len(told)])
    return found(trial, others, len(messages)).difference(of_patient(found(trial, told, size, store)))


Difference = Callable[..., list[str]]
both_laws = pytest.mark.parametrize("difference", [came_back, went_away])


def try_moves(difference: Difference, rule: str, number: int, stores: SqliteStores) -> None:
    """Try a law in memory, and by the first seed of each history on a database."""

    def law(trial: Trial, seeds: Sequence[int]) -> None:
        differences = [line for seed in seeds for line in difference(trial, seed)]
        assert not differences, f"memory differs: {differences}"
        differences = difference(trial, seeds[0], stores())
        assert not differences, f"SQLite differs: {differences}"

    try_law(law, rule, number)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> SqliteStores:
    return SqliteStores(tmp_path_factory.mktemp("laws"))


@both_laws
@of_each_rule
def test_where_a_resource_was_before_its_newest_version_does_not_matter(
    difference: Difference, rule: str, stores: SqliteStores
) -> None:
    try_moves(difference, rule, 288, stores)


@both_laws
@pytest.mark.parametrize(
    ("module", "name"), [(memory, "memory"), (claims, "SQLite")], ids=["memory", "SQLite"]
)
def test_both_laws_fail_where_nobody_looks_whose_a_resource_is(
    difference: Difference,
    module: ModuleType,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    stores: SqliteStores,
) -> None:
    monkeypatch.setattr(module, "newer_elsewhere", lambda *_: None)
    with pytest.raises(AssertionError, match=f"{name} differs"):
        try_moves(difference, "fever-single", 36 * 4 * 20, stores)
