"""Turn bytes into decoded messages. Pure: no I/O, no clock."""
