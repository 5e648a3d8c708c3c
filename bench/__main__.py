"""List and run the benchmarks: `python -m bench [--quick] [--lengths] [--list] [NAME...]`."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
import traceback

BENCHMARKS = {
    "assess": "assess an episode with all rules, from nothing and after one more fact; with 1, 10 and all rules",
    "decode": "decode and extract one HL7 v2 message, against hl7apy, python-hl7 and HAPI",
    "fhir": "FHIR Observation to fact, against fhir.resources",
    "ingest": "one fact into SQLite with synchronous=FULL",
    "kafka": "Kafka to facts in PostgreSQL: one worker against a bare loop, several workers, the way to the alert topic",
    "mllp": "MLLP receive, store durably, acknowledge; against a bare asyncio server, python-hl7 and HAPI",
    "notes": "read notes of 1 kB, and the rows of NegEx, against medspaCy and negspacy; or long texts",
    "patterns": "five patterns over a stream of events, as rules, against Kafka Streams' test driver and Esper",
}


def _run(name: str, *, is_quick: bool, **further: bool) -> bool:
    """Run one benchmark; tell whether it ran to its end."""
    try:
        module = importlib.import_module(f"bench.{name}")
    except ModuleNotFoundError as error:
        print(f"{name}: not here ({error})")
        return False
    start_s = time.perf_counter()
    try:
        module.main(quick=is_quick, **further)
    except Exception:  # noqa: BLE001  one benchmark that fails must not cost the others' figures
        traceback.print_exc()
        return False
    print(f"[{name}: {time.perf_counter() - start_s:.0f} s]", flush=True)
    return True


def main() -> int:
    """Run the benchmarks that were named, or all; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default: all"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    parser.add_argument(
        "--lengths", action="store_true", help="notes: texts of 1 kB to 1 MB in place of the peers"
    )
    parser.add_argument("--list", action="store_true", help="list the benchmarks and stop")
    options = parser.parse_args()
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    if options.lengths and options.names != ["notes"]:
        parser.error("--lengths goes with notes alone")
    further = {"lengths": True} if options.lengths else {}
    failed = []
    for name in options.names or BENCHMARKS:
        print(f"\n{name}: {BENCHMARKS[name]}", flush=True)
        if not options.list and not _run(name, is_quick=options.quick, **further):
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
