"""What a study of a given size would find: parameters, the study's setting, and sampling.

The model itself is run at rows of the posterior, never the emulator.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.studies.calibration.emulator import eta_of_share, share_of_eta

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.outcomes.predict import Predicted
    from lmssim.studies.calibration.rows import Row

TIMES = ("median_time", "mean_time", "km_median")
REPLICATES = 4
"""Studies replicated from each row of the posterior."""


@dataclass(frozen=True)
class Figure:
    """Prediction of a figure for a study of its size.

    Attributes
    ----------
    predicted : float
        Mean over the posterior, in the paper's terms.
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


def predict_figure(row: Row, k: int, predicted: Predicted, tau: FloatArray, seed: int) -> Figure:
    """Prediction of row number k.

    Parameters
    ----------
    predicted : Predicted
        Of rows of the posterior.
    tau : ndarray(float, ndim=1)
        Between-study SD of the row's family, by row of the posterior.
    """
    rng = np.random.default_rng([seed, zlib.crc32(f"{row.study}/{row.target}".encode())])
    figure = predicted.figure[:, k]
    known = np.isfinite(figure)
    if not known.any():
        return Figure(np.nan, np.nan, np.nan, None, np.nan, np.nan)
    is_time = row.reading.statistic in TIMES
    whole, alone = (
        _times(predicted, k, known, each, rng) if is_time else _shares(row, predicted, k, known, each, rng)
        for each in (tau, np.zeros_like(tau))
    )
    low, high = (float(x) for x in np.quantile(whole, [0.025, 0.975]))
    own = np.quantile(alone if is_time else _sampling(row, predicted, k, known, rng), [0.025, 0.975])
    observed = row.reading.observed
    inside = None if observed is None else bool(low <= observed <= high)
    p = np.nan if observed is None else float((whole < observed).mean() + 0.5 * (whole == observed).mean())
    width = float(own[1] - own[0])
    mean = float(np.median(figure[known])) if is_time else float(figure[known].mean())
    return Figure(mean, low, high, inside, (high - low) / width if width > 0.0 else np.nan, p)


def _shares(
    row: Row, predicted: Predicted, k: int, known: np.ndarray, tau: FloatArray, rng: np.random.Generator
) -> FloatArray:
    share, size = _share(predicted, k, known), _size(row, predicted, k, known)
    share, size, tau = (np.repeat(x, REPLICATES) for x in (share, size, tau[known]))
    setting = share_of_eta(eta_of_share(share) + tau * rng.normal(size=len(share)))
    found: FloatArray = rng.binomial(size, setting) / size
    return 1.0 - found if row.reading.statistic == "km_survival" else found


def _sampling(row: Row, predicted: Predicted, k: int, known: np.ndarray, rng: np.random.Generator) -> FloatArray:
    """Shares found by studies of the row's size in one setting with the mean parameters."""
    share, size = float(_share(predicted, k, known).mean()), int(np.median(_size(row, predicted, k, known)))
    found: FloatArray = rng.binomial(size, share, size=4000) / size
    return found


def _share(predicted: Predicted, k: int, known: np.ndarray) -> FloatArray:
    least = 0.5 / np.maximum(predicted.patients[known, k], 1.0)
    share: FloatArray = np.clip(predicted.share[known, k], least, 1.0 - least)
    return share


def _size(row: Row, predicted: Predicted, k: int, known: np.ndarray) -> np.ndarray:
    per_patient = np.ones(known.sum()) if row.is_effective else predicted.per_patient[known, k]
    return np.maximum(np.round(np.nan_to_num(row.n * per_patient)), 1.0).astype(np.int64)


def _times(predicted: Predicted, k: int, known: np.ndarray, tau: FloatArray, rng: np.random.Generator) -> FloatArray:
    log = np.log(np.maximum(predicted.figure[known, k], 1e-6))
    spread = np.nan_to_num(predicted.spread[known, k], nan=np.nanmedian(predicted.spread[:, k]))
    log, spread, tau = (np.repeat(x, REPLICATES) for x in (log, spread, tau[known]))
    times: FloatArray = np.exp(log + np.hypot(spread, tau) * rng.normal(size=len(log)))
    return times
