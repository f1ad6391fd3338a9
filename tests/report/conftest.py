"""Small evaluations for the report's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from tests.kit.models import (
    absorbing,
    branch,
    chance,
    covariate,
    endpoint,
    event,
    exponential,
    move,
    population,
    section,
    start,
    state,
    strategy,
)
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from tests.conftest import Build

NAME = "<script>alert(1)</script>"
RICH = (
    section("settings", horizon=20, cost_categories=["care", "drugs"], times=[1, 5])
    + population(covariate("age", "constant", value=60))
    + event("sepsis", 0.1, label="Sepsis & shock", cost={"care": 1000}, death=0.2, death_state="death_treatment")
    + start("stable", label="Stable", utility=0.8, cost_per_year={"care": 100})
    + state("treated", kind="phase", next="well", utility=0.7)
    + state("well", utility=0.3)
    + chance("question", branch("worse", "p"), branch("stable"))
    + state("worse", utility=0.5)
    + absorbing("death_disease", death="disease")
    + absorbing("death_treatment", death="treatment")
    + section(
        "treatments.drug",
        label="Drug",
        phase="treated",
        duration=0.5,
        utility=-0.9,
        cost={"drugs": 4000},
        events=["sepsis"],
    )
    + move("stable", "treated", exponential(0.5))
    + move("well", "question", exponential(0.3))
    + move("worse", "death_disease", exponential(0.4))
    + strategy("nothing", label=NAME)
    + strategy("drug", treatments=["drug"])
    + strategy("mixed", mix=[{"fraction": 0.5, "treatments": ["drug"]}])
    + endpoint("os", "death_disease", "death_treatment")
    + endpoint("death_disease", kind="incidence", death="competing")
    + endpoint("death_treatment", kind="incidence", death="competing")
)


@pytest.fixture(scope="session")
def two_strategies() -> Evaluation:
    """The bundled illness-death model."""
    return evaluate(bundled_scenario("illness_death"), Sampling(n_patients=1000))


@pytest.fixture(scope="session")
def rich(build_once: Build) -> Evaluation:
    """A phase, a chance state, a complication, causes of death, a mix, and a label that is not to be trusted."""
    return evaluate(build_once(RICH, {"p": 0.6}).scenario, Sampling(n_patients=1000))
