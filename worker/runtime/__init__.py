"""What makes the core run: ingest, assessment, delivery, clock, settings, health, metrics and logs."""
