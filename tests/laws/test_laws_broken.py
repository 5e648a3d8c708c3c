"""Each law fails once the mechanism is gone that keeps it, and what is printed then is a vignette that runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, seed

from tests.laws import arrivals, worlds
from tests.laws.histories import REVISIONS, histories
from tests.laws.printed import hold
from tests.laws.sizes import drawn
from tests.laws.stores import SqliteStores
from tests.laws.worlds import Law, Trial, pack
from worker.alerts import reconcile
from worker.correlate import versions
from worker.mapping.fhir import status
from worker.model.fact import Fact
from worker.model.message import Reading
from worker.runtime import assessor, ingest
from worker.runtime.offline import memory_store, program
from worker.simulate.arrivals import Arrival
from worker.simulate.letters import HL7_WAYS
from worker.simulate.trial import Bench, try_vignette
from worker.simulate.vignettes import VignetteSpec, parse_vignettes
from worker.storage import facts, identities
from worker.storage.state import SqlState

pytestmark = pytest.mark.slow
Patch = pytest.MonkeyPatch
Way = Callable[[VignetteSpec, int], Arrival]
ARRIVALS = {"arrival 1", "arrival 2"}
VIGNETTE = "--notes extract`:\n"


def _last_counts(patch: Patch) -> None:
    """Let the one of two versions count that came last."""
    patch.setattr(versions, "_higher", lambda _, other: other)


def _copies_count(patch: Patch) -> None:
    """Give no statement a name: who says it again says something else."""

    def key(fact: Fact) -> tuple[str, str, str]:
        return fact.patient.authority, fact.patient.value, f"{fact.key}{id(fact)}"

    patch.setattr(versions, "_key", key)


def _only_lps_are_due(patch: Patch) -> None:
    """Assess nobody for what is told of him after his LP."""
    touched = ingest._touched

    def of_lps(reading: Reading) -> set[Any]:
        return touched(reading) if any(fact.concept == "lumbar-puncture" for fact in reading.facts) else set()

    patch.setattr(ingest, "_touched", of_lps)


def _merges_are_not_due(patch: Patch) -> None:
    """Assess nobody because he is joined with another."""
    touched = ingest._touched
    patch.setattr(ingest, "_touched", lambda reading: set() if reading.links else touched(reading))


def _no_status_takes_back(patch: Patch) -> None:
    """Let stand what FHIR calls entered in error."""
    for statuses in (one for one in vars(status).values() if isinstance(one, dict)):
        if "entered-in-error" in statuses and "final" in statuses:
            patch.setitem(statuses, "entered-in-error", statuses["final"])


def _no_timers(patch: Patch) -> None:
    """Assess nobody because time went by."""
    patch.setattr(assessor, "_next_due", lambda *_: None)


def _nothing_changed(patch: Patch) -> None:
    """Ask no rule again for a fact that came."""
    patch.setattr(versions.Change, "concepts", property(lambda _: frozenset[str]()))


def _alerts_are_forgotten(patch: Patch) -> None:
    """Raise all alerts anew at each assessment."""
    patch.setattr(reconcile, "_by_place", lambda *_: ({}, []))


def _facts_die_with_their_process(patch: Patch) -> None:
    """Lose the log of facts when the worker ends."""
    close = SqlState.close

    def forgetting(state: SqlState) -> None:
        with state._db.unit() as conn:
            conn.execute(sa.delete(facts.recent_fact))
        close(state)

    patch.setattr(SqlState, "close", forgetting)


def _links_are_not_read(patch: Patch) -> None:
    """Let databases make each number a patient of his own."""
    patch.setattr(identities, "newest", lambda *_: {})


@dataclass(frozen=True)
class Broken:
    """A law, the mechanism that is removed, and which histories and arrivals show it."""

    law: str
    remove: Callable[[Patch], None]
    way: Way
    troubles: tuple[str, ...] = ()
    runs_as_vignette: bool = True


def _sqlite(folder: Path) -> Law:
    return worlds.stored(SqliteStores(folder))


BROKEN = {
    "permutation": Broken("arrives_otherwise", _last_counts, arrivals.shuffled, ("correct",)),
    "repetition": Broken("arrives_otherwise", _copies_count, arrivals.repeated, ("correct",)),
    "batches": Broken("arrives_otherwise", _only_lps_are_due, arrivals.split),
    "merges": Broken("arrives_otherwise", _merges_are_not_due, arrivals.merged, ("under",)),
    "corrections": Broken("arrives_otherwise", _last_counts, arrivals.corrected, tuple(REVISIONS)),
    "transport": Broken("arrives_otherwise", _no_status_takes_back, arrivals.transported, ("retract",)),
    "replay": Broken("lived", _no_timers, arrivals.split, (), runs_as_vignette=False),
    "incremental": Broken("remembered", _nothing_changed, arrivals.split, (), runs_as_vignette=False),
    "notices": Broken("told_once", _alerts_are_forgotten, arrivals.repeated, (), runs_as_vignette=False),
    "restart": Broken(
        "sqlite", _facts_die_with_their_process, arrivals.restarted, (), runs_as_vignette=False
    ),
    "databases": Broken("sqlite", _links_are_not_read, arrivals.shuffled, ("under",), runs_as_vignette=False),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_law_fails_without_its_mechanism_and_prints_a_vignette_that_shows_it(
    broken: Broken, monkeypatch: Patch, tmp_path: Path
) -> None:
    law = _sqlite(tmp_path) if broken.law == "sqlite" else getattr(worlds, broken.law)

    @seed(1)
    @drawn(400)
    @given(histories(broken.troubles), arrivals.SEEDS)
    def tried(spec: VignetteSpec, number: int) -> None:
        spec = arrivals.untied(spec)
        hold(law, Trial(spec), broken.way(spec, number))

    with monkeypatch.context() as patch:
        broken.remove(patch)
        with pytest.raises(AssertionError) as caught:
            tried()
        text = str(caught.value).partition(VIGNETTE)[2].partition("\nFailing test case")[0]
        (vignette,) = parse_vignettes({"printed.yaml": text})
        if broken.runs_as_vignette:
            failures = try_vignette(vignette, _bench()).failures
            assert any(one.order in ARRIVALS and one.form == HL7_WAYS[0] for one in failures)
    failures = try_vignette(vignette, _bench()).failures
    assert [one for one in failures if one.order in ARRIVALS and one.form == HL7_WAYS[0]] == []


def _bench() -> Bench:
    return Bench(lambda reader: program(pack(), reader), memory_store, frozenset(), is_gold=True)
