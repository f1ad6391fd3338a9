"""Studies from Python: named tables, `to_frame`, and pictures on axes of one's own."""

from __future__ import annotations

import doctest

import pytest

import lmssim
from lmssim import api
from lmssim.errors import InputError
from lmssim.report.parts.style import new_figure


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
    assert found.attempted == 6
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
