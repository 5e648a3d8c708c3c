"""Turn note text into assertions with spans. Pure: no I/O, no clock."""
