"""Real servers for tests: a Kafka and a PostgreSQL that the run shares, and private ones that may be killed.

| fixture | gives |
|---|---|
| `kafka` | bootstrap servers of the shared broker; topics are not made by themselves |
| `new_topic` | a function that makes a topic of a name never used before: `new_topic(partitions=2)` |
| `postgres_url` | an empty database of its own on the shared cluster |
| `state_url` | the same, with the tables of the state |
| `store` | the state in such a database, open |
| `own_kafka`, `own_postgres` | a server of its own, with `kill()` and `restart()` |

A test that asks for one is marked `integration`. A parameter that asks with `getfixturevalue` carries the mark itself.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import psycopg
import pytest
from psycopg import sql

from tools.kafka_local import FAST_RESTART, KafkaLocal
from tools.local_process import ServerError
from tools.postgres_local import PostgresLocal
from tools.shared_servers import Run, shared_server

if TYPE_CHECKING:
    from worker.storage.state import SqlState

FIXTURES = {"kafka", "postgres_server", "own_kafka", "own_postgres"}
FOLDER = pytest.StashKey[Path]()
RUN = pytest.StashKey[Run]()
Server = TypeVar("Server", KafkaLocal, PostgresLocal)


def pytest_configure(config: pytest.Config) -> None:
    """Hold a folder and a lock while the run lasts; a process that shares the work is told which folder."""
    if hasattr(config, "workerinput"):
        config.stash[FOLDER] = Path(config.workerinput["lpwatch_servers"])
        return
    # Not below pytest's own folder: only its owner may enter that, and PostgreSQL runs as another user than root.
    folder = Path(tempfile.mkdtemp(prefix="lpwatch-servers-"))
    folder.chmod(0o755)
    config.stash[FOLDER], config.stash[RUN] = folder, Run(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """Tell a process of pytest-xdist where the run's servers are kept."""
    node.workerinput["lpwatch_servers"] = str(node.config.stash[FOLDER])  # type: ignore[attr-defined]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers, also after a run that failed or was interrupted."""
    if RUN in config.stash:
        config.stash[RUN].end()
        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test that asks for a server."""
    for item in items:
        if FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("integration")


def _shared(kind: str, config: pytest.Config) -> str:
    try:
        return shared_server(kind, config.stash[FOLDER])
    except ServerError as error:
        said = str(error)
    pytest.fail(said, pytrace=False)


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> str:
    """Give the bootstrap servers of the broker that the run shares."""
    return _shared("kafka", pytestconfig)


@pytest.fixture(scope="session")
def new_topic(kafka: str) -> Callable[..., str]:
    """Give a function that makes a topic and returns its name."""
    from tests.topics import make_topic  # noqa: PLC0415 - costs 0.3 s; most tests need no broker

    def make(partitions: int = 1, name: str = "test") -> str:
        return make_topic(kafka, partitions, name=name)

    return make


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config) -> str:
    """Give the address of the cluster that the run shares; tests take a database of their own instead."""
    return _shared("postgres", pytestconfig)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Give the address of an empty database."""
    with _database(postgres_server, "template0") as url:
        yield url


@pytest.fixture(scope="session")
def _state_template(postgres_server: str) -> Iterator[str]:
    from worker.storage.migrate import upgrade  # noqa: PLC0415 - costs 0.5 s; most tests need no database

    with _database(postgres_server, "template0") as url:
        upgrade(url, "state")
        yield url.rpartition("/")[2]


@pytest.fixture
def state_url(postgres_server: str, _state_template: str) -> Iterator[str]:
    """Give the address of a database with the tables of the state."""
    with _database(postgres_server, _state_template) as url:
        yield url


@pytest.fixture
def store(state_url: str) -> Iterator[SqlState]:
    """Give the state in a database of its own, open."""
    from worker.storage.state import SqlState  # noqa: PLC0415 - see above

    opened = SqlState(state_url)
    yield opened
    opened.close()


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    base, _, _ = server.rpartition("/")
    name = f"lpwatch_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.replace("+psycopg", ""), autocommit=True) as connection:
        names = {"name": sql.Identifier(name), "template": sql.Identifier(template)}
        _once_nobody_is_there(
            connection, sql.SQL("CREATE DATABASE {name} TEMPLATE {template}").format(**names)
        )
        try:
            yield f"{base}/{name}"
        finally:
            _once_nobody_is_there(connection, sql.SQL("DROP DATABASE {name} WITH (FORCE)").format(**names))


def _once_nobody_is_there(connection: psycopg.Connection, statement: sql.Composed) -> None:
    """Run what wants a database for itself: where the machine stands still, others need a while to leave it."""
    for _ in range(20):
        with suppress(psycopg.errors.ObjectInUse):
            connection.execute(statement)
            return
    connection.execute(statement)


@pytest.fixture
def own_kafka() -> Iterator[KafkaLocal]:
    """Give a broker that the test may kill and start again."""
    with _or_fail("Kafka", KafkaLocal(config=FAST_RESTART)) as kafka:
        yield kafka


@pytest.fixture
def own_postgres() -> Iterator[PostgresLocal]:
    """Give a cluster that the test may kill and start again."""
    with _or_fail("PostgreSQL", PostgresLocal()) as postgres:
        yield postgres


@contextmanager
def _or_fail(name: str, server: Server) -> Iterator[Server]:
    said = ""
    try:
        server.start()
    except ServerError as error:
        server.stop()
        said = f"no {name} of its own: {error}"
    if said:
        pytest.fail(said, pytrace=False)
    try:
        yield server
    finally:
        server.stop()
