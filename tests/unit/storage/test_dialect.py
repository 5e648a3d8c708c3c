from __future__ import annotations

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from worker.storage.dialect import Words, one_of
from worker.storage.schema import identifier

AWKWARD = st.text(st.sampled_from(["\0", "\ue000", "0", "1", "a"]), max_size=12)


@given(AWKWARD)
def test_text_for_postgresql_has_no_u0000_and_comes_back_as_it_was(text: str) -> None:
    written = Words().process_bind_param(text, postgresql.dialect())
    assert written is not None
    assert "\0" not in written
    assert Words().process_result_value(written, postgresql.dialect()) == text


@given(AWKWARD, AWKWARD)
def test_different_texts_are_written_differently(one: str, other: str) -> None:
    write = Words().process_bind_param
    assert (write(one, postgresql.dialect()) == write(other, postgresql.dialect())) == (one == other)


def test_sqlite_takes_text_as_it_is() -> None:
    assert Words().bind_processor(sqlite.dialect()) is None
    assert Words().result_processor(sqlite.dialect(), None) is None


@pytest.mark.parametrize(
    ("dialect", "text"), [(sqlite.dialect(), "IN (__[POSTCOMPILE_"), (postgresql.dialect(), "= ANY (")]
)
def test_a_list_is_one_parameter_on_postgresql(dialect: sa.Dialect, text: str) -> None:
    statement = sa.select(identifier.c.id).where(one_of(identifier.c.value, "values"))
    assert text in str(statement.compile(dialect=dialect))
