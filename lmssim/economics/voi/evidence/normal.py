"""A measurement of each patient, normal about a mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.evidence.kind import patients_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray


@dataclass(frozen=True)
class Normal:
    """Measurements of patients.

    Attributes
    ----------
    mean, sd : ndarray(float, ndim=1)
        (n_draws,): mean and standard deviation of patients.
    share : float
        Share of the study's patients who are measured.
    """

    mean: FloatArray
    sd: FloatArray
    share: float = 1.0

    def collect(self, sizes: Sequence[int], rng: np.random.Generator) -> list[FloatArray]:
        """Patients, sum and sum of squares of each draw."""
        n = len(self.mean)
        found, before = [], np.zeros((n, 3))
        for size in sizes:
            more = patients_of(self.share, size) - int(before[0, 0])
            if more > 0:
                mean = self.mean + self.sd / np.sqrt(more) * rng.normal(size=n)
                around = self.sd**2 * rng.chisquare(more - 1, size=n) if more > 1 else np.zeros(n)
                before = before + np.column_stack([np.full(n, float(more)), more * mean, around + more * mean**2])
            found.append(before)
        return found

    def summaries(self, data: FloatArray) -> FloatArray:
        """Mean; if the standard deviation is uncertain, the log variance too."""
        patients, total, squares = data.T
        mean: FloatArray = total / patients
        if not np.ptp(self.sd) > 0.0:
            return mean[:, None]
        around = np.maximum(squares - patients * mean**2, 0.0) + 1e-3 * float((self.sd**2).mean())
        return np.column_stack([mean, np.log(around / patients)])

    def log_likelihood(self, data: FloatArray) -> FloatArray:
        """Of measurements with this sum and sum of squares."""
        patients, total, squares = data
        around = squares - 2.0 * self.mean * total + patients * self.mean**2
        found: FloatArray = -patients * np.log(self.sd) - around / (2.0 * self.sd**2)
        return found
