r"""Hazards of one arm as functions of time since entry: piecewise constant, with a cured part, or times a ratio.

Each has `rate(t)`, `cumulative(t)`, `breaks`, the times at which the hazard jumps, and `bends`, times between which it
is smooth enough for quadrature. Rates are per unit of time, whichever unit a design uses throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from scipy.optimize import brentq

from lmssim.errors import InputError, exact
from lmssim.trials import checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from lmssim.kernels import FloatArray


class Hazard(Protocol):
    """A hazard of time since entry."""

    @property
    def breaks(self) -> tuple[float, ...]:
        """Times above 0 at which the hazard jumps."""
        ...

    @property
    def bends(self) -> tuple[float, ...]:
        """Times above 0 between which the hazard is smooth."""
        ...

    def rate(self, time: ArrayLike) -> FloatArray:
        """Hazard at times of 0 or more."""
        ...

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Cumulative hazard at times of 0 or more."""
        ...


@dataclass(frozen=True)
class PiecewiseHazard:
    """Constant hazards on intervals.

    Attributes
    ----------
    rates : tuple of float
        Hazard of each interval, 0 or more.
    starts : tuple of float
        Beginning of each interval, the first 0; the last interval has no end.
    """

    rates: tuple[float, ...]
    starts: tuple[float, ...] = (0.0,)
    _sums: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rates, starts = checks.numbers("rates", self.rates), checks.numbers("starts", self.starts)
        checks.ascending("starts", starts, from_zero=True)
        if len(rates) != len(starts):
            raise InputError(f"rates: {len(rates)} rates for {len(starts)} starts; give one for each.")
        for value in rates:
            checks.not_negative("rates", value)
        object.__setattr__(self, "rates", rates)
        object.__setattr__(self, "starts", starts)
        gained = np.array(rates[:-1]) * np.diff(starts)
        object.__setattr__(self, "_sums", np.concatenate([[0.0], np.cumsum(gained)]))

    @property
    def breaks(self) -> tuple[float, ...]:
        """Times above 0 at which the hazard jumps."""
        return self.starts[1:]

    @property
    def bends(self) -> tuple[float, ...]:
        """The same."""
        return self.breaks

    def rate(self, time: ArrayLike) -> FloatArray:
        """Hazard."""
        return np.asarray(np.array(self.rates)[self._piece(time)])

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Cumulative hazard."""
        piece = self._piece(time)
        within = np.asarray(time, dtype=np.float64) - np.array(self.starts)[piece]
        return np.asarray(self._sums[piece] + np.array(self.rates)[piece] * within)

    def _piece(self, time: ArrayLike) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.searchsorted(np.array(self.starts), np.asarray(time), side="right") - 1


@dataclass(frozen=True)
class CureHazard:
    r"""A part of the patients never has the event, the others have a constant hazard.

    :math:`S(t) = c + (1 - c) e^{-\lambda t}`.
    """

    cured: float
    uncured_rate: float

    def __post_init__(self) -> None:
        checks.share("cured", self.cured)
        checks.positive("uncured_rate", self.uncured_rate)

    @property
    def breaks(self) -> tuple[float, ...]:
        """None."""
        return ()

    @property
    def bends(self) -> tuple[float, ...]:
        """Multiples of the mean time of those who are not cured, until none of them is left."""
        return tuple(k / self.uncured_rate for k in (1.0, 2.0, 4.0, 6.0, 9.0, 12.0, 16.0, 20.0, 26.0, 33.0, 42.0))

    def rate(self, time: ArrayLike) -> FloatArray:
        """Hazard."""
        alive = (1.0 - self.cured) * np.exp(-self.uncured_rate * np.asarray(time, dtype=np.float64))
        return np.asarray(self.uncured_rate * alive / (self.cured + alive))

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Cumulative hazard."""
        alive = (1.0 - self.cured) * np.exp(-self.uncured_rate * np.asarray(time, dtype=np.float64))
        return np.asarray(-np.log(self.cured + alive))


