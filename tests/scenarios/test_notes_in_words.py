"""Vignettes that hang on how a note is worded: the notes are read as text, from the message to the alert."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.trials import failures_of
from worker.simulate.trial import Bench
from worker.simulate.vignettes import Vignette, parse_vignettes

pytestmark = pytest.mark.slow

FILE = Path(__file__).parent / "notes_in_words.yaml"
VIGNETTES = parse_vignettes({FILE.name: FILE.read_text(encoding="utf-8")})


@pytest.mark.parametrize("vignette", VIGNETTES, ids=lambda vignette: vignette.vignette_id)
def test_a_note_in_words_gives_exactly_its_alerts(vignette: Vignette, bench: Bench) -> None:
    assert not failures_of(vignette, bench)
