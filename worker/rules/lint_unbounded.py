"""Find limits that nothing checks: those of concepts without a plausible range. Pure: no I/O, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from worker.rules.clauses import RELATIONS

if TYPE_CHECKING:
    from worker.decode.located_yaml import Located, Path, Problems

_ABOUT_FACTS = frozenset({"reading", "finding", "count", "preceded_by", "near"})
_SAME_FACT = frozenset({"where", "not", "unbroken_by", "baseline_has"})
_LISTS = frozenset({"all", "any"})


def lint_unbounded(
    located: Located, unbounded: Collection[str], kept: Collection[str], warnings: Problems
) -> None:
    """Tell of each limit in the condition of a rule whose concept takes any number, so that a slip in it is not seen.

    Shape: `kept` are references to numbers that stand in the pack below as they are.
    """
    if not isinstance(located.data, dict):
        return
    for path, limit, concepts in _limits(located.data.get("when"), ("when",), ()):
        names = [name for name in concepts if name in unbounded]
        if names and limit not in kept:
            warnings.add(
                located.place(path),
                f"a slip in '{limit}' would not be seen, because '{names[0]}' has no plausible range; add `plausible` to the "
                "concept, or let a second person read the number",
            )


def _limits(
    clause: object, path: Path, concepts: tuple[str, ...]
) -> Iterator[tuple[Path, str, tuple[str, ...]]]:
    """Go through the comparisons of a fact's own value, with what the fact may be."""
    if not isinstance(clause, dict):
        return
    concepts = tuple(clause.get("concept", concepts))
    for key, value in clause.items():
        if key in RELATIONS:
            yield (*path, key), str(value), concepts
        elif key in _LISTS and isinstance(value, list):
            for at, part in enumerate(value):
                yield from _limits(part, (*path, key, at), concepts)
        elif key in _ABOUT_FACTS and isinstance(value, dict):
            for inner in _SAME_FACT & value.keys():
                yield from _limits(value[inner], (*path, key, inner), tuple(value.get("of", ())))
        elif key in _SAME_FACT:
            yield from _limits(value, (*path, key), concepts)
