"""Write the JSON Schemas of pack files to `mappings/schema/`, where editors find them."""

from __future__ import annotations

from pathlib import Path

from worker.alerts.route_spec import MODELS as ROUTES
from worker.mapping.schemas import schema_texts
from worker.rules.schemas import rule_schema_texts

FOLDER = Path(__file__).resolve().parent.parent / "mappings" / "schema"


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in (schema_texts() | rule_schema_texts() | schema_texts(ROUTES)).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
