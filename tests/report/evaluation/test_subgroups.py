"""Results by subgroup, as tables and as a forest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.evaluation import Sampling, evaluate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.report.evaluation.subgroups import plot_subgroups, subgroup_figures, subgroup_tables
from lmssim.studies.subgroups import SubgroupStudy, with_partitions
from tests.kit.examples import SWITCHED

if TYPE_CHECKING:
    from pathlib import Path

WTP = 1_000.0


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> SubgroupStudy:
    """A drug, by who is sick."""
    path: Path = tmp_path_factory.mktemp("subgroups") / "small.toml"
    path.write_text(SWITCHED)
    scenario = load_scenario(path)
    sampling = with_partitions(compile_scenario(scenario), Sampling(n_patients=400), ["sick"])
    return SubgroupStudy(evaluate(scenario, sampling))


def test_tables_of_each_partition(study: SubgroupStudy) -> None:
    """Subgroups, net benefits at each willingness to pay, outcomes of each subgroup, and individualised care."""
    titles = [table.title for table in subgroup_tables(study)]
    assert titles == [
        "By sick: subgroups",
        "By sick: incremental net benefit at 1,000",
        "By sick: incremental net benefit at 5,000",
        "By sick: sick 0",
        "By sick: sick 1",
        "Value of individualised care",
    ]


def test_points_of_the_forest_are_the_net_benefits(study: SubgroupStudy) -> None:
    """Everybody's, then each subgroup's, in thousands, in a panel for each strategy."""
    axes = plot_subgroups(study, "sick").axes
    compared = [s for s in study.evaluation.strategies if s != study.evaluation.scenario.comparator]
    assert len(axes) == len(compared)
    for ax, strategy in zip(axes, compared, strict=True):
        points = [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if line.get_marker() in ("D", "o")]
        evaluations = [study.evaluation, *(each.evaluation for each in study.subgroups["sick"])]
        known = [each.incremental_net_benefit(strategy, WTP).mean / 1e3 for each in evaluations]
        assert points == pytest.approx(known)


def test_each_partition_has_a_figure(study: SubgroupStudy) -> None:
    """With its title, and what the points are."""
    ((name, (_, (title, text))),) = subgroup_figures(study).items()
    assert (name, title) == ("subgroups_1", "By sick: incremental net benefit")
    assert "at 1,000 per QALY" in text
