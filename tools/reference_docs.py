"""Write `docs/reference.md` from the code: commands, settings, metrics. A test says when the page is not current."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from worker.cli.main import main as command
from worker.runtime.metrics import Metrics
from worker.runtime.role_settings import NEEDS, USES, Role
from worker.runtime.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference.md"
HEAD = """# Reference

Written from the code by `python tools/reference_docs.py`. Pack files: [tune a pack](how-to-tune-a-pack.md) and
`mappings/schema`; rules: [the rule language](rules.md).
"""


def reference() -> str:
    """Return the text of the page."""
    parts = [
        HEAD,
        "## Commands\n",
        *_commands(),
        "## Settings\n",
        *_settings(),
        "## Metrics\n",
        *_metrics(),
    ]
    return "\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if isinstance(found, click.Group):
            for inner in found.list_commands(context):
                yield from _command(f"{name} {inner}", found.get_command(context, inner))
        else:
            yield from _command(name, found)


def _command(name: str, found: click.Command | None) -> Iterator[str]:
    if found is None:
        return
    arguments = [p.make_metavar(click.Context(found)) for p in found.params if isinstance(p, click.Argument)]
    yield f"### `{' '.join(['lpwatch', name, *arguments])}`\n"
    yield f"{_first(found.help)}\n"
    for option in found.params:
        if isinstance(option, click.Option) and not option.hidden:
            yield f"- `{'`, `'.join([*option.opts, *option.secondary_opts])}`: {_flat(option.help)}"
    yield ""


def _settings() -> Iterator[str]:
    yield "Each is a key of the YAML file given by `--config`, `LPWATCH_<NAME>` in the environment, and many are an option."
    yield "One file may serve all roles: what a role does not use it passes over. A name that is no setting is an error.\n"
    roles = [role.value for role in Role]
    yield f"| setting | default | {' | '.join(roles)} | meaning |"
    yield f"|---|---|{'---|' * len(roles)}---|"
    for name, field in Settings.model_fields.items():
        used = " | ".join("✓" if name in USES[role] else "" for role in Role)
        yield f"| `{name}` | {_value(field.default)} | {used} | {_flat(field.description)} |"
    yield ""
    yield "### What a role cannot do without\n"
    for role in Role:
        yield f"- `lpwatch {role}`:"
        yield from (f"  - {need.setting}: {need.reason}" for need in NEEDS if role in need.roles)
    yield ""


def _value(default: object) -> str:
    if default is None or default in ((), ""):
        return "none"
    host, port = getattr(default, "host", None), getattr(default, "port", None)
    return (
        f"`{host}:{port}`"
        if host is not None
        else f"`{str(default).lower() if isinstance(default, bool) else default}`"
    )


def _metrics() -> Iterator[str]:
    yield "| metric | type | labels | meaning |"
    yield "|---|---|---|---|"
    for metric in vars(Metrics()).values():
        if hasattr(metric, "_documentation"):
            name = metric._name + ("_total" if metric._type == "counter" else "")  # noqa: SLF001 - no public way to ask
            labels = ", ".join(metric._labelnames) or "none"  # noqa: SLF001 - see above
            yield f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |"  # noqa: SLF001 - see above


def _first(text: str | None) -> str:
    return _flat((text or "").split("\n\n")[0])


def _flat(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def main() -> None:
    """Write the page."""
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
