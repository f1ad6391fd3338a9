"""The forest plot: every marker that is drawn stands in the legend, and no other."""

from __future__ import annotations

import math

from lmssim.report.parts.forest import ForestRow, plot_forest

NAN = math.nan


def row(*, inside: bool | None, counted: bool = True, observed: float = 0.5, low: float = NAN) -> ForestRow:
    """A share that a study observed."""
    return ForestRow("", "Target $x$", False, observed, low, NAN, 0.4, 0.3, 0.6, inside, counted)


def legend(*rows: ForestRow) -> list[str]:
    """Words of the legend."""
    return [text.get_text() for text in plot_forest(rows, "Title").legends[0].get_texts()]


def test_every_marker_stands_in_the_legend() -> None:
    """Hollow ones too, in their colour."""
    assert legend(row(inside=True)) == ["predicted, 95%", "observed, inside"]
    assert legend(row(inside=True, counted=False), row(inside=False), row(inside=None)) == [
        "predicted, 95%",
        "observed, inside, not counted",
        "observed, outside",
        "observed, not compared",
    ]
    assert "published range" in legend(row(inside=True, observed=NAN, low=0.2))


def test_hollow_in_the_plot_is_hollow_in_the_legend() -> None:
    """A target that is not counted has a white face in both."""
    figure = plot_forest([row(inside=False, counted=False)], "Title")
    drawn = [line.get_markerfacecolor() for line in figure.axes[0].lines if line.get_marker() == "D"]
    shown = [line.get_markerfacecolor() for line in figure.legends[0].get_lines() if line.get_marker() == "D"]
    assert drawn == shown == ["white"]
