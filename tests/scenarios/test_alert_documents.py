"""Every alert that the vignettes and the recorded ward give fits its schema, in both variants."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.rendered import recorded_notices, vignette_notices
from worker.alerts.minimal import minimal
from worker.alerts.schemas import alert_schema
from worker.notes.reader import NoteDocument
from worker.runtime.offline import load_pack
from worker.simulate.vignettes import parse_vignettes
from worker.storage.records import Outgoing

pytestmark = pytest.mark.slow
FOLDER = Path(__file__).resolve().parents[2] / "mappings" / "tests"
OF_THE_RULE = {"title", "review", "disclaimer", "withdrawal"}
"""What a minimal alert says in the words of rules and programs; a note may use the same."""
WHOLE, SMALL = (Draft202012Validator(alert_schema(name)) for name in ("alert", "alert-minimal"))


def misfits(notices: Iterable[Outgoing]) -> list[str]:
    documents = [json.loads(item.notice.body) for item in notices]
    return [
        f"{document['rule']['id']} {error.json_path}: {error.message}"
        for document in documents
        for error in (*WHOLE.iter_errors(document), *SMALL.iter_errors(minimal(document)))
    ]


@pytest.fixture(scope="module")
def notices(made_once: Callable[..., tuple[Outgoing, ...]]) -> tuple[Outgoing, ...]:
    return made_once("vignettes", vignette_notices)


def test_every_alert_of_the_vignettes_fits_its_schema(notices: tuple[Outgoing, ...]) -> None:
    assert len(notices) > 500
    assert misfits(notices) == []


def test_a_full_alert_marks_the_words_of_a_note_and_a_minimal_one_has_none_of_its_sentence(
    notices: tuple[Outgoing, ...],
) -> None:
    reader = load_pack().notes
    files = sorted(FOLDER.glob("*.yaml"))
    vignettes = parse_vignettes({path.name: path.read_text(encoding="utf-8") for path in files})
    texts = {each.text for vignette in vignettes for each in vignette.happenings if each.concept == "note"}
    phrases = {
        (finding, " ".join(text[slice(*said.span)].split()))
        for text in texts
        for finding, said in reader.read(NoteDocument("", "", text)).assertions
        if said.span
    }
    marked = 0
    for document in (json.loads(item.notice.body) for item in notices):
        shown = " ".join(str(value) for key, value in minimal(document).items() if key not in OF_THE_RULE)
        for evidence in document["evidence"]:
            if "note" in evidence:
                sentence, place = evidence["sentence"], evidence["note"]
                phrase = sentence[place["phrase_start"] : place["phrase_end"]]
                assert (evidence["concept"], " ".join(phrase.split())) in phrases
                assert not set(re.findall(r"[a-z]{3,}", sentence.lower())) & set(shown.lower().split())
                marked += 1
    assert marked > 500


@pytest.fixture(scope="module")
def recorded(shared: Path, made_once: Callable[..., tuple[Outgoing, ...]]) -> tuple[Outgoing, ...]:
    recording = shared / "feeds" / "simhospital" / "lp.mllp.gz"
    return made_once("recorded", partial(recorded_notices, recording))


def test_every_alert_of_the_recorded_ward_fits_its_schema(recorded: tuple[Outgoing, ...]) -> None:
    assert len(recorded) > 200
    assert misfits(recorded) == []


def test_the_recorded_ward_says_where_its_patients_are(recorded: tuple[Outgoing, ...]) -> None:
    places = [json.loads(item.notice.body)["location"] for item in recorded]
    known = [place["now"] for place in places if place["now"] is not None]
    assert len(known) > len(places) * 0.9
    assert all(place["unit"] and place["bed"] for place in known)
    assert all(place["remark"].startswith("unit not known") for place in places if place["now"] is None)
