"""Time to an event, of patients who enter over a while and are followed until the study ends or they drop out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lmssim.economics.voi.evidence.kind import patients_of
from lmssim.kernels.families import EXPONENTIAL
from lmssim.kernels.information.follow_up import followed, hazard_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray

INTERVALS = 12
"""Intervals of follow-up in which events and time at risk are counted."""
SUMMED = 3
"""Groups of intervals whose rates are the summaries, where the hazard may change with time."""
AT_ONCE = 2_000_000
"""Patients times draws that are followed at a time."""


@dataclass(frozen=True)
class Survival:
    """Times to an event under censoring.

    Attributes
    ----------
    family : int
        Code of the hazard family (`lmssim.kernels.families`).
    numbers : ndarray(float, ndim=2)
        (n_draws, 3): its numbers.
    follow_up : float
        Years from the last patient's entry to the end.
    patients_per_year : float
        Patients of the whole study who enter in a year; all at once if infinite.
    dropout_rate : float
        Patients lost a year, as a rate.
    share : float
        Share of the study's patients who are followed for this event.
    """

    family: int
    numbers: FloatArray
    follow_up: float
    patients_per_year: float = float("inf")
    dropout_rate: float = 0.0
    share: float = 1.0

    @cached_property
    def edges(self) -> FloatArray:
        """Where intervals begin: quantiles of the times at which events come in the shortest follow-up, over draws."""
        n = len(self.numbers)
        counts = np.zeros((n, 2))
        budgets = -np.log1p(-(np.arange(n) + 0.5) / n)[np.random.Generator(np.random.Philox(0)).permutation(n)]
        followed(self.family, self.numbers, budgets[:, None], np.full((n, 1), self.follow_up), np.zeros(1), counts)
        times = counts[counts[:, 0] > 0.0, 1]
        if len(times) < INTERVALS:
            return np.arange(INTERVALS) * self.follow_up / INTERVALS
        return np.unique(np.concatenate([[0.0], np.quantile(times, np.arange(1, INTERVALS) / INTERVALS)]))

    def collect(self, sizes: Sequence[int], rng: np.random.Generator) -> list[FloatArray]:
        """Events, then time at risk, by interval, of each draw."""
        n_draws, most = len(self.numbers), patients_of(self.share, sizes[-1])
        found = [np.zeros((n_draws, 2 * len(self.edges))) for _ in sizes]
        step = max(1, AT_ONCE // most)
        for first in range(0, n_draws, step):
            part = slice(first, min(first + step, n_draws))
            shape = (part.stop - first, most)
            budgets, entered = rng.exponential(size=shape), rng.random(shape)
            lost = rng.exponential(size=shape) / self.dropout_rate if self.dropout_rate > 0.0 else np.inf
            for size, out in zip(sizes, found, strict=True):
                m = patients_of(self.share, size)
                accrual = size / self.patients_per_year
                leave = np.minimum(self.follow_up + accrual * entered, lost)[:, :m]
                numbers, own = np.ascontiguousarray(self.numbers[part]), np.ascontiguousarray(budgets[:, :m])
                followed(self.family, numbers, own, np.ascontiguousarray(leave), self.edges, out[part])
        return found

    def summaries(self, data: FloatArray) -> FloatArray:
        """Log rates in groups of intervals, half an event added to each; one rate of a constant hazard."""
        n = len(self.edges)
        events, time = data[:, :n], data[:, n:]
        groups = np.array_split(np.arange(n), 1 if self.family == EXPONENTIAL else min(SUMMED, n))
        pooled = (events.sum() + 0.5) / max(float(time.sum()), 1e-12)
        rates = [
            np.log((events[:, part].sum(axis=1) + 0.5) / (time[:, part].sum(axis=1) + 0.5 / pooled)) for part in groups
        ]
        return np.column_stack(rates)

    def log_likelihood(self, data: FloatArray) -> FloatArray:
        """Of events among time at risk, the hazard taken as constant within an interval."""
        n = len(self.edges)
        events, time = data[:n], data[n:]
        gained, width = self._steps
        with np.errstate(divide="ignore"):
            found: FloatArray = np.log(np.maximum(gained, 1e-300)) @ events - (gained / width) @ time
        return found

    @cached_property
    def _steps(self) -> tuple[FloatArray, FloatArray]:
        """Cumulative hazard gained in each interval under each draw, and the intervals' widths."""
        last = max(self.follow_up, 1.5 * float(self.edges[-1]) + 1e-9)
        ends = np.concatenate([self.edges, [last]])
        gained = np.zeros((len(self.numbers), len(self.edges)))
        hazard_steps(self.family, np.ascontiguousarray(self.numbers), ends, gained)
        return gained, np.diff(ends)
