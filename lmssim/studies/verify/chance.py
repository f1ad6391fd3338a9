"""Comparisons that chance alone may break, and how far apart they may be.

A battery compares thousands of random numbers, so the limits are those of a family: a right model fails the whole
battery with a probability below `FALSE_ALARM`. It is shared equally among the checks that meet chance, and within each
of them among its comparisons (Bonferroni). Shares are judged by the binomial distribution, which holds however few
events there are; means by the normal distribution, and never by a standard error of zero alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special, stats

from lmssim.studies.verify.finding import NUMBERS, Finding, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.studies.verify.finding import Place

FALSE_ALARM = 1e-4
"""Probability with which chance fails the battery of a right model."""
CHECKS_OF_CHANCE = 20
"""Checks that share it; there are fewer."""
ROUNDING = 1e-9
"""Accepted difference of shares by rounding."""
CUTS = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
"""Probabilities at whose quantiles a sample is counted."""
FINE = 10_000
"""Points at which a quantile function is read."""


def least_p(n: int) -> float:
    """P-value below which one of `n` comparisons of a check fails."""
    return FALSE_ALARM / CHECKS_OF_CHANCE / max(n, 1)


def limit(n: int) -> float:
    """Distance in standard errors from which one of `n` comparisons of a check fails: 4.6 if it is the only one."""
    return float(-special.ndtri(least_p(n) / 2.0))


def by_chance(
    observed: Any,
    relation: str,
    expected: Any,
    error: Any,
    where: Sequence[Place] = (),
    what: str = NUMBERS,
    slack: Any = 0.0,
) -> Finding:
    """Compare means of random numbers, given standard errors.

    Parameters
    ----------
    error : array_like of float
        Standard error of observed less expected.
    slack : array_like of float
        Accepted difference besides chance: rounding, or what too few events can show.
    """
    n = np.broadcast(np.asarray(observed), np.asarray(expected), np.asarray(error)).size
    tolerance = limit(n) * np.asarray(error, dtype=np.float64) + np.asarray(slack)
    return compare(observed, relation, expected, tolerance, where, what)


def shares(
    counts: Any,
    relation: str,
    probability: Any,
    size: int,
    where: Sequence[Place] = (),
    what: str = NUMBERS,
    among: int | None = None,
) -> Finding:
    """Compare counts among `size` with the probabilities of being counted, by the binomial distribution.

    Where members have unlike probabilities of this mean their count varies less, so that the limits hold.

    Parameters
    ----------
    counts : array_like of float
        Members who are counted.
    probability : array_like of float
        Mean probability of each count.
    among : int, optional
        Comparisons of the whole check, if these are some of them.
    """
    k, p = np.broadcast_arrays(np.asarray(counts, dtype=np.float64), np.asarray(probability, dtype=np.float64))
    p = np.clip(p, 0.0, 1.0)
    alpha = least_p(among or k.size) / 2.0
    most, least = stats.binom.isf(alpha, size, p), stats.binom.ppf(alpha, size, p)
    above = k / size > p
    tolerance = np.where(above, most / size - p, p - least / size)
    return compare(k / size, relation, p, np.maximum(tolerance, 0.0) + ROUNDING, where, what)


def at_cuts(sample: FloatArray, quantile: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Counts of a sample up to some quantiles of a distribution, and the probabilities of being counted.

    Both are `CUTS` for a continuous distribution; where it has atoms, the quantile function itself says how probable
    values up to one of its quantiles are.
    """
    edges, fine = quantile(np.array(CUTS)), quantile((np.arange(FINE) + 0.5) / FINE)
    counts: FloatArray = (sample[None, :] <= edges[:, None]).sum(axis=1).astype(np.float64)
    probability: FloatArray = (fine[None, :] <= edges[:, None]).mean(axis=1)
    return counts, probability
