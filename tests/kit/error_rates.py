"""Error rates of tests and Bayesian rules in simulated trials: what docs/trial_tests.md prints of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lmssim.trials.tests import (
    ExponentialPatients,
    LogHazardRatio,
    bayes,
    enthusiastic_prior,
    normal_prior,
    power_prior,
    rejection_rates,
    sceptical_prior,
)

FREQUENTIST: dict[str, tuple[str, dict[str, Any]]] = {
    "logrank": ("logrank", {}),
    "fleming-harrington (0, 1)": ("fleming-harrington", {}),
    "fleming-harrington (1, 0)": ("fleming-harrington", {"rho": 1.0, "gamma": 0.0}),
    "modestly-weighted, delay 1": ("modestly-weighted", {"delay": 1.0}),
    "maxcombo": ("maxcombo", {}),
    "rmst, tau 3": ("rmst", {"tau": 3.0}),
    "milestone, at 2": ("milestone", {"at": 2.0}),
    "milestone, at 2, cloglog": ("milestone", {"at": 2.0, "scale": "cloglog"}),
    "cox": ("cox", {}),
    "cause-specific-logrank": ("cause-specific-logrank", {}),
    "gray": ("gray", {}),
    "one-sample-logrank": ("one-sample-logrank", {"rate": 0.35, "cause": 1}),
    "one-sample-logrank, mean": ("one-sample-logrank", {"rate": 0.35, "variance": "mean", "cause": 1}),
}
NULL: dict[str, Any] = {"hazard": 0.35, "accrual": 3.0, "dropout": 0.05, "competing": 0.05}
LOOK, ALPHA, TRIALS, SEED = 5.0, 0.025, 10_000, 21
PRIORS: dict[str, LogHazardRatio] = {
    "says next to nothing": normal_prior(),
    "sceptical of 0.7": sceptical_prior(0.7),
    "enthusiastic about 0.7": enthusiastic_prior(0.7),
    "power prior: 0.8 in 100 events, half": power_prior(math.log(0.8), 4 / 100, 0.5),
}
NEEDED = 0.975
"""Posterior probability of a benefit that a Bayesian rule needs."""


def null_rates(n: int, n_trials: int = TRIALS, seed: int = SEED) -> Any:
    """Rejections without an effect."""
    patients = ExponentialPatients(n=n, **NULL)
    return rejection_rates(patients, FREQUENTIST, n_trials=n_trials, at=LOOK, alpha=ALPHA, seed=seed)


def size_table() -> list[str]:
    """Rows of the table of true sizes: 500 and 50 patients an arm."""
    large, small = null_rates(1_000), null_rates(100)
    return [
        f"| {test} | {100 * a:.2f} | {100 * b:.2f} |"
        for test, a, b in zip(large["test"], large["rejected"], small["rejected"], strict=True)
    ]


def bayes_table() -> list[str]:
    """Rows of the table of Bayesian rules: rejections under hazard ratios 1 and 0.7, and the calibrated rule."""
    trials = {ratio: ExponentialPatients(n=400, hazard=0.35, hazard_ratio=ratio, accrual=3.0) for ratio in (1.0, 0.7)}
    data = {ratio: each.simulate(TRIALS, SEED).at(LOOK) for ratio, each in trials.items()}
    rows = []
    for name, prior in PRIORS.items():
        p = {ratio: bayes(each, prior=prior).p for ratio, each in data.items()}
        null, power = (float(np.mean(p[ratio] <= 1.0 - NEEDED)) for ratio in (1.0, 0.7))
        needed = 1.0 - float(np.quantile(p[1.0], ALPHA))
        calibrated = float(np.mean(p[0.7] <= 1.0 - needed))
        rows.append(f"| {name} | {100 * null:.2f} | {100 * power:.1f} | {needed:.4f} | {100 * calibrated:.1f} |")
    return rows
