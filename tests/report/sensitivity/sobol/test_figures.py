"""Pictures of a global sensitivity analysis show what the tables say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from lmssim.execution.simulate import Sampling
from lmssim.report.sensitivity.sobol.figures import drawings, plot_indices, plot_screening, plot_shapley
from lmssim.report.sensitivity.sobol.words import sentences
from lmssim.studies.sensitivity.sobol.asked import Asked
from lmssim.studies.sensitivity.sobol.study import Study
from tests.kit.linear import linear_program

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> GlobalSensitivity:
    """Of the linear model."""
    program = linear_program(tmp_path_factory.mktemp("linear"))
    asked = Asked(strategy="new", rows=64, trajectories=10, block="pair")
    return Study(program, Sampling(n_patients=16, counting=False), asked).run()


def test_each_factor_has_its_two_marks(found: GlobalSensitivity) -> None:
    """At the values of the table, the greatest total index on top."""
    ax = plot_indices(found, "cost")
    rows = found.sobol_rows("cost")
    assert [text.get_text() for text in ax.get_yticklabels()] == [row.label for row in rows]
    first, total = (np.asarray(line.get_xdata()).tolist() for line in ax.get_lines()[:2])
    assert first == [row.first for row in rows]
    assert total == [row.total for row in rows]


def test_bars_are_those_of_the_tables(found: GlobalSensitivity) -> None:
    """Of the screening and of the Shapley effects; what is drawn jointly has a star; they draw into given axes."""
    given = Figure().add_subplot()
    ax = plot_screening(found, ax=given)
    assert ax is given
    rows = found.screening_rows("inmb:20000")
    assert _lengths(ax) == [row.mu_star for row in rows]
    assert "pair (2 parameters)*" in [text.get_text() for text in ax.get_yticklabels()]
    shapley = plot_shapley(found)
    assert _lengths(shapley) == [r.effect for r in found.shapley_rows("inmb:20000")]


def _lengths(ax: Axes) -> list[float]:
    """Lengths of bars, from the top."""
    return [bar.get_width() for bar in ax.patches if isinstance(bar, Rectangle)]


def test_every_outcome_has_a_picture_and_a_sentence(found: GlobalSensitivity) -> None:
    """Net benefit, cost and QALYs."""
    names = {"sobol_inmb_20000", "sobol_cost", "sobol_qalys", "screening", "shapley"}
    assert set(drawings(found)) == names
    said = " ".join(sentences(found))
    for words in ("Incremental net benefit at 20,000 per QALY has", "Incremental cost has", "Incremental QALYs has"):
        assert words in said
