"""Build what reads, judges and forgets: a pack, its program, a state in memory. No database, no network.

Commands that only ask a pack import these alone; what `bootstrap` brings (drivers, servers, clients) takes them longer to
import than to answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from worker.notes.reader import NoteReader
from worker.pipeline import Pack, compile_pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers
from worker.storage.memory import MemoryState


def load_pack(folders: Sequence[Path] = ()) -> Pack:
    """Compile the default pack with these folders layered over it.

    Raises: ConfigError where a folder cannot be read, PackError with every problem of the files.
    """
    return compile_pack(read_layers(folders))


def program(pack: Pack, notes: NoteReader | None = None) -> PackProgram:
    """Make a pack ready for the engine; `notes` reads notes in place of the pack's own phrases."""
    return PackProgram(pack, notes)


def memory_store() -> MemoryState:
    """Make an empty state that lives as long as the process."""
    return MemoryState()
