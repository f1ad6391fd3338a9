"""Figures: they are written whole, the same bytes each time, with nothing on top of anything else."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from PIL import Image

from lmssim.cli.options import FORMATS
from lmssim.evaluation import Sampling, evaluate
from lmssim.report.evaluation.figures.differences import MANY
from lmssim.report.evaluation.figures.standard import (
    caption,
    plot_causes_of_death,
    plot_plane,
    plot_survival,
    write_figures,
)
from lmssim.report.parts.placement import Label, place_labels
from lmssim.report.parts.style import LINES, PALETTE, figure_style, line_style, new_figure, save_figure
from tests.kit.models import DEAD, OS, exponential, frame, move, section, start, strategy
from tests.kit.page import figure_of

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.evaluation import Evaluation
    from tests.conftest import Build


def test_all_figures_are_written(rich: Evaluation, tmp_path: Path) -> None:
    """Every standard figure in each format, and nothing half-written beside them."""
    figures = write_figures(rich, tmp_path / "figures", ["png", "svg"])
    assert list(figures) == ["plane", "survival_os", "causes_of_death", "occupancy", "diagram"]
    names = {f"{name}.{suffix}" for name in figures for suffix in ("svg", "png")}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == names
    assert all(caption(rich, name)[0] for name in figures)


def test_same_figure_same_bytes(two_strategies: Evaluation, tmp_path: Path) -> None:
    """Two calls give the same files of every format, without a date."""
    for folder in ("a", "b"):
        figure = plot_survival(two_strategies, "os").figure
        assert isinstance(figure, Figure)
        save_figure(figure, tmp_path / folder, "os", FORMATS)
        save_figure(figure_of(plot_plane(two_strategies)), tmp_path / folder, "plane", FORMATS)
    for name in (f"{figure}.{suffix}" for figure in ("os", "plane") for suffix in FORMATS):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert "<dc:date>" not in (tmp_path / "a" / "os.svg").read_text()
    assert b"CreationDate" not in (tmp_path / "a" / "os.pdf").read_bytes()


def test_curves_can_be_drawn_on_given_axes(two_strategies: Evaluation) -> None:
    """`ax` is used and returned, with a line and a name for each strategy."""
    ax = new_figure(4, 3).subplots()
    assert plot_survival(two_strategies, "os", ax) is ax
    assert [line.get_label() for line in ax.get_lines()] == ["Standard", "New treatment"]


@pytest.mark.parametrize("n", [MANY - 1, MANY, 20])
def test_curves_of_many_strategies_have_their_differences_beside_them(build: Build, n: int) -> None:
    """Each line is a curve less the comparator's, with the strategy's name at its end, and no name on another."""
    names = [f"s{i}" for i in range(n)]
    text = frame(5, strategies="".join(strategy(name, set={"r": 0.3 - 0.002 * i}) for i, name in enumerate(names)))
    text += start("a") + DEAD + move("a", "dead", exponential("r")) + OS
    found = evaluate(build(text, {"r": 0.3}).scenario, Sampling(engine="cohort"))
    figure = figure_of(plot_survival(found, "os"))
    assert len(figure.axes) == (2 if n < MANY else 3)
    if n < MANY:
        return
    left, right, _ = figure.axes
    own, gaps = ([np.asarray(line.get_ydata(), dtype=float) for line in ax.get_lines()] for ax in (left, right))
    for gap, curve in zip(gaps[1:], own, strict=True):  # the first is the axis
        assert gap == pytest.approx(100.0 * (curve - own[0]))
    assert [each.get_text() for each in right.texts] == names
    boxes = [each.get_window_extent() for each in right.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(figure.bbox.contains(*box.min) and figure.bbox.contains(*box.max) for box in boxes)


def test_png_files_keep_the_colours(two_strategies: Evaluation, tmp_path: Path) -> None:
    """White stays white, and every strategy's colour is there to the bit."""
    (path,) = save_figure(figure_of(plot_survival(two_strategies, "os")), tmp_path, "os")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    seen = {f"#{r:02X}{g:02X}{b:02X}" for r, g, b in np.unique(pixels.reshape(-1, 3), axis=0)}
    assert {PALETTE[0], PALETTE[1]} <= seen


def test_curves_of_cycles_are_steps(build: Build) -> None:
    """In a model in cycles the line falls at the ends of cycles, in one of continuous time it slopes."""
    smooth, cycles = move("a", "dead", exponential(0.3)), section("cycles", length=1, correction="start")
    for dies, style in ((smooth, "default"), (cycles + move("a", "dead", probability=0.3), "steps-post")):
        text = frame(5) + start("a") + DEAD + dies + OS
        found = evaluate(build(text).scenario, Sampling(engine="cohort"))
        (line,) = plot_survival(found, "os", new_figure(4, 3).subplots()).get_lines()
        assert line.get_drawstyle() == style


def test_no_causes_no_figure(two_strategies: Evaluation) -> None:
    """Without endpoints of deaths by cause there is nothing to stack."""
    assert plot_causes_of_death(two_strategies) is None


def test_styles_tell_strategies_apart() -> None:
    """Ten strategies have ten colours; colour and line together repeat only after thirty."""
    assert len(set(PALETTE)) == 10
    styles = [(line_style(i)["color"], str(line_style(i)["linestyle"])) for i in range(30)]
    assert len(set(styles)) == 30
    assert len(LINES) == 6


@pytest.mark.parametrize("spread", [0.0, 0.02, 1.0])
def test_labels_do_not_overlap(spread: float) -> None:
    """Nine labels of points that lie together, close or apart: no two overlap and none leaves the axes."""
    with figure_style():
        figure = new_figure(7.6, 5.2, constrained=False)
        ax = figure.subplots()
        ax.set(xlim=(-1, 2), ylim=(-1, 2))
        labels = [Label(text=f"Strategy of number {i}", x=spread * i / 9, y=spread * (i % 3) / 3) for i in range(9)]
        place_labels(ax, labels, [((-1.0, -1.0), (2.0, 2.0))])
        texts = [t for t in ax.texts if isinstance(t, Annotation)]
        boxes = [super(Annotation, t).get_window_extent() for t in texts]
        assert len(boxes) == 9
        assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
        frame = ax.get_window_extent()
        assert all(frame.contains(*box.min) and frame.contains(*box.max) for box in boxes)


def test_a_plane_without_choices_has_no_frontier(rich: Evaluation) -> None:
    """Mixes of practice alone: points, but no line and no legend."""
    file = rich.scenario.file
    mix = file.strategies["mixed"]
    strategies = dict.fromkeys(file.strategies, mix)
    scenario = replace(rich.scenario, file=file.model_copy(update={"strategies": strategies}))
    ax = plot_plane(evaluate(scenario, Sampling(n_patients=50)))
    assert ax.get_legend() is None
