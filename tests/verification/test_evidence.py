"""What the table of observations says is met is met, and what it says is missed is missed: the series are run."""

from __future__ import annotations

import pytest

from lmssim.published.ledger import load_observations
from lmssim.published.series import read_series
from tests.kit.scenarios import bundled_program, bundled_scenario

SAMPLE = "cutaneous"
"""Scenario that the suite runs; the others are for `make study`."""
COMPUTED = [f for f in load_observations() if f.status in ("met", "missed")]
SCENARIOS = sorted({by.partition(":")[0] for f in COMPUTED for by in f.by})


@pytest.mark.parametrize("name", [s if s == SAMPLE else pytest.param(s, marks=pytest.mark.study) for s in SCENARIOS])
def test_observations_are_met_or_missed_as_stated(name: str) -> None:
    """Every observation that the scenario computes, at the simulation's default size."""
    table = read_series(bundled_program(name))
    inside = {(str(row.series), str(row.target_id)): bool(row.inside) for row in table.itertuples()}
    labels = {key: series.label for key, series in bundled_scenario(name).file.series.items()}
    wrong = []
    for observation in COMPUTED:
        for by in observation.by:
            place, _, row = by.partition(":")
            if place == name and inside[labels[row.split(".")[0]], observation.observation_id] != (
                observation.status == "met"
            ):
                wrong.append(f"{observation.observation_id} is not {observation.status}")
    assert not wrong
