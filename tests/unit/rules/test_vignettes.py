"""The rules that ship, over all vignettes of the pack."""

from __future__ import annotations

import pytest

from tests.unit.rules.pack import default_book
from tests.unit.rules.vignettes import Told, follow, vignettes

RULES = {rule.id for rule in default_book().rules}


def expected(row: dict) -> dict[str, Told]:
    """Read what a vignette expects of the rules that ship."""
    told = {}
    for alert in row["alerts"]:
        if alert["rule"] in RULES:
            last = alert.get("escalate", {}).get("sev", alert["sev"])
            told[alert["rule"]] = Told(alert["sev"], alert["at"], last, alert.get("retract_at"))
    return told


def test_all_sixty_vignettes_are_read() -> None:
    assert len(vignettes()) == 60


@pytest.mark.parametrize("name", sorted(vignettes()))
def test_a_vignette_gives_exactly_the_findings_it_states(name: str) -> None:
    row = vignettes()[name]
    assert follow(row) == expected(row)
