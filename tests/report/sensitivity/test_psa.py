"""Sentences, tables and pictures of a probabilistic analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import lmssim
from lmssim.economics.nesting import Credible
from lmssim.report.sensitivity.psa.bands import plot_bands
from lmssim.report.sensitivity.psa.figures import plot_acceptability, plot_draws, plot_loss
from lmssim.report.sensitivity.psa.tables import psa_table_text, report_tables
from lmssim.report.sensitivity.psa.words import (
    choice_sentences,
    interval_text,
    noise_sentences,
    optimal_sentence,
    repeated_sentences,
    who_sentence,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes


@pytest.fixture(scope="module")
def analysis() -> lmssim.Psa:
    """A small analysis of patients."""
    return lmssim.psa("hiv", n_draws=60, n_patients=60)


def test_intervals_have_no_digits_that_are_noise() -> None:
    """Ends have the digits of the mean's error."""
    assert interval_text(Credible(1234.567, 23.0, 1000.123, 1500.987, 0.1)) == "1,230 (1,000 to 1,500)"
    assert interval_text(Credible(0.123456, 0.0021, -0.1, 0.3, 0.1)) == "0.123 (-0.100 to 0.300)"
    assert interval_text(Credible(5.0, 0.0, 5.0, 5.0, 0.0)) == "5 (5 to 5)"


def test_sentences_say_what_was_done_and_found(analysis: lmssim.Psa) -> None:
    """Draws and patients; the optimal strategy at every printed willingness to pay."""
    assert who_sentence(analysis).startswith("60 joint draws of the parameters, each with 60 patients of its own")
    assert optimal_sentence(analysis).startswith(
        "Of greatest expected net benefit, by GBP per QALY up to 100,000: Zidovudine alone from 0 and Lamivudine with"
    )
    assert len(choice_sentences(analysis)) == len(analysis.wtps) == 6
    assert repeated_sentences(analysis) == []
    (noise,) = noise_sentences(analysis)
    assert noise.startswith("Patient noise was up to ")
    assert noise.endswith("and more --patients tell.")


def test_profiles_are_counted_as_they_are_solved() -> None:
    """One, where all patients are alike, however many are asked for."""
    alike = lmssim.psa("hiv", n_draws=3, engine="cohort")
    assert "each solved exactly, for 1 profile: no patient noise" in who_sentence(alike)


@pytest.mark.parametrize("plot", [plot_loss, plot_acceptability])
def test_no_curve_runs_through_the_name_of_a_range(analysis: lmssim.Psa, plot: Callable[[lmssim.Psa], Axes]) -> None:
    """Where there is a height at which none does."""
    ax = plot(analysis)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    (name,) = [text for text in ax.texts if "NICE" in text.get_text()]
    box = name.get_window_extent().transformed(ax.transData.inverted())
    x = np.linspace(box.x0, box.x1, 50)
    for line in ax.get_lines():
        y = np.interp(x, *np.asarray(line.get_data(), dtype=float))
        assert not ((y > box.y0) & (y < box.y1)).any()


def test_tables_hold_every_strategy(analysis: lmssim.Psa) -> None:
    """And no cell is empty."""
    tables = {table.title: table.frame for table in report_tables(analysis)}
    assert list(tables["Outcomes"]["strategy"]) == ["Zidovudine alone", "Lamivudine with zidovudine"]
    assert len(tables["Increments"]) == 1
    assert len(tables["Value of perfect information"]) == 6
    assert len(tables["Parameters"]) == 16
    assert all(str(cell) for table in tables.values() for cell in table.to_numpy().ravel())
    assert psa_table_text(analysis).row_count == 2


def test_pictures_show_the_frames(analysis: lmssim.Psa) -> None:
    """A curve a strategy beside frontier or value of information; an outline about the draws."""
    ceac = plot_acceptability(analysis)
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in ceac.lines}
    found = analysis.ceac[analysis.ceac["strategy"] == "mono"]["probability"]
    np.testing.assert_array_equal(lines["Zidovudine alone"], found)
    np.testing.assert_array_equal(lines["Frontier"], analysis.ceaf["probability"])
    loss = {line.get_label(): np.asarray(line.get_ydata()) for line in plot_loss(analysis).lines}
    np.testing.assert_allclose(loss["EVPI"], analysis.evpi["evpi"])
    bands = plot_bands(analysis)
    assert bands.get_title(loc="left") == "Overall survival, with 95% credible bands"
    own = analysis.survival_bands.query("endpoint == 'os' and strategy == 'mono'")
    np.testing.assert_array_equal(np.asarray(bands.lines[0].get_ydata()), own["mean"])
    outline = max((np.asarray(line.get_xydata()) for line in plot_draws(analysis).lines), key=len)
    assert len(outline) > 50
    assert outline[:, 0].min() < analysis.increment("combination", "qalys").low
