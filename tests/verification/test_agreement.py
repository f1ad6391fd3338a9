"""The exact engine and individual lives agree on every bundled scenario, like with like.

Both engines are given the same profiles, one at a time, so the only differences are Monte-Carlo error and the exact
engine's steps, which are stated beside it. A share of signs is tested over independent seeds and scenarios: outcomes of
one run are not independent of each other, so each run gives one sign a figure. The average over a population is another
question, tested apart with both its errors.
"""

from __future__ import annotations

import functools
import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.evaluation import evaluate
from lmssim.execution.control_variate import alike
from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.outcomes.main import DISCOUNTED, MAIN, position_of
from tests.kit.agreement import Comparison, assert_like, compare, table
from tests.kit.models import DEAD, OS, covariate, endpoint, frame, law, move, start, state, strategy, weibull
from tests.kit.plain import Z
from tests.kit.scenarios import LIVED, bundled_program, bundled_scenario

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from tests.conftest import Build

SMALL = [name for name in LIVED if name.startswith("examples/")]
SARCOMA = {
    "advanced": ["standard", "gemdoc_first"],
    "all_sites": ["neoadj_ct"],
    "cutaneous": ["mohs"],
    "extremity": ["surgery_only", "neoadj_rt"],
    "retroperitoneal": ["neoadj_rt"],
    "subcutaneous": ["adj_rt"],
    "uterine": ["morcellation"],
}
"""Scenarios of leiomyosarcoma, and the strategies under which the suite compares them; a study compares all."""
PATIENTS = 20_000
SEEDS = range(101, 107)
LEAST_P = 1e-3
"""Smallest two-sided probability of a count of signs that passes."""
MANY = 1_000_000
OF_SARCOMA = 200_000
"""Lives of each scenario of leiomyosarcoma in a study."""
SHARE = 0.1
"""Of the Monte-Carlo error: the exact engine's own, at most, in a study."""


def _profiles(program: Program) -> FloatArray:
    """Two unlike profiles of a population; the one of a single person."""
    return choose_profiles(program, 2, seed=1).x


# === Profile by profile ===


@pytest.mark.parametrize("name", SMALL)
def test_examples_agree(name: str) -> None:
    """Every outcome, cost by category, increment, endpoint, occupancy and number of entries."""
    program = bundled_program(name)
    assert_like(compare(program, _profiles(program), PATIENTS))


def _under(name: str, strategies: list[str]) -> Program:
    """A bundled scenario with some of its strategies, and no published patients, who may have had others."""
    scenario = bundled_scenario(name)
    chosen = {strategy: scenario.file.strategies[strategy] for strategy in strategies}
    settings = scenario.file.settings.model_copy(update={"comparator": strategies[0]})
    file = scenario.file.model_copy(update={"strategies": chosen, "settings": settings, "cases": {}})
    return compile_scenario(replace(scenario, file=file, own=frozenset()))


@functools.cache
def _sarcoma(name: str) -> list[Comparison]:
    """One profile of a scenario of leiomyosarcoma."""
    program = _under(name, SARCOMA[name])
    return compare(program, _profiles(program)[:1], PATIENTS, halving=False, jobs=2)


def _is_occupancy(comparison: Comparison) -> bool:
    return comparison.outcome.startswith("occupancy:")


@pytest.mark.parametrize("name", SARCOMA)
def test_scenarios_of_leiomyosarcoma_agree(name: str) -> None:
    """Outcomes and endpoints, and every other figure but occupancy."""
    comparisons = _sarcoma(name)
    named = [c for c in comparisons if c.outcome in MAIN or c.outcome.startswith("endpoint:")]
    assert len(named) > len(MAIN)
    assert_like([c for c in comparisons if not _is_occupancy(c)])


@pytest.mark.xfail(strict=True, reason="occupancy of states with a fixed stay is rough in the exact engine")
def test_occupancy_of_extremity_agrees() -> None:
    """At each of the scenario's named times."""
    assert_like([c for c in _sarcoma("extremity") if _is_occupancy(c)])


def test_every_scenario_is_compared() -> None:
    """The examples, and the scenarios of leiomyosarcoma."""
    assert sorted([*SMALL, *SARCOMA]) == sorted(LIVED)


def test_no_trend_of_sign() -> None:
    """Over scenarios and independent seeds, as many estimates lie above the exact answer as below it."""
    distances: dict[str, list[float]] = {}
    for name in SMALL:
        program = bundled_program(name)
        (profile,) = x = _profiles(program)
        last = len(program.strategies) - 1
        exact = solve(program, program.numbers()[0], x, Fineness()).outcomes[0]
        for seed in SEEDS:
            lives = simulate(alike(program, profile), Sampling(n_patients=4_000, seed=seed))
            error = lives.standard_error()[0]
            for outcome in DISCOUNTED:
                k = position_of(outcome)
                if error[0, k] > 0.0:
                    distances.setdefault(outcome, []).append((lives.mean[0, 0, k] - exact[0, k]) / error[0, k])
                spread = _spread(lives.covariance(k)[0], last)
                if spread > 0.0:
                    increment = (lives.mean[0, last, k] - lives.mean[0, 0, k]) - (exact[last, k] - exact[0, k])
                    distances.setdefault(f"increment of {outcome}", []).append(
                        float(increment / math.sqrt(spread / lives.n))
                    )
    assert len(distances) == 6
    for outcome, z in distances.items():
        above = int((np.array(z) > 0).sum())
        assert scipy.stats.binomtest(above, len(z)).pvalue > LEAST_P, (outcome, above, len(z))
        assert abs(np.sum(z)) / math.sqrt(len(z)) < Z, (outcome, np.mean(z), len(z))


