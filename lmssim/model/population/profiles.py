"""Profiles: a few patients, with weights, that stand for a population."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.philox import STREAM_POPULATION, address_of, fill_uniforms

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray


PROFILE = "profile"
"""Name under which a patient's profile is drawn."""


@dataclass(frozen=True)
class Profiles:
    """Patients of an exact solution.

    Attributes
    ----------
    x : ndarray(float, ndim=2)
        (n_profiles, n_columns) patients' columns, replicate by replicate.
    weights : ndarray(float, ndim=1)
        (n_profiles,), with sum 1 in each replicate.
    n_replicates : int
        Independent replicates of equal size, each an estimate of the average over the population; 1 if the average is
        exact.
    """

    x: FloatArray
    weights: FloatArray
    n_replicates: int

    def sample(self, first: int, n: int, seed: int) -> FloatArray:
        """Columns of patients first, first + 1, ..., each of whom is a profile by weight; (n, n_columns)."""
        u = np.empty(n)
        fill_uniforms(seed, STREAM_POPULATION, first, address_of(PROFILE), 0, u)
        edges = self.weights.cumsum() / self.weights.sum()
        rows: FloatArray = self.x[np.minimum(np.searchsorted(edges, u, side="right"), len(self.x) - 1)]
        return rows
