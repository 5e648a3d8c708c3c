"""Write `docs/notes-evaluation.md` from `docs/notes-evaluation.yaml`, which `lpwatch notes-eval --history` appends to.

A test says when the page is not current.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DOCS = Path(__file__).resolve().parent.parent / "docs"
HISTORY, PAGE = DOCS / "notes-evaluation.yaml", DOCS / "notes-evaluation.md"
TEXT = DOCS / "notes-evaluation.in.md"
"""What people wrote of it; the tables follow."""

Entry = Mapping[str, Any]


def page() -> str:
    """Return the text of the page."""
    entries = YAML(typ="safe").load(HISTORY.read_text(encoding="utf-8"))
    parts = [
        TEXT.read_text(encoding="utf-8"),
        "\n## History of labelled sentences\n",
        *_labelled([entry for entry in entries if "all" in entry]),
        "\n## History of the rows of NegEx\n",
        *_rows([entry for entry in entries if "axes" in entry]),
        "\n## History of notes without labels\n",
        *_background([entry for entry in entries if "could_fire" in entry]),
    ]
    return "\n".join(parts) + "\n"


def _labelled(entries: list[Entry]) -> Iterator[str]:
    yield "Without those in doubt in brackets, where there are any.\n"
    yield "| release | file | sentences | exactly as labelled | status | precision | recall | F1 |"
    yield "|---|---|---|---|---|---|---|---|"
    for entry in entries:
        everything, certain = entry["all"], entry["without_doubt"]
        has_doubt = everything["sentences"] != certain["sentences"]
        head = f"| {entry['release']} | `{entry['file']}` | {everything['sentences']:,} | {everything['exact']:,} "
        for status, counts in {"all": everything["overall"], **everything["by_status"]}.items():
            other = certain["overall"] if status == "all" else certain["by_status"].get(status, [0, 0, 0])
            cells = _ratios(counts)
            if has_doubt:
                cells = [f"{one} ({two})" for one, two in zip(cells, _ratios(other), strict=True)]
            yield f"{head}| {status} | {' | '.join(cells)} |"
            head = "| | | | "


def _rows(entries: list[Entry]) -> Iterator[str]:
    yield "| release | file | rows | axis | right | extra | missed | precision | recall | F1 |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for entry in entries:
        head = f"| {entry['release']} | `{entry['file']}` | {entry['rows']:,} "
        for axis, counts in entry["axes"].items():
            numbers = " | ".join(f"{count:,}" for count in counts)
            yield f"{head}| {axis} | {numbers} | {' | '.join(_ratios(counts))} |"
            head = "| | | "


def _background(entries: list[Entry]) -> Iterator[str]:
    yield "| release | file | notes | assertions that could fire | per 1,000 notes | the most frequent |"
    yield "|---|---|---|---|---|---|"
    for entry in entries:
        count = entry["could_fire"]
        ranked = sorted(entry["by_finding"].items(), key=lambda item: (-item[1], item[0]))
        often = ", ".join(f"{finding} {number}" for finding, number in ranked[:5])
        per_thousand = f"{1_000 * count / entry['notes']:.0f}"
        yield f"| {entry['release']} | `{entry['file']}` | {entry['notes']:,} | {count:,} | {per_thousand} | {often} |"


def _ratios(counts: list[int]) -> list[str]:
    right, extra, missed = counts
    wholes = ((right, right + extra), (right, right + missed), (2 * right, 2 * right + extra + missed))
    return [f"{part / whole:.3f}" if whole else "–" for part, whole in wholes]


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
