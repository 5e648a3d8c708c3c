"""Patient numbers as sent, to identifiers. Pure: no I/O, no clock.

Standard: HL7 v2.5.1 ch. 3, PID-3 (CX); FHIR `Identifier`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from worker.mapping.feed_spec import AuthoritySpec, IdentitySpec
from worker.model.fact import Identifier, IdentityLink
from worker.model.time import EpochMs


class Number(msgspec.Struct, frozen=True, gc=False):
    """A patient number as sent: CX.1, CX.4, CX.5, or `Identifier.value`, `.assigner`, `.type`, `.system`."""

    value: str
    authority: str = ""
    type: str = ""
    system: str = ""


@dataclass(frozen=True, slots=True)
class Authorities:
    """How a feed names authorities, which number counts first, and which numbers are none."""

    rows: tuple[AuthoritySpec, ...]
    primary: tuple[str, ...]
    unnamed: str
    placeholders: re.Pattern[str]
    never_join_numbers: re.Pattern[str]
    never_join_types: frozenset[str]

    def identifiers(self, numbers: Iterable[Number], fallback: str) -> tuple[Identifier, ...]:
        """Turn numbers into identifiers, the one to file facts under first.

        Shape: no repeats; placeholders left out; empty where no number names a patient. `fallback` is the authority of
        numbers that name none.
        """
        found: dict[tuple[str, str], Identifier] = {}
        for number in numbers:
            value = number.value.strip()
            if value and not self.placeholders.search(value):
                made = Identifier(self._name(number) or self.unnamed or fallback, value, number.type)
                found.setdefault(made.key, made)
        return tuple(sorted(found.values(), key=self._rank) if len(found) > 1 else found.values())

    def links(
        self,
        identifiers: Sequence[Identifier],
        kind: str,
        stated_at_ms: EpochMs,
        record: Identifier | None = None,
    ) -> tuple[IdentityLink, ...]:
        """State that the identifiers name one person, each with the first that may join.

        Shape: `record` is the first, where it is the number of the record that says so.
        """
        if len(identifiers) < 2:  # noqa: PLR2004 - a link has two ends
            return ()
        joining = [each for each in identifiers if each is record or self.may_join(each)]
        return tuple(IdentityLink(joining[0], other, kind, stated_at_ms, record) for other in joining[1:])

    def may_join(self, identifier: Identifier) -> bool:
        """Tell whether the number may link two records (newborn and visit numbers may not)."""
        return identifier.type not in self.never_join_types and not self.never_join_numbers.search(
            identifier.value
        )

    def _rank(self, identifier: Identifier) -> tuple[bool, int]:
        place = (
            self.primary.index(identifier.authority)
            if identifier.authority in self.primary
            else len(self.primary)
        )
        return (not self.may_join(identifier), place)

    def _name(self, number: Number) -> str:
        for row in self.rows:
            if (
                _fits(row.authority, number.authority)
                and _fits(row.type, number.type)
                and _fits(row.system, number.system)
            ):
                return row.name
        return number.authority or number.system or number.type


def compile_authorities(spec: IdentitySpec) -> Authorities:
    """Compile the identity section of a feed.

    Raises: re.error where a pattern cannot be read.
    """
    return Authorities(
        rows=spec.authorities,
        primary=spec.primary,
        unnamed=spec.unnamed,
        placeholders=_any_of(spec.placeholders),
        never_join_numbers=_any_of(spec.never_join_numbers),
        never_join_types=frozenset(spec.never_join_types),
    )


def _fits(wanted: str | None, given: str) -> bool:
    return wanted is None or wanted == given


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    joined = "|".join(f"(?:{pattern})" for pattern in patterns)
    return re.compile(joined or r"(?!)")
