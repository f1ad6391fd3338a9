"""A disease whose every result has a closed form: one age, constant hazards and utilities, constant costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kit.models import absorbing, exponential, move, start, strategy
from tests.kit.parameters import parameter_table

if TYPE_CHECKING:
    from pathlib import Path

BACKGROUND, RATE, RATIO = 0.02, 0.15, 0.5
NORM, UTILITY = 0.8, 0.5
CARE, DRUG = 1_000.0, 5_000.0
RATES = 0.035

DISEASE = """
schema_version = 2
name = "disease"
title = "A disease with closed forms"
parameters = ["rate.csv"]
[settings]
horizon = 190
wtp = [20000]
currency = "GBP"
times = [5]
comparator = "none"
cost_categories = ["care", "drug"]
[population.covariates]
age = { kind = "constant", value = 60 }
"""
NORMS = """
[mortality]
table = "life.csv"
measure = "m"
keys = {}
[utilities]
norms = "norms.csv"
keys = {}
"""
STATES = (
    start("ill", utility="utility", cost_per_year={"care": CARE}, entry_cost={"drug": "price"})
    + absorbing("dead", death="disease")
    + move("ill", "dead", exponential("rate * ratio"))
    + strategy("none")
    + strategy("drug", set={"ratio": RATIO, "price": DRUG})
)


def write_disease(folder: Path, *, norms: bool = True, uncertain: str = "", utility: str = "") -> Path:
    """Scenario file of the disease.

    Parameters
    ----------
    norms : bool
        Whether there are a life table and utility norms of a general population; deaths of the disease are all deaths.
    uncertain : str
        Distribution of the rate of death, and its parameters.
    utility : str
        The same of the utility, on which QALYs depend linearly.
    """
    path = folder / "disease.toml"
    path.write_text(DISEASE + (NORMS if norms else "") + STATES)
    (folder / "rate.csv").write_text(
        parameter_table(f"rate, {RATE}{uncertain}", f"utility, {UTILITY}{utility}", "ratio, 1", "price, 0")
    )
    (folder / "life.csv").write_text(f"age,m\n0,{BACKGROUND}\n")
    (folder / "norms.csv").write_text(f"age,utility\n0,{NORM}\n")
    return path


BUDGET = """
schema_version = 1
title = "A drug for a disease"
entry = "start"
[population]
people = 1_000_000
growth = 0.1
source = "a census"
[incidence]
cases = 20
per = 100_000
source = "a registry"
[[eligible]]
label = "Reach a hospital"
share = 0.5
assumed = "nobody counted"
[now]
mix = { none = 1 }
source = "a survey"
[then]
mix = { drug = 1 }
assumed = "the question"
[uptake]
by_year = [0.5, 1]
assumed = "a gradual change"
"""
