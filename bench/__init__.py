"""Benchmarks: what DESIGN's budgets promise, measured against peers in one run."""
