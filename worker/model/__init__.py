"""What flows through the worker: frozen values, no behaviour beyond their own meaning. Pure: no I/O, no clock."""
