"""Tornado diagrams show every bar, what is within error, and the cases that have no ratio."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.economics.one_way.paired import Paired
from lmssim.execution.simulate import Sampling
from lmssim.report.sensitivity.tornado.figures import plot_icer, plot_tornado
from lmssim.report.sensitivity.tornado.tables import presented
from lmssim.report.sensitivity.tornado.words import order_sentence, sentences, turning_sentences
from lmssim.studies.sensitivity.one_way.bar import VALUES, Bar
from lmssim.studies.sensitivity.one_way.study import Asked, one_way
from lmssim.studies.sensitivity.paired.runs import Drawn
from lmssim.studies.sensitivity.paired.varied import Varied
from tests.kit.linear import linear_program

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from lmssim.studies.sensitivity.one_way.result import OneWay

ENDS = {
    "dearer": (1500.0, 0.1),
    "worse": (1000.0, -0.1),
    "cheaper": (-1500.0, 0.1),
    "turned": (-1000.0, -0.1),
    "idle": (1000.0, 0.1),
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> OneWay:
    """A bar for each case at its upper end; the base case is 1,000 for 0.1 QALYs."""
    program = linear_program(tmp_path_factory.mktemp("linear"))
    whole = one_way(Drawn(program, Sampling(n_patients=2, counting=False), 20), 20, Asked(top=0))
    base = _exact(1000.0, 0.1)
    bars = [
        Bar(Varied(name, name, "", 0.0, 1.0, "", (name,)), VALUES, base, base, _exact(*end), "runs")
        for name, end in ENDS.items()
    ]
    return replace(whole, base=base, bars=bars, blocks=())


@pytest.fixture(scope="module")
def with_block(tmp_path_factory: pytest.TempPathFactory) -> OneWay:
    """All bars of the linear model, and that of its block."""
    program = linear_program(tmp_path_factory.mktemp("linear"))
    return one_way(Drawn(program, Sampling(n_patients=2, counting=False), 200), 200, Asked())


def _exact(cost: float, effect: float) -> Paired:
    return Paired(np.array([cost, effect]), np.zeros((1, 2)))


def _texts(ax: Axes) -> str:
    return " | ".join(text.get_text() for text in ax.texts)


def test_each_bar_has_its_row_and_the_longest_is_on_top(found: OneWay) -> None:
    """Two halves each, and the base case and nothing as lines."""
    ax = plot_tornado(found)
    names = [label.get_text().partition(":")[0] for label in ax.get_yticklabels()]
    assert names == ["worse", "cheaper", "turned", "dearer", "idle"]
    assert len(ax.patches) == 2 * len(ENDS)
    assert len(ax.lines) == 2


def test_ends_without_a_ratio_are_named(found: OneWay) -> None:
    """And the end that has one is a bar."""
    said = _texts(plot_icer(found))
    for case in ("high: dominated", "high: dominant", "high: changed direction", "high: nothing changed"):
        assert case in said
    assert len(plot_icer(found).patches) >= 1


def test_bars_within_error_are_joined(found: OneWay) -> None:
    """By a sign between their rows, and in words."""
    noise = np.array([[0.0, 0.5], [0.0, -0.5]])
    loud = [replace(bar, high=Paired(bar.high.mean, noise * (k + 1))) for k, bar in enumerate(found.bars)]
    still = [replace(bar, base=Paired(bar.base.mean, 0 * noise), low=Paired(bar.low.mean, 0 * noise)) for bar in loud]
    doubtful = replace(found, bars=still)
    assert "≈" in _texts(plot_tornado(doubtful))
    assert "≈" not in _texts(plot_tornado(found))
    assert "within error" in order_sentence(doubtful)
    assert "within error" not in order_sentence(found)


def test_the_page_explains_the_cases(found: OneWay) -> None:
    """If the ratio was asked for; and which parameters turn the sign is said either way."""
    titles = [table.title for table in presented(found, "icer").tables]
    assert "Cases of a cost per QALY gained" in titles
    assert "Cases of a cost per QALY gained" not in [table.title for table in presented(found, "nb").tables]
    assert "2 of 5 parameters change which of the two is better" in turning_sentences(found)[0]


def test_a_block_is_told_apart_from_parameters(with_block: OneWay) -> None:
    """Its bar is hatched, its row says that it is a whole, and it is none of the parameters that turn the sign."""
    ax = plot_tornado(with_block)
    rows = [label.get_text() for label in ax.get_yticklabels()]
    assert sum("pair as a whole (2 parameters drawn jointly): middle 95% of its draws" in row for row in rows) == 1
    assert sum(bool(patch.get_hatch()) for patch in ax.patches) == 2
    said = " ".join(sentences(with_block))
    assert "for the middle 95% of the draws of pair as a whole (2 parameters drawn jointly)" in said
    assert "in expectation over the others" in said
    assert "of 6 parameters" in said or "no parameter alone" in said


def test_no_name_is_drawn_beyond_the_picture(with_block: OneWay) -> None:
    """Names of rows end within the page."""
    ax = plot_tornado(with_block)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.canvas.draw()
    for label in ax.get_yticklabels():
        assert label.get_window_extent().x0 >= 0.0
