"""Tell whether a file was written again or replaced since it was read."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int]
"""By what a file differs from the one that stood in its place before; all zero where there is none."""


def stamp(path: Path) -> Stamp:
    """Look at a file, through links to it."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)
