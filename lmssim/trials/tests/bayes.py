"""Posterior probabilities of a hazard ratio by the normal approximation, with named priors; rates with a power prior.

References
----------
Spiegelhalter DJ, Freedman LS, Parmar MKB. Bayesian approaches to randomized trials. J R Stat Soc A 157:357-416, 1994.
doi:10.2307/2983527
Ibrahim JG, Chen M-H. Power prior distributions for regression models. Stat Sci 15:46-60, 2000.
doi:10.1214/ss/1009212673
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.errors import InputError, exact, unknown
from lmssim.trials.tests.comparison import LOG_HAZARD_RATIO, Comparison, quantile_of
from lmssim.trials.tests.cox import cox
from lmssim.trials.tests.logrank import logrank
from lmssim.trials.tests.registry import named

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.data import TrialData

ESTIMATES = {"logrank": logrank, "cox": cox}
"""Tests whose log hazard ratio may be the likelihood."""


def _positive(name: str, value: float) -> float:
    if not 0.0 < value < math.inf:
        raise InputError(f"{name}: {exact(value)} must be a finite number above 0.")
    return float(value)


def _share(name: str, value: float) -> float:
    if not 0.0 < value < 0.5:
        raise InputError(f"{name}: {exact(value)} must be above 0 and below 0.5.")
    return float(value)


# === Hazard ratios ===


@dataclass(frozen=True)
class LogHazardRatio:
    """Normal distribution of a log hazard ratio, a prior or a posterior, of one trial or of each of many.

    Attributes
    ----------
    mean, sd : float or ndarray(float, ndim=1)
        Of the log hazard ratio, below 0 where the experimental arm does better.
    """

    mean: float | FloatArray
    sd: float | FloatArray

    def probability_below(self, hazard_ratio: float = 1.0) -> FloatArray:
        """Probability that the hazard ratio is below a value."""
        return np.asarray(special.ndtr((math.log(_positive("hazard_ratio", hazard_ratio)) - self.mean) / self.sd))

    def hazard_ratio(self, level: float = 0.95) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Median hazard ratio and the interval of equal tails."""
        width = quantile_of(level) * np.asarray(self.sd)
        return np.exp(self.mean), np.exp(self.mean - width), np.exp(self.mean + width)

    def updated(self, estimate: float | FloatArray, variance: float | FloatArray) -> LogHazardRatio:
        """The posterior after an estimate of the log hazard ratio, with its variance (4 / events with equal arms)."""
        prior, data = 1.0 / np.square(self.sd), 1.0 / np.asarray(variance)
        return LogHazardRatio((self.mean * prior + estimate * data) / (prior + data), (prior + data) ** -0.5)


def normal_prior(hazard_ratio: float = 1.0, sd: float = 10.0) -> LogHazardRatio:
    """Prior with a median hazard ratio and the standard deviation of its log; the default says next to nothing."""
    return LogHazardRatio(math.log(_positive("hazard_ratio", hazard_ratio)), _positive("sd", sd))


def sceptical_prior(alternative: float, probability: float = 0.05) -> LogHazardRatio:
    """Prior with median 1 and little probability of the effect that the trial was designed for.

    Parameters
    ----------
    alternative : float
        Hazard ratio of the design, below 1.
    probability : float
        That the true one is below it.
    """
    return LogHazardRatio(0.0, _log_alternative(alternative) / special.ndtri(_share("probability", probability)))


def enthusiastic_prior(alternative: float, probability: float = 0.05) -> LogHazardRatio:
    """Prior with the design's effect as its median and little probability that there is none.

    Parameters
    ----------
    alternative : float
        Hazard ratio of the design, below 1.
    probability : float
        That the true one is above 1.
    """
    mean = _log_alternative(alternative)
    return LogHazardRatio(mean, mean / special.ndtri(_share("probability", probability)))


def _log_alternative(alternative: float) -> float:
    if not 0.0 < alternative < 1.0:
        raise InputError(f"alternative: {exact(alternative)} must be a hazard ratio above 0 and below 1.")
    return math.log(alternative)


