"""Random trials for tests: with ties, strata and competing causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.trials.tests import TrialData, trial_data

if TYPE_CHECKING:
    from numpy.random import Generator

    FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def tied_trials(n_trials: int, n: int, seed: int, strata: int = 1, causes: int = 1, step: float = 0.25) -> TrialData:
    """Trials whose times are rounded to a step."""
    rng = np.random.default_rng(seed)
    shape = (n_trials, n)
    time = np.ceil(rng.exponential(2.0, shape) / step) * step
    event = rng.integers(0, causes + 1, shape)
    arm = rng.integers(0, 2, shape)
    return trial_data(time, event, arm, stratum=rng.integers(0, strata, shape))


def rows_of(data: TrialData, i: int = 0) -> tuple[Any, Any, Any, Any]:
    """Times, events, arms, strata of one trial."""
    return data.time[i], data.event[i], data.arm[i], data.stratum[i]


def naive_scores(time: Any, event: Any, arm: Any, stratum: Any, rho: float = 0.0, gamma: float = 0.0) -> Any:
    """Score and variance of a stratified Fleming-Harrington test, summed in the plainest way."""
    u = v = 0.0
    for s in np.unique(stratum):
        own = stratum == s
        t, e, a = time[own], event[own] != 0, arm[own]
        survival = 1.0
        for x in np.unique(t[e]):
            at_risk, died = t >= x, e & (t == x)
            y, y1, d, d1 = at_risk.sum(), (at_risk & (a == 1)).sum(), died.sum(), (died & (a == 1)).sum()
            w = survival**rho * (1.0 - survival) ** gamma
            u += w * (d1 - d * y1 / y)
            v += w**2 * d * (y1 / y) * (1 - y1 / y) * (y - d) / (y - 1) if y > 1 else 0.0
            survival *= 1 - d / y
    return u, v


def shuffled(rng: Generator, data: TrialData) -> TrialData:
    """The same trials, patients in another order."""
    places = rng.permuted(np.tile(np.arange(data.time.shape[1]), (len(data), 1)), axis=1)
    time, event, arm, stratum = (
        np.take_along_axis(x, places, axis=1) for x in (data.time, data.event, data.arm, data.stratum)
    )
    return TrialData(time, event, arm, stratum, None, data.n_strata)
