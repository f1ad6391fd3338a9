"""Value of partial perfect information by multilevel Monte Carlo, through the model itself: no regression, no bias.

Wanted is the greatest, over strategies, of the mean gain over draws of the other parameters, given those that are
learnt. A mean of few draws is noisy, which makes the greatest too great; means of twice, four times, ... as many are
less so. The first level takes few draws for many values of the learnt parameters; further levels correct it, each by
the difference between one mean of all its draws and two means of half of them. Levels are chosen at random, ever
higher ones ever more rarely, and weighted by their rarity, so that the sum of all corrections is met on average.

References
----------
Giles MB, Goda T. Decision-making under uncertainty: using MLMC for efficient estimation of EVPPI. Stat Comput
29:739-751, 2019. doi:10.1007/s11222-018-9835-1
Rhee C-H, Glynn PW. Unbiased estimation with square root convergence for SDE models. Oper Res 63:1026-1043, 2015.
doi:10.1287/opre.2015.1404
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray, IntArray

FIRST = 32
"""Draws of other parameters at the first level."""
RARER = 2.0**-1.5
"""Chance of each further level, given the one before: between its cost, which doubles, and its variance."""
HIGHEST = 12
"""Level at which chance ends; its mean is over 131,072 draws."""
AT_ONCE = 8_192
"""Draws that are asked for at a time."""


class Multilevel(NamedTuple):
    """Value of partial perfect information, per patient."""

    evppi: float
    se: float
    first: float
    """What the first level alone gives, which is too great."""
    correction: float
    n_outer: int
    n_draws: int
    """Draws of the model in all."""


def multilevel(
    gains: Callable[[int, IntArray], FloatArray],
    n_outer: int,
    seed: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Multilevel:
    """Estimate the value of learning some parameters.

    Parameters
    ----------
    gains : callable
        Given the number of a first draw and, of as many draws as are wanted, which value of the learnt parameters each
        has, (n,), returns the gain of each strategy over the one that is optimal now, (n, n_strategies); every draw has
        other parameters, and patients, of its own.
    n_outer : int
        Values of the learnt parameters at the first level; there are half as many corrections.
    seed : int
        Of the choice of levels.
    progress : callable, optional
        Called with (draws done, draws in all).

    Notes
    -----
    With P(l) the mean over values of the greatest mean gain of 32 x 2^l draws, the value is P(0) + sum over l of
    (P(l) - P(l - 1)); a correction at level l is divided by its chance. Its error is that of both means. Which strategy
    is optimal now is taken from the draws of the analysis, which are many more than the values here.
    """
    levels = _levels(max(2, n_outer // 2), seed)
    sizes = np.concatenate([np.full(n_outer, FIRST), FIRST * 2**levels])
    reader = _Reader(gains, sizes, progress)
    first = np.array([reader.next().mean(axis=0).max() for _ in range(n_outer)])
    corrections = np.array([_correction(reader.next()) / _chance(level) for level in levels.tolist()])
    value = float(first.mean() + corrections.mean())
    error = float(np.sqrt(first.var(ddof=1) / len(first) + corrections.var(ddof=1) / len(corrections)))
    return Multilevel(value, error, float(first.mean()), float(corrections.mean()), n_outer + len(levels), reader.done)


def _levels(n: int, seed: int) -> IntArray:
    """Levels from 1 on, spread evenly over their chances."""
    rng = np.random.Generator(np.random.Philox(seed))
    u = (rng.permutation(n) + rng.random(n)) / n
    levels: IntArray = np.minimum(1 + np.floor(np.log1p(-u) / np.log(RARER)).astype(int), HIGHEST)
    return levels


def _chance(level: int) -> float:
    """Chance of a level."""
    return float(RARER ** (level - 1) * (1.0 if level == HIGHEST else 1.0 - RARER))


def _correction(gained: FloatArray) -> float:
    """Greatest mean of all draws less the mean of the greatest means of both halves."""
    half = len(gained) // 2
    parts = [gained[:half].mean(axis=0), gained[half:].mean(axis=0)]
    return float(((parts[0] + parts[1]) / 2.0).max() - (parts[0].max() + parts[1].max()) / 2.0)


class _Reader:
    """Draws of one value of the learnt parameters after another, asked for many at a time."""

    def __init__(
        self,
        gains: Callable[[int, IntArray], FloatArray],
        sizes: IntArray,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self.gains, self.sizes, self.progress = gains, sizes, progress
        self.outer = np.repeat(np.arange(len(sizes)), sizes)
        self.done = self.given = self.k = 0
        self.kept = np.zeros((0, 0))

    def next(self) -> FloatArray:
        """Gains of the next value's draws."""
        size = int(self.sizes[self.k])
        parts = []
        while size > 0:
            if len(self.kept) == 0:
                self._fetch()
            parts.append(self.kept[:size])
            size -= len(parts[-1])
            self.kept = self.kept[len(parts[-1]) :]
        self.k += 1
        return np.concatenate(parts)

    def _fetch(self) -> None:
        outer = self.outer[self.done : self.done + AT_ONCE]
        self.kept = self.gains(self.done, outer)
        self.done += len(outer)
        if self.progress is not None:
            self.progress(self.done, len(self.outer))
