"""Laws of MLLP framing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from worker.decode.mllp import FrameFault, MllpReader, frame

LIMIT = 12
BODIES = st.lists(
    st.binary(max_size=LIMIT).filter(lambda body: b"\x0b" not in body and b"\x1c" not in body), max_size=6
)
SHARDS = st.lists(
    st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\n", b"\x00", b"a", b"body", b"x" * LIMIT]), max_size=25
)


def _read(chunks: list[bytes]) -> list[bytes | FrameFault]:
    reader = MllpReader(LIMIT)
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.finish()


@given(BODIES)
def test_what_is_framed_is_read(bodies: list[bytes]) -> None:
    assert _read([b"".join(map(frame, bodies))]) == bodies


@given(SHARDS, st.data())
def test_chunking_does_not_matter(shards: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(shards)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert _read(chunks) == _read([stream]) == _read([bytes([byte]) for byte in stream])


@given(SHARDS)
def test_every_letter_is_in_a_body_or_a_fault(shards: list[bytes]) -> None:
    stream = b"".join(shards).replace(b"x" * LIMIT, b"")
    events = _read([stream])
    letters = sum((event.body if isinstance(event, FrameFault) else event).count(b"a") for event in events)
    oversize = any(isinstance(event, FrameFault) and event.count > LIMIT for event in events)
    assert letters == stream.count(b"a") or oversize
