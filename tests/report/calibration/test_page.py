"""The report of a calibration: every picture draws whatever there is to draw, and what matters is said."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from lmssim.report.calibration.page import calibration_figures, calibration_text, headline, write_report
from lmssim.report.calibration.posterior import plot_corner, prior_density
from lmssim.report.calibration.tables import conflicts, report_tables
from lmssim.report.parts.forest import plot_forest
from lmssim.studies.calibration.result import Calibration
from tests.kit.calibrated import synthetic
from tests.kit.page import Tags

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

SCRIPT = "<script>alert(1)</script>"
NAMES = ["fit", "left_out", "prior_posterior", "corner", "trace"]


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    """Eighteen targets: one far off, one a time, one not computable."""
    return synthetic()


def text_of(calibration: Calibration) -> str:
    """What a terminal of 200 columns shows."""
    console = Console(width=200, file=io.StringIO())
    with console.capture() as captured:
        console.print(calibration_text(calibration))
    return captured.get()


def fit_figure(calibration: Calibration) -> Figure:
    """The figure of observations and predictions, alone."""
    return next(figure for name, figure in calibration_figures(calibration) if name == "fit")


@pytest.mark.parametrize("size", [1, 7, 60])
def test_every_figure_draws(size: int) -> None:
    """Few or many targets, quantities, studies left out."""
    found: dict[str, Figure] = dict(calibration_figures(synthetic(size, min(size, 14))))
    assert list(found) == NAMES
    for figure in found.values():
        figure.draw_without_rendering()
        assert all(np.isfinite(figure.get_size_inches()))


@pytest.mark.parametrize("size", [7, 60])
def test_names_do_not_overlap(size: int) -> None:
    """In a forest plot every row has room for its name, and no name leaves the page."""
    figure = fit_figure(synthetic(size))
    figure.draw_without_rendering()
    page = figure.bbox
    for ax in figure.axes:
        boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
        assert all(box.x0 >= page.x0 and box.y0 >= page.y0 and box.y1 <= page.y1 for box in boxes)


def test_bounds_and_blanks_draw(calibration: Calibration) -> None:
    """Nothing to show; constant draws, one ensemble, all burn-in; shares of 0 and 1."""
    assert plot_forest([], "Nothing").axes
    chain = calibration.chain.assign(lr_shape=1.0)
    trace = calibration.trace[calibration.trace["ensemble"] == 0].assign(burn_in=True, mean=0.5, low=0.5, high=0.5)
    fit = calibration.fit.assign(observed=0.0, predicted=1.0, low=1.0, high=1.0, inside=None)
    odd = replace(calibration, chain=chain, trace=trace, fit=fit)
    for _, figure in calibration_figures(odd):
        figure.draw_without_rendering()


def test_a_corner_shows_at_most_eight() -> None:
    """Pairs of more cannot be read."""
    assert len(plot_corner(synthetic(3, 12)).axes) == 8 * 8


def test_inside_and_outside_differ_in_shape_and_colour(calibration: Calibration) -> None:
    """So that neither colour nor print is needed alone."""
    ax = fit_figure(calibration).axes[0]
    marks = {(line.get_marker(), str(line.get_color())) for line in ax.get_lines() if line.get_marker() != "None"}
    assert marks == {("o", "#0072B2"), ("D", "#D55E00")}
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert "Fitted (12 of 13 inside)" in labels
    assert "Held out (3 of 3 inside)" in labels
    assert any(text.get_text() == "not computable" for text in ax.texts)


@pytest.mark.parametrize(
    ("row", "law"),
    [
        ({"distribution": "lognormal"}, stats.lognorm(s=0.5, scale=2.0)),
        ({"distribution": ""}, stats.lognorm(s=0.5, scale=2.0)),
        ({"distribution": "normal"}, stats.norm(1.0, 2.0)),
        ({"distribution": ""}, stats.norm(1.0, 2.0)),
        ({"distribution": "beta"}, stats.beta(3.0, 7.0)),
        ({"distribution": "gamma"}, stats.gamma(4.0, scale=0.5)),
        ({"distribution": "uniform"}, stats.uniform(1.0, 2.0)),
        ({"distribution": "half_normal"}, stats.halfnorm(scale=0.5)),
        ({"distribution": "", "id": "tau_death"}, stats.halfnorm(scale=0.5)),
    ],
)
def test_the_prior_that_is_drawn_is_the_prior(row: dict[str, str], law: stats.rv_continuous) -> None:
    """Whatever its family, from what the table says of it."""
    low, high = float(law.ppf(0.025)), float(law.ppf(0.975))
    known = {"id": "x", "prior_mean": law.mean(), "prior_sd": law.std(), "prior_low": low, "prior_high": high} | row
    value, density = prior_density(next(pd.DataFrame([known]).itertuples(index=False)))
    middle = slice(100, -100)
    assert density[middle] == pytest.approx(law.pdf(value[middle]), rel=0.02)


def test_the_report_stands_alone_and_escapes(tmp_path: Path) -> None:
    """No script, no network; labels, reasons and readings are text; headings do not skip a level."""
    calibration = synthetic(7, 2)
    fit = calibration.fit.assign(label=SCRIPT, study="A & <b>B</b>", reason=SCRIPT, reading=SCRIPT)
    free = calibration.free.assign(label=SCRIPT, reason=SCRIPT)
    diagnostics = calibration.diagnostics | {"converged": False, "reasons": [SCRIPT]}
    hostile = replace(calibration, label=SCRIPT, fit=fit, free=free, diagnostics=diagnostics)
    paths = write_report(hostile, tmp_path, {"command": SCRIPT})
    assert {p.name for p in paths} == {f"{n}.png" for n in NAMES} | {"report.html"}
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "A &amp; &lt;b&gt;B&lt;/b&gt;" in text
    Tags(text).assert_stands_alone()
    Tags(text).assert_headings_in_order()


def test_a_report_is_made_again_from_its_folder(tmp_path: Path) -> None:
    """The same bytes from the tables alone."""
    calibration = synthetic(7, 1)
    first = write_report(calibration, tmp_path / "a")
    calibration.write(tmp_path / "a")
    again = write_report(Calibration.read(tmp_path / "a"), tmp_path / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in again]


def test_the_headline_says_what_must_be_known(calibration: Calibration) -> None:
    """Convergence, shares by role, studies left out, what is outside, what is not informed, conflicts."""
    text = " ".join(headline(calibration))
    for part in (
        "Converged: largest R-hat 1.006, smallest effective size 844.",
        "fitted 12 of 13 (92%), held out 3 of 3 (100%) and compared only 1 of 1 (100%). 1 could not be compared.",
        "Mean log score: fitted -3.20 (reference -4.70)",
        "Predicted without their own study: 12 of 13 inside (92%)",
        "; mean log score -3.20 (reference -4.70).",
        "Outside their predicted intervals: Gladdy 2013: Distant metastasis by 5 years.",
        "Not informed by the targets, so drawn from the prior: Death after metastasis: ratio to trials.",
        "3 conflicts: see the list of conflicts.",
    ):
        assert part in text
    scores = ["log_score", "log_score_reference"]
    earlier = replace(calibration, fit=calibration.fit.drop(columns=scores))
    assert "log score: " not in " ".join(headline(earlier))
    sentences = headline(synthetic(converged=False))
    assert sentences[0].startswith("NOT converged; do not use it: largest R-hat 1.041")
    assert "R-hat of dm_h5 is 1.041, above 1.02." in sentences[0]


def test_conflicts_are_of_three_kinds(calibration: Calibration) -> None:
    """A target that the fit misses, one that other studies do not predict, an effect that targets would move."""
    found = conflicts(calibration)
    assert [c["Kind"] for c in found] == ["Fitted target", "Study left out", "Given parameter"]
    assert found[0]["How far"] == "p 0.001; observed 62.0%, model 36.0% (20.0 to 52.0%)"
    assert found[2]["What"] == "loghr_dm_grade3"
    fit = calibration.fit.assign(role="check", p_value=0.001)
    shifts = calibration.shifts.assign(shift=0.2, conflict=False)
    assert conflicts(replace(calibration, fit=fit, shifts=shifts, left_out=calibration.left_out.iloc[:0])) == []
    assert len(conflicts(replace(calibration, fit=calibration.fit.assign(p_value=0.97)))) == 16 + 2


def test_tables_name_what_a_reader_looks_for(calibration: Calibration) -> None:
    """Every target in one table of its role; what is not informed by name; every reading; every assumed prior."""
    tables = report_tables(calibration)
    rows = [len(tables[f"fit_{i}"].frame) for i in range(3)]
    assert (sum(rows), rows) == (18, [13, 3, 2])
    assert list(tables["not_informed"].frame["Quantity"]) == [
        "Death after metastasis: ratio to trials, hazard ratio [death_frailty]"
    ]
    assert len(tables["readings"].frame) == 18
    assert "not computable: no denominator is printed" in set(tables["readings"].frame["Computed as"])
    assert list(tables["priors"].frame["Distribution"]) == ["lognormal"] * 5
    assert len(tables["tau"].frame) == 3
    published = calibration.free.assign(kind="published")
    assert "priors" not in report_tables(replace(calibration, free=published))
    plain = calibration.free.drop(columns=["kind", "reason", "distribution"])
    assert len(report_tables(replace(calibration, free=plain))["priors"].frame) == 5


def test_terminal_text_holds_targets_and_quantities(calibration: Calibration) -> None:
    """A line for each, markup in labels left alone."""
    text = text_of(replace(calibration, label="[bold]Extremity"))
    assert "[bold]Extremity" in text
    assert re.search(r"Gladdy 2013: Distant metastasis by 5 years \(n 113\) +fitted +62.0% +36.0% .* NO +0.001", text)
    assert re.search(r"not informed", text)
    assert re.search(r"Fitted target .*Gladdy", text)
    assert text.count("held out") >= 3
