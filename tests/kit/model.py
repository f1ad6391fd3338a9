"""A small model with something of everything that the battery asks about, written to a folder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.kit.parameters import described_parameters

if TYPE_CHECKING:
    from pathlib import Path

TOML = """
schema_version = 1
name = "small"
title = "A small model with something of everything"
shared_parameters = ["small.csv"]

[settings]
horizon = 60
currency = "GBP"
wtp = [20000]
times = [1, 5]
comparator = "nothing"
cost_categories = ["care", "drugs", "harm", "end"]

[population.covariates]
age = { kind = "normal", mean = "pop_age", sd = 8, low = 30, high = 90 }
size = { kind = "lognormal", median = 5, sdlog = 0.5 }

[[population.correlations]]
between = ["age", "size"]
value = 0.4

[mortality]
table = "life.csv"
keys = {}

[utilities]
norms = "norms.csv"
keys = {}

[attributes]
subtype = ["a", "b", "c"]

[states.triage]
kind = "chance"
initial = true

[[states.triage.branches]]
to = "treatment"
p = "share_a"
set.subtype = "a"
effects."size - 5" = { value = "logor_a", expected = "benefit" }

[[states.triage.branches]]
to = "treatment"
p = "share_b"
set.subtype = "b"

[[states.triage.branches]]
to = "treatment"
p = "rest"
set.subtype = "c"

[states.treatment]
kind = "phase"
next = "well"
utility = "u_well"

[states.well]
utility = "u_well"
cost_per_year.care = "c_well"

[states.ill]
utility = "u_ill"
cost_per_year.care = "c_ill"
entry_cost.care = 100

[states.dead_disease]
kind = "absorbing"
death = "disease"

[states.dead_other]
kind = "absorbing"
death = "other"

[[transitions]]
name = "progression"
from = ["treatment", "well"]
to = "ill"
hazard = { family = "weibull", shape = "shape_progression", scale = "scale_progression", clock = "model" }

[transitions.effects]
"size - 5" = { value = "loghr_size", expected = "harm" }
subtype_b = { value = 0.3, expected = "harm" }

[[transitions]]
from = "ill"
to = "dead_disease"
hazard = { family = "exponential", rate = "rate_death" }

[[transitions]]
from = ["treatment", "well", "ill"]
to = "dead_other"
background.multiplier = 1

[treatments.drug]
phase = "treatment"
duration = 0.5
cost.drugs = "c_drug"
events = ["toxicity"]
effects = [{ risk = "progression", effect = { value = "loghr_drug", expected = "benefit" } }]
expected = "benefit"

[treatments.intense]
phase = "treatment"
duration = 0.5
cost.drugs = "4 * c_drug"
events = ["toxicity"]
effects = [{ risk = "progression", effect = { value = "1.3 * loghr_drug", expected = "benefit" } }]
expected = "benefit"

[events.toxicity]
probability = "p_toxicity"
effects = { subtype_b = { value = "logor_toxicity", expected = "harm" } }
cost.harm = "c_toxicity"
utility_loss = "loss_toxicity"
years = 0.25
expected = "harm"

[[terminal]]
death = "dead_disease"
window = 0.25
cost.end = 3000
excludes = ["care"]

[groups.subtypes]
kind = "dirichlet"
members = ["share_a", "share_b", "share_c"]
counts = [50, 30, 20]

[groups.progression]
kind = "multivariate_normal"
members = ["log_shape", "log_scale"]
mean = [0.2, 1.6]
covariance = [[0.01, 0.01], [0.01, 0.04]]

[strategies.nothing]
[strategies.drug]
treatments = ["drug"]
[strategies.intense]
treatments = ["intense"]

[endpoints.os]
events = ["dead_disease", "dead_other"]

[endpoints.pfs]
events = ["ill"]

[series.cohort]
label = "A cohort"
source_id = "nobody"
strategy = "nothing"
follow_up = { low = 2, high = 10 }

[[series.cohort.rows]]
target = "progression"
label = "Progression"
statistic = "proportion"
events = ["ill"]
observed = 0.7
n = 20
"""

PARAMETERS = """
pop_age,60,fixed,,,,,,,years
log_shape,0.2,normal,0.2,0.1,,,,,log
log_scale,1.6,normal,1.6,0.2,,,,,log years
shape_progression,,,,,,,,exp(log_shape),
scale_progression,,,,,,,,exp(log_scale),years
rate_death,0.4,gamma,,,0.04,,,,per year
loghr_size,0.08,normal,,,0.02,,,,log hazard ratio
logor_a,-0.1,normal,,,0.02,,,,log odds ratio
logor_toxicity,0.5,normal,,,0.1,,,,log odds ratio
loghr_drug,-0.6,normal,,,0.1,,,,log hazard ratio
share_a,0.5,fixed,,,,,,,probability
share_b,0.3,fixed,,,,,,,probability
share_c,0.2,fixed,,,,,,,probability
p_toxicity,0.1,beta,10,90,,,,,probability
loss_toxicity,0.2,beta,20,80,,,,,utility
c_toxicity,2000,gamma,,,200,,,,GBP
u_well,0.9,beta,90,10,,,,,utility
u_ill,0.6,beta,60,40,,,,,utility
c_well,500,gamma,,,50,,,,GBP per year
c_ill,4000,gamma,,,400,,,,GBP per year
c_drug,6000,gamma,,,300,,,,GBP
"""


def write_model(folder: Path) -> Path:
    """Write the model and its tables; returns the path of the scenario."""
    (folder / "small.csv").write_text(described_parameters(PARAMETERS))
    deaths = [f"{age},{min(1.0 - math.exp(-3e-5 * math.exp(0.1 * age)), 0.9):.6f}" for age in range(111)]
    (folder / "life.csv").write_text("\n".join(["age,q", *deaths]) + "\n")
    norms = [f"{age},{0.95 - 0.002 * age:.3f}" for age in range(0, 111, 10)]
    (folder / "norms.csv").write_text("\n".join(["age,utility", *norms]) + "\n")
    path = folder / "small.toml"
    path.write_text(TOML)
    return path
