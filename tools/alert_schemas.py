"""Write the JSON Schemas of what goes out to `docs/schemas/`. A test says when they are not current."""

from __future__ import annotations

from pathlib import Path

from worker.alerts.schemas import alert_schema_texts

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schemas"


def main() -> None:
    """Write every schema."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in alert_schema_texts().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
