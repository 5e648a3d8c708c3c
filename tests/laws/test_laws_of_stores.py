"""Laws of databases: a worker may end and begin again at any time, and every store gives the same findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from tests.laws import arrivals
from tests.laws.histories import firing, histories, undisturbed
from tests.laws.sizes import RULES, drawn, share
from tests.laws.stores import SqliteStores, Ward
from tests.laws.worlds import stored
from tests.servers import _database
from worker.runtime.replay import Disturbance
from worker.storage.state import SqlState

pytestmark = [pytest.mark.slow, pytest.mark.integration]
TOGETHER = 9
"""So many patients share a database; each of them is an example."""
GROUPS = [RULES[first : first + TOGETHER] for first in range(0, len(RULES), TOGETHER)]
of_each_group = pytest.mark.parametrize("rules", GROUPS, ids=lambda rules: rules[0])


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory: pytest.TempPathFactory) -> SqliteStores:
    return SqliteStores(tmp_path_factory.mktemp("laws"))


def try_wards(law: Callable[[Ward, int, int, int], None], rules: Sequence[str], number: int) -> None:
    """Try a law on wards with one patient for each rule: in the first nothing goes wrong; `number` are all patients.

    Shape: `law` gets a ward, a seed, how often the worker ends and begins again (0: between all batches) and how many messages
    a batch has.
    """
    met: set[str] = set()

    def tried(ward: Ward, seed: int, restarts: int, size: int) -> None:
        law(ward, seed, restarts, size)
        met.update(rule for trial in ward.trials for rule in trial.found.rules)

    @seed(crc32(rules[0].encode()))
    @drawn(share(number, TOGETHER, len(GROUPS)) - 1)
    @given(
        st.builds(Ward, st.tuples(*(histories((), rule) for rule in rules)), arrivals.SEEDS),
        arrivals.SEEDS,
        st.integers(0, 12),
        st.sampled_from([3, 10, 40]),
    )
    def drawn_ones(ward: Ward, seed: int, restarts: int, size: int) -> None:
        tried(ward, seed, restarts, size)

    tried(Ward([undisturbed(firing(rule)[0]) for rule in rules], 0), 0, 0, 3)
    drawn_ones()
    assert met.issuperset(rules)


@of_each_group
def test_a_worker_that_ends_and_begins_again_between_any_batches_finds_the_same(
    sqlite: SqliteStores, rules: Sequence[str]
) -> None:
    def law(ward: Ward, seed: int, restarts: int, size: int) -> None:
        ways = [arrivals.restarted(trial.spec, seed + at) for at, trial in enumerate(ward.trials)]
        messages = ward.mingled(ways)
        all_at_once = ward.run(messages, Disturbance(batch_size=len(messages)))
        batches = -(-len(messages) // size)
        found = ward.run(messages, Disturbance(restart_n=restarts or batches - 1, batch_size=size), sqlite())
        ward.hold(stored(sqlite), all_at_once.difference(found), ways)

    try_wards(law, rules, 200)


@of_each_group
def test_sqlite_and_postgresql_find_what_memory_finds(
    sqlite: SqliteStores,
    postgres_server: str,
    _state_template: str,  # noqa: PT019 - the name of the database that others are copies of
    rules: Sequence[str],
) -> None:
    def law(ward: Ward, seed: int, restarts: int, size: int) -> None:
        ways = [arrivals.shuffled(trial.spec, seed + at) for at, trial in enumerate(ward.trials)]
        messages, way = ward.mingled(ways), Disturbance(restart_n=restarts // 4, batch_size=size * 2)
        in_memory = ward.run(messages, Disturbance(batch_size=size))
        ward.hold(stored(sqlite), in_memory.difference(ward.run(messages, way, sqlite())), ways)
        with _database(postgres_server, _state_template) as url:
            differences = in_memory.difference(ward.run(messages, way, lambda: SqlState(url)))
        assert not differences, "PostgreSQL differs:\n" + "\n".join(differences)

    try_wards(law, rules, 100)
