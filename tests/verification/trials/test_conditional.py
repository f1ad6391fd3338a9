"""Conditional and predictive power, probability of success and assurance beside gsDesign, East and closed forms."""

from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from lmssim.trials import (
    Efficacy,
    NormalPrior,
    conditional_power,
    group_sequential,
    predictive_power,
    trend_drift,
)
from tests.kit.trial_numbers import Case, name_of

LAST = 1.01e-6
U = 1.959964
DRIFTS = (0.0, 2.801585, 3.241516)
CONDITIONAL = [
    (1.5, 0.5, [0.101721, 0.760904, 0.846205, 0.590252, 0.564094]),
    (0.5, 0.5, [0.011549, 0.385607, 0.508094, 0.038213, 0.105129]),
    (1.0, 0.6, [0.030449, 0.459239, 0.569808, 0.145088, 0.206303]),
    (0.0, 0.4, [0.005698, 0.359347, 0.492247, 0.005698, 0.054766]),
]
HSD = Efficacy("hsd", -4.0)


def powers_at(z: float, t: float) -> list[float]:
    """Conditional power under none, two planned effects and the trend, and predictive power."""
    drifts = (*DRIFTS, float(trend_drift(z, t)))
    return [*(float(conditional_power(z, t, drift, U)) for drift in drifts), predictive_power(z, t, U)]


def cases() -> list[Case]:
    """Every number."""
    symmetric = group_sequential(3, alpha=0.05, sides=2, efficacy=HSD)
    two = group_sequential(2, efficacy=HSD)
    mass = [0.064758798, 0.301137432, 0.19947114, 0.301137432, 0.064758798]
    effects = [theta * math.sqrt(two.inflation_factor) for theta in (-1.5, -0.75, 0.0, 0.75, 1.5)]
    drift = 0.05733214 * math.sqrt(812.157660)

    def second_stage() -> float:
        z, n = 1.151764990571, 400 * two.inflation_factor
        bound = (two.efficacy[1] - z * math.sqrt(0.5)) / math.sqrt(0.5)
        return float(norm.sf(bound - z / math.sqrt(n) * math.sqrt(403)))

    lan = group_sequential(2, efficacy="ld_obf")
    found = [
        Case(f"z={z}, t={t}", "C", values, LAST, lambda z=z, t=t: powers_at(z, t))  # type: ignore[misc]
        for z, t, values in CONDITIONAL
    ]
    return [
        *found,
        Case("gsCP, East", "P=C", [0.3306859], 1e-6, lambda: symmetric.conditional_power(1, 0.943317, drift)),
        Case("condPower, East", "P", [0.308644], 1e-3, second_stage),
        Case("condPower", "C", [0.308924], LAST, second_stage),
        Case("gsPOS", "P=C", [0.060780135], 2e-8, lambda: float(two.crossing(effects).power @ mass)),
        Case("power at HR .7, D 100", "C", [0.428280], LAST, lambda: lan.crossing(-math.log(0.7) * 5).power),
        Case(
            "assurance, D 100", "C", [0.460086], LAST, lambda: lan.assurance(NormalPrior(-math.log(0.7) * 5, 0.3 * 5))
        ),
    ]


@pytest.mark.parametrize("case", cases(), ids=name_of)
def test_powers_given_interim_data(case: Case) -> None:
    """Every value lies within the tolerance of its source."""
    assert case.differences().max() <= 1.0
