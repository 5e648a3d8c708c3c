"""Measure one Python decoder in a process of its own: `python -m bench.decode.one NAME SHARE` prints µs/message.

Alone, because hl7apy leaves a heap behind that slows down whoever comes next.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

from bench.decode.extract import with_hl7apy, with_lpwatch, with_python_hl7
from bench.decode.messages import COUNT, make_messages
from worker.decode.hl7v2 import peek

WORKS: dict[str, Callable[[bytes], object]] = {
    "lpwatch": with_lpwatch,
    "lpwatch peek": peek,
    "python-hl7": with_python_hl7,
    "hl7apy": with_hl7apy,
}


def _us_per_message(work: Callable[[bytes], object], bodies: list[bytes]) -> float:
    gc.collect()
    start_ns = time.thread_time_ns()
    for body in bodies:
        work(body)
    return (time.thread_time_ns() - start_ns) / len(bodies) / 1000


def main(name: str, share: int) -> None:
    """Warm up on a tenth, then measure."""
    bodies = [sample.body for sample in make_messages(COUNT)][:share]
    _us_per_message(WORKS[name], bodies[: max(1, share // 10)])
    print(_us_per_message(WORKS[name], bodies))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
