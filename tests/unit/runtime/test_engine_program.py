"""What a pack says of a message before it is read."""

from __future__ import annotations

import pytest

from worker.model.message import Form, RawMessage
from worker.pipeline import compile_pack
from worker.runtime.engine_program import PackProgram
from worker.runtime.packs import read_layers


@pytest.fixture(scope="module")
def program() -> PackProgram:
    return PackProgram(compile_pack(read_layers(())))


@pytest.mark.parametrize(("year", "is_believed"), [("2020", True), ("9999", False)])
def test_a_message_of_a_far_year_has_no_time(program: PackProgram, year: str, *, is_believed: bool) -> None:
    body = f"MSH|^~\\&|A|B|C|D|{year}0206211000||ORU^R01|1|P|2.5".encode()
    raw = RawMessage(body=body, form=Form.HL7V2, received_at_ms=0, transport="test")
    assert (program.message_time(raw) is not None) == is_believed
