"""Medians and restricted means against closed forms, in every engine: steps of cycles, fixed delays, smooth curves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.evaluation import Evaluation, evaluate
from lmssim.execution.simulate import Sampling
from tests.kit.models import DEAD, OS, curves, endpoint, exponential, frame, move, section, start, state

if TYPE_CHECKING:
    from tests.conftest import Build

ENGINES = ("compiled", "cohort", "des")
PATIENTS = {"compiled": 40_000, "des": 2_000, "cohort": 0}


def run(build: Build, text: str, engine: str = "cohort") -> dict[str, tuple[float, float]]:
    """Readings of the only strategy by name: value and error."""
    n = PATIENTS[engine] or 1
    found = evaluate(build(text).scenario, Sampling(n_patients=n, engine=engine, seed=5))
    return read(found)


def read(evaluation: Evaluation) -> dict[str, tuple[float, float]]:
    """The same of an evaluation."""
    rows = evaluation.summary[["outcome", "mean", "se"]].itertuples(index=False)
    return {str(outcome): (float(mean), float(se)) for outcome, mean, se in rows}


def in_cycles(p: float, length: str = "1", horizon: float = 20, times: str = "[1.0, 10.0]", more: str = OS) -> str:
    """Alive, then dead with one probability a cycle."""
    text = frame(horizon).replace("times = [1.0]", f"times = {times}")
    cycles = section("cycles", length=length, correction="start")
    return text + cycles + start("alive", utility=1) + DEAD + move("alive", "dead", probability=p) + more


@pytest.mark.parametrize("engine", ENGINES)
def test_survival_in_cycles_falls_at_their_ends(build: Build, engine: str) -> None:
    """Half die in each year: the mean time over 1 year is 1, over ten 1 + 1/2 + 1/4 ..., the median 1."""
    found = run(build, in_cycles(0.5), engine)
    assert found["os:rmst_1y"] == (1.0, 0.0)
    mean, se = found["os:rmst_10y"]
    assert mean == pytest.approx(2.0 - 0.5**9, abs=4.0 * se + 1e-12)
    assert found["os:median"][0] == 1.0


@pytest.mark.parametrize(("length", "years"), [("1/12", 1 / 12), ("28/364", 1 / 13), ("3", 3.0)])
def test_times_between_the_ends_of_cycles(build: Build, length: str, years: float) -> None:
    """At any named time survival is that of the last cycle's end, and restricted means are sums of rectangles."""
    horizon = 12
    found = run(build, in_cycles(0.1, length, horizon, "[0.55, 7.3]"))
    for tau in (0.55, 7.3):
        done = math.floor(tau / years + 1e-9)
        left = 0.9 ** np.arange(done + 1)
        assert found[f"os:{tau:g}y"][0] == pytest.approx(left[-1], rel=1e-12)
        mean = years * left[:-1].sum() + (tau - done * years) * left[-1]
        assert found[f"os:rmst_{tau:g}y"][0] == pytest.approx(mean, rel=1e-12)
    assert found["os:median"][0] == pytest.approx(7 * years if 7 * years <= horizon else math.nan, nan_ok=True)


@pytest.mark.parametrize("engine", ["compiled", "cohort"])
def test_an_origin_within_cycles(build: Build, engine: str) -> None:
    """From entry into illness on, time is counted in whole cycles too; who reaches the horizon ill is censored."""
    text = frame(6).replace("times = [1.0]", "times = [1.0, 2.0]") + section("cycles", length=1, correction="start")
    text += start("well", utility=1) + state("ill", utility=1) + DEAD
    text += move("well", "ill", probability=0.3) + move("ill", "dead", probability=0.4)
    found = run(build, text + endpoint("after", "dead", origin="ill"), engine)
    for what, exact in (("1y", 0.6), ("2y", 0.36), ("rmst_1y", 1.0), ("rmst_2y", 1.6)):
        mean, se = found[f"after:{what}"]
        assert mean == pytest.approx(exact, abs=4.0 * se + 1e-12)
    assert found["after:median"][0] == 2.0


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fixed_delay_falls_when_it_falls(build: Build, engine: str) -> None:
    """All die at 1.3 years, between two times of the grid: median and mean time are 1.3."""
    text = frame(5).replace("times = [1.0]", "times = [1.0, 2.0]")
    found = run(build, text + start("a", duration=1.3, next="dead") + DEAD + OS, engine)
    assert found["os:median"][0] == pytest.approx(1.3, abs=1e-6)
    assert found["os:rmst_2y"][0] == pytest.approx(1.3, abs=1e-8)
    assert found["os:rmst_1y"][0] == 1.0


