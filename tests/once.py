"""What each process of tests makes once, because hundreds of tests ask for it and nothing changes it.

| made once | for |
|---|---|
| plain data, and nodes, of a text of YAML | each text |
| mappings, phrases and rules, compiled | the texts that they are compiled from |
| the text of a document inside a message of HL7 v2 | each content: a recording holds one PDF in dozens of messages |
| the notices that a test asks of `made_once` | the whole run: the first process makes it, the others read its file |
| the tables of an empty SQLite file | each database: what the first migration of a process gives is written again |
"""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from tests.servers import FOLDER
from worker import pipeline
from worker.decode import located_yaml
from worker.mapping import attachments
from worker.notes import lexicon
from worker.storage.records import Outgoing

MAPPINGS = ("pack.yaml", "concepts/", "feeds/")
Notices = tuple[Outgoing, ...]
PATCH = pytest.StashKey[pytest.MonkeyPatch]()


def pytest_configure(config: pytest.Config) -> None:
    """Remember what is read and compiled."""
    patch = config.stash[PATCH] = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    remember_packs(patch.setattr)


def remember_packs(put: Callable[[object, str, object], None]) -> None:
    """Put what remembers in the place of what reads and compiles."""
    put(attachments, "read_document", lru_cache(maxsize=32)(attachments.read_document))
    for read in ("_compose", "read_quickly"):
        put(located_yaml, read, cache(getattr(located_yaml, read)))
    for name, folders in (("compile_mapping", MAPPINGS), ("parse_rulebook", (*MAPPINGS, "rules/"))):
        put(pipeline, name, _once_for_each_text(getattr(pipeline, name), folders))
    compiled = _once_for_each_text(lexicon.compile_lexicon, ("notes/",))
    put(lexicon, "compile_lexicon", compiled)
    put(pipeline, "compile_lexicon", compiled)


def _once_for_each_text(build: Callable[..., object], folders: tuple[str, ...]) -> Callable[..., object]:
    """Remember what layers of a pack were compiled to, by their texts in these folders."""
    built: dict[object, object] = {}

    def remembered(layers: Sequence[Mapping[str, str]], *others: object) -> object:
        given = (frozenset(item for item in layer.items() if item[0].startswith(folders)) for layer in layers)
        texts = tuple(filter(None, given))
        if texts not in built:
            built[texts] = build(layers, *others)
        return built[texts]

    return remembered


@pytest.fixture(scope="session")
def made_once(pytestconfig: pytest.Config) -> Callable[[str, Callable[[], Notices]], Notices]:
    """Give a function that makes the notices of this name, or reads what another process of the run made."""
    folder = pytestconfig.stash[FOLDER]

    def make(name: str, build: Callable[[], Notices]) -> Notices:
        path = folder / f"{name}.msgpack"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists():
                return msgspec.msgpack.decode(path.read_bytes(), type=Notices)
            made = build()
            path.write_bytes(msgspec.msgpack.encode(made))
            return made

    return make


def pytest_collection_finish(session: pytest.Session) -> None:
    """Remember tables, where a test has imported what makes them: that alone takes half a second."""
    migrate = sys.modules.get("worker.storage.migrate")
    if migrate is not None:
        session.config.stash[PATCH].setattr(
            migrate, "command", SimpleNamespace(upgrade=_once_for_each_database())
        )


def _once_for_each_database() -> Callable[..., None]:
    from alembic import command  # noqa: PLC0415 - see above

    scripts: dict[str, list[str]] = {}

    def upgrade(config: Any, revision: str) -> None:  # noqa: ANN401 - alembic's own, which need not be imported
        conn, name = config.attributes["connection"], config.attributes["database"]
        is_new = (
            conn.dialect.name == "sqlite" and not conn.exec_driver_sql("SELECT * FROM sqlite_master").all()
        )
        if is_new and name in scripts:
            for statement in scripts[name]:
                conn.exec_driver_sql(statement)
            return
        command.upgrade(config, revision)
        if is_new:
            dump = conn.connection.driver_connection.iterdump()
            scripts[name] = [line for line in dump if line not in {"BEGIN TRANSACTION;", "COMMIT;"}]

    return upgrade
