"""One-way analysis against closed forms of a linear model, and against brute force in illness-death."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmssim.economics.one_way.paired import Paired
from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.report.sensitivity.tornado.words import name_of
from lmssim.studies.sensitivity.one_way.bar import BLOCK, FITTED_BLOCK, REGRESSION, RUNS
from lmssim.studies.sensitivity.one_way.study import Asked, classic, one_way
from lmssim.studies.sensitivity.paired.runs import Drawn, at_values
from tests.kit.illness_death import exact
from tests.kit.linear import MEANS, SDS, WTP, Z, base_benefit, block_sd, end, linear_program, slope
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.one_way.result import OneWay

FEW = Sampling(n_patients=2, counting=False)
"""The linear model has no chance but that of the draws."""
N = 1_000


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The linear model."""
    return linear_program(tmp_path_factory.mktemp("linear"))


@pytest.fixture(scope="module")
def found(program: Program) -> OneWay:
    """All bars."""
    return one_way(Drawn(program, FEW, N), N, Asked())


def test_every_uncertain_parameter_has_a_bar(found: OneWay) -> None:
    """Of every method."""
    assert {bar.varied.id for bar in found.bars} == set(MEANS)
    assert not found.left_out


def test_what_is_drawn_jointly_is_never_moved_alone(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars of joint parameters come from regression; no run holds one."""
    held: list[str] = []
    plain = Drawn.at

    def spied(self: Drawn, values: Any, progress: Any = None) -> Any:
        held.extend(values)
        return plain(self, values, progress)

    monkeypatch.setattr(Drawn, "at", spied)
    found = one_way(Drawn(program, FEW, 50), 50, Asked(top=100))
    assert set(held) == {"gain_a", "gain_b", "price", "idle"}
    assert {bar.varied.id: bar.method for bar in found.bars} == {
        name: REGRESSION if name in ("gain_x", "extra_y") else RUNS for name in MEANS
    }


@pytest.mark.parametrize("name", [name for name in MEANS if name not in ("gain_x", "extra_y")])
def test_bars_from_runs_are_those_of_the_closed_form(found: OneWay, name: str) -> None:
    """Ends within 4 errors of it; lengths exactly, because both ends have the same draws of the others."""
    bar = next(each for each in found.bars if each.varied.id == name)
    assert bar.method == RUNS
    for side, there in zip((-1.0, 1.0), bar.ends, strict=True):
        mean, se = there.net_benefit(WTP)
        assert abs(mean - end(name, side)) < 4.0 * se
    assert bar.slope(WTP).mean == pytest.approx(2.0 * Z * slope(name), rel=1e-8, abs=1e-6)
    assert bar.slope(WTP).se < 1e-6


@pytest.mark.parametrize("name", ["gain_x", "extra_y"])
def test_bars_of_joint_parameters_hold_what_comes_with_them(found: OneWay, name: str) -> None:
    """Expected increments given one of the pair, the other following it: within 4 errors, and the error is small."""
    bar = next(each for each in found.bars if each.varied.id == name)
    for side, there in zip((-1.0, 1.0), bar.ends, strict=True):
        mean, se = there.net_benefit(WTP)
        assert abs(mean - end(name, side)) < 4.0 * se
    assert abs(bar.slope(WTP).mean - 2.0 * Z * slope(name)) < 4.0 * bar.slope(WTP).se
    assert bar.slope(WTP).se < 40.0
    alone = 2.0 * Z * (WTP * SDS["gain_x"] if name == "gain_x" else -1000.0 * SDS["extra_y"])
    assert abs(bar.slope(WTP).mean - alone) > 10.0 * bar.slope(WTP).se


def test_the_base_case_is_the_expectation(found: OneWay) -> None:
    """Within 4 errors."""
    mean, se = found.base.net_benefit(WTP)
    assert abs(mean - base_benefit()) < 4.0 * se
    assert found.contrast.strategy == "new"
    assert found.contrast.against == "old"


def test_the_order_is_stable_where_errors_say_so(program: Program) -> None:
    """Over four seeds, two bars that one seed tells apart never change places; what is near is said to be."""
    each_seed = (Sampling(n_patients=2, seed=seed, counting=False) for seed in range(4))
    runs = [one_way(Drawn(program, sampling, 200), 200, Asked()) for sampling in each_seed]
    ranks = [{place.bar.varied.id: place for place in found.places(WTP)} for found in runs]
    told = 0
    for found in runs:
        for first, second in pairwise(found.places(WTP)):
            if first.told_from_next:
                told += 1
                assert all(each[first.bar.varied.id].rank < each[second.bar.varied.id].rank for each in ranks)
    assert told >= 8
    for each in ranks:
        for place in each.values():
            assert place.rank_low <= place.rank <= place.rank_high
        joint, free = each["extra_y"], each["gain_b"]
        assert joint.rank_low <= joint.rank <= joint.rank_high
        assert free.rank_low >= 2
    assert [place.bar.varied.id for place in runs[0].places(WTP)][-1] == "idle"


def test_bars_of_illness_death_against_brute_force() -> None:
    """Each end of the bar of the hazard ratio, over the very draws of the scales: exact values within 4 errors."""
    program = bundled_program("illness_death")
    n, wtp = 100, 20_000.0
    runs = Drawn(program, Sampling(n_patients=2_000, counting=False), n)
    found = one_way(runs, n, Asked(wtps=(wtp,), top=1))
    bar = next(each for each in found.bars if each.varied.id == "loghr_progression")
    assert bar.method == RUNS
    drawn = runs.work.draws(0, n)
    names = ("scale_progression", "scale_death", "scale_death_progressed")
    for value, there in ((bar.varied.low, bar.low), (bar.varied.high, bar.high)):
        true = np.array([_benefit(value, tuple(drawn[name][k] for name in names), wtp) for k in range(n)])
        mean, _ = there.net_benefit(wtp)
        patients = np.sqrt(max(there.net_benefit(wtp).se ** 2 - true.var(ddof=1) / n, 0.0))
        assert abs(mean - true.mean()) < 4.0 * max(patients, 0.2 * there.net_benefit(wtp).se)


def _benefit(log_hr: float, scales: tuple[float, ...], wtp: float) -> float:
    """Increment of net benefit, by quadrature."""
    new, standard = exact(log_hr, (scales[0], scales[1], scales[2])), exact(0.0, (scales[0], scales[1], scales[2]))
    return wtp * (new[1] - standard[1]) - (new[2] - standard[2])


def test_the_classic_form_solves_the_others_at_their_values(program: Program) -> None:
    """Exact bars without error; what is drawn jointly has no bar of its own, with the reason."""
    found = classic(at_values(program, Sampling(engine="cohort", profiles=1)), Asked())
    assert {bar.varied.id for bar in found.bars} == {"gain_a", "gain_b", "price", "idle"}
    assert {each.id for each, _ in found.left_out} == {"gain_x", "extra_y"}
    assert all("drawn with multivariate normal 'pair'" in reason for _, reason in found.left_out)
    for bar in found.bars:
        for side, there in zip((-1.0, 1.0), bar.ends, strict=True):
            assert there.net_benefit(WTP).mean == pytest.approx(end(bar.varied.id, side), rel=1e-6, abs=1e-3)
    assert found.tornado["told_from_next"].all()
    assert found.n_bars == 5


def test_a_parameter_that_does_nothing_has_a_bar_of_no_length(found: OneWay) -> None:
    """And the ratio says that nothing changed."""
    rows = found.tornado_icer.set_index("parameter")
    assert list(rows.loc["idle", ["case_low", "case_high"]]) == ["nothing changed"] * 2
    assert found.tornado.set_index("parameter").loc["idle", "width"] == pytest.approx(0.0, abs=1e-6)


def test_results_do_not_depend_on_workers_and_runs_are_kept(program: Program, found: OneWay, tmp_path: Any) -> None:
    """Two workers, another block; and a second call takes every run from where the first kept it."""
    kept = Checkpoint(tmp_path, "key")
    other = Sampling(n_patients=2, counting=False, jobs=2, block=64)
    again = one_way(Drawn(program, other, N, kept), N, Asked())
    assert again.tornado.equals(found.tornado)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    third = one_way(Drawn(program, other, N, kept), N, Asked())
    assert third.tornado.equals(found.tornado)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("classic_form", [False, True])
def test_a_block_has_the_bar_of_the_closed_form(program: Program, found: OneWay, classic_form: bool) -> None:
    """Quantiles of a sum of two correlated normals: ends within 4 errors, which are small, at every willingness."""
    wtps = (WTP, 5_000.0)
    if classic_form:
        made = classic(at_values(program, Sampling(engine="cohort", profiles=1)), Asked(wtps=wtps))
    else:
        made = one_way(Drawn(program, FEW, N), N, Asked(wtps=wtps))
    (block,) = made.blocks
    assert block.block.members == ("gain_x", "extra_y")
    assert block.at(WTP).method == (BLOCK if classic_form else FITTED_BLOCK)
    for wtp in wtps:
        bar = block.at(wtp)
        for side, there in zip((-1.0, 1.0), bar.ends, strict=True):
            estimate = made.end(bar, there).net_benefit(wtp)
            error = float(np.hypot(estimate.se, 0.0 if classic_form else made.base.net_benefit(wtp).se))
            assert abs(estimate.mean - base_benefit(wtp) - side * Z * block_sd(wtp)) < 4.0 * error
            assert estimate.se < 0.25 * block_sd(wtp)
    assert found.n_bars == len(found.bars) + 1


def test_a_block_is_longer_than_none_of_its_parameters_alone_would_tell(program: Program, found: OneWay) -> None:
    """What offsets each other within the pair does so in the bar of the block, too."""
    (block,) = found.blocks
    apart = 2.0 * Z * np.hypot(WTP * SDS["gain_x"], 1000.0 * SDS["extra_y"])
    assert block.at(WTP).width(WTP).size < 0.8 * apart
    assert "pair as a whole" in name_of(block.at(WTP).varied)


def test_what_cannot_be_compared_is_refused(program: Program) -> None:
    """An unknown strategy, and a strategy with itself."""
    with pytest.raises(InputError, match="unknown strategy 'nwe'"):
        Asked(strategy="nwe").check(program.scenario)
    with pytest.raises(InputError, match="--strategy old: is what it would be compared with"):
        Asked(strategy="old").check(program.scenario)


@pytest.mark.parametrize(
    ("base", "low", "high", "se", "said"),
    [
        (500.0, 300.0, 700.0, 10.0, "no"),
        (500.0, -300.0, 1300.0, 10.0, "yes"),
        (500.0, -15.0, 1015.0, 10.0, "open"),
        (15.0, -300.0, 330.0, 10.0, "yes"),
        (15.0, -12.0, 42.0, 10.0, "open"),
        (5.0, -5.0, 15.0, 0.0, "yes"),
    ],
)
def test_errors_may_leave_open_whether_a_sign_changes(
    found: OneWay, base: float, low: float, high: float, se: float, said: str
) -> None:
    """Of an end just beyond 0, and of a base case that is not told from 0."""

    def paired(mean: float) -> Paired:
        return Paired(np.array([-mean, 0.0]), np.array([[se, 0.0], [0.0, 0.0]]))

    bar = replace(found.bars[0], base=paired(base), low=paired(low), high=paired(high))
    assert replace(found, base=paired(base)).turns(bar, WTP) == said
