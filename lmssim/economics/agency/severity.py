"""NICE's severity modifier: the weight of QALYs by what patients lose under standard care.

References
----------
National Institute for Health and Care Excellence. NICE health technology evaluations: the manual (PMG36), sections
6.2.12 and following; NICE Decision Support Unit,
technical support document 23: a guide to calculating severity shortfall for NICE evaluations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

WEIGHTS = (1.0, 1.2, 1.7)
"""Of a QALY, by severity."""
ABSOLUTE = (12.0, 18.0)
"""QALYs lost from which the second and the third weight hold."""
PROPORTIONAL = (0.85, 0.95)
"""Share of QALYs lost from which they do."""
REFERENCE_RATE = 0.035
"""Annual discount rate of NICE's reference case, which the shortfall takes too."""
SAME = 1e-9
"""Relative distance at which a shortfall has reached a bound: it is no more than rounding."""


@dataclass(frozen=True)
class Shortfall:
    """QALYs of the general population and of patients under standard care.

    Attributes
    ----------
    without : float
        QALYs that people of the patients' ages and sexes expect without the disease.
    under : float
        QALYs that patients expect under standard care.
    """

    without: float
    under: float

    @property
    def absolute(self) -> float:
        """QALYs lost."""
        return self.without - self.under

    @property
    def proportional(self) -> float:
        """Share of QALYs lost; NaN if there are none to lose."""
        return self.absolute / self.without if self.without > 0.0 else float("nan")

    @property
    def weight(self) -> float:
        """Weight of a QALY."""
        return float(weights_of(np.array([self.absolute]), np.array([self.proportional]))[0])


def weights_of(absolute: FloatArray, proportional: FloatArray) -> FloatArray:
    """Weight of a QALY by each pair of shortfalls: the greater of what either gives; a bound belongs to its weight."""
    levels = [_level(absolute, ABSOLUTE), _level(proportional, PROPORTIONAL)]
    found: FloatArray = np.array(WEIGHTS)[np.maximum(*levels)]
    return found


def _level(shortfall: FloatArray, bounds: tuple[float, float]) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """How many bounds a shortfall has reached."""
    reached: np.ndarray[tuple[int, ...], np.dtype[np.int64]] = (
        shortfall[..., None] >= np.array(bounds) * (1.0 - SAME)
    ).sum(axis=-1)
    return reached
