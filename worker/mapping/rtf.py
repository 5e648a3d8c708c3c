r"""Plain text of a Rich Text Format document. Pure: no I/O, no clock.

Enough for clinical notes: paragraphs, tabs, `\'hh` (Windows-1252) and `\uN` characters. Fonts, colours, styles, pictures and
hidden destinations are left out. Source: Rich Text Format specification 1.9.1.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?[0-9]{1,10})? ?"
    r"|\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<sign>[^a-zA-Z])"
    r"|(?P<brace>[{}])"
    r"|(?P<break>[\r\n]+)"
    r"|(?P<text>[^\\{}\r\n]+)",
)
_SKIPPED = frozenset(
    {
        *(
            "fonttbl",
            "colortbl",
            "stylesheet",
            "info",
            "pict",
            "object",
            "header",
            "footer",
            "headerl",
            "headerr",
        ),
        *(
            "footerl",
            "footerr",
            "generator",
            "listtable",
            "listoverridetable",
            "themedata",
            "datastore",
            "xmlnstbl",
        ),
    },
)
_WORDS = {"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "tab": "\t", "cell": "\t"}
_WORDS |= {"emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "lquote": "\u2018", "rquote": "\u2019"}
_WORDS |= {"ldblquote": "\u201c", "rdblquote": "\u201d"}
_SIGNS = {"~": "\u00a0", "\\": "\\", "{": "{", "}": "}", "_": "-", "\n": "\n", "\r": "\n"}
_MAX_CODE_POINT = 0x10FFFF


def is_rtf(text: str) -> bool:
    """Tell whether a text is an RTF document."""
    return text.lstrip().startswith("{\\rtf")


def rtf_to_text(text: str) -> str:
    """Return the plain text of an RTF document; never raises, broken parts are left out."""
    reader = _Reader()
    for token in _TOKEN.finditer(text):
        reader.take(token)
    return "".join(reader.out).strip()


class _Reader:
    """The state of reading: which groups are skipped, and how many characters stand in for a Unicode one."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self._groups: list[tuple[bool, int]] = []
        self._is_skipping = False
        self._fallback_size = 1
        self._to_drop = 0

    def take(self, token: re.Match[str]) -> None:
        kind = token.lastgroup
        if kind == "brace":
            self._brace(token["brace"])
        elif token["word"]:
            self._word(token["word"], token["number"])
        elif kind == "hex":
            self._write(bytes([int(token["hex"], 16)]).decode("cp1252", "replace"))
        elif kind == "sign":
            self._sign(token["sign"])
        elif kind == "text":
            self._write(token["text"])

    def _brace(self, brace: str) -> None:
        if brace == "{":
            self._groups.append((self._is_skipping, self._fallback_size))
        elif self._groups:
            self._is_skipping, self._fallback_size = self._groups.pop()
        self._to_drop = 0

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._is_skipping = True
        else:
            self._write(_SIGNS.get(sign, ""))

    def _word(self, word: str, number: str | None) -> None:
        if word in _SKIPPED:
            self._is_skipping = True
        elif word in _WORDS:
            self._write(_WORDS[word])
        elif word == "uc" and number:
            self._fallback_size = max(int(number), 0)
        elif word == "u" and number:
            self._unicode(int(number))

    def _unicode(self, code: int) -> None:
        point = code + 0x10000 if code < 0 else code
        if 0 <= point <= _MAX_CODE_POINT:
            self._write(chr(point))
        self._to_drop = self._fallback_size

    def _write(self, text: str) -> None:
        dropped = min(self._to_drop, len(text))
        self._to_drop -= dropped
        if not self._is_skipping:
            self.out.append(text[dropped:])
