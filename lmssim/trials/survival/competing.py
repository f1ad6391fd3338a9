r"""Events that compete with the one a trial is about, and what goes wrong when they are forgotten.

Treating a competing event as independent censoring gives the right number of events of interest, and the wrong
probability of one: :math:`1 - KM` in place of the cumulative incidence. Leaving competing events out of the plan
altogether promises more events than come, so too few patients.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError
from lmssim.trials import checks
from lmssim.trials.survival.expected import ArmCourse, panels
from lmssim.trials.survival.hazards import NONE, Hazard
from lmssim.trials.survival.population import Population, Stratum

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.trials.survival.design import SurvivalDesign


def cumulative_incidence(hazard: Hazard, competing: Hazard, time: float) -> float:
    r"""Probability of the event by a time, when another event may come first: :math:`\int h e^{-H - C}`."""
    course = ArmCourse(hazard, NONE, competing)
    edges = np.array([0.0, *(u for u in course.breaks if u < time), checks.positive("time", time)])
    u, weight = panels(edges, course)
    return float(weight @ (hazard.rate(u) * course.still_seen(u)))


@dataclass(frozen=True)
class CompetingEvents:
    """The right answer beside the wrong ones, at one time since entry.

    Attributes
    ----------
    time : float
        Time since entry.
    incidence : tuple of float
        Cumulative incidence of the event, control and experimental.
    one_minus_km : tuple of float
        What one minus Kaplan-Meier would converge to, which treats competing events as censoring: wrong as a
        probability.
    event_probability : tuple of float
        Probability that a patient of the trial is seen to have the event by its final analysis.
    forgotten_probability : tuple of float
        The same if there were no competing events.
    patients : float
        Patients of the trial.
    forgotten_patients : float
        Patients that a plan without competing events would ask for, for the same events.
    """

    time: float
    incidence: tuple[float, float]
    one_minus_km: tuple[float, float]
    event_probability: tuple[float, float]
    forgotten_probability: tuple[float, float]
    patients: float
    forgotten_patients: float

    @property
    def subdistribution_ratio(self) -> float:
        """Ratio of ln(1 - cumulative incidence): the effect on what patients experience, not the hazard ratio."""
        control, experimental = self.incidence
        if not 0.0 < control < 1.0 or experimental >= 1.0:
            return math.nan
        return math.log1p(-experimental) / math.log1p(-control)

    def to_frame(self) -> pd.DataFrame:
        """One row for each quantity: the right answer, the wrong one, and why it is wrong."""
        import pandas as pd

        rows = [
            (f"probability of the event by {self.time:g}, {arm}", right, wrong, "1 - KM treats competing as censoring")
            for arm, right, wrong in zip(("control", "experimental"), self.incidence, self.one_minus_km, strict=True)
        ]
        seen = zip(("control", "experimental"), self.event_probability, self.forgotten_probability, strict=True)
        rows += [
            (f"probability that the event is seen in the trial, {arm}", right, wrong, "competing events forgotten")
            for arm, right, wrong in seen
        ]
        rows.append(("patients", self.patients, self.forgotten_patients, "competing events forgotten"))
        return pd.DataFrame(rows, columns=["quantity", "right", "wrong", "why_wrong"])


def competing_events(trial: SurvivalDesign, time: float) -> CompetingEvents:
    """Compare a trial's plan with plans that get competing events wrong.

    Parameters
    ----------
    trial : SurvivalDesign
        A trial, some of whose strata have competing events.
    time : float
        Time since entry at which incidences are told.

    Raises
    ------
    InputError
        If there are no competing events.
    """
    population = trial.population
    if all(s.competing == NONE and s.competing_experimental in (None, NONE) for s in population.strata):
        raise InputError("competing: no stratum has competing events.")
    incidence, naive = [0.0, 0.0], [0.0, 0.0]
    for share, stratum in zip(population.shares, population.strata, strict=True):
        for i, arm in enumerate((stratum.control_arm(), stratum.experimental_arm())):
            incidence[i] += share * cumulative_incidence(arm.hazard, arm.competing, time)
            naive[i] += share * -math.expm1(-float(arm.hazard.cumulative(time)))
    forgotten = Population(tuple(_alone(s) for s in population.strata), population.allocation)
    right = population.event_probabilities(trial.accrual, trial.study_duration)
    wrong = forgotten.event_probabilities(trial.accrual, trial.study_duration)
    promised = forgotten.events(trial.accrual, trial.study_duration).total
    return CompetingEvents(
        time,
        (incidence[0], incidence[1]),
        (naive[0], naive[1]),
        right,
        wrong,
        trial.patients,
        trial.patients * trial.events / promised,
    )


def _alone(stratum: Stratum) -> Stratum:
    return Stratum(
        control=stratum.control,
        hazard_ratio=stratum.hazard_ratio,
        hazard_ratio_starts=stratum.hazard_ratio_starts,
        share=stratum.share,
        dropout=stratum.dropout,
        dropout_experimental=stratum.dropout_experimental,
        name=stratum.name,
    )
