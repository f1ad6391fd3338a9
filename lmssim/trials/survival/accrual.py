r"""When patients enter a trial: at rates that are constant on intervals or rise within them.

The expected number that has entered by calendar time t is N(t). Patient k enters, by convention, when
:math:`N(t) = k - 1/2`: the number that has entered and the expected number then differ by at most one half. If entries
are a Poisson process, patient k enters when N(t) is the sum of k independent unit-exponential times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.trials import checks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from lmssim.kernels import FloatArray

MOST_PIECES = 1_000


@dataclass(frozen=True)
class Accrual:
    """Accrual of a trial.

    Attributes
    ----------
    durations : tuple of float
        Length of each interval, above 0.
    rates : tuple of float
        Patients per unit of time at the beginning of each interval, 0 or more.
    end_rates : tuple of float
        The same at its end, to which the rate moves in a straight line; as at its beginning if empty.
    """

    durations: tuple[float, ...]
    rates: tuple[float, ...]
    end_rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        durations = checks.numbers("accrual durations", self.durations)
        rates = checks.numbers("accrual rates", self.rates)
        ends = checks.numbers("accrual end_rates", self.end_rates) or rates
        if not len(durations) == len(rates) == len(ends):
            raise InputError(
                f"accrual: {len(rates)} rates for {len(durations)} durations; give one of each for every interval."
            )
        if not 1 <= len(durations) <= MOST_PIECES:
            raise InputError(f"accrual: {len(durations)} intervals; give 1 to {MOST_PIECES}.")
        for length in durations:
            checks.positive("accrual duration", length)
        for rate in (*rates, *ends):
            checks.not_negative("accrual rate", rate)
        if max(*rates, *ends) <= 0.0:
            raise InputError("accrual rate: no interval has a rate above 0, so nobody enters.")
        for key, value in (("durations", durations), ("rates", rates), ("end_rates", ends)):
            object.__setattr__(self, key, value)

    @property
    def duration(self) -> float:
        """Calendar time at which accrual ends."""
        return math.fsum(self.durations)

    @property
    def breaks(self) -> tuple[float, ...]:
        """Calendar times at which the rate jumps, bends or ends."""
        return tuple(float(t) for t in np.cumsum(self.durations))

    @property
    def total(self) -> float:
        """Expected number of patients in all."""
        return float(self.patients(self.duration))

    def patients(self, time: ArrayLike) -> FloatArray:
        """Expected number of patients that have entered by calendar times."""
        now = np.clip(np.asarray(time, dtype=np.float64), 0.0, self.duration)
        count = np.zeros_like(now)
        start = 0.0
        for length, low, high in zip(self.durations, self.rates, self.end_rates, strict=True):
            within = np.clip(now - start, 0.0, length)
            count = count + within * (low + 0.5 * (high - low) * within / length)
            start += length
        return count

    def scaled(self, factor: float) -> Accrual:
        """The same course of accrual with other numbers of patients."""
        return replace(
            self,
            rates=tuple(factor * rate for rate in self.rates),
            end_rates=tuple(factor * rate for rate in self.end_rates),
        )

    def lasting(self, duration: float) -> Accrual:
        """The same rates for another duration: the last interval is cut, or goes on at its end rate."""
        checks.positive("accrual duration", duration)
        durations, rates, ends = [], [], []
        start = 0.0
        for length, low, high in zip(self.durations, self.rates, self.end_rates, strict=True):
            if start >= duration:
                break
            used = min(length, duration - start)
            durations.append(used)
            rates.append(low)
            ends.append(low + (high - low) * used / length)
            start += length
        if duration > start:
            if ends[-1] == rates[-1]:
                durations[-1] += duration - start
            else:
                durations, rates, ends = [*durations, duration - start], [*rates, ends[-1]], [*ends, ends[-1]]
        return Accrual(tuple(durations), tuple(rates), tuple(ends))

    def entry_times(self, n: int, rng: np.random.Generator | None = None) -> FloatArray:
        """Calendar times at which n patients enter, ascending, shape (n,).

        Parameters
        ----------
        n : int
            Patients; those beyond the expected total enter at the last rate.
        rng : Generator, optional
            If given, entries are a Poisson process.
        """
        count = np.arange(1, n + 1) - 0.5 if rng is None else np.cumsum(rng.standard_exponential(n))
        return self.time_of(count)

    def time_of(self, count: ArrayLike) -> FloatArray:
        """Calendar times at which the expected number of patients reaches some counts."""
        wanted = np.asarray(count, dtype=np.float64)
        times = np.full_like(wanted, np.nan)
        start, before = 0.0, 0.0
        for length, low, high in zip(self.durations, self.rates, self.end_rates, strict=True):
            gained = 0.5 * (low + high) * length
            here = (wanted >= before) & (wanted <= before + gained) & np.isnan(times)
            times[here] = start + _time_within(wanted[here] - before, low, (high - low) / length)
            start, before = start + length, before + gained
        beyond = np.isnan(times)
        if beyond.any() and self.end_rates[-1] <= 0.0:
            raise InputError(f"accrual: ends with a rate of 0 at {exact(before)} patients; more cannot enter.")
        times[beyond] = start + (wanted[beyond] - before) / max(self.end_rates[-1], 1e-300)
        return times


def _time_within(count: FloatArray, rate: float, slope: float) -> FloatArray:
    """Time at which rate * t + slope * t^2 / 2 reaches a count."""
    if slope == 0.0:
        return count / rate if rate > 0.0 else np.zeros_like(count)
    return np.asarray(2.0 * count / (rate + np.sqrt(np.maximum(rate**2 + 2.0 * slope * count, 0.0)) + 1e-300))


def uniform_accrual(duration: float, *, rate: float = 1.0) -> Accrual:
    """Patients enter at one rate."""
    return Accrual((duration,), (rate,))


def ramp_accrual(duration: float, *, ramp: float, rate: float = 1.0) -> Accrual:
    """The rate rises from 0 in a straight line, for a time `ramp`, and then stays."""
    checks.inside("accrual ramp", ramp, 0.0, duration + 1e-12, what="at most the duration")
    if ramp >= duration:
        return Accrual((duration,), (0.0,), (rate,))
    return Accrual((ramp, duration - ramp), (0.0, rate), (rate, rate))


def piecewise_accrual(durations: Sequence[float], rates: Sequence[float]) -> Accrual:
    """Rates that are constant on intervals."""
    return Accrual(tuple(durations), tuple(rates))