def power_prior(
    estimate: float, variance: float, discount: float, initial: LogHazardRatio | None = None
) -> LogHazardRatio:
    """Prior that holds a share of the information of an earlier trial.

    Parameters
    ----------
    estimate, variance : float
        Log hazard ratio of the earlier trial and its variance.
    discount : float
        Power of its likelihood, from 0 (nothing is borrowed) to 1 (everything).
    initial : LogHazardRatio, optional
        What was believed before it; `normal_prior()` if absent.
    """
    if not math.isfinite(estimate):
        raise InputError(f"estimate: {exact(estimate)} must be finite.")
    if not 0.0 <= discount <= 1.0:
        raise InputError(f"discount: {exact(discount)} must be from 0 to 1.")
    start = initial or normal_prior()
    return start.updated(estimate, _positive("variance", variance) / discount) if discount > 0.0 else start


@named("bayes")
def bayes(
    data: TrialData,
    *,
    prior: LogHazardRatio | None = None,
    below: float = 1.0,
    likelihood: str = "logrank",
    cause: int = 0,
    stratified: bool = True,
) -> Comparison:
    """Posterior probability that the hazard ratio is below a value.

    Parameters
    ----------
    prior : LogHazardRatio, optional
        `sceptical_prior`, `enthusiastic_prior`, `power_prior` or `normal_prior`, which is the default.
    below : float
        Hazard ratio below which the experimental arm is a success.
    likelihood : str
        Where the log hazard ratio and its variance come from: `logrank` (one-step) or `cox`.

    Returns
    -------
    Comparison
        `p` is one minus the posterior probability and `z` its normal quantile, so that the rule "success if the
        posterior probability exceeds 0.975" is p < 0.025; `estimate` and `se` are the posterior mean and standard
        deviation of the log hazard ratio. Without events they are the prior's.
    """
    if likelihood not in ESTIMATES:
        raise InputError(unknown("value", likelihood, ESTIMATES, "likelihood"))
    found = ESTIMATES[likelihood](data, cause=cause, stratified=stratified)
    start = prior or normal_prior()
    known = np.isfinite(found.estimate) & np.isfinite(found.se)
    updated = start.updated(np.where(known, found.estimate, 0.0), np.where(known, found.se, 1.0) ** 2)
    mean, sd = np.where(known, updated.mean, start.mean), np.where(known, updated.sd, start.sd)
    z = (math.log(_positive("below", below)) - mean) / sd
    return Comparison("bayes", z, special.ndtr(-z), mean, sd, LOG_HAZARD_RATIO, found.events)


# === Rates ===


@dataclass(frozen=True)
class Rate:
    """Gamma distribution of an exponential rate.

    Attributes
    ----------
    shape, rate : float
        The mean is shape / rate.
    """

    shape: float
    rate: float

    @property
    def mean(self) -> float:
        """Mean of the rate."""
        return self.shape / self.rate

    def quantile(self, q: float) -> float:
        """Quantile of the rate."""
        if not 0.0 < q < 1.0:
            raise InputError(f"q: {exact(q)} must be above 0 and below 1.")
        return float(special.gammaincinv(self.shape, q)) / self.rate


def rate_with_history(
    events: float,
    exposure: float,
    historical_events: float = 0.0,
    historical_exposure: float = 0.0,
    discount: float = 0.0,
    shape: float = 0.001,
    rate: float = 0.001,
) -> Rate:
    """Posterior of an exponential rate, with a power prior from historical patients.

    Parameters
    ----------
    events, exposure : float
        Present events, and time at risk.
    historical_events, historical_exposure : float
        The same of historical patients.
    discount : float
        Power of their likelihood, from 0 to 1.
    shape, rate : float
        Gamma prior before both.
    """
    for name, value in (("events", events), ("historical_events", historical_events), ("exposure", exposure)):
        if not 0.0 <= value < math.inf:
            raise InputError(f"{name}: {exact(value)} must be a finite number, 0 or more.")
    if not 0.0 <= historical_exposure < math.inf:
        raise InputError(f"historical_exposure: {exact(historical_exposure)} must be a finite number, 0 or more.")
    if not 0.0 <= discount <= 1.0:
        raise InputError(f"discount: {exact(discount)} must be from 0 to 1.")
    top = _positive("shape", shape) + events + discount * historical_events
    return Rate(top, _positive("rate", rate) + exposure + discount * historical_exposure)
