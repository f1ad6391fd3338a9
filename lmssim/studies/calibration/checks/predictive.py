"""Figures of a calibration beside what a new study of the same size would find at rows of the posterior.

The model itself is run there, never the emulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.published.new_study import TIMES, Column, NewStudies

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.published.predict import Predicted
    from lmssim.studies.calibration.rows import Row


@dataclass(frozen=True)
class Figure:
    """Prediction of a figure for a study of its size.

    Attributes
    ----------
    predicted : float
        Mean share over the posterior, or median time, in the paper's terms.
    low, high : float
        95% predictive interval.
    inside : bool or None
        Whether it holds the observed figure; None if there is no single one.
    width_ratio : float
        Width as a multiple of the interval that sampling alone would give.
    p_value : float
        Posterior predictive probability of less than what was observed, ties by half.
    """

    predicted: float
    low: float
    high: float
    inside: bool | None
    width_ratio: float
    p_value: float


NOTHING = Figure(np.nan, np.nan, np.nan, None, np.nan, np.nan)


def predict_figure(row: Row, k: int, predicted: Predicted, tau: FloatArray, seed: int) -> Figure:
    """Prediction of row number k.

    Parameters
    ----------
    predicted : Predicted
        Of rows of the posterior.
    tau : ndarray(float, ndim=1)
        Between-study SD of the row's family, by row of the posterior.
    """
    column = Column.of(predicted, k)
    if not column.known.any():
        return NOTHING
    n, n_read = max(row.n, 1.0), max(float(row.reading.n), 1.0)
    new = NewStudies(row.study, row.family, row.target, n, n_read, row.is_effective, tau[column.known], seed)
    statistic, observed = row.reading.statistic, row.reading.observed
    found = new.of_a_time(column, statistic == "mean_time") if statistic in TIMES else new.of_a_share(column)
    if statistic == "km_survival":
        found = found.turned()
    if observed is None:
        return Figure(found.predicted, found.low, found.high, None, found.width_ratio, np.nan)
    p = float((found.values < observed).mean() + 0.5 * (found.values == observed).mean())
    inside = bool(found.low - 1e-9 <= observed <= found.high + 1e-9)
    return Figure(found.predicted, found.low, found.high, inside, found.width_ratio, p)
