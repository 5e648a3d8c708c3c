r"""Plain text of a Rich Text Format document. Pure: no I/O, no clock. Rich Text Format specification 1.9.1.

Paragraphs, tabs, rows and cells, points of lists, text in shapes, `\'hh` in the code page of its font or of the document,
`\uN`. What nobody sees, or what is crossed out, is left out: fonts, colours, styles, pictures, hidden, deleted and struck text,
destinations that a reader does not know. One pass over the text, whatever stands in it (ADR 0031).
"""

from __future__ import annotations

import re

import msgspec

from worker.decode.documents.extract import BROKEN, EMPTY, REST, Extract
from worker.decode.documents.layout import CELL, as_shown, join_cells

MAX_TOKENS = 500_000
"""Words, braces and texts that are read of one document; house choice: far above a note, some three seconds."""

_TOKEN = re.compile(
    r"\\(?P<word>[a-zA-Z]{1,32})(?P<number>-?[0-9]{1,10})? ?"
    r"|\\'(?P<hex>[0-9a-fA-F]{2})"
    r"|\\(?P<sign>[^a-zA-Z])"
    r"|(?P<brace>[{}])"
    r"|(?P<break>[\r\n]+)"
    r"|(?P<text>[^\\{}\r\n]+)",
)
_START = "{\\rtf"
_SKIPPED_WORDS = """colortbl stylesheet info pict object header footer headerl headerr headerf footerl footerr footerf
    generator listtable listoverridetable revtbl rsidtbl themedata datastore xmlnstbl filetbl fldinst bkmkstart bkmkend
    annotation atnid atnauthor nonshppict shprslt private latentstyles userprops"""
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_WORDS = {"par": "\n", "line": "\n", "sect": "\n", "page": "\n", "row": "\n", "nestrow": "\n"}
_WORDS |= {"tab": "\t", "cell": CELL, "nestcell": CELL, "emspace": " ", "enspace": " ", "qmspace": " "}
_WORDS |= {"emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022", "lquote": "\u2018", "rquote": "\u2019"}
_WORDS |= {"ldblquote": "\u201c", "rdblquote": "\u201d"}
_UNSEEN = {"v": "is_hidden", "deleted": "is_deleted", "strike": "is_struck", "striked": "is_struck"}
_SIGNS = {"~": "\u00a0", "\\": "\\", "{": "{", "}": "}", "_": "-", "\n": "\n", "\r": "\n"}
_SYMBOL = "symbol"
_CODE_PAGES = frozenset({437, 850, 852, 866, 874, 932, 936, 949, 950, *range(1250, 1259), 65001})
_CHARSETS = {0: "cp1252", 2: _SYMBOL, 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "cp936", 136: "cp950"}
_CHARSETS |= {161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257"}
_CHARSETS |= {204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850"}
"""`\fcharset` to the codec of `\'hh` in that font."""
_BULLETS = str.maketrans({"\u00b7": "\u2022", "\u00a7": "\u2022", "\u00a8": "\u2022", "\u00fc": "\u2713"})
"""What the usual symbol fonts show where text fonts have other signs."""
_MAX_CODE_POINT = 0x10FFFF


def is_rtf(text: str) -> bool:
    """Tell whether a text is an RTF document."""
    return text.lstrip().startswith(_START)


def read_rtf(text: str) -> Extract:
    """Read an RTF document; what is broken in it is left out."""
    if not is_rtf(text):
        return Extract(problem=BROKEN)
    found, is_cut = _plain(text)
    if not found:
        return Extract(problem=REST if is_cut else EMPTY)
    return Extract(found, gap=REST if is_cut else "")


def rtf_to_text(text: str) -> str:
    """Return the plain text of an RTF document; never raises, broken parts are left out."""
    return _plain(text)[0]


def _plain(text: str) -> tuple[str, bool]:
    """Return the text, and whether it was cut."""
    reader = _Reader()
    position = 0
    left = MAX_TOKENS
    while left and (token := _TOKEN.search(text, position)):
        position = token.end() + reader.take(token)
        left -= 1
    lines = reader.finish().split("\n")
    shown = (join_cells(line) if CELL in line else line.rstrip(" \t") for line in lines)
    return as_shown("\n".join(shown).strip()), not left


class _State(msgspec.Struct):
    """What a group inherits and gives back at its end."""

    is_skipped: bool = False
    is_hidden: bool = False
    is_deleted: bool = False
    is_struck: bool = False
    is_shape: bool = False
    is_font_table: bool = False
    fallback_size: int = 1
    font: str = ""


class _Reader:
    """The state of reading: which groups are skipped, and how many characters stand in for a Unicode one."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._groups: list[_State] = []
        self._now = _State()
        self._to_drop = 0
        self._bytes = bytearray()
        self._high = 0
        self._codec = "cp1252"
        self._fonts: dict[str, str] = {}

    def take(self, token: re.Match[str]) -> int:
        """Read one token; return how many characters behind it are no text at all."""
        kind = token.lastgroup
        if kind == "hex":
            self._hex(token["hex"])
            return 0
        if kind == "break":
            return 0
        self._flush_bytes()
        if kind == "brace":
            self._brace(token["brace"])
        elif token["word"]:
            return self._word(token["word"], token["number"])
        elif kind == "sign":
            self._sign(token["sign"])
        else:
            self._write(token["text"])
        return 0

    def finish(self) -> str:
        self._flush_bytes()
        self._flush_high()
        return "".join(self._out)

    def _brace(self, brace: str) -> None:
        if brace == "{":
            self._groups.append(msgspec.structs.replace(self._now))
        elif self._groups:
            self._now = self._groups.pop()
        self._to_drop = 0

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._now.is_skipped = True
        else:
            self._write(_SIGNS.get(sign, ""))

    def _word(self, word: str, number: str | None) -> int:
        now = self._now
        if word == "bin":
            return max(0, int(number or 0))
        if word in _WORDS:
            self._write(_WORDS[word])
        elif word == "u" and number:
            self._unicode(int(number))
        elif word in _SKIPPED:
            now.is_skipped = True
        elif word == "uc" and number:
            now.fallback_size = max(int(number), 0)
        elif word in _UNSEEN:
            setattr(now, _UNSEEN[word], number != "0")
        elif word == "plain":
            now.is_hidden = now.is_deleted = now.is_struck = False
        elif word == "shpinst":
            now.is_shape = bool(self._groups) and not self._groups[-1].is_skipped
        elif word == "shptxt" and now.is_shape:
            now.is_skipped = False
            self._write("\n")
        else:
            self._characters(word, number)
        return 0

    def _characters(self, word: str, number: str | None) -> None:
        """Note in which code page characters are written."""
        now = self._now
        if word == "ansicpg" and number and int(number) in _CODE_PAGES:
            self._codec = "utf-8" if number == "65001" else f"cp{number}"
        elif word == "mac":
            self._codec = "mac_roman"
        elif word in {"pc", "pca"}:
            self._codec = "cp437" if word == "pc" else "cp850"
        elif word == "fonttbl":
            now.is_font_table = True
        elif word == "f" and number:
            now.font = number
        elif word == "fcharset" and number and now.is_font_table and int(number) in _CHARSETS:
            self._fonts[now.font] = _CHARSETS[int(number)]

    def _hex(self, digits: str) -> None:
        if self._to_drop:
            self._to_drop -= 1
        else:
            self._bytes.append(int(digits, 16))

    def _flush_bytes(self) -> None:
        if not self._bytes:
            return
        codec = self._fonts.get(self._now.font, self._codec)
        if codec == _SYMBOL:
            text = self._bytes.decode("latin-1").translate(_BULLETS)
        else:
            # A font of Western signs in a document of another code page says nothing of its own.
            is_western = codec == "cp1252" and self._codec not in {"mac_roman", "cp437", "cp850"}
            text = self._bytes.decode(self._codec if is_western else codec, "replace")
        self._bytes.clear()
        self._write(text)

    def _unicode(self, code: int) -> None:
        point = code + 0x10000 if code < 0 else code
        if 0xD800 <= point < 0xDC00:
            self._flush_high()
            self._high = point
        elif 0xDC00 <= point < 0xE000:
            if self._high:
                point = 0x10000 + ((self._high - 0xD800) << 10) + (point - 0xDC00)
                self._high = 0
                self._write(chr(point))
            else:
                self._write("\ufffd")
        elif 0 <= point <= _MAX_CODE_POINT:
            self._write(chr(point))
        self._to_drop = self._now.fallback_size

    def _flush_high(self) -> None:
        if self._high:
            self._high = 0
            self._keep("\ufffd")

    def _write(self, text: str) -> None:
        dropped = min(self._to_drop, len(text))
        self._to_drop -= dropped
        kept = text[dropped:]
        if kept:
            self._flush_high()
            self._keep(kept)

    def _keep(self, text: str) -> None:
        now = self._now
        is_unseen = now.is_hidden or now.is_deleted or now.is_struck
        if not (now.is_skipped or is_unseen or now.is_font_table):
            self._out.append(text)
