"""What is written is what is read: for any text, and for every vignette in every form."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.decode.fhir.document import decode_document
from worker.decode.hl7v2.message import decode_message
from worker.model.fact import Identifier
from worker.model.message import Form
from worker.simulate import hl7_writer as hl7
from worker.simulate.letters import FORMS, write
from worker.simulate.vignettes import Vignette, parse_vignettes

# Control characters end segments or frames; nobody types them into a note.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60)
HEADER = hl7.Header("APP", "SITE", "ORU^R01", "1", "20260701083000")


@pytest.fixture(scope="module")
def vignettes(root: Path) -> tuple[Vignette, ...]:
    path = root / "mappings/tests/scenarios.yaml"
    return parse_vignettes({path.name: path.read_text(encoding="utf-8")})


@given(TEXT)
def test_any_text_comes_back_from_an_observation(text: str) -> None:
    body = hl7.message(HEADER, [hl7.obx(hl7.Observation("TX", hl7.Code("1"), hl7.escape(text)))])
    found = decode_message(body).first("OBX")
    assert found is not None
    assert found.field(5).text() == text


@given(TEXT, TEXT, TEXT)
def test_any_component_comes_back_from_a_coded_field(code: str, display: str, system: str) -> None:
    body = hl7.message(HEADER, [hl7.obx(hl7.Observation("CWE", hl7.Code(code, display, system), "1"))])
    found = decode_message(body).first("OBX")
    assert found is not None
    assert [found.field(3).component(number) for number in (1, 2, 3)] == [code, display, system]


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4))
def test_any_identifiers_come_back_from_pid(pairs: list[tuple[str, str]]) -> None:
    identifiers = [Identifier(authority, value, "MR") for authority, value in pairs]
    body = hl7.message(HEADER, [hl7.pid(identifiers, hl7.Name("A", "B", None))])
    found = decode_message(body).first("PID")
    assert found is not None
    read = [Identifier(one.component(4), one.component(1), one.component(5)) for one in found.repeats(3)]
    assert read == identifiers


@pytest.mark.parametrize("form", FORMS)
def test_every_vignette_is_written_as_one_readable_message_for_each_fact(
    form: str, vignettes: tuple[Vignette, ...]
) -> None:
    for vignette in vignettes:
        messages = write(vignette, form)
        assert len(messages) == len(vignette.happenings) + bool(vignette.encounter_class)
        assert [one.received_at_ms for one in messages] == sorted(one.received_at_ms for one in messages)
        for raw in messages:
            if raw.form is Form.HL7V2:
                assert decode_message(raw.body).peek.sending_application == "LPWATCH-VIGNETTES"
            else:
                assert not decode_document(raw.body).bad_entries
