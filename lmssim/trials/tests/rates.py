"""How often tests reject in simulated trials: type I error without an effect, power with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.trials.tests.registry import run_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from lmssim.trials.tests.data import TrialData
    from lmssim.trials.tests.exponential import ExponentialPatients

AT_A_TIME = 50_000
"""Patients simulated at a time: their arrays stay in the cache, and take no new memory from one block to the next."""


def rejection_rates(
    patients: ExponentialPatients,
    tests: Mapping[str, tuple[str, Mapping[str, Any]]],
    *,
    n_trials: int = 10_000,
    at: float | None = None,
    events: int | None = None,
    alpha: float = 0.025,
    seed: int = 1,
    block: int | None = None,
) -> pd.DataFrame:
    """Share of simulated trials in which each test is significant.

    Parameters
    ----------
    patients : ExponentialPatients
        Who enters each trial.
    tests : mapping of str to tuple
        A label for each row, and the name of a test with its options.
    n_trials : int
        Trials, which all tests share.
    at : float, optional
        Calendar time of the analysis; when all are followed to their end if absent.
    events : int, optional
        Events of any cause after which the analysis is made, in place of `at`; a trial that has fewer is analysed at
        its end.
    alpha : float
        One-sided level: a test rejects if p <= alpha. For a Bayesian rule, one minus the probability it needs.
    block : int, optional
        Trials simulated at a time, on which the results do not depend; as fit the cache if absent.

    Returns
    -------
    pandas.DataFrame
        Columns test, rejected (a share), se, no_result (share of trials in which the test could not be computed).
    """
    import pandas as pd

    if not 0.0 < alpha < 1.0:
        raise InputError(f"alpha: {exact(alpha)} must be above 0 and below 1.")
    if not tests:
        raise InputError("tests: is empty.")
    rejected, missing = np.zeros(len(tests)), np.zeros(len(tests))
    size = max(1, AT_A_TIME // patients.n if block is None else block)
    for data in _looks(patients, n_trials, seed, at, events, size):
        for k, (name, options) in enumerate(tests.values()):
            p = run_test(name, data, **options).p
            rejected[k] += np.count_nonzero(p <= alpha)
            missing[k] += np.count_nonzero(np.isnan(p))
    share = rejected / n_trials
    se = np.maximum(np.sqrt(share * (1.0 - share) / n_trials), 1.0 / n_trials)  # none of n tells no more than one
    return pd.DataFrame({"test": list(tests), "rejected": share, "se": se, "no_result": missing / n_trials})


def _looks(
    patients: ExponentialPatients, n_trials: int, seed: int, at: float | None, events: int | None, block: int
) -> Iterator[TrialData]:
    """Blocks of trials, as they stand at the analysis."""
    if at is not None and events is not None:
        raise InputError("at, events: give one of the two.")
    for first in range(0, n_trials, block):
        whole = patients.simulate(min(block, n_trials - first), seed, first)
        if events is not None:
            yield whole.at(whole.time_of_event(events))
        else:
            yield whole if at is None else whole.at(at)
