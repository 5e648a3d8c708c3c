"""Laws of databases: a worker may end and begin again at any time, and every store gives the same findings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import histories
from tests.laws.sizes import examples
from tests.laws.stores import SqliteStores, Ward
from tests.laws.worlds import stored
from tests.servers import _database
from worker.runtime.replay import Disturbance
from worker.storage.state import SqlState

pytestmark = [pytest.mark.slow, pytest.mark.integration]
TOGETHER = 10
"""So many patients share a database; each of them is an example."""

WARDS = st.builds(Ward, st.lists(histories(), min_size=TOGETHER, max_size=TOGETHER), arrivals.SEEDS)


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> SqliteStores:
    return SqliteStores(tmp_path_factory.mktemp("laws"))


def test_a_worker_that_ends_and_begins_again_between_any_batches_finds_the_same(sqlite: SqliteStores) -> None:
    @examples(200, TOGETHER)
    @given(WARDS, arrivals.SEEDS, st.integers(1, 12), st.sampled_from([3, 10, 40]))
    def law(ward: Ward, seed: int, restarts: int, size: int) -> None:
        ways = [arrivals.restarted(trial.spec, seed + at) for at, trial in enumerate(ward.trials)]
        messages = ward.mingled(ways)
        all_at_once = ward.run(messages, Disturbance(batch_size=len(messages)))
        found = ward.run(messages, Disturbance(restart_n=restarts, batch_size=size), sqlite())
        ward.hold(stored(sqlite), all_at_once.difference(found), ways)

    law()


def test_sqlite_and_postgresql_find_what_memory_finds(
    sqlite: SqliteStores,
    postgres_server: str,
    _state_template: str,  # noqa: PT019 - the name of the database that others are copies of
) -> None:
    @examples(100, TOGETHER)
    @given(WARDS, arrivals.SEEDS, st.integers(0, 2), st.sampled_from([5, 20, 100]))
    def law(ward: Ward, seed: int, restarts: int, size: int) -> None:
        ways = [arrivals.shuffled(trial.spec, seed + at) for at, trial in enumerate(ward.trials)]
        messages, way = ward.mingled(ways), Disturbance(restart_n=restarts, batch_size=size)
        in_memory = ward.run(messages, Disturbance(batch_size=size))
        ward.hold(stored(sqlite), in_memory.difference(ward.run(messages, way, sqlite())), ways)
        with _database(postgres_server, _state_template) as url:
            differences = in_memory.difference(ward.run(messages, way, lambda: SqlState(url)))
        assert not differences, "PostgreSQL differs:\n" + "\n".join(differences)

    law()
