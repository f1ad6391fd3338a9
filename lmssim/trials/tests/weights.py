"""Weights of log-rank statistics, and what is known of them without data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.errors import InputError, exact
from lmssim.kernels.trials.weighted import FLEMING_HARRINGTON, MODEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray

MOST = 10.0
"""Largest exponent."""
MAXCOMBO = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
"""Usual members of MaxCombo: (rho, gamma)."""


def fleming_harrington_rows(members: Sequence[tuple[float, float]]) -> FloatArray:
    """Rows of weights S(t-)^rho (1 - S(t-))^gamma as kernels take them, (n, 3)."""
    if len(members) == 0:
        raise InputError("members: is empty; give at least one pair (rho, gamma).")
    rows = np.empty((len(members), 3))
    for k, pair in enumerate(members):
        if len(pair) != 2:
            raise InputError(f"members: {pair!r} is not a pair (rho, gamma).")
        for name, value in zip(("rho", "gamma"), pair, strict=True):
            if not 0.0 <= value <= MOST:
                raise InputError(f"{name}: {exact(value)} must be from 0 to {MOST:g}.")
        rows[k] = FLEMING_HARRINGTON, *pair
    return rows


def modest_row(delay: float, most: float) -> FloatArray:
    """Row of the weight min(1 / max(S(t-), S(delay)), most)."""
    if not 0.0 <= delay < np.inf:
        raise InputError(f"delay: {exact(delay)} must be a time, 0 or later.")
    if not most >= 1.0:
        raise InputError(f"most: {exact(most)} must be at least 1, the first weight.")
    return np.array([[MODEST, delay, most]])


def null_correlation(members: Sequence[tuple[float, float]] = MAXCOMBO, survival_end: float = 0.0) -> FloatArray:
    """Correlation of Fleming-Harrington statistics under the null hypothesis, everyone observed to the same time.

    Parameters
    ----------
    members : sequence of tuple
        Pairs (rho, gamma).
    survival_end : float
        Survival at the end of observation, both arms together; 0 if all events are seen.

    Returns
    -------
    ndarray(float, ndim=2)
        (n, n).

    Notes
    -----
    The covariance of two weights is the integral of their product over survival from its end to 1, a beta function.
    """
    rows = fleming_harrington_rows(members)
    if not 0.0 <= survival_end < 1.0:
        raise InputError(f"survival_end: {exact(survival_end)} must be at least 0 and below 1.")
    rho = rows[:, 1, None] + rows[None, :, 1] + 1.0
    gamma = rows[:, 2, None] + rows[None, :, 2] + 1.0
    covariance = special.beta(rho, gamma) * special.betainc(gamma, rho, 1.0 - survival_end)
    spread = np.sqrt(np.diag(covariance))
    correlation: FloatArray = covariance / spread[:, None] / spread
    return correlation
