"""A small model with something of everything that the battery asks about, written to a folder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tests.kit.models import (
    absorbing,
    attributes,
    branch,
    chance,
    covariate,
    endpoint,
    event,
    exponential,
    move,
    observation,
    population,
    section,
    series,
    state,
    strategy,
    terminal,
    weibull,
)
from tests.kit.parameters import described_parameters

if TYPE_CHECKING:
    from pathlib import Path


def _treatment(name: str, cost: str, effect: str) -> str:
    return section(
        f"treatments.{name}",
        phase="treatment",
        duration=0.5,
        cost={"drugs": cost},
        events=["toxicity"],
        effects=[{"risk": "progression", "effect": {"value": effect, "expected": "benefit"}}],
        expected="benefit",
    )


TOML = """
schema_version = 2
name = "small"
title = "A small model with something of everything"
shared_parameters = ["small.csv"]
"""
TOML += (
    section(
        "settings",
        horizon=60,
        currency="GBP",
        wtp=[20000],
        times=[1, 5],
        comparator="nothing",
        cost_categories=["care", "drugs", "harm", "end"],
    )
    + population(
        covariate("age", "normal", mean="pop_age", sd=8, low=30, high=90),
        covariate("size", "lognormal", median=5, sdlog=0.5),
        "correlations = [{ between = ['age', 'size'], value = 0.4 }]\n",
    )
    + section("mortality", table="life.csv", keys={})
    + section("utilities", norms="norms.csv", keys={})
    + attributes(subtype=["a", "b", "c"])
    + chance(
        "triage",
        branch(
            "treatment",
            "share_a",
            set={"subtype": "a"},
            effects={"size - 5": {"value": "logor_a", "expected": "benefit"}},
        ),
        branch("treatment", "share_b", set={"subtype": "b"}),
        branch("treatment", set={"subtype": "c"}),
        initial=True,
    )
    + state("treatment", kind="phase", next="well", utility="u_well")
    + state("well", utility="u_well", cost_per_year={"care": "c_well"})
    + state("ill", utility="u_ill", cost_per_year={"care": "c_ill"}, entry_cost={"care": 100})
    + absorbing("dead_disease", death="disease")
    + absorbing("dead_other", death="other")
    + move(
        ["treatment", "well"],
        "ill",
        weibull("shape_progression", "scale_progression", clock="model"),
        name="progression",
        effects={
            "size - 5": {"value": "loghr_size", "expected": "harm"},
            "subtype_b": {"value": 0.3, "expected": "harm"},
        },
    )
    + move("ill", "dead_disease", exponential("rate_death"))
    + move(["treatment", "well", "ill"], "dead_other", background={"multiplier": 1})
    + _treatment("drug", cost="c_drug", effect="loghr_drug")
    + _treatment("intense", cost="4 * c_drug", effect="1.3 * loghr_drug")
    + event(
        "toxicity",
        "p_toxicity",
        effects={"subtype_b": {"value": "logor_toxicity", "expected": "harm"}},
        cost={"harm": "c_toxicity"},
        utility_loss="loss_toxicity",
        years=0.25,
        expected="harm",
    )
    + terminal("dead_disease", window=0.25, cost={"end": 3000}, excludes=["care"])
    + section("groups.subtypes", kind="dirichlet", members=["share_a", "share_b", "share_c"], counts=[50, 30, 20])
    + section(
        "groups.progression",
        kind="multivariate_normal",
        members=["log_shape", "log_scale"],
        mean=[0.2, 1.6],
        covariance=[[0.01, 0.01], [0.01, 0.04]],
    )
    + strategy("nothing")
    + strategy("drug", treatments=["drug"])
    + strategy("intense", treatments=["intense"])
    + endpoint("os", "dead_disease", "dead_other")
    + endpoint("pfs", "ill")
    + series(
        "cohort",
        "A cohort",
        "nothing",
        observation("progression", "Progression", "proportion", "ill", observed=0.7, n=20),
        follow_up={"low": 2, "high": 10},
    )
    + section(
        "claims.toxicity",
        label="toxicity in 11.5% on the drug, counted once",
        events=["toxicity"],
        by=1,
        strategy="drug",
        value=0.115,
        within=0.002,
        switches={"toxicity": "few"},
    )
    + section("switches.toxicity", default="few")
    + section("switches.toxicity.options.few", label="toxicity 10%", claims=[{"value": 0.1, "value_of": "p_toxicity"}])
    + section(
        "switches.toxicity.options.many",
        label="toxicity 23%",
        set={"p_toxicity": 0.2},
        claims=[{"value": 0.23, "events": ["toxicity"], "strategy": "drug", "where": "size > 0", "by": 1}],
    )
)

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
