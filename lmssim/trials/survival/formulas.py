r"""How many events, or patients, a log-rank test needs.

With r experimental patients for each control patient, null hazard ratio m (1 but for non-inferiority) and
:math:`z = z_{1-\alpha} + z_{1-\beta}`:

=================== ============================================================================================
name                needed
=================== ============================================================================================
`schoenfeld`        events :math:`z^2 (1 + r)^2 / (r \ln^2 (HR / m))`
`freedman`          events :math:`z^2 (1 + r HR)^2 / (r (1 - HR)^2)`; for m other than 1, HR / m stands for HR
`lachin_foulkes`    patients, from variances under the null hypothesis and under the plan
`rubinstein`        patients, from the variance under the plan alone
=================== ============================================================================================

Freedman's formula asks for fewer events with 2:1 than with 1:1 when HR is below 1; that is the formula.

References
----------
Schoenfeld D (1981). Biometrika 68:316-319. doi:10.1093/biomet/68.1.316.
Freedman LS (1982). Stat Med 1:121-129. doi:10.1002/sim.4780010204.
Lachin JM, Foulkes MA (1986). Biometrics 42:507-519. doi:10.2307/2531201.
Rubinstein LV, Gail MH, Santner TJ (1981). J Chronic Dis 34:469-479. doi:10.1016/0021-9681(81)90007-2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import ndtr, ndtri

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.survival.population import check_direction

if TYPE_CHECKING:
    from lmssim.trials.survival.accrual import Accrual
    from lmssim.trials.survival.population import Population

SCHOENFELD, FREEDMAN, LACHIN_FOULKES, RUBINSTEIN = "schoenfeld", "freedman", "lachin_foulkes", "rubinstein"
METHODS = (SCHOENFELD, FREEDMAN, LACHIN_FOULKES, RUBINSTEIN)
FARTHEST = 300.0
"""Largest log hazard ratio that is told."""
BY_EVENTS = (SCHOENFELD, FREEDMAN)
"""Methods that need no accrual."""


def schoenfeld_events(
    hazard_ratio: float,
    *,
    alpha: float = 0.025,
    power: float = 0.9,
    sides: int = 1,
    allocation: float = 1.0,
    margin: float = 1.0,
) -> float:
    """Events by Schoenfeld's formula, not rounded.

    Examples
    --------
    >>> from lmssim.trials import schoenfeld_events
    >>> round(schoenfeld_events(0.6, power=0.8), 4)
    120.3157
    """
    z = _planned_z(hazard_ratio, margin, allocation, alpha, power, sides)
    return z**2 * (1.0 + allocation) ** 2 / (allocation * math.log(hazard_ratio / margin) ** 2)


def freedman_events(
    hazard_ratio: float,
    *,
    alpha: float = 0.025,
    power: float = 0.9,
    sides: int = 1,
    allocation: float = 1.0,
    margin: float = 1.0,
) -> float:
    """Events by Freedman's formula, not rounded."""
    z = _planned_z(hazard_ratio, margin, allocation, alpha, power, sides)
    relative = hazard_ratio / margin
    return z**2 * (1.0 + allocation * relative) ** 2 / (allocation * (1.0 - relative) ** 2)


def schoenfeld_power(
    hazard_ratio: float,
    events: float,
    *,
    alpha: float = 0.025,
    sides: int = 1,
    allocation: float = 1.0,
    margin: float = 1.0,
) -> float:
    """Power of a log-rank test with so many events, in the planned direction."""
    _planned_z(hazard_ratio, margin, allocation, alpha, 0.5 + alpha / 4.0, sides)
    drift = effect_drift(hazard_ratio, checks.positive("events", events), allocation, margin)
    return float(ndtr(drift + ndtri(alpha / sides)))


def effect_drift(hazard_ratio: float, events: float, allocation: float = 1.0, margin: float = 1.0) -> float:
    """Expected Z of a log-rank test with so many events, in the direction of the planned effect."""
    return abs(math.log(hazard_ratio / margin)) * math.sqrt(events * allocation) / (1.0 + allocation)


def hazard_ratio_at(
    z: float, events: float, *, allocation: float = 1.0, margin: float = 1.0, harmful: bool = False
) -> float:
    """Hazard ratio that a log-rank Z amounts to; with `harmful`, the planned one lies above the margin."""
    if not math.isfinite(z) or events <= 0.0:
        return math.nan
    log = z * (1.0 + allocation) / math.sqrt(events * allocation)
    return margin * math.exp(max(min(log if harmful else -log, FARTHEST), -FARTHEST))


def patients_by_variance(
    population: Population, accrual: Accrual, time: float, z_alpha: float, z_beta: float, method: str, margin: float
) -> float:
    """Patients of a fixed design by Lachin and Foulkes or by Rubinstein, Gail and Santner.

    Parameters
    ----------
    accrual : Accrual
        Its course, whatever its numbers.
    time : float
        Calendar time of the analysis.
    """
    planned = _variance(population, population.event_probabilities(accrual, time))
    null = planned
    if method == LACHIN_FOULKES:
        null = _variance(population, population.event_probabilities(accrual, time, margin))
    log = math.log(population.hazard_ratio / margin)
    return ((z_alpha * math.sqrt(null) + z_beta * math.sqrt(planned)) / log) ** 2


def _variance(population: Population, probabilities: tuple[float, float]) -> float:
    """Variance of the log hazard ratio, times the number of patients."""
    q = population.experimental_share
    control, experimental = probabilities
    if control <= 0.0 or experimental <= 0.0:
        raise InputError("events: none are expected in an arm, so no number of patients is enough.")
    return 1.0 / ((1.0 - q) * control) + 1.0 / (q * experimental)


def _planned_z(hazard_ratio: float, margin: float, allocation: float, alpha: float, power: float, sides: int) -> float:
    """Expected Z that has the power, once all is checked."""
    checks.ratio("hazard_ratio", hazard_ratio)
    checks.ratio("margin", margin)
    checks.ratio("allocation", allocation)
    if sides not in (1, 2):
        raise InputError(f"sides: {sides!r} is not 1 or 2.")
    checks.type_i_error("alpha", alpha, sides)
    checks.inside("power", power, alpha / sides, 1.0, what="above alpha of a side")
    check_direction(hazard_ratio, margin)
    return float(ndtri(1.0 - alpha / sides) + ndtri(power))
