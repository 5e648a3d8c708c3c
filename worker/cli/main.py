"""The entry point of the `lpwatch` command."""

from __future__ import annotations

import click

from worker import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lpwatch")
def main() -> None:
    """Watch patients after a lumbar puncture and alert on red flags."""
