"""When the benefit falls, as tables and as bars."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.evaluation import Sampling
from lmssim.model.scenario import load_scenario
from lmssim.report.evaluation.periods import (
    caption_of,
    colours_of,
    headings,
    period_tables,
    plot_benefit_by_period,
)
from lmssim.studies.periods import BenefitByPeriod, benefit_by_period


@pytest.fixture(scope="module")
def study() -> BenefitByPeriod:
    """A small scenario, by two periods and beyond."""
    return benefit_by_period(load_scenario("illness_death"), Sampling(n_patients=1_100), (5.0, 10.0))


def test_the_tables_have_a_column_a_period(study: BenefitByPeriod) -> None:
    """And the whole; one table an outcome; the caption says over whom."""
    tables = period_tables(study)
    assert len(tables) == 4
    assert headings(study) == ["years 0-5", "years 5-10", "beyond year 10"]
    assert list(tables[0].frame.columns) == ["Strategy", *headings(study), "All"]
    assert "1,100 patients" in tables[0].caption


def test_bars_end_where_the_gains_do(study: BenefitByPeriod) -> None:
    """In each panel gains are stacked to the right of 0 and losses to the left, and the point is their sum."""
    axes = plot_benefit_by_period(study).axes
    for ax, outcome in zip(axes, ("qalys", "life_years_undiscounted"), strict=True):
        gains = [study.gain("new", outcome, p).mean for p in range(3)]
        ends = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]  # type: ignore[attr-defined]
        assert max(high for _, high in ends) == pytest.approx(sum(gain for gain in gains if gain > 0.0))
        assert min(low for low, _ in ends) == pytest.approx(sum(gain for gain in gains if gain < 0.0))
        points = [np.asarray(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]
        assert points[0][0] == pytest.approx(math.fsum(gains))


def test_the_caption_says_what_is_drawn(study: BenefitByPeriod) -> None:
    """No diamond where no effect ends, and a colour for each period."""
    title, text = caption_of(study)
    assert title == "When the benefit falls"
    assert "Diamond" not in text
    assert len(set(colours_of(4))) == 4
