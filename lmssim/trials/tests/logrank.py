"""Log-rank tests: unweighted, Fleming-Harrington, modestly weighted, and of one cause among several.

References
----------
Mantel N. Evaluation of survival data and two new rank order statistics arising in its consideration. Cancer Chemother
Rep 50:163-170, 1966.
Harrington DP, Fleming TR. A class of rank test procedures for censored survival data. Biometrika 69:553-566, 1982.
doi:10.1093/biomet/69.3.553
Magirr D, Burman C-F. Modestly weighted logrank tests. Stat Med 38:3782-3790, 2019. doi:10.1002/sim.8186
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.kernels.trials.weighted import weighted_scores
from lmssim.trials.tests.comparison import LOG_HAZARD_RATIO, of_scores
from lmssim.trials.tests.registry import named
from lmssim.trials.tests.weights import fleming_harrington_rows, modest_row

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.comparison import Comparison
    from lmssim.trials.tests.data import TrialData

UNWEIGHTED = ((0.0, 0.0),)


def scores(data: TrialData, rows: FloatArray, cause: int, *, stratified: bool) -> tuple[FloatArray, FloatArray]:
    """Scores (n_trials, n_weights) and covariances (n_trials, n_weights, n_weights) of weighted log-rank statistics."""
    u, v = np.empty((len(data), len(rows))), np.empty((len(data), len(rows), len(rows)))
    weighted_scores(data.ordered(stratified=stratified), cause, rows, u, v)
    return u, v


def _test(name: str, data: TrialData, rows: FloatArray, cause: int, *, stratified: bool) -> Comparison:
    u, v = scores(data, rows, cause, stratified=stratified)
    return of_scores(name, u[:, 0], v[:, 0, 0], data.events(cause), LOG_HAZARD_RATIO)


@named("logrank")
def logrank(data: TrialData, *, cause: int = 0, stratified: bool = True) -> Comparison:
    """Log-rank test with hypergeometric variance, stratified if the data have strata.

    Parameters
    ----------
    cause : int
        Event of interest, others censoring; 0 for any.
    stratified : bool
        Whether strata, if there are any, are compared each in itself.

    Returns
    -------
    Comparison
        `estimate` is the one-step log hazard ratio (O - E) / V; 1 / `se` ** 2 is the information V.

    Notes
    -----
    With d events among Y at risk, d1 and Y1 of them experimental: U = sum (d1 - d Y1 / Y), V = sum d (Y1 / Y)
    (1 - Y1 / Y) (Y - d) / (Y - 1), z = -U / V^(1/2).
    """
    return _test("logrank", data, fleming_harrington_rows(UNWEIGHTED), cause, stratified=stratified)


@named("cause-specific-logrank")
def cause_specific_logrank(data: TrialData, *, cause: int = 1, stratified: bool = True) -> Comparison:
    """Log-rank test of one cause: an event of another cause ends the observation.

    It compares cause-specific hazards, not cumulative incidences, which `gray` compares.
    """
    if cause < 1:
        raise InputError(f"cause: {cause} must be the code of a cause, 1 or more.")
    return _test("cause-specific-logrank", data, fleming_harrington_rows(UNWEIGHTED), cause, stratified=stratified)


@named("fleming-harrington")
def fleming_harrington(
    data: TrialData, *, rho: float = 0.0, gamma: float = 1.0, cause: int = 0, stratified: bool = True
) -> Comparison:
    """Log-rank test with the weight S(t-)^rho (1 - S(t-))^gamma.

    Parameters
    ----------
    rho, gamma : float
        Exponents, from 0 to 10. (0, 1) weighs late events, (1, 0) early ones.

    Notes
    -----
    S is the Kaplan-Meier curve of both arms together, of each stratum its own, just before the event. The estimate is
    the one-step log hazard ratio under the alternative that the log hazard ratio is proportional to the weight.
    """
    rows = fleming_harrington_rows([(rho, gamma)])
    return _test("fleming-harrington", data, rows, cause, stratified=stratified)


@named("modestly-weighted")
def modestly_weighted(
    data: TrialData, *, delay: float, most: float = np.inf, cause: int = 0, stratified: bool = True
) -> Comparison:
    """Log-rank test of Magirr and Burman, with the weight 1 / max(S(t-), S(delay)).

    Parameters
    ----------
    delay : float
        Time since entry until which weights grow, in the unit of the data.
    most : float
        Largest weight, at least 1.
    """
    return _test("modestly-weighted", data, modest_row(delay, most), cause, stratified=stratified)
