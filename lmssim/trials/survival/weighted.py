r"""Trials tested by weighted log-rank statistics, alone or as MaxCombo, the largest of several.

With :math:`\pi_a(u)` the probability that a patient of the trial is in arm a and at risk at u, a weight w has, per
patient, the score and the covariance

.. math:: \mu_w = \int w \frac{\pi_C \pi_E}{\pi_C + \pi_E} (h_C - h_E) \, du , \qquad
          \sigma_{vw} = \int v w \frac{\pi_C \pi_E}{(\pi_C + \pi_E)^2} (\pi_C h_C + \pi_E h_E) \, du ,

so that n patients give an expected Z of :math:`\sqrt n \, \mu_w / \sqrt{\sigma_{ww}}`. Fleming-Harrington weights are
:math:`S^\rho (1 - S)^\gamma` of the survival of both arms together. Scores of strata are added.

References
----------
Yung G, Liu Y (2020). Biometrics 76:939-950. doi:10.1111/biom.13196.
Karrison TG (2016). Stata J 16:678-690. doi:10.1177/1536867X1601600308.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtr, ndtri

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.survival.expected import fine_edges, legendre
from lmssim.trials.survival.solving import root_above
from lmssim.trials.tests.normals import critical_value, outside
from lmssim.trials.tests.weights import MAXCOMBO, fleming_harrington_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes

    from lmssim.kernels import FloatArray
    from lmssim.trials.survival.accrual import Accrual
    from lmssim.trials.survival.population import Population, Stratum

RATE, POWER = "accrual_rate", "power"
FINE = 60
"""Panels of the quadrature: the survival of both arms together is carried from node to node."""


@dataclass(frozen=True)
class WeightedDesign:
    """A fixed trial tested by the largest of one or more Fleming-Harrington statistics.

    Attributes
    ----------
    population : Population
        Who is in it.
    accrual : Accrual
        When they enter.
    study_duration : float
        Calendar time of the analysis.
    members : tuple of (float, float)
        Pairs (rho, gamma); (0, 0) is the log-rank test.
    alpha : float
        Type I error of all sides together.
    sides : int
        1 or 2.
    time_unit : str
        Name of the unit of time, in the plural.
    """

    population: Population
    accrual: Accrual
    study_duration: float
    members: tuple[tuple[float, float], ...] = MAXCOMBO
    alpha: float = 0.025
    sides: int = 1
    time_unit: str = "time units"

    @property
    def patients(self) -> float:
        """Expected patients, not rounded."""
        return self.accrual.total

    @property
    def events(self) -> float:
        """Expected events, not rounded."""
        return self.population.events(self.accrual, self.study_duration).total

    @cached_property
    def _moments(self) -> tuple[FloatArray, FloatArray]:
        """Score and covariance per patient."""
        count = len(self.members)
        score, covariance = np.zeros(count), np.zeros((count, count))
        for share, stratum in zip(self.population.shares, self.population.strata, strict=True):
            more, spread = _stratum_moments(self, stratum)
            score, covariance = score + share * more, covariance + share * spread
        return score, covariance

    @property
    def expected_z(self) -> FloatArray:
        """Expected Z of each member, positive if the experimental arm is better."""
        score, covariance = self._moments
        spread = np.sqrt(np.diag(covariance))
        z: FloatArray = math.sqrt(self.patients) * np.divide(score, spread, out=np.zeros_like(score), where=spread > 0)
        return z

    @property
    def correlation(self) -> FloatArray:
        """Correlation of the members."""
        covariance = self._moments[1]
        spread = np.sqrt(np.diag(covariance))
        if not spread.min() > 0.0:
            raise InputError("events: none are expected while both arms are at risk, so no test can be planned.")
        found: FloatArray = covariance / np.outer(spread, spread)
        np.fill_diagonal(found, 1.0)
        return found

    @cached_property
    def critical_value(self) -> float:
        """What the largest Z must reach; of two-sided tests, its absolute value."""
        return critical_value(self.correlation, self.alpha, two_sided=self.sides == 2)

    @property
    def power(self) -> float:
        """Probability that the largest Z reaches the critical value, in the direction of benefit."""
        return self._power(self.expected_z)

    def _power(self, expected_z: FloatArray) -> float:
        bound = self.critical_value
        if len(self.members) == 1:
            return float(ndtr(expected_z[0] - bound))
        return outside(np.full(len(self.members), -np.inf), bound - expected_z, self.correlation)

    @property
    def average_hazard_ratio(self) -> float:
        """Average hazard ratio by the analysis."""
        return self.population.average_hazard_ratio(self.accrual, self.study_duration).hazard_ratio

    def to_frame(self) -> pd.DataFrame:
        """One row for the analysis.

        Returns
        -------
        pandas.DataFrame
            Columns `look`, `information`, `events`, `patients`, `time`, `z_efficacy` (the critical value), `nominal_p`,
            `alpha_spent`, `cumulative_power`, `average_hr`.
        """
        import pandas as pd

        row: dict[str, Any] = {
            "look": 1,
            "information": 1.0,
            "events": self.events,
            "patients": self.patients,
            "time": self.study_duration,
            "z_efficacy": self.critical_value,
            "nominal_p": self.sides * float(ndtr(-self.critical_value)),
            "alpha_spent": self.alpha,
            "cumulative_power": self.power,
            "average_hr": self.average_hazard_ratio,
        }
        return pd.DataFrame([row])

    def members_frame(self) -> pd.DataFrame:
        """One row for each member: its weight, its expected Z, and the power that it would have alone."""
        import pandas as pd

        alone = ndtr(self.expected_z + ndtri(self.alpha / self.sides))
        rows = [(rho, gamma, z, p) for (rho, gamma), z, p in zip(self.members, self.expected_z, alone, strict=True)]
        return pd.DataFrame(rows, columns=["rho", "gamma", "expected_z", "power_alone"])

    def over_time(self, times: tuple[float, ...] = ()) -> pd.DataFrame:
        """Average hazard ratio and power of this test by calendar time.

        Parameters
        ----------
        times : tuple of float
            Calendar times; 12 up to a quarter beyond the study if empty.
        """
        import pandas as pd

        rows = []
        for time in times or tuple(1.25 * self.study_duration * k / 12 for k in range(1, 13)):
            course = self.accrual if time >= self.accrual.duration else self.accrual.lasting(time)
            then = WeightedDesign(self.population, course, time, self.members, self.alpha, self.sides)
            rows.append((time, then.patients, then.events, then.average_hazard_ratio, then.power))
        return pd.DataFrame(rows, columns=["time", "patients", "events", "average_hr", "power"])

    def summary(self) -> str:
        """A sentence for the protocol."""
        side = "one-sided" if self.sides == 1 else "two-sided"
        names = " ".join(f"({exact(rho)}, {exact(gamma)})" for rho, gamma in self.members)
        test = "the largest of the" if len(self.members) > 1 else "the"
        return (
            f"{math.ceil(round(self.patients, 6))} patients are randomised over "
            f"{exact(round(self.accrual.duration, 2))} {self.time_unit}, and the analysis is expected after "
            f"{exact(round(self.study_duration, 2))}, with {math.ceil(round(self.events, 6))} events. It takes {test} "
            f"Fleming-Harrington statistics (rho, gamma) {names}, which must reach {self.critical_value:.4f} at a "
            f"{side} alpha of {exact(self.alpha)}; the power is {self.power:.1%}, and the average hazard ratio "
            f"{self.average_hazard_ratio:.3f}."
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Expected patients and events by calendar time."""
        from lmssim.trials.plots import plot_course

        return plot_course(self.over_time(), (self.study_duration,), (self.events,), ax=ax)


