"""A relay as a process of its own, to be killed."""

from __future__ import annotations

import os
import uuid
from multiprocessing.context import ForkServerContext, ForkServerProcess
from threading import Event

import sqlalchemy as sa

from tests.integration.alert_topics import LEASE, relay_of
from worker.storage.state import SqlState


def work(url: str, bootstrap: str, owner: str, lease_s: float, timeout_s: float) -> None:
    """Relay until killed."""
    relay = relay_of(
        SqlState(url),
        bootstrap,
        owner=owner,
        lease_s=lease_s,
        timeout_s=timeout_s,
        settle_s=0.2,
    )
    relay.run(Event(), idle_s=0.02, retry_s=0.1)
    os._exit(1)


def start(
    context: ForkServerContext, url: str, bootstrap: str, lease_s: float = 10.0, timeout_s: float = 3.0
) -> ForkServerProcess:
    """Start a relay; its name is that under which it holds the lease."""
    name = uuid.uuid4().hex
    given = (url, bootstrap, name, lease_s, timeout_s)
    process = context.Process(target=work, args=given, name=name, daemon=True)
    process.start()
    return process


def kill(process: ForkServerProcess) -> None:
    """Kill -9, and wait until it is gone."""
    process.kill()
    process.join()


def end_lease(url: str, owner: str) -> None:
    """Let the time of a dead relay's lease pass; another's is left alone."""
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        conn.execute(
            sa.text("UPDATE lease SET until_ms = 0 WHERE name = :name AND owner = :owner"),
            {"name": LEASE, "owner": owner},
        )
    engine.dispose()


def leads(url: str, owner: str) -> bool:
    """Tell whether this relay has the lease."""
    engine = sa.create_engine(url)
    with engine.connect() as conn:
        found = conn.scalar(sa.text("SELECT owner FROM lease WHERE name = :name"), {"name": LEASE})
    engine.dispose()
    return bool(found == owner)
