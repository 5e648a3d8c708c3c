"""Turn an episode, the rules and `as_of` into findings. Pure: no I/O, no clock."""
