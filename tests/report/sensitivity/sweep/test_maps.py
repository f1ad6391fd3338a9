"""Maps: areas of the best strategy, and their boundaries, of outcomes that are known."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.contour import QuadContourSet

from lmssim.errors import InputError
from lmssim.report.sensitivity.sweep.figures import caption_of, plots_of, write_figures
from lmssim.report.sensitivity.sweep.layout import layout_of
from lmssim.report.sensitivity.sweep.lines import plot_lines
from lmssim.report.sensitivity.sweep.maps import plot_decision, plot_heat
from lmssim.studies.axes import axis_of
from lmssim.studies.sweep.result import Sweep

if TYPE_CHECKING:
    from pathlib import Path

AXES = ("a=0:1:5", "b=0:2:9", "care=x,y")


def sweep(*axes: str, design: str = "grid") -> Sweep:
    """Two strategies: of the second, QALYs are 1 + a and costs 1,000 (b + 10)."""
    read = [axis_of(axis) for axis in axes]
    settings = [
        dict(zip([r.label for r in read], levels, strict=True)) for levels in product(*(r.levels for r in read))
    ]
    plan = pd.DataFrame(settings)
    plan.insert(0, "key", [str(i) for i in range(len(plan))])
    plan.insert(0, "cell", range(1, len(plan) + 1))
    rows: list[dict[str, Any]] = []
    for i, setting in enumerate(settings):
        a, b = (float(str(setting.get(name, 1.0))) for name in "ab")
        for part, qalys, cost in (("s", 1.0, 10_000.0), ("t", 1.0 + a, 1_000.0 * (b + 10.0))):
            own = {"qalys": qalys, "cost": cost, "incremental_qalys": qalys - 1.0, "incremental_cost": cost - 10_000.0}
            errors = {f"{name}_se": 0.01 for name in own}
            both = {"qalys_cost_covariance": 0.0, "incremental_qalys_cost_covariance": 0.0}
            rows.append({"key": str(i), "part": part, "error": None, **own, **errors, **both})
    about: dict[str, Any] = {
        "axes": [axis.document() for axis in read],
        "strategies": ["s", "t"],
        "strategy_labels": {"s": "Old", "t": "New"},
        "choices": ["s", "t"],
        "comparator": "s",
        "wtp": [4_000.0],
        "currency": "GBP",
        "design": design,
        "title": "Two strategies",
        "labels": {"a": "Gain"},
        "base": {"a": 0.25, "b": 1.0},
        "study": {"study": "run"},
    }
    return Sweep(plan, pd.DataFrame(rows), about)


def test_the_boundary_is_where_net_benefits_are_equal() -> None:
    """4,000 a = 1,000 b, a straight line; the new strategy is best below it. A panel for each other setting."""
    figure = plot_decision(sweep(*AXES), "nmb:4000")
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title() or ax.get_title("left") for ax in panels] == ["care = x", "care = y"]
    for ax in panels:
        sets = [each for each in ax.collections if isinstance(each, QuadContourSet)]
        points = np.concatenate([np.asarray(path.vertices) for each in sets for path in each.get_paths()])
        assert len(points) > 50
        assert np.allclose(points[:, 1], 4.0 * points[:, 0], atol=0.02)


def test_a_heat_map_shows_each_cell() -> None:
    """The increment of the new strategy at each level; the comparator has no panel."""
    figure = plot_heat(sweep(*AXES), "inmb:4000")
    (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
    expected = 4_000.0 * np.linspace(0, 1, 5)[None, :] - 1_000.0 * np.linspace(0, 2, 9)[:, None]
    assert np.allclose(np.asarray(mesh.get_array()).reshape(9, 5), expected)
    assert figure.axes[0].get_title("left") == "New"


@pytest.mark.parametrize("outcome", ["qalys", "incremental_qalys"])
def test_noise_does_not_fill_the_scale_of_a_heat_map(outcome: str) -> None:
    """It spans four standard errors of a cell at least; and no more than the values where these are further apart."""
    for error, span in ((2.0, 8.0), (0.01, 1.0)):
        found = sweep("a=0:1:5", "b=0:2:9")
        found.rows[f"{outcome}_se"] = error
        figure = plot_heat(found, outcome)
        (mesh,) = [c for c in figure.axes[0].collections if isinstance(c, QuadMesh)]
        low, high = mesh.get_clim()
        assert high - low == pytest.approx(span)


def test_captions_name_only_what_is_drawn() -> None:
    """The own value if it lies among the levels, and the line where an increment is 0."""
    near, far = sweep("a=0:1:3", "b=0:2:3"), sweep("a=2:3:3", "b=0:2:3")
    assert "Dashed: the scenario's own value." in caption_of("lines", near, "qalys")[1]
    assert "Dashed" not in caption_of("lines", far, "qalys")[1]
    assert "Dot" in caption_of("heat_map", near, "qalys")[1]
    assert "Dot" not in caption_of("heat_map", far, "qalys")[1]
    assert "increment is 0" in caption_of("heat_map", far, "inmb:4000")[1]
    assert "increment is 0" not in caption_of("heat_map", far, "qalys")[1]


def test_axes_are_chosen_by_their_levels() -> None:
    """Two axes of numbers make a map, the rest panels; one makes lines; others can be asked for."""
    layout = layout_of(sweep(*AXES))
    assert (layout.x, layout.y, layout.panels) == ("a", "b", [{"care": "x"}, {"care": "y"}])
    assert layout_of(sweep("a=0,1", "care=x,y")).y is None
    assert layout_of(sweep(*AXES), ("b",)).panels[0] == {"a": 0.0, "care": "x"}
    with pytest.raises(InputError, match="unknown axis 'c'"):
        layout_of(sweep(*AXES), ("c",))
    with pytest.raises(InputError, match="a map needs two axes of numbers"):
        layout_of(sweep(*AXES), ("a", "care"))


def test_lines_have_a_panel_for_each_setting() -> None:
    """At most six, and the title says how many are not drawn."""
    figure = plot_lines(sweep(*AXES), "qalys")
    panels = [ax for ax in figure.axes if ax.lines]
    assert len(panels) == 6
    x, y = (np.asarray(values) for values in panels[0].lines[1].get_data())
    assert np.allclose(x, np.linspace(0, 1, 5)) or np.allclose(x, np.linspace(0, 2, 9))
    assert np.allclose(y, 1.0 + x) or np.allclose(y, y[0])


def test_figures_fit_the_design(tmp_path: Path) -> None:
    """A grid of two axes has maps; a sample has points."""
    grid = sweep("a=0:1:3", "b=0:2:3")
    assert list(plots_of(grid, "qalys")) == ["lines", "decision", "heat_map"]
    assert list(plots_of(sweep("a=0:1:3"), "qalys")) == ["lines"]
    sampled = sweep("a=0:1:3", "b=0:2:3", design="sobol")
    files = write_figures(sampled, tmp_path, outcome="nmb:100", pareto=("cost", "qalys"))
    assert sorted(path.name for each in files.values() for path in each) == ["pareto.png", "scatter.png"]
    with pytest.raises(InputError, match="unknown outcome 'qaly'"):
        plots_of(grid, "qaly")
