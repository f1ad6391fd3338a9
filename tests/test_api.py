"""Studies from Python: named tables, `to_frame`, and pictures on axes of one's own."""

from __future__ import annotations

import doctest
from typing import TYPE_CHECKING

import pytest

import lmssim
from lmssim import api
from lmssim.errors import InputError
from lmssim.report.parts.style import new_figure

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def analysis() -> lmssim.Psa:
    """A small analysis without patients."""
    return lmssim.psa("hiv", n_draws=30, engine="cohort")


def test_results_are_tables_and_pictures(analysis: lmssim.Psa) -> None:
    """The frame is the summary; a picture is drawn where it is told to."""
    assert analysis.to_frame() is analysis.summary
    assert len(analysis.results) == 30 * 2
    for plot in (analysis.plot, analysis.plot_ceac, analysis.plot_expected_loss, analysis.plot_survival):
        axes = new_figure(5.0, 4.0).subplots()
        assert plot(axes) is axes
        assert axes.get_title(loc="left")
    assert analysis.plot().get_xlabel().startswith("Incremental QALYs")


def test_examples_are_right() -> None:
    """Each example of a docstring gives what stands beneath it."""
    found = doctest.testmod(api)
    assert found.attempted == 9
    assert not found.failed


def test_strategies_are_a_sequence() -> None:
    """A text is none."""
    with pytest.raises(InputError, match="strategies: 'mono' is not a sequence"):
        lmssim.psa("hiv", strategies="mono")


def test_a_loaded_scenario_is_taken_too(analysis: lmssim.Psa) -> None:
    """With parameters held, which then do not vary."""
    held = lmssim.psa(lmssim.load_scenario("hiv", {"rr": 0.509}), n_draws=30, engine="cohort")
    assert "rr" in set(analysis.parameters["id"])
    assert "rr" not in set(held.parameters["id"])
    assert held.increment("combination", "life_years").high < analysis.increment("combination", "life_years").high


def test_a_sweep_goes_on_from_its_folder(tmp_path: Path) -> None:
    """Rows, pictures, and one level more."""
    levels, told = {"loghr_progression": "-0.6:0.2:3", "c_stable": [500.0, 2_500.0]}, []
    found = lmssim.sweep("illness_death", levels, n_patients=200, folder=tmp_path)
    assert len(found.to_frame()) == 12
    assert found.plot().axes
    assert found.plot_best(axes=("loghr_progression", "c_stable")).axes
    assert found.plot_map("qalys").axes
    assert found.plot_pareto("cost", "qalys").axes
    more = {**levels, "c_stable": [500.0, 2_500.0, 4_500.0]}
    again = lmssim.sweep("illness_death", more, 200, folder=tmp_path, progress=lambda *done: told.append(done))
    assert told[0] == (6, 9)
    assert told[-1] == (9, 9)
    shared = again.frame[again.frame["c_stable"] < 3_000.0].drop(columns="cell").reset_index(drop=True)
    assert shared.equals(found.frame.drop(columns="cell"))
