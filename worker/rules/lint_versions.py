"""Keep a rule's version in step with its meaning, by a file that is written with each release. Pure: no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.decode.located_yaml import Problems
from worker.rules.basis_spec import LockFile
from worker.rules.meaning import meaning
from worker.rules.rule_files import LOCK
from worker.rules.shared_changes import SharedChange, below, inherited, shared_changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.rules.basis_spec import LockedSpec
    from worker.rules.rule_files import RuleFiles
    from worker.rules.spec import RuleSpec

_HEAD = """\
# What each version of a rule means, as a digest. Written by `lpwatch lint --lock`; lint refuses a rule whose meaning
# changed under the same version. The entry of a rule that is gone stays, because an id is never used again.
# yaml-language-server: $schema=../schema/rule-versions.schema.json
rules:
"""
_BELOW = """\
# Rules of the pack below that mean something else here, because rules/definitions.yaml says so.
below:
"""
_SHOWN = 4
"""How many rules a line names; the others are counted."""


def lint_versions(files: RuleFiles, problems: Problems, warnings: Problems) -> None:
    """Compare each layer with its lock, and with the layers below it.

    Shape: a layer's own rules are those of its lock, where it has one. Rules of the layers below that mean something else by
    its definitions stand in its lock under `below`; without a lock a warning names them. A rule that is written anew and
    means something else has another version than the one that it replaces.
    """
    for at, layer in enumerate(files.layers):
        if layer.so_far is None:
            continue
        _lint_replaced(files, at, warnings)
        for change in shared_changes(files, at):
            _lint_change(files, at, change, warnings if layer.lock is None else problems)
        if layer.lock is None:
            continue
        for name, (spec, located) in sorted(layer.rules.items()):
            entry = layer.lock.rules.get(name)
            message = _changed(spec, meaning(spec, layer.so_far), entry) or _behind(spec, entry)
            if message:
                problems.add(located.place(("version",)), message)


def write_lock(files: RuleFiles) -> str:
    """Return the text of the lock of the uppermost layer; empty where it has no rule and changes none.

    Raises: PackError for each rule whose meaning changed and whose version did not rise.
    """
    problems = Problems()
    layer = files.layers[-1]
    lock = LockFile() if layer.lock is None else layer.lock
    entries = {name: (entry.version, entry.digest) for name, entry in lock.rules.items()}
    for name, (spec, located) in sorted(layer.rules.items()):
        digest = meaning(spec, files)
        if message := _changed(spec, digest, lock.rules.get(name)):
            problems.add(located.place(("version",)), message)
        entries[name] = (spec.version, digest)
    problems.raise_if_any()
    changed = _meant_below(files, len(files.layers) - 1)
    if not entries and not changed:
        return ""
    text = _HEAD + _lines(entries) if entries else _HEAD.replace("rules:\n", "")
    return f"{text}{_BELOW}{_lines(changed)}" if changed else text


def _lines(entries: Mapping[str, tuple[int, str]]) -> str:
    return "".join(
        f"  {name}: {{version: {version}, digest: '{digest}'}}\n"
        for name, (version, digest) in sorted(entries.items())
    )


def _meant_below(files: RuleFiles, at: int) -> dict[str, tuple[int, str]]:
    """Return version and digest of each rule of the layers below that means something else in a layer."""
    layer, under = files.layers[at], below(files, at)
    if under is None or layer.so_far is None:
        return {}
    specs = inherited(layer, under)
    names = {name for change in shared_changes(files, at) for name in change.rules}
    return {name: (specs[name].version, meaning(specs[name], layer.so_far)) for name in sorted(names)}


def _lint_change(files: RuleFiles, at: int, change: SharedChange, problems: Problems) -> None:
    """Tell of a changed definition whose rules the lock of the layer does not have as they are now."""
    lock, meant = files.layers[at].lock, _meant_below(files, at)
    known = {} if lock is None else lock.below
    new = [name for name in change.rules if not _is_locked(meant[name], known.get(name))]
    if not new:
        return
    named = ", ".join(new[:_SHOWN]) + (f" and {len(new) - _SHOWN} more" if len(new) > _SHOWN else "")
    problems.add(
        change.place,
        f"{change.says}: {named} {'means' if len(new) == 1 else 'mean'} something else here, and the version does not tell; "
        "try it (`lpwatch test`), then keep it with `lpwatch lint --lock`",
    )


def _is_locked(meant: tuple[int, str], entry: LockedSpec | None) -> bool:
    return entry is not None and meant == (entry.version, entry.digest)


def _lint_replaced(files: RuleFiles, at: int, warnings: Problems) -> None:
    """Tell of a rule that replaces one of the layers below, means something else, and has not a version of its own."""
    layer, under = files.layers[at], below(files, at)
    if under is None or layer.so_far is None:
        return
    for name, (spec, located) in sorted(layer.rules.items()):
        old = under.rules[name][0] if name in under.rules else None
        if old is None or old.version < spec.version or meaning(old, under) == meaning(spec, layer.so_far):
            continue
        warnings.add(
            located.place(("version",)),
            f"'{name}' replaces version {old.version} of the pack below and means something else; look at what differs, "
            f"then make this one {old.version + 1}, so that an alert tells which of the two it is from",
        )


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
