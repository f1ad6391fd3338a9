r"""Probabilities that a group-sequential statistic crosses bounds, by recursive numerical integration.

The score :math:`B_k = Z_k \sqrt{t_k}` has independent normal increments of variance :math:`t_k - t_{k-1}`. The
sub-density of the scores of those trials that go on is carried from look to look at the nodes of composite
Gauss-Legendre quadrature. It is carried without drift; under a drift :math:`\theta` it is multiplied by the likelihood
ratio :math:`\exp(\theta b - \theta^2 t / 2)`, so that one walk serves the null hypothesis and every alternative.

References
----------
Armitage P, McPherson CK, Rowe BC (1969). J R Stat Soc A 132:235-244. doi:10.2307/2343787.
Jennison C, Turnbull BW (2000). Group Sequential Methods, chapter 19. Chapman & Hall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri, roots_legendre

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray

SPAN = 8.6
"""Standard deviations beyond which a score is left out; what lies there is below 1e-17."""
POINTS = 16
"""Quadrature nodes of a panel."""
PANEL = 5.0
"""Width of a panel, in standard deviations of the narrower of two steps."""
WIDEST = 30.0
"""Bounds on Z are sought within plus and minus this."""
MOST_STEPS, CLOSE = 20, 1e-13
"""Steps of Newton's method towards a bound, and the step that is the last one."""
FAR = 10.0
"""Drift above 0 or below it for which a walk is exact when nothing else is asked."""

Region = tuple[float, float]
"""Lowest and highest score (not Z) at which a trial goes on."""


@dataclass(frozen=True)
class Front:
    """Scores of the trials that have gone on so far, without drift.

    Attributes
    ----------
    information : float
        Information fraction of the look.
    score : ndarray(float, ndim=1)
        Quadrature nodes, shape (n,).
    mass : ndarray(float, ndim=1)
        Sub-density times quadrature weight, shape (n,).
    step : float
        Standard deviation of the step that led here; 0 at the start.
    """

    information: float
    score: FloatArray
    mass: FloatArray
    step: float = 0.0

    def tilted(self, drift: float | FloatArray) -> FloatArray:
        """Mass under a drift, shape (n,), or (m, n) for m drifts."""
        theta = np.asarray(drift, dtype=np.float64)[..., None]
        tilted: FloatArray = self.mass * np.exp(theta * (self.score - 0.5 * theta * self.information))
        return tilted


START = Front(0.0, np.zeros(1), np.ones(1))
"""Before the first look every score is 0."""


def beyond(front: Front, information: float, z: float, drift: float | FloatArray = 0.0) -> FloatArray:
    """Probability that a trial has gone on so far and that its Z at the next look lies above a bound.

    Parameters
    ----------
    front : Front
        Trials that went on.
    information : float
        Information fraction of the next look.
    z : float
        Bound on Z, perhaps infinite.
    drift : float or ndarray(float, ndim=1)
        Expected Z at information 1, or several.

    Returns
    -------
    ndarray(float)
        One probability for each drift.
    """
    gap = information - front.information
    if isinstance(drift, float) and drift == 0.0:
        return front.mass @ ndtr((front.score - z * math.sqrt(information)) / math.sqrt(gap))
    theta = np.asarray(drift, dtype=np.float64)[..., None]
    mean = front.score + theta * gap
    tail = ndtr((mean - z * math.sqrt(information)) / math.sqrt(gap))
    total: FloatArray = (front.tilted(drift) * tail).sum(axis=-1)
    return total


def advance(
    front: Front, information: float, regions: Sequence[Region], reach: tuple[float, float] = (0.0, FAR)
) -> Front:
    """Scores of the trials that go on at the next look.

    Parameters
    ----------
    regions : sequence of (float, float)
        Intervals of Z in which a trial goes on.
    reach : (float, float)
        Least (at most 0) and greatest (at least 0) drift under which probabilities will be asked for.
    """
    gap = math.sqrt(information - front.information)
    narrow = gap if front.step == 0.0 else gap * front.step / math.hypot(gap, front.step)
    root = math.sqrt(information)
    least = -SPAN * root + reach[0] * information
    most = SPAN * root + reach[1] * information
    parts = [(max(low * root, least), min(high * root, most)) for low, high in regions]
    grids = [_grid(low, high, PANEL * narrow) for low, high in parts if low < high]
    if not grids:
        return Front(information, np.zeros(1), np.zeros(1), gap)
    score, weight = (np.concatenate(each) for each in zip(*grids, strict=True))
    kernel = np.subtract.outer(score, front.score)
    kernel *= math.sqrt(0.5) / gap
    np.square(kernel, out=kernel)
    np.negative(kernel, out=kernel)
    np.exp(kernel, out=kernel)
    density = kernel @ front.mass / (gap * math.sqrt(2.0 * math.pi))
    return Front(information, score, density * weight, gap)


def quantile_above(front: Front, information: float, probability: float, drift: float = 0.0) -> float:
    """Bound on Z at the next look that is exceeded with a probability, by trials that went on so far.

    Infinite if the probability is 0, minus infinity if as many trials do not go on.
    """
    if probability <= 0.0:
        return math.inf
    mass = front.tilted(drift)
    if probability >= float(mass.sum()):
        return -math.inf
    gap = information - front.information
    mean, slope = (front.score + drift * gap) / math.sqrt(gap), math.sqrt(information / gap)
    middle = drift * math.sqrt(information)

    def excess(z: float) -> float:
        return float(mass @ ndtr(mean - slope * z)) - probability

    found = _log_newton(mass, mean, slope, probability, middle - float(ndtri(probability / mass.sum())))
    return float(brentq(excess, middle - WIDEST, middle + WIDEST, xtol=1e-13, rtol=1e-14)) if found is None else found


def _log_newton(mass: FloatArray, mean: FloatArray, slope: float, probability: float, start: float) -> float | None:
    """Where the tail of a mixture of normals has a probability; nothing if the steps do not close in on it.

    The logarithm of the tail of one region is concave, so that steps come from one side.
    """
    z = start
    for _ in range(MOST_STEPS):
        deviates = mean - slope * z
        tail = float(mass @ ndtr(deviates))
        density = slope * float(mass @ np.exp(-0.5 * deviates * deviates)) / math.sqrt(2.0 * math.pi)
        if tail <= 0.0 or density <= 0.0:
            return None
        step = math.log(tail / probability) * tail / density
        z += step
        if abs(z - start) > WIDEST:
            return None
        if abs(step) < CLOSE * max(1.0, abs(z)):
            return z
    return None


def quantile_below(front: Front, information: float, probability: float, drift: float = 0.0) -> float:
    """Bound on Z at the next look below which, with a probability, trials fall that went on so far."""
    if probability <= 0.0:
        return -math.inf
    total = float(front.tilted(drift).sum())
    return quantile_above(front, information, total - probability, drift)


@lru_cache(maxsize=1)
def _panel() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss-Legendre quadrature on (0, 1)."""
    nodes, weights = roots_legendre(POINTS)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _grid(low: float, high: float, width: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights over an interval, in panels no wider than asked."""
    count = max(1, math.ceil((high - low) / width))
    nodes, weights = _panel()
    size = (high - low) / count
    score = low + size * np.add.outer(np.arange(count), nodes).ravel()
    return score, np.broadcast_to(size * weights, (count, POINTS)).ravel()
