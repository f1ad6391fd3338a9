"""A small calibration, written to a folder: illness at a Weibull hazard, death at constant ones, four cohorts.

The figures were read from the model at `TRUTH`, so a posterior has to find these values again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.studies.calibration.calibrate import Settings
from tests.kit.models import absorbing, exponential, move, observation, series, start, state, weibull
from tests.kit.parameters import described_parameters

if TYPE_CHECKING:
    from pathlib import Path

TRUTH = {"ill_shape": 1.2, "ill_h5": 0.5}
SMALL = Settings(
    design=(128, 128),
    patients=(250, 400),
    degree=2,
    ensembles=2,
    walkers=40,
    steps=300,
    burn_in=100,
    thin=5,
    checks=(6, 1_000),
    predictive=(20, 400),
    leave_out=(0, 0),
)
"""A few seconds."""

SCENARIO = """
schema_version = 1
name = "toy"
title = "Illness and death"
parameters = ["toy.csv"]
settings = { horizon = 60, currency = "GBP", wtp = [20000], comparator = "nothing" }
strategies.nothing = { label = "Nothing" }

[population.covariates]
age = { kind = "constant", value = 50 }
size = { kind = "lognormal", median = "pop_size", sdlog = 0.4 }
"""
SCENARIO += (
    start("alive")
    + state("ill")
    + absorbing("death_disease", death="disease")
    + absorbing("death_other", death="other")
    + move("alive", "ill", weibull("ill_shape", "ill_scale"), effects={"size - 5": "loghr_size"})
    + move("alive", "death_other", exponential("rate_other"))
    + move("ill", "death_disease", exponential("rate_death"))
)

PARAMETERS = """
pop_size,5,fixed,,,,,,,cm
ill_shape,1,lognormal,,,,0.5,2,,shape
ill_scale,10,lognormal,,,,3,30,,years
loghr_size,0.1,normal,,,0.02,,,,log hazard ratio
rate_other,0.02,fixed,,,,,,,per year
log_rate_death,-0.7,normal,,,0.1,,,,log per year
rate_death,,,,,,,,exp(log_rate_death),per year
"""

CALIBRATION = """
schema_version = 1
scenario = "toy.toml"
label = "Toy"
given = ["log_rate_death"]
held_out = ["kept"]
tau = { metastasis = 0.5, death = 0.5 }

[free.ill_shape]
label = "Shape of illness"
value = 0.9
low = 0.45
high = 1.8
reason = "weakly informative"

[free.ill_h5]
label = "Cumulative hazard of illness at 5 years"
value = 0.3
low = 0.03
high = 3.0
reason = "weakly informative"

[sets]
ill_scale = "5 / ill_h5 ** (1 / ill_shape)"

[studies.first]
series = "first"
cohort_id = "first"
rows.first_by2 = { within = "first_by5" }
rows.first_by5 = {}
rows.first_crude = { role = "check", reason = "the same patients" }

[studies.second]
series = "second"
cohort_id = "second"
rows.second_by10 = {}
rows.second_survival = {}
rows.second_time = {}

[studies.large]
series = "large"
cohort_id = "large"
rows.large_by5 = {}
rows.large_median = {}

[studies.kept]
series = "kept"
cohort_id = "kept"
rows.kept_by5 = {}
"""
DEATHS = ("death_disease", "death_other")
FEW = {"low": 1, "high": 12}
"""Follow-up in years."""
BY_5 = ("Ill by 5 years", "cumulative_incidence", "ill")
CALIBRATION += (
    series(
        "first",
        "First",
        "nothing",
        observation("first_by2", "Ill by 2 years", "cumulative_incidence", "ill", by=2, observed=0.16, n=200),
        observation("first_by5", *BY_5, by=5, observed=0.39, n=200),
        observation("first_crude", "Ill at some time", "proportion", "ill", observed=0.448, n=200),
        follow_up=FEW,
    )
    + series(
        "second",
        "Second",
        "nothing",
        observation("second_by10", "Ill", "proportion", "ill", observed=0.663, n=150),
        observation("second_survival", "Alive at 5 years", "km_survival", *DEATHS, by=5, observed=0.673, n=150),
        observation("second_time", "Median time to illness", "median_time", "ill", observed=4.15, n=95),
        follow_up={"low": 8, "high": 14},
    )
    + series(
        "large",
        "Large tumours",
        "nothing",
        observation("large_by5", "Ill by 5 years", "km_survival", "ill", by=5, observed=0.482, n=120),
        observation("large_median", "Median survival", "km_median", *DEATHS, observed=6.18, n=120),
        follow_up={"median": 6, "sdlog": 0.5, "low": 0.5, "high": 20},
        set={"pop_size": 8},
    )
    + series("kept", "Kept back", "nothing", observation("kept_by5", *BY_5, by=5, observed=0.39, n=90), follow_up=FEW)
)

TARGETS = """
target_id,site,strategy,outcome,statistic,time_years,value,ci_low,ci_high,n,source_id
first_by2,all,nothing,illness,cumulative_incidence,2,0.16,,,200,nobody
first_by5,all,nothing,illness,cumulative_incidence,5,0.39,,,200,nobody
"""


def write_toy(
    folder: Path,
    text: str = CALIBRATION,
    targets: str = TARGETS,
    scenario: str = SCENARIO,
    parameters: str = PARAMETERS,
) -> Path:
    """Write the scenario, its parameters, the targets and the calibration; returns the path of the last."""
    (folder / "toy.csv").write_text(described_parameters(parameters))
    (folder / "toy.toml").write_text(scenario)
    (folder / "targets.csv").write_text(targets.lstrip())
    path = folder / "toy_fit.toml"
    path.write_text(text)
    return path
