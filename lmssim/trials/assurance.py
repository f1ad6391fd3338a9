r"""Assurance: the probability that a trial succeeds, averaged over what is believed of the effect.

With an estimate :math:`N(\delta, s^2)`, a prior :math:`\delta \sim N(m, v^2)` and success if the estimate exceeds
:math:`z_{1-\alpha} s`, it is :math:`\Phi((m - z_{1-\alpha} s) / \sqrt{s^2 + v^2})`.

References
----------
O'Hagan A, Stevens JW, Campbell MJ (2005). Pharm Stat 4:187-201. doi:10.1002/pst.175.
"""

from __future__ import annotations

import math

from scipy.special import ndtr, ndtri

from lmssim.trials import checks


def normal_assurance(prior_mean: float, prior_sd: float, standard_error: float, *, alpha: float = 0.025) -> float:
    """Assurance of a one-sided test of an effect that is good when positive.

    Parameters
    ----------
    prior_mean, prior_sd : float
        Of the effect; a standard deviation of 0 gives power.
    standard_error : float
        Of the estimate.
    alpha : float
        One-sided.
    """
    checks.number("prior_mean", prior_mean)
    checks.not_negative("prior_sd", prior_sd)
    checks.positive("standard_error", standard_error)
    bound = -float(ndtri(checks.type_i_error("alpha", alpha))) * standard_error
    return float(ndtr((prior_mean - bound) / math.hypot(standard_error, prior_sd)))


def logrank_assurance(
    hazard_ratio: float, prior_sd: float, events: float, *, alpha: float = 0.025, allocation: float = 1.0
) -> float:
    """Assurance of a log-rank test for a hazard ratio below 1.

    Parameters
    ----------
    hazard_ratio, prior_sd : float
        Median of the prior, and its standard deviation on the log scale.
    events : float
        Of both arms.
    allocation : float
        Experimental patients for each control patient.
    """
    spread = (1.0 + checks.ratio("allocation", allocation)) / math.sqrt(checks.positive("events", events) * allocation)
    return normal_assurance(-math.log(checks.ratio("hazard_ratio", hazard_ratio)), prior_sd, spread, alpha=alpha)


def probability_of_benefit(hazard_ratio: float, prior_sd: float) -> float:
    """Prior probability of a hazard ratio below 1: the assurance of a trial without end."""
    return float(ndtr(-math.log(checks.ratio("hazard_ratio", hazard_ratio)) / checks.positive("prior_sd", prior_sd)))
