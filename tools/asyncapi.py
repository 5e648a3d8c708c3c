"""Write `docs/asyncapi.yaml`: the default pack with both operational topics. A test says when it is not current."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from ruamel.yaml import YAML

from worker.runtime.asyncapi import Node, Topics, asyncapi_document
from worker.runtime.offline import load_pack

PAGE = Path(__file__).resolve().parent.parent / "docs" / "asyncapi.yaml"
HEAD = "# Written from the code by `python -m tools.asyncapi`. That of a site: `lpwatch schema asyncapi --pack DIR`.\n"
TOPICS = Topics("lpwatch.dead-letters", "lpwatch.heartbeats")


def document() -> Node:
    """Describe the topics of the default pack."""
    return asyncapi_document(load_pack().routes, TOPICS)


def text() -> str:
    """Return the text of the page."""
    out = StringIO()
    yaml = YAML()
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.dump(document(), out)
    return HEAD + out.getvalue()


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
