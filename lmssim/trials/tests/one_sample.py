"""One-sample log-rank test: an arm's events beside those that a reference hazard expects.

References
----------
Breslow NE. Analysis of survival data under the proportional hazards model. Int Stat Rev 43:45-58, 1975.
doi:10.2307/1402659
Wu J. A new one-sample log-rank test. J Biom Biostat 5:210, 2014. doi:10.4172/2155-6180.1000210
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact, unknown
from lmssim.kernels.trials.one_sample import observed_and_expected
from lmssim.trials.tests.comparison import Comparison, ratio, upper_tail
from lmssim.trials.tests.registry import named

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.trials.tests.data import TrialData

VARIANCES = ("expected", "mean")
LOG_STANDARDISED_RATIO = "log ratio of observed to expected events"


@named("one-sample-logrank")
def one_sample_logrank(
    data: TrialData,
    *,
    rate: float | Sequence[float],
    breaks: Sequence[float] = (),
    shape: float = 1.0,
    variance: str = "expected",
    arm: int = 1,
    cause: int = 0,
) -> Comparison:
    """Compare one arm with a reference hazard; the other arm, if any, is disregarded.

    Parameters
    ----------
    rate : float or sequence of float
        Reference hazard per unit of time; piecewise with `breaks`. With a `shape`, the cumulative hazard is
        rate * time ** shape.
    breaks : sequence of float
        Times at which a piecewise rate changes, one less than rates.
    shape : float
        Of a Weibull reference.
    variance : str
        `expected`: E, the classic test; `mean`: (O + E) / 2, which holds the level better in small trials.
    arm : int
        The arm that is tested.

    Returns
    -------
    Comparison
        `estimate` is log(O / E) with the standard error O ** -1/2; z = (E - O) / V^(1/2).
    """
    rates = np.atleast_1d(np.array(rate, dtype=np.float64))
    cuts = np.array(breaks, dtype=np.float64)
    if len(rates) != len(cuts) + 1:
        raise InputError(f"rate: {len(rates)} rates and {len(cuts)} breaks; give one rate more than breaks.")
    if not (np.isfinite(rates).all() and (rates >= 0.0).all() and rates.max() > 0.0):
        raise InputError("rate: every rate must be a finite number, 0 or more, and one above 0.")
    if len(cuts) and not (np.isfinite(cuts).all() and cuts[0] > 0.0 and (np.diff(cuts) > 0.0).all()):
        raise InputError("breaks: must be finite times above 0 that ascend.")
    if not 0.0 < shape < np.inf or (shape != 1.0 and len(cuts)):
        raise InputError(f"shape: {exact(shape)} must be above 0, and 1 with breaks.")
    if variance not in VARIANCES:
        raise InputError(unknown("value", variance, VARIANCES, "variance"))
    if arm not in (0, 1):
        raise InputError(f"arm: {arm} is neither 0 nor 1.")
    found = np.empty((len(data), 2))
    observed_and_expected(data.time, data.event, data.arm, arm, cause, rates, cuts, float(shape), found)
    observed, expected = found[:, 0], found[:, 1]
    expected = np.where((expected > 0.0) & np.isfinite(expected), expected, np.nan)  # of somebody, and not for ever
    spread = expected if variance == "expected" else 0.5 * (observed + expected)
    z = ratio(expected - observed, np.sqrt(spread))
    with np.errstate(divide="ignore"):
        estimate = np.log(observed) - np.log(expected)
    se = ratio(np.ones(len(data)), np.sqrt(observed))
    events = observed.astype(np.int64)
    return Comparison("one-sample-logrank", z, upper_tail(z), estimate, se, LOG_STANDARDISED_RATIO, events)
