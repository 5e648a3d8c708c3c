"""Notes of about 1 kB: made of sentences that state findings and of some that state none, or cut out of longer texts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

_SIZE = 1_000
_SEED = 20_261_122
_PLAIN = (
    "Observations stable overnight.",
    "Reviewed on the ward round with the registrar.",
    "Eating and drinking well, mobilising to the bathroom with one.",
    "Bloods sent this morning, results awaited.",
    "Plan: continue current treatment and review tomorrow.",
    "Family updated at the bedside.",
    "Slept well, analgesia as charted.",
)
DENSE, SPARSE = 0.6, 0.9
"""The share of sentences that state nothing: two lines in five state a finding, or one in ten."""


def _sentences(data: Mapping[str, object]) -> list[str]:
    """Return the sentences of a file of wordings."""
    by_finding = [by_status for by_status in data.values() if isinstance(by_status, dict)]
    return [text for by_status in by_finding for texts in by_status.values() for text in texts]


def make_notes(data: Mapping[str, object], count: int, plain: float = DENSE) -> list[str]:
    """Make notes that are all different, the same in every run; `plain` is the share of sentences that state nothing."""
    chance, sentences = random.Random(_SEED), _sentences(data)  # noqa: S311  made-up notes, not secrets
    return [_note(chance, sentences, plain) for _ in range(count)]


def cut_notes(texts: Iterable[str], count: int) -> list[str]:
    """Cut texts, a blank line between them, into notes."""
    whole = "\n\n".join(texts)
    return [whole[at : at + _SIZE] for at in range(0, len(whole) - _SIZE + 1, _SIZE)][:count]


def _note(chance: random.Random, sentences: Sequence[str], plain: float) -> str:
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < _SIZE:
        pool = _PLAIN if chance.random() < plain else sentences
        parts.append(chance.choice(pool))
    return "\n".join(parts)


def phrases_for_peers(data: Mapping[str, object]) -> list[str]:
    """Return a phrase for each finding, which is less than peers would need: it makes them faster."""
    return [name.replace("-", " ") for name, by_status in data.items() if isinstance(by_status, dict)]
