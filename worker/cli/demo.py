"""`lpwatch demo`: a simulated ward, an embedded worker, and its alerts as they come."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.live import Live

from worker.cli import demo_view
from worker.cli.main_errors import ExitCode, Failure
from worker.runtime.bootstrap import build, migrate
from worker.runtime.logs import configure_logs
from worker.runtime.metrics import Metrics
from worker.runtime.settings import Address, Settings
from worker.simulate.pace import busy_ward, paced
from worker.simulate.stage import Play, Scene, perform

if TYPE_CHECKING:
    from collections.abc import Callable

EPILOG = """\b
Examples:
  lpwatch demo
  lpwatch demo --seconds 20 --plain
"""

SEED: Final = 11
"""A ward in which something goes wrong early."""
_FRAME: Final = 10
"""Lines of the view that are not alerts."""
_STATUS_EVERY_S: Final = 5.0


@click.command(name="demo", epilog=EPILOG)
@click.option(
    "--seconds", type=click.FloatRange(min=1.0), help="End after this many seconds (default: Ctrl-C)."
)
@click.option("--plain", is_flag=True, help="Print lines instead of the live view.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0.1, max=20.0),
    default=1.5,
    show_default=True,
    help="Hours of the ward for each second.",
)
@click.option("--seed", type=int, default=SEED, show_default=True, help="Another seed is another ward.")
def demo(*, seconds: float | None, plain: bool, speed: float, seed: int) -> None:
    """Play a made-up ward into the worker over MLLP, faster than life, and show its alerts.

    Nobody in it is real. The worker is the real one, with its own temporary databases.
    """
    console = Console()
    is_plain = plain or not console.is_terminal
    click.echo("opening the ward …")
    with tempfile.TemporaryDirectory(prefix="lpwatch-demo-") as folder:
        if is_plain:
            scene = _play(Path(folder), seed, speed, seconds, _Lines())
        else:
            with Live(console=console, auto_refresh=False, screen=False) as live:
                scene = _play(Path(folder), seed, speed, seconds, _screen(live))
    click.echo(demo_view.headline(scene))
    if scene.failure:
        raise Failure(f"the demonstration stopped: {scene.failure}", ExitCode.PROBLEMS)


def _play(data: Path, seed: int, speed: float, seconds: float | None, show: Callable[[Scene], None]) -> Scene:
    configure_logs(sys.stderr, level="error")
    migrate(data)
    # Built without the environment: the demonstration is the same on every machine.
    settings = Settings.model_construct(
        data=data, mllp=Address(host="127.0.0.1", port=0), clock="messages", log_level="error"
    )
    parts = build(settings, Metrics())
    try:
        pace, messages = paced(busy_ward(seed), speed)
        return asyncio.run(perform(Play(messages, pace, seconds), parts, data, show))
    finally:
        parts.close()


def _screen(live: Live) -> Callable[[Scene], None]:
    def show(scene: Scene) -> None:
        live.update(demo_view.picture(scene, live.console.height - _FRAME), refresh=True)

    return show


class _Lines:
    """Print each notice as it comes, and the counts now and then."""

    def __init__(self) -> None:
        self._told_s = 0.0

    def __call__(self, scene: Scene) -> None:
        for alert in scene.news:
            click.echo(demo_view.line(alert))
        if scene.elapsed_s - self._told_s >= _STATUS_EVERY_S:
            self._told_s = scene.elapsed_s
            click.echo(demo_view.headline(scene))
