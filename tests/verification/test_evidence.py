"""What the table of figures says is met is met, and what it says is missed is missed: the series are run."""

from __future__ import annotations

import pytest

from lmssim.published.ledger import load_figures
from lmssim.published.series import read_all_series
from tests.kit.scenarios import bundled_program, bundled_scenario

SAMPLE = "cutaneous"
"""Scenario that the suite runs; the others are for `make study`."""
COMPUTED = [f for f in load_figures() if f.status in ("met", "missed")]
SCENARIOS = sorted({by.partition(":")[0] for f in COMPUTED for by in f.by})


@pytest.mark.parametrize("name", [s if s == SAMPLE else pytest.param(s, marks=pytest.mark.study) for s in SCENARIOS])
def test_figures_are_met_or_missed_as_stated(name: str) -> None:
    """Every figure that the scenario computes, at the simulation's default size."""
    table = read_all_series(bundled_program(name))
    inside = {(str(row.series), str(row.target_id)): bool(row.inside) for row in table.itertuples()}
    labels = {key: series.label for key, series in bundled_scenario(name).file.series.items()}
    wrong = []
    for figure in COMPUTED:
        for by in figure.by:
            place, _, row = by.partition(":")
            if place == name and inside[labels[row.split(".")[0]], figure.figure_id] != (figure.status == "met"):
                wrong.append(f"{figure.figure_id} is not {figure.status}")
    assert not wrong
