r"""Escape sequences in text: only known, well-formed ones are decoded. Pure: no I/O, no clock. HL7 v2.5.1 ch. 2.7."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    from worker.decode.hl7v2.separators import Separators

_SIGNS = {
    "F": "field",
    "S": "component",
    "T": "subcomponent",
    "R": "repetition",
    "E": "escape",
    "P": "truncation",
}


def unescape(text: str, separators: Separators) -> str:
    r"""Replace the escape sequences of a text by what they stand for.

    `\.br\` `\.sp\` `\.ce\` become new lines, `\.sk\` blanks, other formatting commands and `\H\` `\N\` (highlighting)
    nothing. `\Xhh..\` gives the bytes in the codec of the message. Anything else stays as it stands, so that a lone
    backslash loses no text: `pain\back\leg`, `\Cxxyy\`, `\Mxxyyzz\`, `\Zxx\`.
    """
    if separators.escape not in text:
        return text

    def meaning(match: re.Match[str]) -> str:
        if sign := match["sign"]:
            found: str = getattr(separators, _SIGNS[sign])
            return found
        if digits := match["hex"]:
            return _from_hex(digits, separators.codec)
        if command := match["command"]:
            return _format(command.lower(), match["count"])
        return ""

    return separators.escape_sequence.sub(meaning, text)


def escape(text: str, separators: Separators) -> str:
    r"""Write a text so that it can stand in a field: the reverse of `unescape`, new lines as `\.br\`."""
    mark = separators.escape
    signs = {
        getattr(separators, name): f"{mark}{letter}{mark}" for letter, name in _SIGNS.items() if letter != "P"
    }
    signs["\n"] = signs["\r"] = f"{mark}.br{mark}"
    return "".join(signs.get(sign, sign) for sign in text.replace("\r\n", "\n"))


def _from_hex(digits: str, codec: str) -> str:
    raw = bytes.fromhex(digits)
    for candidate in (codec, "utf-8"):
        try:
            return _plain_ends(raw.decode(candidate))
        except UnicodeDecodeError:
            continue
    return _plain_ends(raw.decode("latin-1"))


def _plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _format(command: str, count: str) -> str:
    if command in {"br", "ce"}:
        return "\n"
    if command == "sp":
        return "\n" * max(1, int(count or 1))
    if command == "sk":
        return " " * max(0, int(count or 0))
    return ""
