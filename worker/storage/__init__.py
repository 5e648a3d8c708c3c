"""Where facts, alerts and positions are kept: schema, migrations and units of work."""
