"""A control variate: patients' lives beside those of twins whose expectation is known exactly.

A twin has the profile of the middle of the population (medians of covariates) and the patient's random numbers. The
expectation over twins is known without error from the exact engine; the distance of these twins' mean from it is the
part of the patients' random error that they share, and is subtracted::

    estimate = mean(Y) - b (mean(C) - E[C]),   b = cov(Y, C) / var(C)

Twins cost a walk each, so that the variance must fall by more than half to be worth their time.

References
----------
Glasserman P. Monte Carlo Methods in Financial Engineering. Springer, 2004, section 4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.profiles import choose_profiles
from lmssim.engines.cohort.solver import solve
from lmssim.errors import InputError
from lmssim.execution.backends import run_tasks
from lmssim.execution.batches import BATCH, batch_means
from lmssim.kernels.ledger import N_MAIN
from lmssim.model.population.profiles import Profiles

if TYPE_CHECKING:
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

LEAST_BATCHES = 16
ROUNDING = 1e-12
"""Error, relative to the outcome, below which there is no noise to control."""
WALKS = 2
"""Walks of a controlled estimate for each of a plain one."""


def alike(program: Program, profile: FloatArray) -> Program:
    """The program for people who all have the columns of a profile: twins, with their number's random numbers."""
    return program.with_profiles(Profiles(np.array(profile)[None], np.ones(1), 1))


class Mean(NamedTuple):
    """One mean, plain and controlled."""

    mean: float
    se: float
    controlled: float
    controlled_se: float
    """With what the exact engine's steps may be off."""
    coefficient: float
    variance_ratio: float
    """Variance of the plain estimate over that of the controlled one."""


@dataclass(frozen=True)
class Controlled:
    """Main outcomes of batches of patients and of their twins.

    Attributes
    ----------
    sizes : ndarray(float, ndim=1)
        (n_batches,) patients.
    patients, twins : ndarray(float, ndim=3)
        (n_batches, n_strategies, n_main) means.
    expected, coarse : ndarray(float, ndim=2)
        (n_strategies, n_main): the twins' expectation, and the same from steps twice as long.
    """

    sizes: FloatArray
    patients: FloatArray
    twins: FloatArray
    expected: FloatArray
    coarse: FloatArray

    def mean(self, outcome: int, s: int, c: int | None = None) -> Mean:
        """A main outcome of strategy `s`, or its increment over strategy `c`."""
        y, twin = self.patients[:, s, outcome], self.twins[:, s, outcome]
        expected, coarse = self.expected[s, outcome], self.coarse[s, outcome]
        if c is not None:
            y, twin = y - self.patients[:, c, outcome], twin - self.twins[:, c, outcome]
            expected, coarse = expected - self.expected[c, outcome], coarse - self.coarse[c, outcome]
        error = abs(expected - coarse)
        noise = ROUNDING * float(np.abs(self.patients[:, s, outcome]).max())
        return _regressed(self.sizes, y, twin, float(expected), float(error), noise)


def _regressed(sizes: FloatArray, y: FloatArray, twin: FloatArray, expected: float, error: float, noise: float) -> Mean:
    """Weighted regression of batch means `y` on `twin`, read at the twins' expectation."""
    n, k = sizes.sum(), len(sizes)
    mean, middle = (sizes * y).sum() / n, (sizes * twin).sum() / n
    dy, dc = y - mean, twin - middle
    yy, cc, yc = (sizes * dy * dy).sum(), (sizes * dc * dc).sum(), (sizes * dy * dc).sum()
    variance = yy / (k - 1) / n
    if variance <= noise**2 or cc / (k - 1) / n <= noise**2:
        se = float(np.sqrt(variance))
        return Mean(float(mean), se, float(mean), se, 0.0, 1.0)
    coefficient = yc / cc
    left = max(yy - coefficient * yc, 0.0) / (k - 2) / n
    total = left + (coefficient * error) ** 2
    ratio = variance / total if total > 0.0 else 1.0
    return Mean(
        float(mean),
        float(np.sqrt(variance)),
        float(mean - coefficient * (middle - expected)),
        float(np.sqrt(total)),
        float(coefficient),
        float(ratio),
    )


def control(program: Program, sampling: Sampling) -> Controlled:
    """Batches of the base case's patients, beside their twins.

    Raises
    ------
    InputError
        If the exact engine cannot solve the program, or there are too few patients.
    """
    if sampling.where:
        raise InputError("where: a control variate is of the whole population; leave one of the two out.")
    if sampling.n_patients < BATCH * LEAST_BATCHES:
        raise InputError(
            f"patients: {sampling.n_patients} are too few for a control variate, which takes "
            f"{BATCH * LEAST_BATCHES} or more."
        )
    x = choose_profiles(program, 1, sampling.seed).x[:1]
    numbers, run = program.numbers(), partial(run_tasks, backend=sampling.backend, jobs=sampling.jobs)
    coarse, expected = (
        solve(program, numbers[0], x, fineness, run, sampling.positions(program)).outcomes[0, :, :N_MAIN]
        for fineness in (Fineness(), Fineness().finer())
    )
    sizes, patients = batch_means(program, sampling, numbers)
    _, twins = batch_means(alike(program, x[0]), sampling, numbers)
    return Controlled(sizes, patients, twins, expected, coarse)
