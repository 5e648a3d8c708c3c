"""Write `docs/alarm-burden.md`: simulate a mixed cohort and planted complications, replay both, count notices.

The page depends on the seed and the numbers of patients alone: patients are replayed in wards of a fixed size, however many
processes share the work.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from tools.burden.page import Cohort, page
from tools.burden.rows import Shard
from tools.burden.run import default_pack, run

PAGE = Path(__file__).resolve().parent.parent / "docs" / "alarm-burden.md"
WARD = 50
"""Patients that are replayed together."""


def shards(cohort: str, seed: int, patients: int, processes: int) -> Cohort:
    """Simulate and replay a cohort, ward by ward."""
    firsts = range(0, patients, WARD)
    work = [(cohort, seed, first, min(WARD, patients - first)) for first in firsts]
    found: list[Shard] = []
    with ProcessPoolExecutor(processes) as pool:
        for shard in pool.map(run, *zip(*work, strict=True)):
            found.append(shard)
            print(f"{cohort}: {sum(one.patients for one in found)} of {patients}", file=sys.stderr)
    return Cohort(tuple(found))


def main() -> None:
    """Parse options, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.alarm_burden", description=__doc__)
    parser.add_argument("--patients", type=int, default=2_000, help="patients of the mixed cohort (2,000)")
    parser.add_argument("--planted", type=int, default=410, help="patients with a planted complication (410)")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give an equal page (1)")
    parser.add_argument("--processes", type=int, default=2, help="processes that share the work (2)")
    parser.add_argument(
        "--keep", type=Path, help="keep what was counted in this file, to write the page again"
    )
    parser.add_argument("--again", type=Path, help="write the page from such a file, and replay nothing")
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes (docs/alarm-burden.md)")
    given = parser.parse_args()
    if given.again:
        counted = msgspec.json.decode(given.again.read_bytes(), type=tuple[Cohort, Cohort])
    else:
        counted = (
            shards("mixed", given.seed, given.patients, given.processes),
            shards("planted", given.seed, given.planted, given.processes),
        )
    if given.keep:
        given.keep.write_bytes(msgspec.json.encode(counted))
    rules = [rule.id for rule in default_pack().rules.rules]
    command = f"python -m tools.alarm_burden --patients {given.patients} --planted {given.planted} --seed {given.seed}"
    given.out.write_text(page(*counted, command, rules), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
