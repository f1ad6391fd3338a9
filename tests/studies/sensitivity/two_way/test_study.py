"""A map of the best strategy against a closed form, solved and simulated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.economics.lead import lead_of
from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.report.sensitivity.two_way.shown import plot_map, sentences
from lmssim.studies.axes import axis_of
from lmssim.studies.sensitivity.paired.response import Response
from lmssim.studies.sensitivity.paired.runs import Drawn, Reloaded, at_values
from lmssim.studies.sensitivity.two_way.study import check_axes, two_way
from tests.kit.linear import MEANS, WTP, linear_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.two_way.result import TwoWay

AXES = ("gain_a=-0.1:0.1:5", "price=0:2880:5")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The linear model."""
    return linear_path(tmp_path_factory.mktemp("linear"))


def mapped(path: Path, sampling: Sampling, n_draws: int = 0) -> TwoWay:
    """The map of the linear model."""

    def program(held: Mapping[str, float]) -> Program:
        return compile_scenario(load_scenario(path, held))

    whole = program({})
    runs = Drawn(whole, sampling, n_draws) if n_draws else at_values(whole, sampling)
    axes = check_axes(whole, [axis_of(text) for text in AXES])
    return two_way(Reloaded(runs, program), axes, [WTP], {"exact": not n_draws, "draws": n_draws, "patients": 2})


def benefit(gain: float, price: float) -> float:
    """Expected increment of net benefit."""
    return WTP * (gain + MEANS["gain_b"] + MEANS["gain_x"]) - price - 1000.0 * MEANS["extra_y"]


def test_every_solved_cell_is_the_closed_form(path: Path) -> None:
    """Leader, margin, and nowhere open."""
    found = mapped(path, Sampling(engine="cohort", profiles=1))
    assert len(found.cells) == 25
    for cell in found.cells:
        lead, true = cell.leads[WTP], benefit(cell.x, cell.y)
        assert lead.best == ("new" if true > 0.0 else "old")
        assert lead.margin == pytest.approx(abs(true), rel=1e-6)
        assert not lead.is_open
    assert found.open_share(WTP) == 0.0
    frame = found.two_way
    assert list(frame["gain_a"][:5]) == [-0.1, -0.05, 0.0, 0.05, 0.1]
    assert "noise leaves it open nowhere" in sentences(found)[0]


def test_noise_leaves_open_what_is_near_and_no_more(path: Path) -> None:
    """Over few draws: a cell is open if the closed form lies within about two errors of 0; else its leader is right."""
    found = mapped(path, Sampling(n_patients=2, counting=False), 60)
    assert 0.0 < found.open_share(WTP) < 0.5
    for cell in found.cells:
        lead, true = cell.leads[WTP], benefit(cell.x, cell.y)
        if lead.is_open:
            assert abs(true) < 6.0 * lead.se
        else:
            assert lead.best == ("new" if true > 0.0 else "old")


def test_the_picture_hatches_what_is_open(path: Path) -> None:
    """And names what it shows."""
    ax = plot_map(mapped(path, Sampling(n_patients=2, counting=False), 60))
    legend = ax.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "old",
        "new",
        "open: within error",
        "the scenario's own values",
    ]


def test_who_is_nearest_is_told_in_errors() -> None:
    """A strategy that is farther in money may be nearer in errors; it is then a contender."""
    rng = np.random.default_rng(1)
    noise, wild = rng.normal(size=(2, 100))
    values = np.zeros((100, 3, 2))
    values[:, 0, 0], values[:, 1, 0], values[:, 2, 0] = noise, noise + 10.0, 20.0 + 200.0 * wild
    found = lead_of(Response(("a", "b", "c"), values, np.full(100, 0.01), np.arange(100)), 1.0, ("a", "b", "c"))
    assert (found.best, found.nearest) == ("a", "c")
    assert found.contenders == ("c",)
    assert found.is_open


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("price=0:1:2",), "is given 1 times"),
        (("price=0:1:2", "price=0:1:3"), "is given twice"),
        (("price=0:1:2", "gain_x=0:1:3"), "drawn with multivariate normal 'pair'"),
        (("price=0:1:2", "gain_a=0:1"), "two or more numbers"),
        (("price=0:1:200", "gain_a=0:1:200"), "40,000 cells"),
    ],
)
def test_what_is_no_map_is_refused(path: Path, texts: tuple[str, ...], said: str) -> None:
    """One message each."""
    program = compile_scenario(load_scenario(path))
    with pytest.raises(InputError, match=said):
        check_axes(program, [axis_of(text) for text in texts])
