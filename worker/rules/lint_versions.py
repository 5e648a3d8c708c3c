"""Keep a rule's version in step with its meaning, by a file that is written with each release. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.decode.located_yaml import Problems
from worker.rules.meaning import meaning
from worker.rules.rule_files import LOCK

if TYPE_CHECKING:
    from worker.rules.basis_spec import LockedSpec
    from worker.rules.rule_files import LayerFiles, RuleFiles
    from worker.rules.spec import RuleSpec

_HEAD = """\
# What each version of a rule means, as a digest. Written by `lpwatch lint --lock`; lint refuses a rule whose meaning
# changed under the same version. The entry of a rule that is gone stays, because an id is never used again.
# yaml-language-server: $schema=../schema/rule-versions.schema.json
rules:
"""


def lint_versions(files: RuleFiles, problems: Problems) -> None:
    """Compare the rules of each layer that has a lock with it.

    Shape: with the definitions of this layer and those below, so that a site that changes a definition need not lock the
    rules that it did not write.
    """
    for layer in files.layers:
        lock = None if layer.lock is None else layer.lock[0]
        if lock is None or layer.so_far is None:
            continue
        for name, (spec, located) in sorted(layer.rules.items()):
            message = _changed(spec, meaning(spec, layer.so_far), lock.get(name)) or _behind(
                spec, lock.get(name)
            )
            if message:
                problems.add(located.place(("version",)), message)


def write_lock(files: RuleFiles) -> str:
    """Return the text of the lock of the uppermost layer.

    Raises: PackError for each rule whose meaning changed and whose version did not rise.
    """
    problems = Problems()
    layer = files.layers[-1]
    entries = _entries(layer)
    for name, (spec, located) in sorted(layer.rules.items()):
        digest = meaning(spec, files)
        if message := _changed(spec, digest, None if layer.lock is None else layer.lock[0].get(name)):
            problems.add(located.place(("version",)), message)
        entries[name] = (spec.version, digest)
    problems.raise_if_any()
    return _HEAD + "".join(
        f"  {name}: {{version: {version}, digest: '{digest}'}}\n"
        for name, (version, digest) in sorted(entries.items())
    )


def _entries(layer: LayerFiles) -> dict[str, tuple[int, str]]:
    lock = {} if layer.lock is None else layer.lock[0]
    return {name: (entry.version, entry.digest) for name, entry in lock.items()}


def _changed(spec: RuleSpec, digest: str, entry: LockedSpec | None) -> str:
    if entry is None:
        return ""
    if spec.version < entry.version:
        return f"'{spec.id}' was at version {entry.version} already; versions only rise"
    if spec.version == entry.version and digest != entry.digest:
        return (
            f"'{spec.id}' or a definition that it uses changed, and its version did not; "
            f"make it {spec.version + 1}, then run `lpwatch lint --lock`"
        )
    return ""


def _behind(spec: RuleSpec, entry: LockedSpec | None) -> str:
    if entry is not None and spec.version == entry.version:
        return ""
    return f"version {spec.version} of '{spec.id}' is not in {LOCK}; run `lpwatch lint --lock`"
