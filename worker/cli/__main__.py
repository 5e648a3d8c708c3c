"""`python -m worker.cli` is `lpwatch`."""

from __future__ import annotations

from worker.cli.main import main

main()
