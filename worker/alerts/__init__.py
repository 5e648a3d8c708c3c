"""Turn findings and open alerts into changes. Pure: no I/O, no clock."""
