"""What a person would read of HTML. Pure: no I/O, no clock. WHATWG HTML, by the parser of lexbor (ADR 0031).

Blocks, list points and table rows are lines; the cells of a row are "name: value; more"; the points of a list begin with a
hyphen. White space counts only inside `pre`.
"""

from __future__ import annotations

import re
from collections import Counter

from selectolax.lexbor import LexborHTMLParser, LexborNode

from worker.decode.documents.extract import BROKEN, EMPTY, NESTED, REST, TOO_LONG, Extract
from worker.decode.documents.layout import Lines

MAX_NODES = 100_000
"""Elements and texts that are read of one document; house choice: far above any note, some two seconds."""

MAX_OPTIONS = 1_000
"""Choices of lists; the tree builder looks through all of a list for each of them."""

DEEPEST = 256
"""Elements that may stand open inside each other: a tree builder looks up the whole chain again and again."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LINES = _names(
    """address article aside blockquote body caption center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4
    h5 h6 header hr legend main nav ol optgroup p pre section summary tbody tfoot thead ul details"""
)
_BEGIN = {"table": Lines.table, "tr": Lines.row, "td": Lines.cell, "th": Lines.cell, "li": Lines.point}
_HIDDEN = _names("head del s strike script style template title noscript object iframe svg math datalist")
_UNSEEN = ("display:none", "visibility:hidden", "line-through")
_UNTYPED = _names("hidden submit button reset image password file")
"""Kinds of `input` that say nothing of a patient."""
_DOCUMENTS = _names("-document -undef")
_CLOSE_THEMSELVES = _names(
    """area base br col embed hr img input link meta source track wbr p li dd dt td th tr tbody thead tfoot option
    colgroup caption html head body"""
)
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[a-zA-Z][a-zA-Z0-9:_-]{0,30})(?P<rest>[^<>]*)>?")
_KNOWN_TAG = re.compile(
    r"</?(?:p|div|span|br|table|tr|td|th|ul|ol|li|b|i|u|em|strong|font|pre|h[1-6]|html|body)(?:\s[^<>]{0,500})?/?>",
    re.IGNORECASE,
)
_BEGINS = re.compile(
    r"\s{0,64}<(?:!doctype|!--|html|head|body|p|div|table|ul|ol|h[1-6]|pre)\b", re.IGNORECASE
)
_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_TABLE_PART = re.compile(r"<(?:td|th|tr|tbody)\b", re.IGNORECASE)
_OPTION = re.compile(r"<option\b", re.IGNORECASE)
_TABLE = re.compile(r"<table\b", re.IGNORECASE)


def holds_tags(text: str) -> bool:
    """Tell whether a text has tags of HTML in it, whatever it is called."""
    return "<" in text and _KNOWN_TAG.search(text) is not None


def read_tagged(text: str) -> Extract:
    """Read a text with tags in it; the line ends of one that begins with none are its writer's, and stay."""
    return read_html(text if _BEGINS.match(text) else f"<pre>{text}")


def read_html(text: str) -> Extract:
    """Read an HTML document or fragment."""
    if nesting_of(text) > DEEPEST:
        return Extract(problem=NESTED)
    if sum(1 for _ in _OPTION.finditer(text)) > MAX_OPTIONS:
        return Extract(problem=TOO_LONG)
    is_table_part = _TABLE_PART.search(text) is not None and _TABLE.search(text) is None
    root = LexborHTMLParser(f"<table>{text}" if is_table_part else text).root
    if root is None:
        return Extract(problem=BROKEN)
    found, is_cut = _text_below(root)
    if not found:
        return Extract(problem=REST if is_cut else EMPTY)
    return Extract(found, gap=REST if is_cut else "")


def nesting_of(text: str) -> int:
    """Return how many elements stay open, at most, as far as tags tell; more only where end tags are left out."""
    is_open: Counter[str] = Counter()
    depth = deepest = 0
    for tag in _TAG.finditer(text):
        name = tag["name"].lower()
        if name in _CLOSE_THEMSELVES or tag["rest"].endswith("/"):
            continue
        if not tag["end"]:
            is_open[name] += 1
            depth += 1
            deepest = max(deepest, depth)
        elif is_open[name]:
            is_open[name] -= 1
            depth -= 1
    return deepest


class _Page:
    """What is read so far, and what of it is shown as it stands."""

    def __init__(self) -> None:
        self.lines = Lines()
        self._preformatted = 0

    def enter(self, node: LexborNode, tag: str) -> bool:
        """Begin an element; tell whether it is read on into."""
        if tag == "-text":
            self._add(node.text_content or "")
            return False
        if tag == "input":
            self._add(_written(node))
            return False
        if tag in _HIDDEN or (tag not in _DOCUMENTS and tag.startswith("-")) or _is_hidden(node):
            return False
        if tag == "br":
            self.lines.line_break()
        elif tag in _BEGIN:
            _BEGIN[tag](self.lines)
        elif tag in _LINES:
            self.lines.block()
        self._preformatted += tag == "pre"
        return True

    def leave(self, tag: str) -> None:
        """End an element."""
        if tag == "table":
            self.lines.end_table()
        elif tag == "tr":
            self.lines.row()
        elif tag in _LINES or tag == "li":
            self.lines.block()
        self._preformatted -= tag == "pre"

    def _add(self, text: str) -> None:
        if not self._preformatted:
            self.lines.add(_SPACE.sub(" ", text))
            return
        first, *others = text.replace("\r\n", "\n").split("\n")
        self.lines.add(first)
        for line in others:
            self.lines.line_break()
            self.lines.add(line)


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attrs
    if node.tag == "option" and "selected" not in attributes:
        return True
    style = "".join((attributes.get("style") or "").split()).casefold()
    return "hidden" in attributes or any(unseen in style for unseen in _UNSEEN)


def _written(node: LexborNode) -> str:
    """Return what a person sees of a field of a form: a box, ticked or not, or what is written in it."""
    attributes = node.attrs
    kind = (attributes.get("type") or "text").casefold()
    if kind in {"checkbox", "radio"}:
        return "[x] " if "checked" in attributes else "[ ] "
    return "" if kind in _UNTYPED else attributes.get("value") or ""


def _text_below(root: LexborNode) -> tuple[str, bool]:
    """Return the text, and whether it was cut."""
    page = _Page()
    node: LexborNode | None = root
    left = MAX_NODES
    while node is not None and left:
        left -= 1
        tag = node.tag or "-"
        if page.enter(node, tag):
            following = node.first_child
            if following is None:
                page.leave(tag)
        else:
            following = None
        while following is None and node is not None:
            following = node.next
            if following is None:
                node = node.parent
                if node is not None:
                    page.leave(node.tag or "-")
        node = following
    return page.lines.text, node is not None
