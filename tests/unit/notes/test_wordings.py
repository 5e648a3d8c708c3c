"""The many ways in which people word a finding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from worker.notes.reader import NoteReading

Read = Callable[..., NoteReading]
DATA = YAML(typ="safe").load((Path(__file__).parent / "wordings.yaml").read_text(encoding="utf-8"))
NOTHING: list[str] = DATA.pop("nothing")
OF_NOBODY_NOW = frozenset({"hypothetical", "family", "historical"})
OF_THE_PATIENT = frozenset({"present", "uncertain"})
KINDS = {"headache": {"headache", "positional-headache"}}


def said_of(finding: str, reading: NoteReading) -> set[str]:
    kinds = KINDS.get(finding, {finding})
    return {str(said.status) for name, said in reading.assertions if name in kinds}


@pytest.mark.parametrize(
    ("finding", "status"), [(finding, status) for finding in DATA for status in DATA[finding]]
)
def test_each_wording_of_a_finding_is_read(read: Read, finding: str, status: str) -> None:
    said = {text: said_of(finding, read(text)) for text in DATA[finding][status]}
    if status in OF_NOBODY_NOW:  # none of them fires: which of them it is does not matter
        assert {text: found for text, found in said.items() if found & OF_THE_PATIENT} == {}
    else:
        assert {text: found for text, found in said.items() if found != {status}} == {}


def test_every_finding_of_the_lexicon_is_worded_in_many_ways(lexicon_findings: frozenset[str]) -> None:
    assert set(DATA) == lexicon_findings
    assert {finding for finding in DATA if sum(map(len, DATA[finding].values())) < 8} == set()


def test_sentences_that_only_look_like_a_finding_state_none(read: Read) -> None:
    said = {
        text: [name for name, said in read(text).assertions if str(said.status) in OF_THE_PATIENT]
        for text in NOTHING
    }
    assert {text: found for text, found in said.items() if found} == {}
