"""Pairs of published results that cannot both hold in one setting: cohorts differ by more than chance allows.

With the model's shares p_i and p_j and the observed ones, the difference of cloglog residuals

    d = (cloglog y_i - cloglog p_i) - (cloglog y_j - cloglog p_j)

has the variance of both samplings and of the posterior. A pair that is too far apart for chance, given the number of
pairs (Bonferroni), fits only if the two studies are different settings: the between-study effect.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.published.new_study import Column
from lmssim.studies.calibration.emulator import eta_of_share
from lmssim.studies.calibration.result import COLUMNS

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.published.predict import Predicted
    from lmssim.studies.calibration.problem import Problem

LEVEL = 0.05
"""Probability of naming any pair when all studies are of one setting."""


def conflicting_pairs(problem: Problem, predicted: Predicted) -> pd.DataFrame:
    """Every pair of fitted targets of one family and two cohorts, the farthest apart first.

    Parameters
    ----------
    predicted : Predicted
        At rows of the posterior.

    Returns
    -------
    DataFrame
        family, the two targets, difference of their cloglog residuals, its standard error, z, conflict.
    """
    rows, read = problem.rows, {k: _residuals(problem, predicted, k) for k in problem.fitted()}
    found = []
    for (i, (x, own_x)), (j, (y, own_y)) in itertools.combinations(read.items(), 2):
        same = rows[i].family == rows[j].family and rows[i].is_time == rows[j].is_time
        if same and rows[i].cohort_id != rows[j].cohort_id:
            between = x - y
            se = float(np.sqrt(own_x + own_y + between.var(ddof=1)))
            z = float(between.mean()) / se
            ids = (rows[i].family, rows[i].target, rows[j].target)
            found.append((*ids, float(between.mean()), se, z))
    found.sort(key=lambda each: -abs(each[5]))
    table = pd.DataFrame(found, columns=list(COLUMNS["pairs"])[:-1])
    return table.assign(conflict=table["z"].abs() > farthest_by_chance(len(table)))


def farthest_by_chance(n_pairs: int) -> float:
    """Standard errors that by chance one pair of so many exceeds in 5% of cases at most."""
    return float(stats.norm.isf(0.5 * LEVEL / max(n_pairs, 1)))


def _residuals(problem: Problem, predicted: Predicted, k: int) -> tuple[FloatArray, float]:
    """Residuals of a target at rows of the posterior, (n_draws,), and their sampling variance."""
    row, column = problem.rows[k], Column.of(predicted, k)
    n = row.n if row.is_effective else row.n * float(np.mean(column.per_patient))
    observed = np.clip(row.share, 0.5 / (n + 1.0), 1.0 - 0.5 / (n + 1.0))
    least = 0.5 / np.maximum(column.patients, 1.0)
    share = np.full(predicted.share.shape[0], np.nan)
    share[column.known] = np.clip(column.share, least, 1.0 - least)
    share = np.where(np.isfinite(share), share, np.nanmean(share))
    mean = float(share.mean())
    slope = -(1.0 - mean) * np.log1p(-mean)
    residual: FloatArray = eta_of_share(np.asarray(observed)) - eta_of_share(share)
    return residual, mean * (1.0 - mean) / n / slope**2
