r"""Expected events by calendar time, under any hazard, dropout and accrual.

A patient is seen to have an event at time u since entry if neither event nor dropout came before, and if entry lies at
least u back. Of N(T - u) such entries by calendar time T, :math:`h(u) e^{-H(u) - D(u)} du` have it then, so that

.. math:: d(T) = \int_0^T N(T - u) \, h(u) \, e^{-H(u) - D(u)} \, du ,

which Gauss-Legendre quadrature between all jumps gives to rounding.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import roots_legendre

from lmssim.errors import InputError, exact
from lmssim.trials.survival.hazards import NONE, Hazard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.trials.survival.accrual import Accrual

POINTS = 20
STEEPEST = 2.0
"""Largest growth of the cumulative hazards over one panel."""
NOBODY = 60.0
"""Cumulative hazard beyond which nobody is left."""
LONGEST = 1e7
"""Calendar time, in units of the longest duration, beyond which events are not sought."""


@dataclass(frozen=True)
class ArmCourse:
    """What one arm of one stratum goes through.

    Attributes
    ----------
    hazard : Hazard
        Of the event.
    dropout : Hazard
        Of loss to follow-up, independent of the event.
    competing : Hazard
        Of an event that ends follow-up and makes this one impossible.
    """

    hazard: Hazard
    dropout: Hazard = NONE
    competing: Hazard = NONE

    @property
    def breaks(self) -> tuple[float, ...]:
        """Times since entry between which all hazards are smooth."""
        return tuple(sorted({*self.hazard.bends, *self.dropout.bends, *self.competing.bends}))

    def still_seen(self, time: FloatArray) -> FloatArray:
        """Probability of no event, dropout or competing event by times since entry."""
        total = self.hazard.cumulative(time) + self.dropout.cumulative(time) + self.competing.cumulative(time)
        return np.asarray(np.exp(-total))

    def ended(self, time: float) -> float:
        """Cumulative hazard of all that ends follow-up."""
        return float(self.hazard.cumulative(time) + self.dropout.cumulative(time) + self.competing.cumulative(time))


def expected_events(
    course: ArmCourse, accrual: Accrual, time: float, within: tuple[float, float] = (0.0, math.inf)
) -> float:
    """Expected events by a calendar time, if every patient of the accrual were in this arm.

    Parameters
    ----------
    time : float
        Calendar time since the first entry could happen.
    within : (float, float)
        Count only events between these times since entry.
    """
    if time <= 0.0:
        return 0.0
    u, weight = nodes_between(course, accrual, time, within)
    seen = accrual.patients(time - u) * course.hazard.rate(u) * course.still_seen(u)
    return float(weight @ seen)


def nodes_between(
    course: ArmCourse, accrual: Accrual, time: float, within: tuple[float, float] = (0.0, math.inf)
) -> tuple[FloatArray, FloatArray]:
    """Quadrature nodes and weights over time since entry, between all jumps."""
    low, high = within[0], min(within[1], time)
    if high <= low:
        return np.zeros(1), np.zeros(1)
    jumps = {*course.breaks, *(time - end for end in accrual.breaks)}
    edges = np.array([low, *sorted(u for u in jumps if low < u < high), high])
    return panels(edges, course)


def panels(edges: FloatArray, course: ArmCourse) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss-Legendre quadrature between edges, finer where hazards are high."""
    fine = fine_edges(edges, course)
    nodes, weights = legendre()
    size = np.diff(fine)[:, None]
    return (fine[:-1, None] + size * nodes).ravel(), (size * weights).ravel()


def fine_edges(edges: FloatArray, course: ArmCourse) -> FloatArray:
    """Edges between which the cumulative hazards grow by 2 at most, up to where nobody is left."""
    edges = _until_nobody_is_left(edges, course)
    growth = np.diff([course.ended(float(edge)) for edge in edges])
    pieces = [
        np.linspace(low, high, max(1, math.ceil(more / STEEPEST)), endpoint=False)
        for low, high, more in zip(edges[:-1], edges[1:], growth, strict=True)
    ]
    return np.concatenate([*pieces, edges[-1:]])


def _until_nobody_is_left(edges: FloatArray, course: ArmCourse) -> FloatArray:
    """Edges up to the time by which all but e^-60 of the patients have left."""
    if course.ended(float(edges[-1])) <= NOBODY:
        return edges
    if course.ended(float(edges[0])) >= NOBODY:
        return edges[[0, 0]]
    end = brentq(lambda u: course.ended(u) - NOBODY, float(edges[0]), float(edges[-1]), xtol=1e-300, rtol=1e-6)
    return np.array([*edges[edges < end], end])


@lru_cache(maxsize=1)
def legendre() -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of Gauss-Legendre quadrature on (0, 1)."""
    nodes, weights = roots_legendre(POINTS)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def time_of_events(events: Sequence[tuple[float, ArmCourse]], accrual: Accrual, wanted: float) -> float:
    """Calendar time at which so many events are expected.

    Parameters
    ----------
    events : sequence of (float, ArmCourse)
        Share of the patients, and what they go through.
    wanted : float
        Number of events.

    Raises
    ------
    InputError
        If they are never reached.
    """

    def missing(time: float) -> float:
        return sum(share * expected_events(course, accrual, time) for share, course in events) - wanted

    end = accrual.duration
    while missing(end) < 0.0:
        end *= 2.0
        if end > LONGEST * accrual.duration or (end > 64.0 * accrual.duration and missing(end) - missing(end / 2) <= 0):
            most = missing(end) + wanted
            raise InputError(
                f"events: {exact(round(wanted, 2))} are never reached; with {exact(round(accrual.total, 2))} patients "
                f"at most {exact(round(most, 2))} are expected, however long the follow-up."
            )
    return float(brentq(missing, 0.0, end, xtol=1e-10, rtol=1e-13))