def _stratum_moments(design: WeightedDesign, stratum: Stratum) -> tuple[FloatArray, FloatArray]:
    """Score and covariance per patient of one stratum."""
    q, end = design.population.experimental_share, design.study_duration
    control, experimental = stratum.control_arm(), stratum.experimental_arm()
    jumps = {*control.breaks, *experimental.breaks, *(end - time for time in design.accrual.breaks)}
    coarse = np.unique([*np.linspace(0.0, end, FINE + 1), *(u for u in jumps if 0.0 < u < end)])
    edges = np.unique([*fine_edges(coarse, control), *fine_edges(coarse, experimental)])
    nodes, weights = legendre()
    size = np.diff(edges)[:, None]
    u, du = edges[:-1, None] + size * nodes, size * weights
    entered = design.accrual.patients(end - u) / float(design.accrual.patients(end))
    at_risk = [(1.0 - q) * control.still_seen(u) * entered, q * experimental.still_seen(u) * entered]
    hazards = [control.hazard.rate(u), experimental.hazard.rate(u)]
    both = at_risk[0] + at_risk[1]
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = np.where(both > 0.0, (at_risk[0] * hazards[0] + at_risk[1] * hazards[1]) / both, 0.0)
        mixed = np.where(both > 0.0, at_risk[0] * at_risk[1] / both, 0.0)
    alive = np.exp(-_running(pooled, edges, du))
    rows = fleming_harrington_rows(design.members)[:, 1:]
    value = np.array([alive**rho * (1.0 - alive) ** gamma for rho, gamma in rows])
    score: FloatArray = (value * (mixed * (hazards[0] - hazards[1]) * du)).sum(axis=(1, 2))
    covariance: FloatArray = np.einsum("ikn,jkn,kn->ij", value, value, mixed * pooled * du)
    return score, covariance


