"""Text of messages on a screen: nothing in a name, a unit or a code can move the cursor or hide what stands beside it."""

from __future__ import annotations

import json
import re

# Beside the controls: marks of direction, and line ends that are no control. Half a surrogate pair no encoding can hold.
_ORDERING = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
_UNSEEN = re.compile(f"[\x00-\x1f\x7f-\x9f{_ORDERING}]")
_UNSEEN_IN_JSON = re.compile(f"[\x7f-\x9f{_ORDERING}]")


def visible(text: str) -> str:
    """Write out what a terminal would obey or hide, as in a Python string: ESC becomes four plain characters.

    Shape: one line in, one line out; line ends are written out as well.
    """
    return _UNSEEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def json_line(document: object, indent: int | None = None) -> str:
    """Write a document as JSON in which the same characters are escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    return _UNSEEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
