"""The ordered fold: chunks' moments merged into means and co-moments, strictly in chunk order.

Merging follows Chan, Golub and LeVeque; every operation is elementwise, so the bits depend on the order of chunks
alone, never on workers or blocks.

References
----------
Chan TF, Golub GH, LeVeque RJ. Algorithms for computing the sample variance. Am Stat 37:242-247, 1983.
doi:10.1080/00031305.1983.10483115
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.rewards import COST, N_MAIN, QALY

if TYPE_CHECKING:
    from lmssim.engines.histories import ChunkResult
    from lmssim.kernels import FloatArray
    from lmssim.kernels.tally import Counts


@dataclass
class Estimates:
    """Means and co-moments over patients, for each draw.

    Attributes
    ----------
    n : int
        Patients.
    mean : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_outcomes).
    square : ndarray(float, ndim=3)
        Sums of squared deviations, as `mean`.
    product : ndarray(float, ndim=4)
        (n_draws, n_main + 1, n_strategies, n_strategies): co-moments between strategies of the main outcomes, and of
        discounted QALYs (rows) with discounted costs (columns).
    state : ndarray(float, ndim=4)
        (n_draws, n_strategies, n_states, 4): sums by state.
    counts : Counts
        Over all patients and draws.
    """

    n: int
    mean: FloatArray
    square: FloatArray
    product: FloatArray
    state: FloatArray
    counts: Counts

    def covariance(self, outcome: int) -> FloatArray:
        """Covariance between strategies of a main outcome, (n_draws, n_strategies, n_strategies)."""
        return self.product[:, outcome] / max(self.n - 1, 1)

    def standard_error(self) -> FloatArray:
        """Monte-Carlo standard error of `mean`."""
        variance = self.square / max(self.n - 1, 1)
        result: FloatArray = np.sqrt(variance / self.n)
        return result


def finish(result: ChunkResult) -> Estimates:
    """Estimates of a single chunk."""
    m, n = result.moments, result.n
    delta = m.total / n
    mean = m.shift + delta
    square = np.maximum(m.square - n * delta * delta, 0.0)
    product = m.product.copy()
    lower, upper = np.tril_indices(product.shape[-1], -1)
    product[:, :N_MAIN, upper, lower] = product[:, :N_MAIN, lower, upper]
    for k in range(N_MAIN):
        product[:, k] -= n * delta[:, :, None, k] * delta[:, None, :, k]
    product[:, N_MAIN] -= n * delta[:, :, None, QALY] * delta[:, None, :, COST]
    return Estimates(n, mean, square, product, m.state, result.counts)


def merge(a: Estimates, b: Estimates) -> Estimates:
    """Estimates of both; `a` comes first."""
    n = a.n + b.n
    delta = b.mean - a.mean
    weight = a.n * b.n / n
    product = a.product + b.product
    for k in range(N_MAIN):
        product[:, k] += weight * delta[:, :, None, k] * delta[:, None, :, k]
    product[:, N_MAIN] += weight * delta[:, :, None, QALY] * delta[:, None, :, COST]
    counts = type(a.counts)(*(x + y for x, y in zip(a.counts, b.counts, strict=True)))
    return Estimates(
        n, a.mean + delta * (b.n / n), a.square + b.square + weight * delta * delta, product, a.state + b.state, counts
    )


def stack(parts: list[Estimates]) -> Estimates:
    """Estimates of batches of draws, side by side."""
    if len(parts) == 1:
        return parts[0]
    counts = parts[0].counts
    for part in parts[1:]:
        counts = type(counts)(*(x + y for x, y in zip(counts, part.counts, strict=True)))
    return Estimates(
        parts[0].n,
        np.concatenate([p.mean for p in parts]),
        np.concatenate([p.square for p in parts]),
        np.concatenate([p.product for p in parts]),
        np.concatenate([p.state for p in parts]),
        counts,
    )
