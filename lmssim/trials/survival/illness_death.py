r"""Overall survival when patients may progress first: the hazard of death of an illness-death model.

With constant hazards a of progression, b of death before it and c of death after it,

.. math:: S_{OS}(t) = e^{-(a + b) t} + \frac{a}{c - a - b} \left( e^{-(a + b) t} - e^{-c t} \right) , \qquad
          S_{PFS}(t) = e^{-(a + b) t} ,

and :math:`e^{-c t} (1 + a t)` if c = a + b. The hazard of death changes with time, so that two arms do not have
proportional hazards of death even if their transitions do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.trials import checks
from lmssim.trials.survival.expected import ArmCourse, fine_edges, legendre
from lmssim.trials.survival.hazards import Hazard, PiecewiseHazard

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lmssim.kernels import FloatArray

EQUAL = 1e-9
"""Hazards that differ by less, relative to their sum, are taken as equal."""


@dataclass(frozen=True)
class IllnessDeathHazard:
    """Hazard of death of an illness-death model with constant hazards.

    Attributes
    ----------
    progression : float
        Hazard of progression.
    death : float
        Hazard of death before progression.
    death_after : float
        Hazard of death after progression.
    """

    progression: float
    death: float
    death_after: float

    def __post_init__(self) -> None:
        checks.positive("progression", self.progression)
        checks.not_negative("death", self.death)
        checks.positive("death_after", self.death_after)

    @property
    def progression_free(self) -> PiecewiseHazard:
        """Hazard of progression or death."""
        return PiecewiseHazard((self.progression + self.death,))

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()

    @property
    def bends(self) -> tuple[float, ...]:
        """Multiples of the shortest mean time, over which the hazard of death moves to its last value."""
        fastest = max(self.progression + self.death, self.death_after)
        return tuple(k / fastest for k in (1.0, 2.0, 4.0, 7.0, 12.0, 20.0, 40.0, 80.0))

    def _alive(self, time: ArrayLike) -> tuple[FloatArray, FloatArray, float]:
        """Probability of each living state, times exp(slowest t), and the slowest hazard."""
        t = np.asarray(time, dtype=np.float64)
        leave, after = self.progression + self.death, self.death_after
        slowest = min(leave, after)
        stable = np.exp(-(leave - slowest) * t)
        if abs(after - leave) <= EQUAL * (after + leave):
            progressed = self.progression * t * stable
        else:
            progressed = self.progression * (stable - np.exp(-(after - slowest) * t)) / (after - leave)
        return stable, np.asarray(progressed), slowest

    def rate(self, time: ArrayLike) -> FloatArray:
        """Hazard of death."""
        stable, progressed, _ = self._alive(time)
        return np.asarray((self.death * stable + self.death_after * progressed) / (stable + progressed))

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Cumulative hazard of death."""
        stable, progressed, slowest = self._alive(time)
        return np.asarray(slowest * np.asarray(time, dtype=np.float64) - np.log(stable + progressed))


def kalbfleisch_prentice(control: Hazard, experimental: Hazard, end: float = math.inf) -> float:
    r"""Average hazard ratio by the weight of Kalbfleisch and Prentice.

    Parameters
    ----------
    control, experimental : Hazard
        Hazards of the arms.
    end : float
        Time up to which they are compared; as long as anybody is at risk if infinite.

    Returns
    -------
    float
        :math:`\int \frac{h_1}{h_0 + h_1} dW / \int \frac{h_0}{h_0 + h_1} dW` with
        :math:`W = -\sqrt{S_0 S_1}`.

    References
    ----------
    Kalbfleisch JD, Prentice RL (1981). Biometrika 68:105-112. doi:10.1093/biomet/68.1.105.
    """
    both = ArmCourse(control, experimental)
    last = end
    if math.isinf(end):
        last = 1.0
        while both.ended(last) < 50.0 and last < checks.LARGEST:
            last *= 2.0
    edges = fine_edges(np.array([0.0, *(u for u in both.breaks if u < last), last]), both)
    nodes, weights = legendre()
    size = np.diff(edges)[:, None]
    u = edges[:-1, None] + size * nodes
    weight = size * weights * np.sqrt(both.still_seen(u))
    return float((weight * experimental.rate(u)).sum() / (weight * control.rate(u)).sum())