def _spread(covariance: FloatArray, s: int) -> float:
    """Variance of the difference of a strategy and the first."""
    return float(covariance[s, s] + covariance[0, 0] - 2.0 * covariance[s, 0])


# === The population average ===

COVARIATES = covariate("size", "lognormal", mean=8, sd=4) + covariate("deep", "binary", probability=0.6)
TWO_ARMS = strategy("usual") + strategy("new", set={"loghr": -0.5})
ILLNESS = (
    start("well", utility=0.8, cost_per_year={"total": 100})
    + state("ill", utility=0.5, cost_per_year={"total": 1000})
    + move("well", "ill", weibull(1.4, 5), effects={"log(size / 8)": 0.6, "deep": 0.5, "age": "loghr / 60"})
    + move(["well", "ill"], "dead", law("gompertz", shape=0.1, rate=0.02, clock="model"), effects={"size": 0.03})
    + OS
    + endpoint("ill", death="competing")
)


def _distances(exact: Evaluation, lives: Evaluation) -> FloatArray:
    """Distances of every figure with an error, in both errors together."""
    both = exact.summary.merge(lives.summary, on=["strategy", "outcome"])
    error = np.hypot(both["se_x"], both["se_y"])
    known = (error > 0.0) & np.isfinite(error)
    z: FloatArray = ((both["mean_y"] - both["mean_x"]) / error)[known].to_numpy()
    return z


def test_population_average_agrees(build: Build) -> None:
    """64 profiles of a joint distribution against 50,000 of its patients."""
    text = frame(20, rate=0.03, covariates=COVARIATES, strategies=TWO_ARMS) + ILLNESS + DEAD
    scenario = build(text, {"loghr": 0.0}).scenario
    exact = evaluate(scenario, Sampling(engine="cohort", profiles=64))
    lives = evaluate(scenario, Sampling(n_patients=50_000, seed=5))
    z = _distances(exact, lives)
    assert len(z) > 20
    assert np.abs(z).max() < Z


# === Whole studies ===


def _fine_enough(program: Program, x: FloatArray, n: int) -> Fineness:
    """Steps short enough that their error is a small share of the Monte-Carlo error of `n` lives."""
    fineness = Fineness()
    for _ in range(5):
        pilot = [c for c in compare(program, x[:1], 8_192, fineness=fineness, jobs=2) if _is_main(c)]
        if all(c.step_error <= SHARE * c.se * math.sqrt(8_192 / n) + 1e-9 for c in pilot):
            break
        fineness = fineness.finer()
    return fineness


def _is_main(comparison: Comparison) -> bool:
    """A main outcome, or overall survival at 5 years."""
    return comparison.outcome in (*MAIN, "endpoint:os:event:5y")


@pytest.mark.study
@pytest.mark.parametrize("name", [*SMALL, "extremity"])
def test_a_million_lives_agree(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Every strategy; none beyond 3.5, the exact engine's own error a tenth of the Monte-Carlo error."""
    program = bundled_program(name)
    x = _profiles(program)
    comparisons = compare(program, x, MANY, seed=21, fineness=_fine_enough(program, x, MANY), jobs=2)
    main = [c for c in comparisons if _is_main(c)]
    with capsys.disabled():
        print(table(main))
    assert all(c.step_error <= SHARE * c.se + 1e-9 for c in main if math.isfinite(c.se) and c.se > 0.0)
    assert max(abs(c.z) for c in main) < Z
    # of thousands of figures 1 in 16,000 is further than 4 by chance
    assert_like([c for c in comparisons if name in SMALL or not _is_occupancy(c)], Z + 0.5)


@pytest.mark.study
@pytest.mark.parametrize("name", SARCOMA)
def test_every_strategy_of_leiomyosarcoma_agrees(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One profile; none beyond 3.5 and the exact engine's own error, which halving its steps shows."""
    program = bundled_program(name)
    comparisons = compare(program, _profiles(program)[1:], OF_SARCOMA, seed=23, jobs=2)
    with capsys.disabled():
        print(table([c for c in comparisons if _is_main(c)]))
    assert_like([c for c in comparisons if _is_main(c)])
    assert_like([c for c in comparisons if not _is_occupancy(c)], Z + 1.0)


@pytest.mark.study
def test_population_of_extremity_agrees() -> None:
    """64 profiles against a million patients of the population."""
    scenario = bundled_scenario("extremity")
    exact = evaluate(scenario, Sampling(engine="cohort", profiles=64, jobs=2))
    lives = evaluate(scenario, Sampling(n_patients=MANY, seed=22, jobs=2))
    assert np.nanmax(np.abs(_distances(exact, lives))) < Z
