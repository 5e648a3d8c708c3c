"""Change a pack's rules in one place at a time, and see whether its vignettes notice (ADR 0020)."""
