"""Join facts into episodes: versions, identity, windows, baseline. Pure: no I/O, no clock."""
