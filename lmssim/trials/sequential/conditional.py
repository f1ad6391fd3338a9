r"""What the data of an interim look say of the rest of the trial: conditional and predictive power.

Given Z at information t, what is still to come adds an independent normal score of mean :math:`\theta (t_j - t)` and
variance :math:`t_j - t`, with :math:`\theta` the expected final Z. The conditional rejection probability is the
conditional power under no effect.

References
----------
Lan KKG, Wittes J (1988). Biometrics 44:579-585. doi:10.2307/2531870.
Spiegelhalter DJ, Freedman LS, Blackburn PR (1986). Control Clin Trials 7:8-17. doi:10.1016/0197-2456(86)90003-6.
Mueller HH, Schaefer H (2001). Biometrics 57:886-891. doi:10.1111/j.0006-341X.2001.00886.x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, roots_hermitenorm

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.sequential.bounds import LARGEST_DRIFT, Bounds
from lmssim.trials.sequential.crossing import START, advance, beyond

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from lmssim.kernels import FloatArray

NODES = 48
"""Gauss-Hermite nodes for an average over a normal distribution of the effect."""


@dataclass(frozen=True)
class NormalPrior:
    """Normal distribution of the expected final Z before the trial; flat if `sd` is infinite."""

    mean: float = 0.0
    sd: float = math.inf

    def __post_init__(self) -> None:
        checks.number("prior mean", self.mean)
        if math.isnan(self.sd) or self.sd <= 0.0:
            raise InputError(f"prior sd: {self.sd!r} must be above 0.")

    def after(self, z: float, information: float) -> tuple[float, float]:
        """Mean and standard deviation of the expected final Z, given Z at an information fraction."""
        precision = information + 1.0 / self.sd**2
        return (z * math.sqrt(information) + self.mean / self.sd**2) / precision, 1.0 / math.sqrt(precision)


FLAT = NormalPrior()


def conditional_power(z: ArrayLike, information: ArrayLike, drift: ArrayLike, bound: float) -> FloatArray:
    r"""Probability of a final Z at or above a bound, given Z at an interim look.

    Parameters
    ----------
    z : array_like
        Z at the look.
    information : array_like
        Its information as a fraction of the final one, above 0 and below 1.
    drift : array_like
        Expected final Z under the effect that is supposed: 0 for none, z / sqrt(t) for the trend.
    bound : float
        Final bound on Z.

    Returns
    -------
    ndarray(float)
        :math:`1 - \Phi((u - z \sqrt t - \theta (1 - t)) / \sqrt{1 - t})`.
    """
    t = _interim(information)
    rest = (bound - np.asarray(z) * np.sqrt(t) - np.asarray(drift) * (1.0 - t)) / np.sqrt(1.0 - t)
    return np.asarray(ndtr(-rest), dtype=np.float64)


def trend_drift(z: ArrayLike, information: ArrayLike) -> FloatArray:
    """Expected final Z if the effect is as observed so far: z / sqrt(t)."""
    return np.asarray(np.asarray(z) / np.sqrt(_interim(information)), dtype=np.float64)


def predictive_power(z: float, information: float, bound: float, prior: NormalPrior = FLAT) -> float:
    r"""Conditional power averaged over what is known of the effect at the look.

    Notes
    -----
    With posterior mean m and variance v of the expected final Z, the final score is normal with mean
    :math:`z \sqrt t + m (1 - t)` and variance :math:`(1 - t) + v (1 - t)^2`.
    """
    t = float(_interim(information))
    mean, sd = prior.after(z, t)
    left = 1.0 - t
    return float(ndtr((z * math.sqrt(t) + mean * left - bound) / math.sqrt(left + (sd * left) ** 2)))


def later_power(
    bounds: Bounds, look: int, z: float, drift: float | Sequence[float] | FloatArray, *, with_futility: bool
) -> FloatArray:
    """Probability that a later look declares efficacy in the upper direction, given Z at a look.

    Parameters
    ----------
    look : int
        The look, counted from 1.
    drift : float or sequence of float
        Expected Z at information 1: one, or m.
    with_futility : bool
        Whether the trial stops at futility bounds of later looks.

    Returns
    -------
    ndarray(float, ndim=1)
        One probability for each drift.
    """
    if isinstance(look, bool) or not isinstance(look, int) or not 1 <= look < len(bounds.information):
        raise InputError(f"look: {look!r} is not an interim look of the design, 1 to {len(bounds.information) - 1}.")
    score = checks.number("z", z)
    theta = np.atleast_1d(np.asarray(drift, dtype=np.float64))
    now = bounds.information[look - 1]
    start = score * math.sqrt(now)
    reach = (min(float(theta.min()), 0.0), max(float(theta.max()), 0.0))
    told = bounds if with_futility else Bounds(bounds.information, bounds.efficacy, sides=bounds.sides)
    front, total = START, np.zeros(len(theta))
    for k in range(look, len(bounds.information)):
        t, root = bounds.information[k] - now, math.sqrt(bounds.information[k])
        total = total + beyond(front, t, (bounds.efficacy[k] * root - start) / math.sqrt(t), theta)
        if k + 1 < len(bounds.information):
            regions = [(z * root - start) / math.sqrt(t) for region in told.regions(k) for z in region]
            front = advance(front, t, list(zip(regions[::2], regions[1::2], strict=True)), reach)
    return total


def averaged(mean: float, sd: float) -> tuple[FloatArray, FloatArray]:
    """Drifts and weights that average over a normal distribution of the expected final Z."""
    nodes, weights = roots_hermitenorm(NODES)
    drifts = np.clip(mean + sd * nodes, -LARGEST_DRIFT, LARGEST_DRIFT)
    return drifts, weights / weights.sum()


def _interim(information: ArrayLike) -> FloatArray:
    t = np.asarray(information, dtype=np.float64)
    if not ((t > 0.0) & (t < 1.0)).all():
        raise InputError(f"information: {information!r} is not a fraction above 0 and below 1.")
    return t
