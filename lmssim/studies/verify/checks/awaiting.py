"""Checks of the battery that lmssim does not make yet, or that no program can make: they are named and not run."""

from __future__ import annotations

from lmssim.studies.verify.registry import awaited

NOT_BUILT = "lmssim does not make this check yet"
JUDGEMENT = "a person must judge this"

awaited("body-size", "inputs", "Drug cost rises with body size", NOT_BUILT)
awaited(
    "regression",
    "inputs",
    "Hazard ratios fit the regression used for extrapolation",
    "lmssim fits no survival regression",
)
awaited("time-unit", "event/state", "Probabilities are converted between time units as rates", NOT_BUILT)
awaited(
    "inflation",
    "event/state",
    "Higher inflation raises costs",
    "all costs are of one price year: the language has no inflation",
)
awaited("half-cycle", "results", "Half-cycle correction lowers life years, not costs at cycle start", NOT_BUILT)
awaited(
    "fixed-settings",
    "uncertainty",
    "Discount rates and horizon are kept out of parameter sensitivity",
    "settings are numbers and never parameters",
)
awaited("standard-errors", "uncertainty", "Standard errors, not standard deviations, are sampled", JUDGEMENT)
awaited("scenarios", "uncertainty", "Scenario analyses are balanced and plausible", JUDGEMENT)
awaited("voi-order", "uncertainty", "EVPPI orders parameters as the one-way analysis does", NOT_BUILT)
awaited("experts", "overall", "Results agree with experts and other models", JUDGEMENT)
