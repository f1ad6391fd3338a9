"""Pages and pictures of what agencies ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib.figure import Figure

import lmssim
from lmssim.errors import InputError
from lmssim.report.parts.style import new_figure, save_figure
from lmssim.report.sensitivity.agency.page import figure_of, presented, table_text
from tests.kit.agency import BUDGET, write_disease

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.submission import Agency

PICTURES = ("plot", "plot_severity", "plot_rates", "plot_distribution", "plot_gains", "plot_budget")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Every part, over draws."""
    folder = tmp_path_factory.mktemp("page")
    path = write_disease(folder, uncertain=", uniform, , , , 0.1, 0.2")
    (folder / "budget.toml").write_text(BUDGET)
    return lmssim.agency(path, 1_600, 40, budget=folder / "budget.toml")


def test_every_picture_takes_axes_or_makes_them(found: Agency) -> None:
    """As those of any result."""
    for name in PICTURES:
        ax = getattr(found, name)()
        assert isinstance(figure_of(ax), Figure)
        given = new_figure(5.0, 4.0).subplots()
        assert getattr(found, name)(ax=given) is given


def test_pictures_have_no_text_outside(found: Agency, tmp_path: Path) -> None:
    """Every text of every figure of the page lies within it."""
    for name, each in presented(found).figures.items():
        figure = each.draw()
        assert save_figure(figure, tmp_path, name)[0].stat().st_size > 5_000
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        width, height = figure.bbox.width, figure.bbox.height
        for ax in figure.axes:
            for text in (ax.title, ax.xaxis.label, ax.yaxis.label, ax._left_title):  # type: ignore[attr-defined]
                box = text.get_window_extent(renderer)
                inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                assert not text.get_text() or inside, (name, text.get_text())


def test_the_answer_says_how_sure_the_weight_is(found: Agency) -> None:
    """A shortfall that is spread over a bound is said to lie near it."""
    told = " ".join(presented(found).answer)
    assert "The shortfall lies near a bound: a weight of 1" in told
    assert "probability of each weight is" in told
    assert str(table_text(found).caption)


def test_a_part_that_was_not_run_says_so(tmp_path: Path) -> None:
    """Its tables and pictures are refused with the reason."""
    found = lmssim.agency(write_disease(tmp_path), 1_024, parts=["rates"])
    with pytest.raises(InputError, match="severity: this part was not run"):
        found.plot_severity()
    with pytest.raises(InputError, match="severity: the part severity was not run"):
        _ = found.severity
    with pytest.raises(AttributeError):
        _ = found.nothing
    assert found.plot().get_title(loc="left").startswith("Discount rates")
    assert "severity" not in found.tables
