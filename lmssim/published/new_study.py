"""What a new study of a given size would observe: uncertainty of the parameters, of its setting, and of its sampling.

Notes
-----
In draw k a row's share with the event is p_k, a time m_k. A new study has, with z standard normal,

    p* = 1 - exp(-exp(log(-log(1 - p_k)) + tau_k z)),   x ~ Binomial(n_k, p*) / n_k,   n_k = n times `per_patient`
    log x = log m_k - tau_k z / a_k + spread_k z',         a_k = 1 / (log(2) sqrt(n_k) spread_k)

where z is the same for all targets of a study and outcome family. The between-study effect acts on the hazard: a_k, the
slope of the complementary log-log over log time, follows from the SD of a median (it is the shape of a Weibull time).
For a mean a_k = 1 / (sqrt(n_k) spread_k), the inverse of the coefficient of variation. For a restricted mean 1 / a_k is
the change of its log by a unit of the log hazard, and no x is above the horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from lmssim.kernels.philox import address_of, fill_uniforms
from lmssim.outcomes.estimators import Z975
from lmssim.published.score import score_of_a_share, score_of_a_time
from lmssim.published.series import RESTRICTED, is_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import SeriesRow
    from lmssim.published.predict import Predicted
    from lmssim.published.score import Score

STREAM_STUDIES = 5
"""Random stream of new studies: their between-study effects and their sampling."""
REPLICATES = 10
"""New studies of each draw."""
UNKNOWN_SPREAD = 1.44
"""SD of the log of a median of one exponential time, 1 / log 2: used where the interval of the curve has no end."""


@dataclass(frozen=True)
class Column:
    """A row by draw, without the draws in which it has no patients.

    Attributes
    ----------
    value, share, per_patient, spread, patients, slope : ndarray(float, ndim=1)
        As in `Predicted`.
    known : ndarray(bool, ndim=1)
        Which of all draws are kept.
    """

    value: FloatArray
    share: FloatArray
    per_patient: FloatArray
    spread: FloatArray
    patients: FloatArray
    slope: FloatArray
    known: np.ndarray[Any, np.dtype[np.bool_]]

    @staticmethod
    def of(predicted: Predicted, column: int) -> Column:
        """Column of a prediction."""
        known = ~np.isnan(predicted.value[:, column])
        return Column(
            value=predicted.value[known, column],
            share=predicted.share[known, column],
            per_patient=predicted.per_patient[known, column],
            spread=predicted.spread[known, column],
            patients=predicted.patients[known, column],
            slope=predicted.slope[known, column],
            known=known,
        )


@dataclass(frozen=True)
class Found:
    """What new studies would observe.

    Attributes
    ----------
    predicted : float
        Mean of a share over draws, or median of a time.
    low, high : float
        95% interval.
    width_ratio : float
        Its width as a multiple of the interval of sampling alone; for a time, on the log scale.
    values : ndarray(float, ndim=2)
        The value in each study, (n_draws, REPLICATES).
    score : callable
        Log score of an observed value.
    """

    predicted: float
    low: float
    high: float
    width_ratio: float
    values: FloatArray
    score: Callable[[float], Score]

    def turned(self) -> Found:
        """Shares without the event in place of those with it."""
        return Found(
            predicted=1.0 - self.predicted,
            low=1.0 - self.high,
            high=1.0 - self.low,
            width_ratio=self.width_ratio,
            values=1.0 - self.values,
            score=lambda observed: self.score(1.0 - observed),
        )


@dataclass(frozen=True)
class NewStudies:
    """New studies that observe a row: `REPLICATES` in each draw.

    Attributes
    ----------
    study, family, target : str
        Ids that address their random numbers.
    n : float
        Patients.
    n_read : float
        Patients of the study for which the row was computed: the SD of a median or mean comes from that study.
    is_effective : bool
        Whether `n` is already the effective number after censoring.
    tau : ndarray(float, ndim=1)
        Between-study SD by draw.
    seed : int
        Key.
    """

    study: str
    family: str
    target: str
    n: float
    n_read: float
    is_effective: bool
    tau: FloatArray
    seed: int

    def _effects(self) -> FloatArray:
        """Between-study effects, (n_draws, REPLICATES): the same for all targets of a study and family."""
        effects: FloatArray = self.tau[:, None] * special.ndtri(self._uniforms(f"{self.study}/{self.family}", 0))
        return effects

    def _sampling(self) -> FloatArray:
        """Uniforms of sampling, (n_draws, REPLICATES)."""
        return self._uniforms(f"{self.study}/{self.target}", 1)

    def _uniforms(self, name: str, which: int) -> FloatArray:
        return study_uniforms(name, which, len(self.tau) * REPLICATES, self.seed).reshape(len(self.tau), REPLICATES)

    def _size(self, column: Column) -> FloatArray:
        """Effective number of patients after censoring, by draw."""
        each = np.ones(len(column.share)) if self.is_effective else column.per_patient
        size: FloatArray = np.maximum(self.n * np.nan_to_num(each, nan=1.0), 1.0)
        return size

    def of_a_share(self, column: Column) -> Found:
        """Shares with the event."""
        least = 0.5 / np.maximum(column.patients, 1.0)  # no finer than the simulated patients allow
        share = np.clip(column.share, least, 1.0 - least)
        studies = np.round(self._size(column))
        p = -np.expm1(-np.exp(np.log(-np.log1p(-share))[:, None] + self._effects()))
        found = stats.binom.ppf(self._sampling(), studies[:, None], p) / studies[:, None]
        low, high = _interval(found)
        within = 2.0 * Z975 * np.sqrt(share.mean() * (1.0 - share.mean()) / studies.mean())
        score = partial(score_of_a_share, share=p, size=int(np.round(studies.mean())))
        return Found(float(column.share.mean()), low, high, (high - low) / within, found, score)

    def of_a_row(self, column: Column, row: SeriesRow) -> Found:
        """What new studies would observe of a row of a series; Kaplan-Meier survival as the share with the event."""
        if not is_time(row.statistic):
            return self.of_a_share(column)
        return self.of_a_time(column, row.statistic == "mean_time", row.by if row.statistic == RESTRICTED else None)

    def of_a_time(self, column: Column, is_mean: bool = False, horizon: float | None = None) -> Found:
        """Medians, or means; restricted means up to a horizon (years)."""
        size = self._size(column)
        read = np.maximum(self.n_read * np.nan_to_num(column.per_patient, nan=1.0), 1.0)
        of_one = np.where(np.isnan(column.spread), UNKNOWN_SPREAD, column.spread * np.sqrt(read))
        spread = of_one / np.sqrt(size)
        slope = 1.0 / ((1.0 if is_mean else np.log(2.0)) * np.maximum(of_one, 1e-9))
        if horizon is not None:
            slope = 1.0 / np.maximum(-column.slope, 1e-9)
        setting = -self._effects() / slope[:, None]
        moved = spread[:, None] * special.ndtri(self._sampling()) + setting
        most = np.inf if horizon is None else horizon
        found = np.minimum(column.value[:, None] * np.exp(moved), most)
        low, high = _interval(found)
        middle = float(np.quantile(column.value, 0.5, method="inverted_cdf"))
        within = 2.0 * Z975 * float(spread.mean())
        ratio = float(np.log(high / low) / within) if low > 0.0 and high < np.inf and within > 0.0 else np.nan
        times = np.minimum(column.value[:, None] * np.exp(setting), most)
        return Found(middle, low, high, ratio, found, partial(score_of_a_time, time=times, spread=spread[:, None]))


def study_uniforms(name: str, which: int, n: int, seed: int) -> FloatArray:
    """Uniforms of new studies under a name, (n,)."""
    u = np.empty(n)
    fill_uniforms(seed, STREAM_STUDIES, 0, address_of(f"validation/{name}"), which, u)
    return u


def _interval(values: FloatArray) -> tuple[float, float]:
    """95% interval; not interpolated, as a value may be infinite."""
    low, high = np.quantile(values, [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)