@dataclass(frozen=True)
class TimesRatio:
    """A hazard times a hazard ratio that is constant on intervals.

    Attributes
    ----------
    base : Hazard
        The hazard.
    ratios : tuple of float
        Hazard ratio of each interval, above 0.
    starts : tuple of float
        Beginning of each interval, the first 0.
    """

    base: Hazard
    ratios: tuple[float, ...]
    starts: tuple[float, ...] = (0.0,)

    def __post_init__(self) -> None:
        ratios, starts = checks.numbers("hazard_ratio", self.ratios), checks.numbers("hazard_ratio_starts", self.starts)
        checks.ascending("hazard_ratio_starts", starts, from_zero=True)
        if len(ratios) != len(starts):
            raise InputError(f"hazard_ratio: {len(ratios)} ratios for {len(starts)} starts; give one for each.")
        for value in ratios:
            checks.ratio("hazard_ratio", value)
        object.__setattr__(self, "ratios", ratios)
        object.__setattr__(self, "starts", starts)

    @property
    def breaks(self) -> tuple[float, ...]:
        """Times above 0 at which the hazard may jump."""
        return tuple(sorted({*self.base.breaks, *self.starts[1:]}))

    @property
    def bends(self) -> tuple[float, ...]:
        """Times above 0 between which the hazard is smooth."""
        return tuple(sorted({*self.base.bends, *self.starts[1:]}))

    def ratio(self, time: ArrayLike) -> FloatArray:
        """Hazard ratio."""
        piece = np.searchsorted(np.array(self.starts), np.asarray(time), side="right") - 1
        return np.asarray(np.array(self.ratios)[piece])

    def rate(self, time: ArrayLike) -> FloatArray:
        """Hazard."""
        return self.base.rate(time) * self.ratio(time)

    def cumulative(self, time: ArrayLike) -> FloatArray:
        """Cumulative hazard."""
        now = np.asarray(time, dtype=np.float64)
        total = np.zeros_like(now)
        for ratio, start, end in zip(self.ratios, self.starts, (*self.starts[1:], math.inf), strict=True):
            gained = self.base.cumulative(np.clip(now, start, end)) - self.base.cumulative(start)
            total = total + ratio * gained
        return total


NONE = PiecewiseHazard((0.0,))
"""No event ever, such as no dropout."""


def constant(rate: float) -> PiecewiseHazard:
    """A constant hazard."""
    return PiecewiseHazard((rate,))


def from_median(median: float) -> PiecewiseHazard:
    """The constant hazard that has a median time."""
    return constant(math.log(2.0) / checks.positive("median", median))


def from_survival(times: Sequence[float], survival: Sequence[float]) -> PiecewiseHazard:
    """Constant hazards between times at which the probability of survival is known.

    Parameters
    ----------
    times : sequence of float
        Ascending, above 0; after the last, its interval's hazard goes on.
    survival : sequence of float
        Descending, above 0 and below 1.
    """
    at = checks.ascending("times", checks.numbers("times", times))
    alive = checks.numbers("survival", survival)
    if len(at) != len(alive) or not at or at[0] <= 0.0:
        raise InputError("survival: give one probability for each time, and times above 0.")
    for value in alive:
        checks.share("survival", value)
    if any(after > before for before, after in zip((1.0, *alive), alive, strict=False)):
        raise InputError("survival: the probabilities must not rise with time.")
    points, logs = (0.0, *at), [0.0, *(-math.log(p) for p in alive)]
    rates = np.diff(logs) / np.diff(points)
    return PiecewiseHazard(tuple(float(r) for r in rates), points[:-1])


def survival_probability(hazard: Hazard, time: ArrayLike) -> FloatArray:
    """Probability of no event by some times."""
    return np.asarray(np.exp(-hazard.cumulative(time)))


def median_time(hazard: Hazard) -> float:
    """Median time to the event; infinite if fewer than half ever have it."""
    end = max(hazard.breaks, default=1.0)
    while float(hazard.cumulative(end)) < math.log(2.0):
        end *= 2.0
        if end > 1e9:
            return math.inf
    return float(brentq(lambda t: float(hazard.cumulative(t)) - math.log(2.0), 0.0, end, xtol=1e-12))


def described(hazard: Hazard) -> str:
    """A hazard in words."""
    if isinstance(hazard, CureHazard):
        return f"{hazard.cured:.0%} cured, the others with a hazard of {exact(hazard.uncured_rate)}"
    middle = median_time(hazard)
    return f"a median of {exact(round(middle, 4))}" if math.isfinite(middle) else "no median"
