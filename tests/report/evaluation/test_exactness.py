"""Nothing in the report of an exact solution speaks of simulation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.report.evaluation.answer import answer
from lmssim.report.evaluation.conventions import conventions
from lmssim.report.evaluation.figures.standard import caption
from lmssim.report.evaluation.limitations import limitations
from lmssim.report.evaluation.tables import main_table, standard_tables
from lmssim.report.evaluation.terminal import strategy_table_text
from tests.kit.models import DEAD, OS, covariate, move, population, section, start, strategy
from tests.kit.scenarios import bundled_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Build

SIMULATED = re.compile(r"monte|simulat|patients, each|common", re.IGNORECASE)
VARIED = (
    section("settings", horizon=20, times=[1, 5])
    + population(covariate("age", "constant", value=60), covariate("size", "normal", mean=0, sd=1))
    + section("cycles", length=1, correction="half_cycle")
    + start("well", utility=0.8)
    + DEAD
    + move("well", "dead", probability="0.1 * exp(0.3 * size) / (1 + exp(0.3 * size))")
    + strategy("one")
    + OS
)


@pytest.fixture(scope="module")
def whole() -> Evaluation:
    """A model in cycles of people who are all alike."""
    return evaluate(bundled_scenario("sick_sicker"), Sampling(engine="cohort"))


@pytest.fixture
def varied(build_once: Build) -> Callable[[int], Evaluation]:
    """A model in cycles whose people differ, for some number of profiles."""
    scenario = build_once(VARIED).scenario
    return lambda n: evaluate(scenario, Sampling(engine="cohort", profiles=n))


def words(evaluation: Evaluation) -> str:
    """Everything a report says about a result."""
    tables = [main_table(evaluation), *standard_tables(evaluation)]
    figures = ["plane", "causes_of_death", "occupancy", "survival_os"]
    parts = [*answer(evaluation), *limitations(evaluation), *(t.caption for t in tables)]
    parts += [" ".join(pair) for pair in conventions(evaluation)]
    parts += [" ".join(caption(evaluation, name)) for name in figures]
    return "\n".join([*parts, str(strategy_table_text(evaluation).caption)])


def test_words_of_simulation_are_for_simulations(whole: Evaluation, two_strategies: Evaluation) -> None:
    """None for an exact solution, which says for whom it is; many for patients."""
    assert SIMULATED.findall(words(whole)) == []
    assert "Solved exactly for 1 profile" in words(whole)
    assert SIMULATED.search(words(two_strategies))
    assert "exactly" not in words(two_strategies)


def test_a_solution_without_error_shows_four_digits(whole: Evaluation) -> None:
    """The paper's figures, no sign of plus or minus, and no shares at risk beyond 0 and 1."""
    table = main_table(whole).frame
    assert not table.astype(str).apply(lambda column: column.str.contains("±")).to_numpy().any()
    assert table["QALYs"].tolist() == ["20.71", "21.5", "22.18", "23.14"]
    assert whole.survival["at_risk"].between(0.0, 1.0).all()


def test_the_error_of_profiles_is_printed(varied: Callable[[int], Evaluation]) -> None:
    """Of several groups their spread; of one profile for a varied population, that it is not known."""
    many = varied(32)
    assert "Solved exactly for 32 profiles; ± is the estimated error of profiles." in words(many)
    assert "±" in main_table(many).frame["QALYs"][0]
    worth = many.errors[many.errors["outcome"] == "qalys"]
    assert (worth["profiles"] > 0.0).all()
    assert np.all(many.errors["steps"] == 0.0)
    one = words(varied(1))
    assert "not known: one profile represents all" in one
    assert "represents the whole population" in one