def _running(rate: FloatArray, edges: FloatArray, du: FloatArray) -> FloatArray:
    """Integral of a rate from 0 to each node, (panels, nodes)."""
    nodes, _ = legendre()
    before = np.concatenate([[0.0], np.cumsum((rate * du).sum(axis=1))[:-1]])
    basis = np.polynomial.legendre.legvander(2.0 * nodes - 1.0, len(nodes) - 1)
    coefficients = np.linalg.solve(basis, rate.T)  # of Legendre polynomials on each panel
    antiderivative = np.polynomial.legendre.legint(coefficients, lbnd=-1.0)
    within = np.polynomial.legendre.legvander(2.0 * nodes - 1.0, len(nodes)) @ antiderivative
    found: FloatArray = before[:, None] + within.T * np.diff(edges)[:, None] / 2.0
    return found


def weighted_design(
    population: Population,
    accrual: Accrual,
    *,
    study_duration: float,
    members: Sequence[tuple[float, float]] = MAXCOMBO,
    alpha: float = 0.025,
    sides: int = 1,
    power: float = 0.9,
    solve: str = RATE,
    time_unit: str = "time units",
) -> WeightedDesign:
    """Plan a fixed trial tested by one weighted log-rank statistic, or by MaxCombo.

    Parameters
    ----------
    population : Population
        Hazards, hazard ratios, dropout, strata, allocation.
    accrual : Accrual
        Course of accrual, whose numbers are scaled if `solve` is `accrual_rate`.
    study_duration : float
        Calendar time of the analysis.
    members : sequence of (float, float)
        Pairs (rho, gamma) of Fleming-Harrington weights.
    alpha, sides, power
        Errors; two-sided tests count power in the direction of benefit.
    solve : str
        `accrual_rate`, or `power` of a given trial.

    Returns
    -------
    WeightedDesign
        Patients, events, critical value and power.
    """
    checks.one_of("solve", solve, (RATE, POWER))
    if sides not in (1, 2):
        raise InputError(f"sides: {sides!r} is not 1 or 2.")
    checks.type_i_error("alpha", alpha)
    checks.inside("power", power, alpha / sides, 1.0, what="above alpha of a side")
    end = checks.positive("study_duration", study_duration)
    if end < accrual.duration:
        raise InputError(f"study_duration: {exact(end)} is shorter than accrual, {exact(accrual.duration)}.")
    fleming_harrington_rows(members)
    pairs = tuple((float(rho), float(gamma)) for rho, gamma in members)
    found = WeightedDesign(population, accrual, end, pairs, alpha, sides, time_unit)
    _ = found.critical_value  # refuses trials without events in both arms
    if solve == POWER:
        return found
    if float(found.expected_z.max()) <= 1e-6 * math.sqrt(found.patients):
        raise InputError("hazard_ratio: no member sees a benefit under the plan; no trial can show it.")
    each = found.expected_z
    root = root_above(lambda scale: found._power(scale * each) - power, 1.0, "accrual")
    return WeightedDesign(population, accrual.scaled(root**2), end, pairs, alpha, sides, time_unit)
