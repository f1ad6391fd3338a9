"""Control variates: the same answer with less noise, and what twins are worth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from lmssim.errors import InputError
from lmssim.evaluation import evaluate
from lmssim.execution.control_variate import Controlled, _regressed, control
from lmssim.execution.simulate import Sampling
from lmssim.kernels.rewards import LY, QALY
from tests.kit.models import DEAD, covariate, frame, law, move, start, state, strategy, weibull

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from tests.conftest import Build

LOGNORMAL = covariate("size", "lognormal", median=8, sdlog=0.5)
ARMS = strategy("usual") + strategy("new", set={"loghr": -0.5})
FEW = Sampling(n_patients=4_096, control_variate=True)


def _program(build: Build, spread: float = 0.6) -> Program:
    """Illness and death, on which the size of the tumour has an effect."""
    text = (
        start("well", utility=0.8)
        + state("ill", utility=0.5)
        + move("well", "ill", weibull(1.4, 5), effects={"log(size / 8)": spread, "age": "loghr / 60"})
        + move(
            ["well", "ill"],
            "dead",
            law("gompertz", shape=0.1, rate=0.02, clock="model"),
            effects={"log(size / 8)": spread},
        )
    )
    return build(frame(20, rate=0.03, covariates=LOGNORMAL, strategies=ARMS) + text + DEAD, {"loghr": 0.0})


def _figures(controlled: Controlled) -> list[float]:
    return [x for k in (LY, QALY) for pair in ((0, None), (1, None), (1, 0)) for x in controlled.mean(k, *pair)]


def test_twins_of_alike_patients_are_themselves(build: Build) -> None:
    """Without effects of covariates nothing is left to chance: the estimate is the exact answer."""
    controlled = control(_program(build, 0.0), FEW)
    for k in (LY, QALY):
        figure = controlled.mean(k, 1)
        assert figure.coefficient == pytest.approx(1.0, rel=1e-9)
        assert figure.controlled == pytest.approx(controlled.expected[1, k], rel=1e-9)
        assert figure.variance_ratio > 1000


def test_the_answer_is_that_of_many_patients(build: Build) -> None:
    """Within 3.5 of its own, smaller, errors; plain figures are those of the evaluation."""
    program = _program(build)
    few = evaluate(program.scenario, FEW)
    many = evaluate(program.scenario, Sampling(n_patients=400_000, seed=9))
    table = few.control_variate
    noisy = table[table["outcome"].isin(["life_years", "qalys"]) & (table["comparator"] == "")]
    assert len(noisy) == 4
    assert (noisy["variance_ratio"] > 2).all()
    assert (table[table["outcome"] == "cost"][["variance_ratio", "coefficient"]] == [1.0, 0.0]).all(axis=None)
    np.testing.assert_allclose(table["per_time"], table["variance_ratio"] / 2)
    for s in range(2):
        figure = few.controlled.mean(QALY, s)  # type: ignore[union-attr]
        assert figure.mean == pytest.approx(few.mean("qalys")[s], rel=1e-12)
        assert figure.se == pytest.approx(few.estimates.standard_error()[0, s, QALY], rel=0.3)
        error = np.hypot(figure.controlled_se, many.estimates.standard_error()[0, s, QALY])
        assert abs(figure.controlled - many.mean("qalys")[s]) < 3.5 * error
        assert figure.controlled_se < 0.75 * figure.se


def test_stated_errors_are_true(build: Build) -> None:
    """Over 40 seeds, controlled estimates scatter as their standard error says."""
    program = _program(build)
    figures = [control(program, replace(FEW, n_patients=2_048, seed=seed)).mean(QALY, 1, 0) for seed in range(40)]
    scatter = np.std([f.controlled for f in figures], ddof=1)
    assert scatter == pytest.approx(np.mean([f.controlled_se for f in figures]), rel=3.5 / np.sqrt(2 * 39))


def test_workers_and_blocks_do_not_matter(build: Build) -> None:
    """Nor does the engine: the same lives."""
    program = _program(build)
    base = replace(FEW, n_patients=10_000)
    expected = _figures(control(program, base))
    assert_array_equal(_figures(control(program, replace(base, jobs=2, block=17))), expected)
    few = replace(FEW, n_patients=1_024)
    assert_array_equal(_figures(control(program, replace(few, engine="des"))), _figures(control(program, few)))


def test_regression_by_hand() -> None:
    """Weighted means and coefficient, and the error of the exact answer in the result."""
    sizes, twin = np.array([2.0, 2.0, 1.0]), np.array([1.0, 2.0, 4.0])
    figure = _regressed(sizes, 3.0 * twin + 1.0, twin, 2.5, 0.1, 1e-12)
    assert figure.coefficient == pytest.approx(3.0)
    assert figure.mean == pytest.approx(7.0)
    assert figure.controlled == pytest.approx(8.5)
    assert figure.controlled_se == pytest.approx(0.3)


def test_what_cannot_be_controlled_is_refused(build: Build) -> None:
    """An engine without noise, too few patients, parameter draws."""
    program = _program(build)
    with pytest.raises(InputError, match="no Monte-Carlo error"):
        evaluate(program.scenario, replace(FEW, engine="cohort"))
    with pytest.raises(InputError, match="patients: 100 are too few"):
        evaluate(program.scenario, replace(FEW, n_patients=100))
    with pytest.raises(InputError, match="base case only"):
        evaluate(program.scenario, FEW, program.sample(2, seed=1))
    assert evaluate(program.scenario, Sampling(n_patients=100)).control_variate.empty
