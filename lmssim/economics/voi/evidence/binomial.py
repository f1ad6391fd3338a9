"""Yes or no of each patient: how many say yes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from lmssim.economics.voi.evidence.kind import patients_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray


@dataclass(frozen=True)
class Binomial:
    """Events among patients.

    Attributes
    ----------
    probability : ndarray(float, ndim=1)
        (n_draws,): of an event.
    share : float
        Share of the study's patients who are asked.
    """

    probability: FloatArray
    share: float = 1.0

    def collect(self, sizes: Sequence[int], rng: np.random.Generator) -> list[FloatArray]:
        """Patients and events of each draw."""
        found, before = [], np.zeros((len(self.probability), 2))
        for size in sizes:
            more = patients_of(self.share, size) - int(before[0, 0])
            events = rng.binomial(more, self.probability).astype(np.float64)
            before = before + np.column_stack([np.full(len(events), float(more)), events])
            found.append(before)
        return found

    def summaries(self, data: FloatArray) -> FloatArray:
        """Log odds of an event, half an event added to both sides."""
        patients, events = data.T
        odds: FloatArray = np.log((events + 0.5) / (patients - events + 0.5))[:, None]
        return odds

    def log_likelihood(self, data: FloatArray) -> FloatArray:
        """Of events and of none."""
        patients, events = data
        found: FloatArray = special.xlogy(events, self.probability)
        return found + special.xlog1py(patients - events, -self.probability)