@pytest.mark.parametrize("engine", ENGINES)
def test_smooth_survival(build: Build, engine: str) -> None:
    """Of a constant hazard of 3 a year, high for the grid, within 4 standard errors and the steps of the solution."""
    text = frame(5) + start("a") + DEAD + move("a", "dead", exponential(3.0)) + OS
    found = run(build, text + endpoint("gone", "dead", kind="incidence"), engine)
    near = 1e-4
    for name, exact in (
        ("os:median", math.log(2.0) / 3.0),
        ("os:rmst_1y", -math.expm1(-3.0) / 3.0),
        ("gone:median_time_if_any", math.log(2.0) / 3.0),
    ):
        mean, se = found[name]
        assert mean == pytest.approx(exact, abs=4.0 * se + near)


def test_mean_times_of_lives_are_exact(build: Build) -> None:
    """Over the whole horizon the restricted mean is the undiscounted life-years, to the last digits."""
    text = frame(5).replace("times = [1.0]", "times = [5.0]") + start("a") + DEAD + move("a", "dead", exponential(3.0))
    found = run(build, text + OS, "compiled")
    assert found["os:rmst_5y"][0] == pytest.approx(found["life_years_undiscounted"][0], abs=1e-9)
    assert found["os:rmst_5y"][1] == pytest.approx(found["life_years_undiscounted"][1], rel=1e-4)


def test_survival_curves_of_a_partitioned_model(build: Build) -> None:
    """The restricted mean of a curve is its integral, to the digits of its quadrature."""
    text = frame(6.03).replace("times = [1.0]", "times = [1.0, 6.0]")
    pfs = endpoint("pfs", "progressed")
    text += start("free", utility=1) + state("progressed", utility=1) + DEAD
    found = run(
        build,
        text
        + curves(
            {"pfs": exponential(2.0), "os": exponential(0.7)}, states=["free", "progressed", "dead"], background="none"
        )
        + OS
        + pfs,
    )
    for name, rate in (("pfs", 2.0), ("os", 0.7)):
        for tau in (1.0, 6.0):
            assert found[f"{name}:rmst_{tau:g}y"][0] == pytest.approx(-math.expm1(-rate * tau) / rate, abs=1e-9)
        assert found[f"{name}:median"][0] == pytest.approx(math.log(2.0) / rate, abs=1e-4)


SMOOTH = frame(3) + start("a") + DEAD + move("a", "dead", exponential(0.3)) + OS


@pytest.mark.parametrize("text", [in_cycles(0.3), SMOOTH])
def test_errors_stand_under_the_names_of_the_summary(build: Build, text: str) -> None:
    """Every result of an exact solution has its error, with the same value, and both errors make up the printed one."""
    found = evaluate(build(text).scenario, Sampling(engine="cohort", profiles=1))
    keys = ["strategy", "outcome", "unit"]
    both = found.summary.dropna(subset=["mean"]).merge(found.errors, on=keys, how="outer", validate="one_to_one")
    assert both[["mean", "value"]].notna().all().all()
    np.testing.assert_array_equal(both["mean"], both["value"])
    np.testing.assert_allclose(both["se"], np.hypot(both["profiles"], both["steps"]))
