"""A trial whose value is known: exponential survival, an uncertain log hazard ratio, and a result that is normal."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import integrate, stats

from lmssim.studies.trials.design.reading import load_trial

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.studies.trials.design.objects import TrialDesign

RATE, RATIO, LOW, HIGH = 0.25, 0.8, 0.5, 1.28
"""Hazard of death a year, and the prior of the hazard ratio: its median and 95% interval."""
WTP, PRICE = 10_000.0, 9_000.0
"""For a year of life, and the cost of the new treatment."""
LOG_SD = float(np.log(HIGH / LOW) / (2.0 * stats.norm.isf(0.025)))
SCENARIO = """
schema_version = 2
name = "two_states"
title = "Alive and dead"
parameters = ["two.csv"]

[settings]
horizon = 200
discount_rate_costs = 0
discount_rate_effects = 0
currency = "GBP"
cost_categories = ["drug"]
comparator = "old"

[population]
covariates.age = { kind = "constant", value = 60 }
covariates.fit = { kind = "binary", probability = 0.5 }

[states.alive]
initial = true
utility = 1
entry_cost.drug = "price"
[states.dead]
kind = "absorbing"
death = "disease"

[[transitions]]
from = "alive"
to = "dead"
hazard = { family = "exponential", rate = "rate" }

[strategies.old]
set = { price = 0 }
[strategies.new]

[endpoints.os]
events = ["dead"]
"""
PARAMETERS = "id,value,distribution,low,high\nrate,0.25,fixed,,\nprice,9000,uniform,8900,9100\n"
TRIAL = f"""
title = "A new drug"
time_unit = "years"
scenario = "two.toml"
[arms.control]
label = "Old"
strategy = "old"
[arms.experimental]
label = "New"
strategy = "new"
hazard_ratio.dead = {{ value = {RATIO}, low = {LOW}, high = {HIGH} }}
[endpoints.os]
[design]
milestones = [1, 2]
[accrual]
patients = 100
duration = 2
[[analyses]]
events = 30
[[analyses]]
events = 70
[value]
willingness_to_pay = {WTP}
incidence = 200
horizon = 10
discount = 0.03
fixed_cost = 100_000
cost_per_patient = 1_000
reporting = 0.5
longest_accrual = 3
alpha = [0.025, 0.2]
sizes = [30, 200]
"""


HALF_DIAGNOSED = SCENARIO.replace(
    """[states.alive]
initial = true
""",
    """[states.seen]
kind = "chance"
initial = true
branches = [{ to = "alive", p = 0.5 }, { to = "healthy", p = "rest" }]
[states.healthy]
kind = "absorbing"
[states.alive]
""",
)
"""Half of the patients have nothing, and nothing happens to them."""
AFTER_DIAGNOSIS = TRIAL.replace('scenario = "two.toml"', 'scenario = "two.toml"\norigin = "alive"')


def valued(
    folder: Path, given: dict[str, Any] | None = None, trial: str = TRIAL, scenario: str = SCENARIO
) -> TrialDesign:
    """The trial, its files written to a folder."""
    (folder / "two.toml").write_text(scenario)
    (folder / "two.csv").write_text(PARAMETERS)
    (folder / "trial.toml").write_text(trial)
    return load_trial(folder / "trial.toml", copy.deepcopy(given))


def gain(log_ratio: float) -> float:
    """Net benefit of the new treatment over the old one, given the log hazard ratio."""
    return float(WTP * (np.exp(-log_ratio) - 1.0) / RATE - PRICE)


def expected_gain(mean: float, sd: float) -> float:
    """The same where the log hazard ratio is normal."""
    return float(WTP * (np.exp(-mean + 0.5 * sd**2) - 1.0) / RATE - PRICE)


def exact_evsi(events: float) -> float:
    """Value of an estimate of the log hazard ratio with variance 4 / events, by numerical integration."""
    variance = 4.0 / events
    left = np.sqrt(1.0 / (1.0 / LOG_SD**2 + 1.0 / variance))
    wide = float(np.sqrt(LOG_SD**2 - left**2))
    mean = float(np.log(RATIO))
    known, _ = integrate.quad(
        lambda m: max(expected_gain(m, left), 0.0) * stats.norm.pdf(m, mean, wide),
        mean - 8.0 * wide,
        mean + 8.0 * wide,
        limit=200,
    )
    return float(known) - max(expected_gain(mean, LOG_SD), 0.0)


def exact_evpi() -> float:
    """Value of the log hazard ratio itself."""
    return exact_evsi(1e9)
