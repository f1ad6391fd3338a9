"""Base cases side by side."""

from __future__ import annotations

import math

import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.model.scenario import load_scenario
from lmssim.report.evaluation.by_site import site_table_text
from lmssim.studies.by_site import by_site, columns


@pytest.fixture(scope="module")
def evaluations() -> list[Evaluation]:
    """Two small scenarios, one of which has none of the tumour's endpoints."""
    sampling = Sampling(n_patients=500, seed=3, jobs=1)
    return [evaluate(load_scenario(f"examples/{name}"), sampling) for name in ("illness_death", "bos_reset")]


def test_one_row_a_scenario_and_strategy(evaluations: list[Evaluation]) -> None:
    """Outcomes are those of each evaluation; what a scenario does not have is blank."""
    table = by_site(evaluations)
    assert list(table.columns) == columns()
    assert len(table) == sum(len(each.strategies) for each in evaluations)
    first = evaluations[0]
    for s, strategy in enumerate(first.strategies):
        row = table[(table["scenario"] == first.scenario.name) & (table["strategy"] == strategy)].iloc[0]
        assert row["qalys"] == first.mean("qalys")[s]
        assert row["incremental_qalys"] == pytest.approx(first.mean("qalys")[s] - first.mean("qalys")[0])
        assert row["qalys_se"] > 0.0
        assert math.isnan(row["metastasis_5y"])


def test_terminal_table(evaluations: list[Evaluation]) -> None:
    """A line a strategy; a site's name stands once."""
    table = by_site(evaluations)
    text = site_table_text(table, 500)
    assert text.row_count == len(table)
    sites = [cell for cell in text.columns[0].cells if str(cell)]
    assert len(sites) == table["scenario"].nunique()
