"""Import all of lpwatch, and what it imports only when it is needed, and compile the default pack.

Processes forked from this one have it already: they read their packs, and find those texts compiled.
"""

from __future__ import annotations

import importlib
import pkgutil

import worker
from tests.once import remember_packs
from worker.runtime.offline import load_pack

LATER = [
    "alembic.command",
    "httpx2",
    "psycopg",
    "sqlalchemy.dialects.postgresql",
    "uvicorn.protocols.http.h11_impl",
]

for name in [
    *(found.name for found in pkgutil.walk_packages(worker.__path__, "worker.")),
    *LATER,
    "tests.faults.relay_process",
]:
    if not name.endswith(".__main__"):
        importlib.import_module(name)

remember_packs(setattr)
load_pack()
