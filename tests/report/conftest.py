"""Small evaluations for the report's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "<script>alert(1)</script>"
RICH = f"""
[settings]
horizon = 20
cost_categories = ["care", "drugs"]
times = [1, 5]
[population.covariates]
age = {{ kind = "constant", value = 60 }}
[events.sepsis]
label = "Sepsis & shock"
probability = 0.1
cost.care = 1000
death = 0.2
death_state = "death_treatment"
[states.stable]
label = "Stable"
initial = true
utility = 0.8
cost_per_year.care = 100
[states.treated]
kind = "phase"
next = "well"
utility = 0.7
[states.well]
utility = 0.3
[states.question]
kind = "chance"
branches = [ {{ to = "worse", p = "p" }}, {{ to = "stable", p = "rest" }} ]
[states.worse]
utility = 0.5
[states.death_disease]
kind = "absorbing"
death = "disease"
[states.death_treatment]
kind = "absorbing"
death = "treatment"
[treatments.drug]
label = "Drug"
phase = "treated"
duration = 0.5
utility = -0.9
cost.drugs = 4000
events = ["sepsis"]
[[transitions]]
from = "stable"
to = "treated"
hazard = {{ family = "exponential", rate = 0.5 }}
[[transitions]]
from = "well"
to = "question"
hazard = {{ family = "exponential", rate = 0.3 }}
[[transitions]]
from = "worse"
to = "death_disease"
hazard = {{ family = "exponential", rate = 0.4 }}
[strategies.nothing]
label = "{NAME}"
[strategies.drug]
treatments = ["drug"]
[strategies.mixed]
mix = [ {{ fraction = 0.5, treatments = ["drug"] }} ]
[endpoints.os]
events = ["death_disease", "death_treatment"]
[endpoints.death_disease]
kind = "incidence"
events = ["death_disease"]
death = "competing"
[endpoints.death_treatment]
kind = "incidence"
events = ["death_treatment"]
death = "competing"
"""


@pytest.fixture(scope="session")
def two_strategies() -> Evaluation:
    """The bundled illness-death model."""
    return evaluate(load_scenario("illness_death"), Sampling(n_patients=1000))


@pytest.fixture
def rich(write_scenario: Callable[..., Path]) -> Evaluation:
    """A phase, a chance state, a complication, causes of death, a mix, and a label that is not to be trusted."""
    return evaluate(load_scenario(write_scenario(RICH, {"p": 0.6})), Sampling(n_patients=1000))
