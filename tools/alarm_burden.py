"""Write `docs/alarm-burden.md`: simulate a mixed cohort and planted complications, replay both, count notices.

The page depends on the seed and the numbers of patients alone: patients are replayed in wards of a fixed size, however many
processes share the work.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tools.burden.page import Cohort, page
from tools.burden.rows import Shard
from tools.burden.run import default_pack, run

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "alarm-burden.md"
WARD = 50
"""Patients that are replayed together."""


@dataclass(frozen=True)
class Ward:
    """The part of a cohort that is replayed together; `kept` is the file that has or gets its counts, if any."""

    cohort: str
    seed: int
    first: int
    patients: int
    kept: Path | None

    def count(self) -> Shard:
        """Simulate and replay the ward, or take its counts from the file."""
        if self.kept is not None and self.kept.exists():
            return msgspec.json.decode(self.kept.read_bytes(), type=Shard)
        shard = run(self.cohort, self.seed, self.first, self.patients)
        if self.kept is not None:
            self.kept.write_bytes(msgspec.json.encode(shard))
        return shard


def wards(cohort: str, seed: int, patients: int, keep: Path | None) -> list[Ward]:
    """Divide a cohort; kept counts are those of the same pack, simulator and way of counting."""
    state = _state() if keep else ""
    found = []
    for first in range(0, patients, WARD):
        size = min(WARD, patients - first)
        kept = keep and keep / f"{cohort}-{seed}-{first}-{size}-{state}.json"
        found.append(Ward(cohort, seed, first, size, kept))
    return found


def count(parts: list[Ward], processes: int) -> Cohort:
    """Count every ward, and say how far it is."""
    found: list[Shard] = []
    with ProcessPoolExecutor(processes) as pool:
        for shard in pool.map(Ward.count, parts):
            found.append(shard)
            print(f"{parts[0].cohort}: {len(found)} of {len(parts)} wards", file=sys.stderr)
    return Cohort(tuple(found))


def _state() -> str:
    """Return a digest of what counts depend on, but for the engine."""
    digest = hashlib.sha256(default_pack().digest.encode())
    for path in [*sorted((ROOT / "worker" / "simulate").rglob("*.py")), ROOT / "tools" / "burden" / "run.py"]:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    """Parse options, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.alarm_burden", description=__doc__)
    parser.add_argument("--patients", type=int, default=2_000, help="patients of the mixed cohort (2,000)")
    parser.add_argument("--planted", type=int, default=205, help="patients with a planted complication (205)")
    parser.add_argument("--seed", type=int, default=1, help="equal seeds give an equal page (1)")
    parser.add_argument("--processes", type=int, default=2, help="processes that share the work (2)")
    parser.add_argument(
        "--keep", type=Path, help="folder for the counts of each ward: begun again, it goes on"
    )
    parser.add_argument("--out", type=Path, default=PAGE, help="where the page goes (docs/alarm-burden.md)")
    given = parser.parse_args()
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
    mixed = count(wards("mixed", given.seed, given.patients, given.keep), given.processes)
    planted = count(wards("planted", given.seed, given.planted, given.keep), given.processes)
    rules = [rule.id for rule in default_pack().rules.rules]
    numbers = f"--patients {given.patients} --planted {given.planted} --seed {given.seed}"
    text = page(mixed, planted, f"python -m tools.alarm_burden {numbers}", rules)
    given.out.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
