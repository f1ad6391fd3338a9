"""Targets of a calibration beside what a new study of the same size would observe at rows of the posterior.

Predictions are runs of the model itself, never of the emulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.published.new_study import Column, NewStudies
from lmssim.published.score import UNKNOWN

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.published.predict import Predicted
    from lmssim.studies.calibration.rows import Row


@dataclass(frozen=True)
class Prediction:
    """Prediction of a target for a study of its size.

    Attributes
    ----------
    predicted : float
        Mean share over the posterior, or median time, in the paper's terms.
    low, high : float
        95% predictive interval.
    inside : bool or None
        Whether the interval holds the observed value; None if a range was published.
    width_ratio : float
        Width as a multiple of the interval of sampling alone.
    p_value : float
        Posterior predictive probability of less than what was observed, ties by half.
    log_score, log_score_reference : float
        Log score of the prediction, and of the reference of `lmssim.published.score`.
    """

    predicted: float
    low: float
    high: float
    inside: bool | None
    width_ratio: float
    p_value: float
    log_score: float
    log_score_reference: float


NOTHING = Prediction(np.nan, np.nan, np.nan, None, np.nan, np.nan, *UNKNOWN)


def predict_target(row: Row, k: int, predicted: Predicted, tau: FloatArray, seed: int) -> Prediction:
    """Prediction of row number k.

    Parameters
    ----------
    predicted : Predicted
        At rows of the posterior.
    tau : ndarray(float, ndim=1)
        Between-study SD of the row's family, by row of the posterior.
    """
    column = Column.of(predicted, k)
    if not column.known.any():
        return NOTHING
    n, n_read = max(row.n, 1.0), max(float(row.reading.n), 1.0)
    new = NewStudies(row.study, row.family, row.target, n, n_read, row.is_effective, tau[column.known], seed)
    statistic, observed = row.reading.statistic, row.reading.observed
    found = new.of_a_row(column, row.reading)
    if statistic == "km_survival":
        found = found.turned()
    if observed is None:
        return Prediction(found.predicted, found.low, found.high, None, found.width_ratio, np.nan, *UNKNOWN)
    p = float((found.values < observed).mean() + 0.5 * (found.values == observed).mean())
    inside = bool(found.low - 1e-9 <= observed <= found.high + 1e-9)
    return Prediction(found.predicted, found.low, found.high, inside, found.width_ratio, p, *found.score(observed))
