"""Run this benchmark alone."""

from __future__ import annotations

import sys

from bench.notes import main

main(quick="--quick" in sys.argv, lengths="--lengths" in sys.argv)
