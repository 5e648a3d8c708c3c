"""The separators that a message declares in MSH-1 and MSH-2. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.5.4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from worker.model.errors import DecodeError

_DEFAULTS = "^~\\&"
_ABSENT = (
    "\uffff"  # a noncharacter: stands for a separator that the message cannot have, and never occurs in text
)


@dataclass(frozen=True, slots=True, eq=False)
class Separators:
    """The five separators, the truncation character, and what is compiled from them once.

    Shape: one object for each declaration and codec, compared by identity. `is_regular` is false where MSH-2 had to be
    repaired. `codec` reads the bytes of hexadecimal escapes.
    """

    field: str
    component: str
    repetition: str
    escape: str
    subcomponent: str
    truncation: str
    is_regular: bool
    codec: str
    segment_start: re.Pattern[str]
    escape_sequence: re.Pattern[str]


@lru_cache(maxsize=64)
def read_separators(declared: str, codec: str = "utf-8") -> Separators:
    r"""Read the separators from the characters of MSH-1 and MSH-2 ("|^~\&").

    Repaired, and told by `is_regular`: a short or empty MSH-2 (the rest as usual), a doubled escape character (`^~\\&`),
    and a lost one (`^~&`).

    Raises: DecodeError where MSH-1 is no printable ASCII sign, or MSH-2 holds letters, digits, blanks or repeats.
    """
    field, encoding = declared[:1], declared[1:]
    if not _are_signs(field):
        raise DecodeError("field separator is not a printable sign", "MSH-1")
    if encoding and not _are_signs(encoding):
        raise DecodeError("encoding characters are not printable signs", "MSH-2")
    repaired = _repair(encoding)
    given = repaired[:4]
    if len({field, *given}) != 1 + len(given):
        raise DecodeError("separators are not distinct", "MSH-2")
    signs = given + "".join(_ABSENT if sign in field + given else sign for sign in _DEFAULTS[len(given) :])
    return _compile(
        field, signs, repaired[4:5] or "#", codec, is_regular=repaired == encoding and len(given) == 4
    )


def _are_signs(text: str) -> bool:
    return bool(text) and all("!" <= sign <= "~" and not sign.isalnum() for sign in text)


def _repair(encoding: str) -> str:
    """Undo what careless string handling does to the backslash of MSH-2: doubled by quoting, or eaten by it."""
    if encoding == "^~&":
        return _DEFAULTS
    return encoding.replace("\\\\", "\\")


def _compile(field: str, signs: str, truncation: str, codec: str, *, is_regular: bool) -> Separators:
    component, repetition, escape, subcomponent = tuple(signs)
    name, end = r"[A-Z][A-Z0-9]{2}", re.escape(field)
    quote = re.escape(escape)
    known = (
        r"(?P<sign>[FSTREP])"
        r"|X(?P<hex>(?:[0-9A-Fa-f]{2})+)"
        r"|\.(?P<command>br|sp|in|ti|sk|ce|fi|nf|BR|SP|IN|TI|SK|CE|FI|NF)[+]?(?P<count>-?[0-9]{0,2})"
        r"|[HN]"
    )
    return Separators(
        field=field,
        component=component,
        repetition=repetition,
        escape=escape,
        subcomponent=subcomponent,
        truncation=truncation,
        is_regular=is_regular,
        codec=codec,
        segment_start=re.compile(rf"(?P<indent>[ \t]*)(?P<name>{name})(?P<end>{end}|[ \t]*\Z)"),
        escape_sequence=re.compile(rf"{quote}(?:{known}){quote}"),
    )
