"""A mixed cohort of lumbar punctures (LPs) by setting, and one complication of every kind: what alarms cost and find."""
