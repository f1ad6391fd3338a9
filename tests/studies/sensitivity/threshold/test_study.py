"""Thresholds and value-based prices against closed forms, solved and simulated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.simulate import Sampling
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.paired.conditioned import Conditioned
from lmssim.studies.sensitivity.paired.response import Response
from lmssim.studies.sensitivity.paired.runs import Drawn, Reloaded, Solved, at_values
from lmssim.studies.sensitivity.threshold.search import Search
from lmssim.studies.sensitivity.threshold.study import Asked, followed, prices, thresholds
from tests.kit.linear import MEANS, SDS, WTP, base_benefit, linear_path, slope
from tests.kit.models import HEAD, absorbing, frame, move, start

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Runs

EXACT = Sampling(engine="cohort", profiles=1)
ROOTS = (0.15, 0.3, 0.45)
FREE = MEANS["price"] + base_benefit()
"""Price at which the new strategy of the linear model is worth what it costs."""


def reloaded(path: Path, sampling: Sampling = EXACT, n_draws: int = 0) -> Reloaded:
    """Runs of a scenario file."""

    def program(held: Mapping[str, float]) -> Program:
        return compile_scenario(load_scenario(path, held))

    whole = program({})
    runs: Runs = Drawn(whole, sampling, n_draws) if n_draws else at_values(whole, sampling)
    return Reloaded(runs, program)


def conditioned(path: Path, name: str, sampling: Sampling, n_draws: int) -> Conditioned:
    """What is expected given a parameter, of a scenario file."""
    runs = Drawn(compile_scenario(load_scenario(path)), sampling, n_draws)
    found = followed(runs, Asked(name), lambda held: compile_scenario(load_scenario(path, held)))
    assert isinstance(found, Conditioned)
    return found


@pytest.fixture(scope="module")
def linear(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The linear model."""
    return linear_path(tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def cubic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A strategy whose gain is a cubic function of `x`, 0 at three values; and a third strategy that leads in between.

    Net benefits over `old`: 20,000 (x - 0.15) (x - 0.3) (x - 0.45) of `new`, and 20,000 (x - 0.31) (0.35 - x) of
    `niche`.
    """
    folder = tmp_path_factory.mktemp("cubic")
    (folder / "cubic.csv").write_text(
        "id,value,distribution,low,high\nx,0.2,uniform,0,0.6\nnew,1,fixed,,\nniche,0,fixed,,\n"
    )
    text = frame(
        horizon=1.0,
        settings=f"wtp = [{WTP}]\ncost_categories = ['care']\ncomparator = 'old'",
        strategies="""
[strategies.old]
set = { new = 0 }
[strategies.new]
[strategies.niche]
set = { new = 0, niche = 1 }
""",
    )
    gain = "new * (x - 0.15) * (x - 0.3) * (x - 0.45) + niche * (x - 0.31) * (0.35 - x)"
    text += start("alive", utility=f"0.5 + {gain}", cost_per_year={"care": 1}) + absorbing("dead", death="other")
    text += move("alive", "dead", "family = 'exponential', rate = 1e-12")
    path = folder / "cubic.toml"
    path.write_text(HEAD + "parameters = ['cubic.csv']\n" + text)
    return path


@pytest.mark.parametrize("wtp", [10_000.0, 20_000.0])
def test_a_solved_threshold_is_the_closed_form(linear: Path, wtp: float) -> None:
    """Of a gain, to 1e-6 of its value."""
    found = thresholds(reloaded(linear), Asked("gain_a", -0.2, 0.2, wtps=(wtp,)), {})
    ((each,),) = found.crossings.values()
    others = MEANS["gain_b"] + MEANS["gain_x"]
    expected = (MEANS["price"] + 1000.0 * MEANS["extra_y"]) / wtp - others
    assert each.value.mean == pytest.approx(expected, rel=1e-6)
    assert (each.below, each.above) == ("old", "new")
    assert each.slope == pytest.approx(wtp, rel=1e-6)


def test_several_thresholds_are_all_found(cubic: Path) -> None:
    """Three of a pair, in order, each to 1e-6; the table says how many there are."""
    found = thresholds(reloaded(cubic), Asked("x", 0.0, 0.6, strategy="new"), {})
    assert [each.value.mean for each in found.crossings[WTP]] == pytest.approx(ROOTS, rel=1e-6)
    assert [each.above for each in found.crossings[WTP]] == ["new", "old", "new"]
    assert list(found.thresholds["of"]) == [3, 3, 3]


def test_a_strategy_that_leads_within_a_step_is_found(cubic: Path) -> None:
    """Between two values of a coarse scan at which others lead: the niche, where old and new are equal."""
    found = thresholds(reloaded(cubic), Asked("x", 0.0, 0.6, steps=21), {})
    leads = [each.above for each in found.crossings[WTP]]
    assert leads == ["new", "old", "niche", "old", "new"]
    ends = [each.value.mean for each in found.crossings[WTP] if "niche" in (each.below, each.above)]
    assert ends == pytest.approx([0.31, 0.35], rel=1e-6)


def test_a_simulated_threshold_is_right_within_its_error(linear: Path) -> None:
    """Over draws of the others: the closed form within 4 printed errors, which are small and not 0."""
    runs = reloaded(linear, Sampling(n_patients=2, counting=False), 400)
    ((each,),) = thresholds(runs, Asked("price", 0.0, 4_000.0), {}).crossings.values()
    assert 1.0 < each.value.se < 60.0
    assert abs(each.value.mean - FREE) < 4.0 * each.value.se


@pytest.mark.parametrize("name", ["gain_x", "extra_y"])
def test_a_threshold_of_a_joint_parameter_holds_what_comes_with_it(linear: Path, name: str) -> None:
    """Where the expected increment given it is 0, the other one of the pair following it.

    At 6,500 per QALY the gain alone would have its threshold above the mean; with the cost that comes with it, the
    threshold lies one SD below. Over eight seeds the errors are those that are printed.
    """
    wtp = 6_500.0
    expected = MEANS[name] - base_benefit(wtp) / slope(name, wtp) * SDS[name]
    off, slopes = [], []
    for seed in range(8):
        runs = conditioned(linear, name, Sampling(n_patients=2, seed=seed, counting=False), 2_000)
        found = thresholds(runs, Asked(name, wtps=(wtp,)), {})
        ((each,),) = found.crossings.values()
        off.append((each.value.mean - expected) / each.value.se)
        assert found.method == "regression"
        assert (each.below, each.above) == ("new", "old")
        slopes.append(each.slope * SDS[name])
    assert sum(slopes) / len(slopes) == pytest.approx(-slope(name, wtp), rel=0.2)
    assert max(abs(z) for z in off) < 4.0
    assert 0.3 < sum(z**2 for z in off) / len(off) < 2.5


def test_a_joint_parameter_without_a_threshold_is_refused(linear: Path) -> None:
    """With who leads throughout; and beyond its draws nothing is looked for."""
    runs = conditioned(linear, "gain_x", Sampling(n_patients=2, counting=False), 500)
    with pytest.raises(InputError, match="'new' leads at 20,000 per QALY throughout"):
        thresholds(runs, Asked("gain_x"), {})
    with pytest.raises(InputError, match=r"its draws lie between .* give a range within"):
        thresholds(runs, Asked("gain_x", -0.5, 0.5), {})


def test_a_simulated_hazard_ratio_changes_the_sign_at_one() -> None:
    """Illness-death: both strategies are equal at a log hazard ratio of 0, whatever the noise."""

    def program(held: Mapping[str, float]) -> Program:
        return compile_scenario(load_scenario("illness_death", held))

    sampling = Sampling(n_patients=2_000, counting=False)
    runs = Reloaded(at_values(program({}), sampling), program)
    found = thresholds(runs, Asked("loghr_progression", -0.4, 0.4, wtps=(20_000.0,), steps=4), {})
    ((each,),) = found.crossings.values()
    assert each.value.mean == pytest.approx(0.0, abs=1e-6)


def test_the_value_based_price_put_back_gives_no_net_benefit(linear: Path) -> None:
    """At each willingness to pay: the closed form to 1e-6, and a run with that price."""
    wtps = (10_000.0, 20_000.0, 30_000.0)
    found = prices(reloaded(linear), Asked("price", wtps=wtps), {})
    for wtp in wtps:
        ((each,),) = [found.crossings[wtp]]
        assert each.value.mean == pytest.approx(MEANS["price"] + base_benefit(wtp), rel=1e-6)
        program = compile_scenario(load_scenario(linear, {"price": each.value.mean}))
        again = Solved(program, EXACT).at({}).increment("new", "old").net_benefit(wtp)
        assert again.mean == pytest.approx(0.0, abs=1e-6 * wtp * 0.09)


def test_a_simulated_price_put_back_gives_no_net_benefit(linear: Path) -> None:
    """With the same draws and patients."""
    runs = reloaded(linear, Sampling(n_patients=2, counting=False), 100)
    ((each,),) = prices(runs, Asked("price"), {}).crossings.values()
    inmb = runs.at({"price": each.value.mean}).increment("new", "old").net_benefit(WTP)
    assert inmb.mean == pytest.approx(0.0, abs=1e-6)


def test_no_threshold_is_refused_with_who_leads(linear: Path) -> None:
    """In the range."""
    with pytest.raises(InputError, match="'new' leads at 20,000 per QALY throughout"):
        thresholds(reloaded(linear), Asked("gain_a", 0.1, 0.2), {})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Asked("gain_x", 0.0, 1.0), "drawn with multivariate normal 'pair'"),
        (Asked("gian_a"), "unknown parameter 'gian_a'"),
        (Asked("gain_a", strategy="old"), "is what it would be compared with"),
    ],
)
def test_what_cannot_be_moved_is_refused(linear: Path, asked: Asked, said: str) -> None:
    """A parameter that is drawn jointly, one that is not there, a strategy against itself."""
    with pytest.raises(InputError, match=said):
        thresholds(reloaded(linear), asked, {})


def test_a_price_that_moves_nothing_is_refused(linear: Path) -> None:
    """The cost of neither strategy."""
    with pytest.raises(InputError, match="does not move the increment"):
        prices(reloaded(linear), Asked("idle"), {})


def test_a_price_is_a_cost(linear: Path) -> None:
    """What moves QALYs has thresholds, and no price."""
    with pytest.raises(InputError, match="--price gain_a: it moves QALYs"):
        prices(reloaded(linear), Asked("gain_a"), {})


def test_results_do_not_depend_on_workers(linear: Path) -> None:
    """Nor on the block."""
    one = Sampling(n_patients=2_048, counting=False)
    asked = Asked("price", 0.0, 4_000.0, steps=3)
    found = [thresholds(reloaded(linear, each), asked, {}) for each in (one, replace(one, jobs=2, block=100))]
    assert found[0].thresholds.equals(found[1].thresholds)
    assert found[0].net_benefit.equals(found[1].net_benefit)


def test_slopes_are_those_beside_the_root_however_wide_the_range() -> None:
    """Of a difference that bends: x / (1 + x) - 1/2 has the slope 1/4 at 1; its error is 0.01 there."""

    def at(x: float) -> Response:
        net = np.array([0.0, x / (1.0 + x) - 0.5]) + np.array([[0.0, -0.02], [0.0, 0.0], [0.0, 0.02], [0.0, 0.0]])
        values = np.stack([-net, np.zeros_like(net)], axis=2)
        return Response(["old", "new"], values, np.full(4, 0.25), np.arange(4))

    error = at(1.0).increment("new", "old").net_benefit(WTP).se
    for most in (3.0, 100.0, 1e6):
        (each,) = Search(at, ["old", "new"], WTP).crossings([0.0, 0.5 * most, most])
        assert each.value.mean == pytest.approx(1.0, rel=1e-5)
        assert each.slope == pytest.approx(0.25, rel=0.02)
        assert each.value.se == pytest.approx(error / 0.25, rel=0.02)


def test_strategies_that_may_lead_at_a_threshold_are_named() -> None:
    """One 0.01 behind with an error of 0.008, and one far behind."""

    def at(x: float) -> Response:
        off = np.array([-0.02, 0.0, 0.02, 0.0])[:, None] * np.array([0.0, 0.0, 1.0, 0.0])
        net = np.array([0.0, x - 1.0, -0.01, -5.0]) + off
        values = np.stack([-net, np.zeros_like(net)], axis=2)
        return Response(["old", "new", "near", "far"], values, np.full(4, 0.25), np.arange(4))

    (each,) = Search(at, ["old", "new", "near", "far"], WTP).crossings([0.0, 3.0])
    assert (each.below, each.above, each.near) == ("old", "new", ("near",))
