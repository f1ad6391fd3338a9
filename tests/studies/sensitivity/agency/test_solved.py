"""The population solved: closed forms, and agreement with patients who are followed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency.solved import solved
from lmssim.studies.sensitivity.agency.study import AgencyStudy, question
from tests.kit.agency import BACKGROUND, BUDGET, CARE, DRUG, NORM, RATE, RATES, RATIO, UTILITY

if TYPE_CHECKING:
    from pathlib import Path

SE = 4.0
KEYS = {
    "severity": ["discounting", "measure"],
    "rates": ["strategy", "rates", "outcome"],
    "rates_incremental": ["strategy", "rates", "outcome"],
    "severity_incremental": ["strategy", "weight", "outcome"],
    "budget_impact": ["year", "world", "category", "measure"],
    "cost_by_year": ["strategy", "year_since_treatment", "category"],
}
"""Columns that name a row of each table."""


def years(rate: float) -> float:
    """Years up to the horizon at a constant rate of leaving."""
    return -math.expm1(-rate * 190.0) / rate


@pytest.fixture(scope="module")
def exact(folder: Path) -> AgencyStudy:
    """The disease solved."""
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    return question(program, Sampling(engine="cohort"), budget=folder / "budget.toml").run()


def test_a_disease_in_closed_form(exact: AgencyStudy) -> None:
    """Shortfall up to the horizon, QALYs at 1.5% and the first year of the drug, to 1e-6, the solver's own steps."""
    severity = exact.severity.query("discounting == 'discounted'").set_index("measure")["mean"]
    discount = math.log1p(RATES)
    without, under = NORM * years(BACKGROUND + discount), NORM * UTILITY * years(RATE + discount)
    assert severity["absolute_shortfall"] == pytest.approx(without - under, rel=1e-6)
    assert severity["proportional_shortfall"] == pytest.approx(1.0 - under / without, rel=1e-6)
    own = exact.rates.query("strategy == 'drug' and rates == '1.5%' and outcome == 'qalys'").iloc[0]
    assert own["mean"] == pytest.approx(NORM * UTILITY / (RATE * RATIO + math.log1p(0.015)), rel=1e-6)
    first = exact.cost_by_year.query("strategy == 'drug' and year_since_treatment == 1 and category == 'total'").iloc[0]
    rate = RATE * RATIO
    value = DRUG - CARE * math.expm1(-rate) / rate
    assert first["mean"] == pytest.approx(value, rel=1e-6)


def check_agreement(exact: AgencyStudy, simulated: AgencyStudy) -> int:
    """Every number of every table within 4 errors of the difference; returns how many were compared."""
    compared = 0
    for name, keys in KEYS.items():
        if name not in exact.tables:
            continue
        one, other = (each.tables[name].set_index(keys)[["mean", "se"]] for each in (exact, simulated))
        both = one.join(other, rsuffix="_there").dropna()
        error = np.hypot(both["se"], both["se_there"])
        off = (both["mean"] - both["mean_there"]).abs()
        assert (off <= SE * error + 1e-9 * both["mean"].abs()).all(), (name, both[off > SE * error])
        compared += len(both)
    return compared


def test_solved_and_simulated_agree(exact: AgencyStudy, found: AgencyStudy) -> None:
    """Every number of the disease."""
    assert check_agreement(exact, found) > 100


def test_a_population_agrees_too(tmp_path: Path) -> None:
    """Profiles stand for patients who differ; costs by year come from horizons within the quarters."""
    path = tmp_path / "budget.toml"
    text = BUDGET.replace("none", "standard").replace("drug", "new").replace('entry = "start"', "")
    path.write_text(text)
    program = compile_scenario(load_scenario("illness_death"))
    exact = question(program, Sampling(engine="cohort", profiles=16), budget=path).run()
    simulated = question(program, Sampling(n_patients=16_384), parts=["rates", "budget"], budget=path).run()
    assert check_agreement(exact, simulated) > 60


def test_the_reference_engine_gives_the_same_bits(folder: Path) -> None:
    """Of every table that patients tell."""
    program = compile_scenario(load_scenario(folder / "disease.toml"))
    first, second = (
        question(program, Sampling(n_patients=1_024, engine=engine), budget=folder / "budget.toml").run().tables
        for engine in ("compiled", "des")
    )
    for name, frame in first.items():
        assert frame.equals(second[name]), name


def test_draws_that_were_kept_change_no_bit(tmp_path: Path) -> None:
    """Solved in parts, of which some are missing."""
    program = compile_scenario(load_scenario("illness_death"))
    sampling = Sampling(engine="cohort", profiles=2, strategies=("standard",))
    people = solved(program, sampling, 16)
    whole = people.run(program, "own")
    kept = replace(people, checkpoint=Checkpoint(tmp_path, "key"))
    kept.run(program, "own")
    first, second = sorted(tmp_path.glob("own-*"))
    second.unlink()
    again = kept.run(program, "own")
    assert np.array_equal(again.means, whole.means)
    assert first.is_file()


def test_too_few_draws_are_refused() -> None:
    """As of patients."""
    program = compile_scenario(load_scenario("illness_death"))
    with pytest.raises(InputError, match="draws: 3 are too few"):
        solved(program, Sampling(engine="cohort"), 3)
