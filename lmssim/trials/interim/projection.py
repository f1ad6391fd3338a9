"""When further looks will have their events, if the hazards observed so far go on.

Each arm's hazard is its events over its time at risk. A patient without an event is followed on; of s further units of
time at hazard h and dropout d the chance of an event is h / (h + d) (1 - exp(-(h + d) s)). Patients who have yet to
enter follow the plan's accrual from the number that has entered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

if TYPE_CHECKING:
    from lmssim.trials.interim.patients import TrialPatients
    from lmssim.trials.survival.accrual import Accrual

NODES = 200
"""Slices of future accrual."""
Z90 = 1.6448536269514722
"""Normal quantile of a 90% interval's end."""
FAR = 700.0
"""Cumulative hazard that nobody survives."""
LONGEST = 100.0
"""Multiple of the time since the first entry beyond which a look counts as never reached."""


@dataclass(frozen=True)
class Outlook:
    """Hazards of a trial that goes on.

    Attributes
    ----------
    events : int
        So far.
    at_risk, hazard, dropout : tuple of float
        Patients followed on, hazard of the event (competing events included apart), hazard of dropout and competing
        events together; of the control and the experimental arm.
    later : tuple of float
        Shares of the patients who have yet to enter.
    accrual : Accrual, optional
        The plan's; nobody enters any more if absent.
    entered : int
        Patients so far.
    cutoff : float
        Calendar time of the data.
    """

    events: int
    at_risk: tuple[float, float]
    hazard: tuple[float, float]
    dropout: tuple[float, float]
    later: tuple[float, float]
    accrual: Accrual | None
    entered: int
    cutoff: float

    def expected(self, time: float, factor: float = 1.0) -> float:
        """Expected events by a calendar time, hazards multiplied by a factor."""
        further = max(time - self.cutoff, 0.0)
        total = float(self.events)
        for arm in range(2):
            total += self.at_risk[arm] * float(_chance(self.hazard[arm] * factor, self.dropout[arm], further))
        return total + self._from_entries(further, factor)

    def _from_entries(self, further: float, factor: float) -> float:
        """Expected events of those who enter after the cutoff."""
        if self.accrual is None or further <= 0.0 or self.accrual.total <= self.entered:
            return 0.0
        start = _time_of(self.accrual, self.entered)
        edges = np.linspace(0.0, min(further, self.accrual.duration - start), NODES + 1)
        entering = np.diff(self.accrual.patients(start + edges))
        left = further - 0.5 * (edges[1:] + edges[:-1])
        chance = [self.later[a] * _chance(self.hazard[a] * factor, self.dropout[a], left) for a in range(2)]
        return float(entering @ (chance[0] + chance[1]))

    def time_of(self, events: float, factor: float = 1.0) -> float:
        """Calendar time at which so many events are expected; infinite if never."""
        if events <= self.events:
            return self.cutoff
        span = max(self.cutoff, 1e-9)
        before, after, longest = self.cutoff, self.cutoff + span / LONGEST, self.cutoff + LONGEST * span
        while self.expected(after, factor) <= events:
            if after >= longest:
                return math.inf
            before, after = after, min(self.cutoff + 2.0 * (after - self.cutoff), longest)
        return float(
            brentq(
                lambda t: self.expected(t, factor) - events, before, after, xtol=1e-9 * span, rtol=1e-12, maxiter=500
            )
        )

    def interval(self, events: float) -> tuple[float, float, float]:
        """The same, with 90% limits from the number of events that the hazards rest on."""
        spread = math.exp(Z90 / math.sqrt(max(self.events, 1)))
        best, early, late = (self.time_of(events, factor) for factor in (1.0, spread, 1.0 / spread))
        return best, early, late


def _chance(hazard: float, dropout: float, time: np.ndarray | float) -> np.ndarray:
    total = hazard + dropout
    if total == 0.0:
        return np.zeros_like(np.asarray(time, dtype=np.float64))
    used = np.minimum(total * np.minimum(time, FAR / total), FAR)
    return np.asarray(hazard / total * -np.expm1(-used))


def _time_of(accrual: Accrual, patients: int) -> float:
    """Time at which the plan has so many patients."""
    excess = lambda t: float(accrual.patients(t)) - patients  # noqa: E731
    return float(brentq(excess, 0.0, accrual.duration)) if patients > 0 else 0.0


def outlook(
    patients: TrialPatients, accrual: Accrual | None, allocation: float, lost_after: float | None = None
) -> Outlook:
    """Hazards of a trial as observed.

    Parameters
    ----------
    allocation : float
        Experimental patients for each control patient, of those who have yet to enter.
    lost_after : float, optional
        Patients without an event whose observation ended so long before the cutoff are lost; if absent, all of them
        are followed on and nobody drops out.
    """
    data = patients.data
    assert data.entry is not None
    time, event, arm, ends = data.time[0], data.event[0], data.arm[0], data.entry[0] + data.time[0]
    lost = np.zeros(len(time), dtype=bool)
    if lost_after is not None:
        lost = (event == 0) & (ends < patients.cutoff - lost_after)
    at_risk, hazard, dropout = [], [], []
    for side in (0, 1):
        own = arm == side
        exposure = max(float(time[own].sum()), 1e-300)
        at_risk.append(float((own & (event == 0) & ~lost).sum()))
        hazard.append((event[own] == 1).sum() / exposure)
        dropout.append(((event[own] > 1).sum() + lost[own].sum()) / exposure)
    share = allocation / (1.0 + allocation)
    return Outlook(
        events=int((event == 1).sum()),
        at_risk=(at_risk[0], at_risk[1]),
        hazard=(hazard[0], hazard[1]),
        dropout=(dropout[0], dropout[1]),
        later=(1.0 - share, share),
        accrual=accrual,
        entered=len(time),
        cutoff=patients.cutoff,
    )
