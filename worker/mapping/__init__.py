"""Turn decoded messages into facts with a pack. Pure: no I/O, no clock."""
