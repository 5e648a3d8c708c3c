"""The `lpwatch` command."""
