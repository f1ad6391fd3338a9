"""Statistics of clinical trials: designs, sample sizes and times. Nothing here knows a scenario or a disease model.

`simulate` is `lmssim.simulate_trials`, under the name by which it is looked for.

Names are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lmssim.trials.assurance import logrank_assurance, normal_assurance, probability_of_benefit
    from lmssim.trials.sequential.bounds import Bounds, Crossing, crossing_along
    from lmssim.trials.sequential.conditional import NormalPrior, conditional_power, predictive_power, trend_drift
    from lmssim.trials.sequential.design import GroupSequentialDesign, group_sequential
    from lmssim.trials.sequential.rules import Efficacy, Futility
    from lmssim.trials.sequential.spending import Spending
    from lmssim.trials.survival.accrual import Accrual, piecewise_accrual, ramp_accrual, uniform_accrual
    from lmssim.trials.survival.competing import CompetingEvents, competing_events, cumulative_incidence
    from lmssim.trials.survival.design import SurvivalDesign, survival_design
    from lmssim.trials.survival.difference import (
        DifferenceDesign,
        difference_design,
        difference_variance,
        milestone_survival,
        rmst,
    )
    from lmssim.trials.survival.formulas import freedman_events, hazard_ratio_at, schoenfeld_events, schoenfeld_power
    from lmssim.trials.survival.hazards import (
        CureHazard,
        PiecewiseHazard,
        TimesRatio,
        constant,
        from_median,
        from_survival,
        median_time,
        survival_probability,
    )
    from lmssim.trials.survival.illness_death import IllnessDeathHazard, kalbfleisch_prentice
    from lmssim.trials.survival.population import AverageHazardRatio, Population, Stratum, one_population
    from lmssim.trials.survival.weighted import WeightedDesign, weighted_design

__all__ = [
    "Accrual",
    "AverageHazardRatio",
    "Bounds",
    "CompetingEvents",
    "Crossing",
    "CureHazard",
    "DifferenceDesign",
    "Efficacy",
    "Futility",
    "GroupSequentialDesign",
    "IllnessDeathHazard",
    "NormalPrior",
    "PiecewiseHazard",
    "Population",
    "Spending",
    "Stratum",
    "SurvivalDesign",
    "TimesRatio",
    "WeightedDesign",
    "competing_events",
    "conditional_power",
    "constant",
    "crossing_along",
    "cumulative_incidence",
    "difference_design",
    "difference_variance",
    "freedman_events",
    "from_median",
    "from_survival",
    "group_sequential",
    "hazard_ratio_at",
    "kalbfleisch_prentice",
    "logrank_assurance",
    "median_time",
    "milestone_survival",
    "normal_assurance",
    "one_population",
    "piecewise_accrual",
    "predictive_power",
    "probability_of_benefit",
    "ramp_accrual",
    "rmst",
    "schoenfeld_events",
    "schoenfeld_power",
    "survival_design",
    "survival_probability",
    "trend_drift",
    "uniform_accrual",
    "weighted_design",
]

_HOME = {
    "Accrual": "survival.accrual",
    "AverageHazardRatio": "survival.population",
    "Bounds": "sequential.bounds",
    "CompetingEvents": "survival.competing",
    "Crossing": "sequential.bounds",
    "CureHazard": "survival.hazards",
    "DifferenceDesign": "survival.difference",
    "Efficacy": "sequential.rules",
    "Futility": "sequential.rules",
    "GroupSequentialDesign": "sequential.design",
    "IllnessDeathHazard": "survival.illness_death",
    "NormalPrior": "sequential.conditional",
    "PiecewiseHazard": "survival.hazards",
    "Population": "survival.population",
    "Spending": "sequential.spending",
    "Stratum": "survival.population",
    "SurvivalDesign": "survival.design",
    "TimesRatio": "survival.hazards",
    "WeightedDesign": "survival.weighted",
    "competing_events": "survival.competing",
    "conditional_power": "sequential.conditional",
    "constant": "survival.hazards",
    "crossing_along": "sequential.bounds",
    "cumulative_incidence": "survival.competing",
    "difference_design": "survival.difference",
    "difference_variance": "survival.difference",
    "freedman_events": "survival.formulas",
    "from_median": "survival.hazards",
    "from_survival": "survival.hazards",
    "group_sequential": "sequential.design",
    "hazard_ratio_at": "survival.formulas",
    "kalbfleisch_prentice": "survival.illness_death",
    "logrank_assurance": "assurance",
    "median_time": "survival.hazards",
    "milestone_survival": "survival.difference",
    "normal_assurance": "assurance",
    "one_population": "survival.population",
    "piecewise_accrual": "survival.accrual",
    "predictive_power": "sequential.conditional",
    "probability_of_benefit": "assurance",
    "ramp_accrual": "survival.accrual",
    "rmst": "survival.difference",
    "schoenfeld_events": "survival.formulas",
    "schoenfeld_power": "survival.formulas",
    "survival_design": "survival.design",
    "survival_probability": "survival.hazards",
    "trend_drift": "sequential.conditional",
    "uniform_accrual": "survival.accrual",
    "weighted_design": "survival.weighted",
}


def __getattr__(name: str) -> Any:
    """Import a name's module on first use (PEP 562)."""
    if name == "simulate":  # of trials on virtual patients: a study of the package, which stands above this room
        return import_module("lmssim").simulate_trials
    if name not in _HOME:
        raise AttributeError(f"module 'lmssim.trials' has no attribute '{name}'")
    value = getattr(import_module(f"lmssim.trials.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Names to offer."""
    return sorted({*globals(), *__all__})
