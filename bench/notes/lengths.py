"""Read texts of 1 kB to 1 MB of shapes that could make a reader slow; the time for a kilobyte must stay where it is."""

from __future__ import annotations

import time
from collections.abc import Callable

from worker.notes.lexicon_reader import LexiconReader
from worker.notes.reader import LONGEST_TEXT, NoteDocument

SIZES = (1_000, 10_000, 100_000, 1_000_000)
ALLOWED = 2.0
"""Times as long for a kilobyte of the longest text that is read whole as for one of 10 kB."""
_NUMBERED = "Fever {n}, and leg weakness {n}, worse on standing.\n"


def _repeated(piece: str) -> Callable[[int], str]:
    return lambda size: (piece * (size // len(piece) + 1))[:size]


def _numbered(piece: str) -> Callable[[int], str]:
    """Return a text of which no line repeats another: what is kept of lines already read does not help."""
    return lambda size: "".join(piece.format(n=n) for n in range(size // len(piece.format(n="")) + 1))[:size]


SHAPES: dict[str, Callable[[int], str]] = {
    "lines that state findings": _numbered(_NUMBERED),
    "the same on one line": _numbered(_NUMBERED.replace("\n", ", ")),
    "one word": _repeated("x"),
    "spaces": _repeated(" "),
    "line ends": _repeated("\n"),
    "carriage returns": _repeated("\r\n "),
    "full stops": _repeated(". "),
    "numbers of points": _repeated("1. "),
    "nested lists": _repeated("- no:\n  - fever:\n    - a) leg weakness\n"),
    "brackets": _repeated("( fever ("),
    "colons": _repeated("fever: "),
    "commas": _repeated("fever, "),
    "question marks": _repeated("?fever "),
    "boxes": _repeated("[ ] fever [x] "),
    "denials": _repeated("no fever "),
    "denials, none like another": _numbered("no fever {n} "),
    "advice": _repeated("if fever but "),
    "a phrase's beginning": _repeated("weak left "),
    "the same, none like another": _numbered("weak left {n} "),
    "a phrase of many findings": _repeated("worse, "),
    "families": _repeated("mother had "),
    "scores": _repeated("pain 9/10 "),
    "headings": _repeated("PLAN: "),
    "headings of lines": _repeated("Indication: fever and\nthe headache "),
    "wrapped lines": _repeated("fever\nof "),
    "lumbar punctures": _repeated("LP 3 attempts. "),
    "apostrophes": _repeated("can't ' "),
    "beyond ASCII": _repeated("fièvre – fever’s "),
    "combining and without width": _repeated("e\u0301\u200b\u202efever "),
}


def main(*, reader: LexiconReader, quick: bool) -> None:
    """Print microseconds for a kilobyte that is read, by shape and length."""
    sizes = SIZES[:-1] if quick else SIZES
    read = [min(size, LONGEST_TEXT) for size in sizes]
    print(
        f"µs for each kB read; of a text beyond {LONGEST_TEXT:,} characters the rest is not, and it is said"
    )
    print(f"{'':30}" + "".join(f"{size // 1_000:>9,} kB" for size in sizes))
    for name, text_of in SHAPES.items():
        costs = [
            _seconds(reader, text_of(size)) / length * 1e9 for size, length in zip(sizes, read, strict=True)
        ]
        grows = "" if costs[-1] <= ALLOWED * costs[1] else "   GROWS"
        print(f"{name:30}" + "".join(f"{cost:12,.0f}" for cost in costs) + grows, flush=True)


def _seconds(reader: LexiconReader, text: str) -> float:
    """Return CPU seconds, the best of three."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        reader.read(NoteDocument("", "", text))
        taken.append(time.process_time() - start)
    return min(taken)
