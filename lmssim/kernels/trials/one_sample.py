"""Events of an arm beside those that a reference hazard expects of its patients' observed times."""

from __future__ import annotations

import math

from lmssim.kernels import CountArray, FloatArray
from lmssim.kernels.jit import inner, jit


@inner
def _cumulative(t: float, rates: FloatArray, breaks: FloatArray, shape: float) -> float:
    """Cumulative reference hazard at `t`: piecewise rates in time t ** shape."""
    x = t if shape == 1.0 else t**shape
    total, start = 0.0, 0.0
    for k in range(breaks.shape[0]):
        stop = breaks[k]
        if x <= stop:
            return total + rates[k] * (x - start)
        total += rates[k] * (stop - start)
        start = stop
    return total + rates[breaks.shape[0]] * (x - start)


@jit
def observed_and_expected(
    time: FloatArray, event: CountArray, arm: CountArray, which: int, cause: int, rates: FloatArray,
    breaks: FloatArray, shape: float, out: FloatArray,
) -> None:
    """Observed and expected events of one arm, by trial.

    Parameters
    ----------
    which : int
        The arm.
    cause : int
        Event of interest; 0 for any.
    rates, breaks : ndarray(float, ndim=1)
        Rate per unit of t ** shape, (n + 1,), and where it changes, (n,).
    out : ndarray(float, ndim=2)
        Filled, (n_trials, 2).
    """
    for i in range(time.shape[0]):
        observed, expected = 0, 0.0
        for p in range(time.shape[1]):
            t = time[i, p]
            if arm[i, p] != which or math.isnan(t):
                continue
            expected += _cumulative(t, rates, breaks, shape)
            if (event[i, p] == cause) if cause > 0 else (event[i, p] != 0):
                observed += 1
        out[i, 0], out[i, 1] = observed, expected
