"""Import all of lpwatch, and what it imports only when it is needed: processes forked from this one have it already."""

from __future__ import annotations

import importlib
import pkgutil

import worker

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
