"""Decisions whose value of information is known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from lmssim.economics.voi.partial import gains

if TYPE_CHECKING:
    from lmssim.economics.voi.partial import Gains
    from lmssim.kernels import FloatArray


def value_of_normal(mean: float, sd: float) -> float:
    """E max(0, G) - max(0, E G) of a normal gain G: what it is worth to know G before deciding."""
    z = mean / sd
    return float(sd * stats.norm.pdf(z) + mean * stats.norm.cdf(z) - max(0.0, mean))


def against_nothing(gain: FloatArray) -> Gains:
    """A strategy of known gain against one of none."""
    benefit = np.column_stack([np.zeros(len(gain)), gain])
    return gains(benefit, np.arange(len(gain)), int(benefit.mean(axis=0).argmax()))


def within(estimate: float, truth: float, se: float, errors: float = 3.0) -> bool:
    """Whether an estimate lies within some standard errors of the truth."""
    return bool(se > 0.0 and abs(estimate - truth) <= errors * se)
