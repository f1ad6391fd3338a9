"""Expected value of sample information by moment matching: a second estimator, without regression on data.

A study narrows the expected net benefits that its parameters give by the covariance that it leaves on average. That is
found from few data sets: each makes some draws likely and others not, and the covariance under these weights is what
is left. The expected net benefits are then shrunk by as much.

Notes
-----
Weights of a large study fall on few draws and tell nothing. Where on average fewer than 30 draws count, the covariance
that is left is taken from the largest study of which more do, and falls as h / (n + h) with the size n from there on.

References
----------
Heath A, Manolopoulou I, Baio G. Efficient Monte Carlo estimation of the expected value of sample information using
moment matching. Med Decis Making 38:163-173, 2018. doi:10.1177/0272989X17738515
Heath A, Manolopoulou I, Baio G. Estimating the expected value of sample information across different sample sizes
using moment matching and nonlinear regression. Med Decis Making 39:347-359, 2019. doi:10.1177/0272989X19837983
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.nesting import without_noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.kernels import FloatArray

N_DATA_SETS = 50
ENOUGH = 30.0
"""Draws that must count on average."""


def moment_matching(
    fitted: FloatArray, sizes: Sequence[int], log_likelihood: Callable[[int, int], FloatArray]
) -> FloatArray:
    """Value of a study of each size, (n_sizes,); NaN if even the smallest leaves too few draws.

    Parameters
    ----------
    fitted : ndarray(float, ndim=2)
        (n_draws, n_strategies): expected gains given the study's parameters.
    sizes : sequence of int
        Ascending.
    log_likelihood : callable
        Of (position of the size, draw): log likelihood of that draw's data set under every draw, (n_draws,).
    """
    left: list[FloatArray] = []
    total = np.cov(fitted, rowvar=False)
    for k in range(len(sizes)):
        covariance, counting = _left(fitted, partial(log_likelihood, k))
        if counting < ENOUGH:
            break
        left.append(covariance)
    if not left or not np.trace(total) > 0.0:
        return np.full(len(sizes), np.nan)
    half = _half(left, total, sizes)
    last = sizes[len(left) - 1]
    left += [left[-1] * (last + half) / (size + half) for size in sizes[len(left) :]]
    now = float(fitted.mean(axis=0).max())
    return np.array([float(without_noise(fitted, each).max(axis=1).mean()) - now for each in left])


def _left(fitted: FloatArray, log_likelihood: Callable[[int], FloatArray]) -> tuple[FloatArray, float]:
    """Covariance that data leave on average, and how many draws count on average."""
    order = np.argsort(fitted[:, int(np.argmax(fitted.var(axis=0)))], kind="stable")
    chosen = order[((np.arange(N_DATA_SETS) + 0.5) / N_DATA_SETS * len(order)).astype(int)]
    total, counting = np.zeros((fitted.shape[1], fitted.shape[1])), 0.0
    for i in chosen.tolist():
        log_weight = log_likelihood(i)
        log_weight[i] = -np.inf  # the draw that made the data knows too much
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        beyond = fitted - weight @ fitted
        total += (weight[:, None] * beyond).T @ beyond
        counting += 1.0 / float((weight**2).sum())
    return total / N_DATA_SETS, counting / N_DATA_SETS


def _half(left: Sequence[FloatArray], total: FloatArray, sizes: Sequence[int]) -> float:
    """Size h of the study that leaves half the variance."""
    shares = np.clip([float(np.trace(each) / np.trace(total)) for each in left], 1e-6, 1.0 - 1e-6)
    return float(np.median(np.asarray(sizes[: len(left)]) * shares / (1.0 - shares)))
