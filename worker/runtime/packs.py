"""Read pack folders into texts; the core parses the texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from worker.model.errors import ConfigError

Layer: TypeAlias = dict[str, str]
"""The files of one folder: path below it, with `/`, to text."""

_PACKAGE = Path(__file__).resolve().parent.parent
_IN_WHEEL = _PACKAGE / "_pack"
_IN_CHECKOUT = _PACKAGE.parent / "mappings"
_VIGNETTES = "tests"
_SUFFIXES = {".yaml", ".yml"}
_FOLDERS = ("concepts", "feeds", "notes", "rules")
_FILES = {"pack.yaml", "routes.yaml"}


def default_pack_folder() -> Path:
    """Return the folder of the default pack: inside an installed wheel, else `mappings` of the checkout.

    Raises: ConfigError where there is neither, which means a broken installation.
    """
    for folder in (_IN_WHEEL, _IN_CHECKOUT):
        if folder.is_dir():
            return folder
    raise ConfigError("the default pack is missing; install lpwatch again", str(_IN_WHEEL))


def read_layer(folder: Path) -> Layer:
    """Read the YAML files of a pack folder, sorted by path; vignettes are not part of what a pack means.

    Raises: ConfigError where the folder does not exist or a file is unreadable, not UTF-8 or in no folder of a pack.
    """
    if not folder.is_dir():
        raise ConfigError("no such pack folder", str(folder))
    files = sorted(path for path in _walk(folder) if path.suffix in _SUFFIXES and path.is_file())
    return {
        path.relative_to(folder).as_posix(): _read_text(path) for path in files if _has_meaning(path, folder)
    }


def read_layers(folders: Sequence[Path]) -> tuple[Layer, ...]:
    """Read the default pack and the folders layered over it, in this order.

    Raises: ConfigError as `read_layer` does.
    """
    return tuple(read_layer(folder) for folder in (default_pack_folder(), *folders))


def read_vignettes(folder: Path) -> Layer:
    """Read the vignettes of a pack folder, sorted by path.

    Raises: ConfigError as `read_layer` does.
    """
    tests = folder / _VIGNETTES
    files = sorted(path for path in _walk(tests) if path.suffix in _SUFFIXES and path.is_file())
    return {path.relative_to(folder).as_posix(): _read_text(path) for path in files}


def unread_files(folder: Path) -> list[Path]:
    """Return the files in the folders of a pack that are not YAML by name, sorted; notes for people (.md) are left out."""
    inside = (path for name in (*_FOLDERS, _VIGNETTES) for path in _walk(folder / name))
    return sorted(path for path in inside if path.suffix not in {*_SUFFIXES, ".md"})


def _walk(folder: Path) -> Iterator[Path]:
    """Give what lies below a folder, as its names say it: Kubernetes mounts links into a hidden folder that it exchanges."""
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(place, name) for name in files if not name.startswith("."))


def _has_meaning(path: Path, folder: Path) -> bool:
    """Tell whether a file is part of what a pack means; one that nothing would read is refused, not passed over."""
    first, *below = path.relative_to(folder).parts
    if below and first == _VIGNETTES:
        return False
    if (below and first in _FOLDERS) or (not below and first in _FILES):
        return True
    known = ", ".join(f"{name}/" for name in (*_FOLDERS, _VIGNETTES))
    raise ConfigError(f"nothing reads this file; a pack has {known}, pack.yaml and routes.yaml", str(path))


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8; save the file as UTF-8", str(path)) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", str(path)) from error
