"""The shape that every kind of evidence has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from lmssim.kernels import FloatArray


class Evidence(Protocol):
    """Data of some of the patients of a study, given the parameters of each draw."""

    def collect(self, sizes: Sequence[int], rng: np.random.Generator) -> list[FloatArray]:
        """A data set for each draw and size, ascending: (n_draws, n_statistics) for each size."""

    def summaries(self, data: FloatArray) -> FloatArray:
        """What a regression is given of data sets, (n_draws, n_summaries)."""

    def log_likelihood(self, data: FloatArray) -> FloatArray:
        """Log likelihood of one data set, (n_statistics,), under every draw, (n_draws,), up to a constant."""


def patients_of(share: float, size: int) -> int:
    """Patients of a study of some size who give a piece of evidence."""
    return max(1, round(share * size))
