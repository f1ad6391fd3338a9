"""Bounds of a group-sequential trial, and how probable it is that a trial crosses them, whatever its true effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.sequential.crossing import START, Front, Region, advance, beyond

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.kernels import FloatArray

LARGEST_DRIFT = 30.0
"""Expected final Z, at most, for which probabilities are computed; beyond it power is 1 to every digit."""


@dataclass(frozen=True)
class Crossing:
    """How probable each look is to end the trial, for each of m effects.

    Attributes
    ----------
    drift : ndarray(float, ndim=1)
        Expected Z at information 1, shape (m,).
    efficacy : ndarray(float, ndim=2)
        Probability that Z first leaves through the efficacy bound at look k, shape (m, K); of two-sided designs, the
        upper one.
    opposite : ndarray(float, ndim=2)
        Of two-sided designs, through the lower efficacy bound; 0 of others.
    futility : ndarray(float, ndim=2)
        Through the futility bound; at the last look 0.
    """

    drift: FloatArray
    efficacy: FloatArray
    opposite: FloatArray
    futility: FloatArray

    @property
    def power(self) -> FloatArray:
        """Probability that efficacy is declared, in the upper direction, shape (m,)."""
        total: FloatArray = self.efficacy.sum(axis=1)
        return total

    @property
    def stop(self) -> FloatArray:
        """Probability that the trial ends at each look, shape (m, K)."""
        ended = self.efficacy + self.opposite + self.futility
        ended[:, -1] = 1.0 - ended[:, :-1].sum(axis=1)
        return ended

    def expected_information(self, information: Sequence[float]) -> FloatArray:
        """Expected information at the end of the trial, in the unit of what is given, shape (m,)."""
        expected: FloatArray = self.stop @ np.asarray(information, dtype=np.float64)
        return expected


@dataclass(frozen=True)
class Bounds:
    """Bounds on Z at each look.

    Attributes
    ----------
    information : tuple of float
        Information of the looks, ascending, as fractions of the planned final information.
    efficacy : tuple of float
        Reject at the first Z of this or more; infinite where efficacy is not tested.
    futility : tuple of float
        Stop if Z is below; minus infinity where futility is not tested. Of two-sided designs: stop if the absolute
        value of Z is below.
    sides : int
        1, or 2 for bounds that hold in both directions.
    """

    information: tuple[float, ...]
    efficacy: tuple[float, ...]
    futility: tuple[float, ...] = ()
    sides: int = 1

    def __post_init__(self) -> None:
        checks.information_fractions("information", self.information, over=True)
        if not self.futility:
            object.__setattr__(self, "futility", (-np.inf,) * len(self.information))
        for key in ("efficacy", "futility"):
            if len(getattr(self, key)) != len(self.information):
                raise InputError(
                    f"{key}: {len(getattr(self, key))} bounds for {len(self.information)} looks; give one for each."
                )

    def regions(self, k: int) -> list[Region]:
        """Intervals of Z in which the trial goes on at look k (from 0)."""
        return going_on(self.futility[k], self.efficacy[k], self.sides)

    def fronts(self, reach: tuple[float, float]) -> Iterator[Front]:
        """Scores of trials that have gone on up to each look, the first included."""
        front = START
        for k, information in enumerate(self.information):
            yield front
            if k + 1 < len(self.information):
                front = advance(front, information, self.regions(k), reach)

    def crossing(self, drift: float | Sequence[float] | FloatArray) -> Crossing:
        """How probable each look is to end the trial.

        Parameters
        ----------
        drift : float or sequence of float
            Expected Z at information 1: one effect, or m.
        """
        theta = np.atleast_1d(np.asarray(drift, dtype=np.float64))
        if theta.ndim != 1 or not np.isfinite(theta).all() or np.abs(theta).max(initial=0.0) > LARGEST_DRIFT:
            raise InputError(f"drift: must be a number, or several, from -{LARGEST_DRIFT:g} to {LARGEST_DRIFT:g}.")
        reach = (min(float(theta.min()), 0.0), max(float(theta.max()), 0.0))
        looks = len(self.information)
        efficacy, opposite, futility = (np.zeros((len(theta), looks)) for _ in range(3))
        for k, (t, front) in enumerate(zip(self.information, self.fronts(reach), strict=True)):
            efficacy[:, k] = beyond(front, t, self.efficacy[k], theta)
            low = self.futility[k]
            if self.sides == 1:
                if np.isfinite(low):
                    futility[:, k] = front.tilted(theta).sum(axis=-1) - beyond(front, t, low, theta)
            else:
                opposite[:, k] = front.tilted(theta).sum(axis=-1) - beyond(front, t, -self.efficacy[k], theta)
                if low > 0.0:
                    futility[:, k] = beyond(front, t, -low, theta) - beyond(front, t, low, theta)
        futility[:, -1] = 0.0
        return Crossing(theta, efficacy, opposite, futility)


def crossing_along(bounds: Bounds, means: Sequence[float]) -> Crossing:
    """How probable each look is to end the trial, when the effect changes from look to look.

    Parameters
    ----------
    means : sequence of float
        Expected Z at each look.

    Returns
    -------
    Crossing
        Of one effect, whose `drift` is the expected Z at the last look.

    Notes
    -----
    Increments of the score stay independent; taking the means off the bounds leaves a walk without drift.
    """
    zero, looks = np.zeros(1), len(bounds.information)
    efficacy, opposite, futility = (np.zeros((1, looks)) for _ in range(3))
    front = START
    for k, (t, mean) in enumerate(zip(bounds.information, means, strict=True)):
        high, low = bounds.efficacy[k], bounds.futility[k]
        alive = float(front.mass.sum())
        efficacy[0, k] = beyond(front, t, high - mean)
        if bounds.sides == 1:
            futility[0, k] = alive - beyond(front, t, low - mean) if np.isfinite(low) else 0.0
        else:
            opposite[0, k] = alive - beyond(front, t, -high - mean)
            futility[0, k] = beyond(front, t, -low - mean) - beyond(front, t, low - mean) if low > 0.0 else 0.0
        if k + 1 < looks:
            regions = [(a - mean, b - mean) for a, b in bounds.regions(k)]
            front = advance(front, t, regions, (0.0, 0.0))
    futility[:, -1] = 0.0
    return Crossing(zero + means[-1], efficacy, opposite, futility)


def going_on(low: float, high: float, sides: int) -> list[Region]:
    """Intervals of Z between a futility and an efficacy bound."""
    if sides == 1:
        return [(low, high)]
    return [(-high, high)] if low <= 0.0 else [(-high, -low), (low, high)]
