"""Sobol' indices of independent factors, freed of the noise of patients whom all evaluations share.

Evaluations of a simulated model are means over patients. With the same patients in each, what remains of chance is how
differently these patients respond to the factors; it would count as variance of the answer, and as interaction. So
patients are divided into sets, and every product of two evaluations is taken between different sets only: chance of one
set is independent of that of another, so that its expectation is that of an endless number of patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

REPLICATES = 1_000
"""Of the bootstrap."""
ROUNDING = 1e-12
"""Share of the variance below which nothing is told from rounding."""


@dataclass(frozen=True)
class Blocks:
    """Evaluations of a design of Saltelli's, by row and set of patients.

    Attributes
    ----------
    a, b : ndarray(float, ndim=2)
        (n_rows, n_sets): all factors from A, and from B.
    ab : ndarray(float, ndim=3)
        (n_factors, n_rows, n_sets): one factor from B, all others from A.
    """

    a: FloatArray
    b: FloatArray
    ab: FloatArray

    def without(self, which: int) -> Blocks:
        """Without a set of patients."""
        return Blocks(*(np.delete(each, which, axis=-1) for each in (self.a, self.b, self.ab)))

    @property
    def n_sets(self) -> int:
        """Sets of patients."""
        return len(self.a.T)


@dataclass(frozen=True)
class Indices:
    """Sobol' indices of one outcome.

    Attributes
    ----------
    first, total : ndarray(float, ndim=1)
        (n_factors,): share of the variance that a factor explains by itself, and with all interactions. Estimates may
        lie a little below 0.
    first_se, total_se : ndarray(float, ndim=1)
        Standard errors, from a bootstrap of the rows and a jackknife over the sets of patients.
    mean, mean_se, sd, sd_se, variance : float
        Of the outcome over the factors, without the noise of patients; errors of mean and SD as those of the indices.
    noise : float
        Variance that the noise of patients would have added.
    """

    first: FloatArray
    first_se: FloatArray
    total: FloatArray
    total_se: FloatArray
    mean: float
    mean_se: float
    sd: float
    sd_se: float
    variance: float
    noise: float


def blocks_of(values: FloatArray, n_factors: int) -> Blocks:
    """Evaluations, (n_rows * (n_factors + 2), n_sets), in the order of `design.sobol_design`."""
    rows = values.reshape(-1, n_factors + 2, values.shape[1])
    return Blocks(rows[:, 0], rows[:, -1], np.ascontiguousarray(rows[:, 1:-1].swapaxes(0, 1)))


def sobol_indices(blocks: Blocks, seed: int = 1, n_replicates: int = REPLICATES) -> Indices:
    """First-order indices by Saltelli's estimator, total ones by Jansen's.

    Notes
    -----
    With f(A), f(B), f(AB_i) for factor i from B: S_i = E[f(B) (f(AB_i) - f(A))] / V and
    T_i = E[(f(A) - f(AB_i))^2] / (2 V).

    References
    ----------
    Saltelli A et al. Comput Phys Commun 2010;181:259-270, table 2 (b) and (f). doi:10.1016/j.cpc.2009.09.018
    Jansen MJW. Analysis of variance designs for model output. Comput Phys Commun 1999;117:35-43.
    doi:10.1016/S0010-4655(98)00154-4
    """
    k = len(blocks.ab)
    products = _products(blocks)
    found = _statistics(products.mean(axis=0), k)
    n = len(products)
    rng = np.random.Generator(np.random.Philox(seed))
    with threadpool_limits(limits=1):
        counts = rng.multinomial(n, np.full(n, 1.0 / n), size=n_replicates) / n
        error = _statistics(counts @ products, k).var(axis=0, ddof=1)
    both = np.concatenate([blocks.a, blocks.b])
    if blocks.n_sets > 2:
        left = np.stack([_statistics(_products(blocks.without(s)).mean(axis=0), k) for s in range(blocks.n_sets)])
        error = error + (blocks.n_sets - 1) * left.var(axis=0)
        error[-1] += both.mean(axis=0).var(ddof=1) / blocks.n_sets
    se, true, whole = np.sqrt(error), float(_variance(products.mean(axis=0))), float(both.mean(axis=1).var())
    return Indices(
        first=found[:k],
        first_se=se[:k],
        total=found[k : 2 * k],
        total_se=se[k : 2 * k],
        mean=float(both.mean()),
        mean_se=float(se[-1]),
        sd=float(found[-2]),
        sd_se=float(se[-2]),
        variance=true,
        noise=whole - true if blocks.n_sets > 1 else 0.0,
    )


def _products(blocks: Blocks) -> FloatArray:
    """By row: numerators of the first and the total indices, second moment, mean; (n_rows, 2 * n_factors + 2)."""
    everything = np.concatenate([blocks.a[None], blocks.b[None], blocks.ab])
    a, b, *ab = everything - everything.mean(axis=(0, 1))
    columns = [_cross(b, each - a) for each in ab]
    columns += [0.5 * _cross(each - a, each - a) for each in ab]
    columns += [0.5 * (_cross(a, a) + _cross(b, b)), 0.5 * (a + b).mean(axis=1)]
    return np.stack(columns, axis=1)


def _cross(x: FloatArray, y: FloatArray) -> FloatArray:
    """Mean product over pairs of different sets, (n_rows,); the plain product where there is one set."""
    s = x.shape[1]
    if s == 1:
        plain: FloatArray = x[:, 0] * y[:, 0]
        return plain
    found: FloatArray = (x.sum(axis=1) * y.sum(axis=1) - (x * y).sum(axis=1)) / (s * (s - 1))
    return found


def _variance(moments: FloatArray) -> FloatArray:
    found: FloatArray = moments[..., -2] - moments[..., -1] ** 2
    return found


def _statistics(moments: FloatArray, k: int) -> FloatArray:
    """Indices, SD, and the mean less that of all sets, (..., 2 * n_factors + 2)."""
    sd = np.sqrt(np.maximum(_variance(moments), 0.0))
    return np.concatenate([_shares(moments, k), sd[..., None], moments[..., -1:]], axis=-1)


def _shares(moments: FloatArray, k: int) -> FloatArray:
    """First and total indices, (..., 2 * n_factors); 0 where nothing varies."""
    variance = _variance(moments)[..., None]
    shares = np.where(variance > 0.0, moments[..., : 2 * k] / np.where(variance > 0.0, variance, 1.0), 0.0)
    found: FloatArray = np.where(np.abs(shares) > ROUNDING, shares, 0.0)
    return found
