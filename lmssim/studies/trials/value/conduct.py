"""Conduct of a trial of any size, as its design recruits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.trial.conduct import Conduct

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign


@dataclass(frozen=True, kw_only=True)
class SimulatedConduct(Conduct):
    """Recruitment by the design's course of accrual.

    Attributes
    ----------
    design : TrialDesign
        Its course of accrual; beyond the patients planned it goes on at its last rate.
    """

    design: TrialDesign

    @property
    def largest(self) -> float:
        """Patients who can be recruited; infinite without limit."""
        if math.isinf(self.most_years):
            return math.inf
        course = self.design.accrual.lasting(self.most_years / self.design.years)
        return math.floor(course.total + 0.5 + 1e-9)

    def recruitment(self, size: FloatArray) -> FloatArray:
        """Years from the start until so many patients are expected to have entered."""
        count = np.maximum(np.asarray(size, dtype=np.float64) - 0.5, 0.0)
        found: FloatArray = self.design.accrual.time_of(count) * self.design.years
        return found
