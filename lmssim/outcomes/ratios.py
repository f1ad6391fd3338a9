"""Ratios of sums over draws, such as the share of all patients with an event, and their errors.

A ratio is of the sums of n y and of n, with n the patients of a draw and y what they give on average. Its error is
taken from how far n (y - ratio) spreads over the draws (delta method, the draws being independent).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

TINY = 1e-300


class Ratios:
    """Sums over draws, carried draw by draw, so that no bit depends on how the draws were parted."""

    def __init__(self) -> None:
        self.n_draws = 0
        self.total = np.zeros(())
        self._nn = np.zeros(())
        self._a, self._na, self._aa, self._last = (np.zeros(()) for _ in range(4))

    def add(self, n: FloatArray, share: FloatArray) -> None:
        """Add draws, which come first.

        Parameters
        ----------
        n : ndarray(float)
            (n_draws, ...): patients.
        share : ndarray(float)
            (n_draws, ..., n_times): what they give on average; not read where there are no patients.
        """
        for size, value in zip(n, share, strict=True):
            a = size[..., None] * np.where(size[..., None] > 0, value, 0.0)
            self.n_draws += 1
            self.total = self.total + size
            self._nn = self._nn + size * size
            self._a = self._a + a
            self._na = self._na + size[..., None] * a
            self._aa = self._aa + a * a
            self._last = self._last + a * a[..., -1:]

    @cached_property
    def value(self) -> FloatArray:
        """The ratios, (..., n_times); 0 without patients."""
        value: FloatArray = self._a / np.maximum(self.total, TINY)[..., None]
        return value

    @cached_property
    def error(self) -> FloatArray:
        """Their standard errors, (..., n_times)."""
        spread = self._aa - 2.0 * self.value * self._na + self.value**2 * self._nn[..., None]
        return self._root(spread, self.total[..., None])

    def error_of_half(self, at: tuple[int, ...]) -> tuple[FloatArray, float]:
        """Error of a share's part of its last value, where that is one half, by time; and the sum of the last values.

        Parameters
        ----------
        at : tuple of int
            Which of the ratios.
        """
        spread = self._aa[at] - self._last[at] + 0.25 * self._aa[at][-1]
        events = float(self._a[at][-1])
        return self._root(spread, np.asarray(events)), events

    def _root(self, spread: FloatArray, total: FloatArray) -> FloatArray:
        """Root of a sum of squares over draws as the error of a ratio of sums."""
        freedom = self.n_draws / max(self.n_draws - 1, 1)
        error: FloatArray = np.sqrt(np.maximum(spread, 0.0) * freedom) / np.maximum(total, TINY)
        return error
