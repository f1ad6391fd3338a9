"""The extremity scenario: directions that treatment effects must have, its series, and clinical bounds."""

from __future__ import annotations

import pytest

from lmssim.evaluation import Evaluation, Sampling, evaluate
from lmssim.published.series import read_series
from tests.kit.scenarios import bundled_program, bundled_scenario


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    """Base case, 20,000 patients."""
    return evaluate(bundled_scenario("extremity"), Sampling(n_patients=20_000, jobs=2))


def share(evaluation: Evaluation, strategy: str, outcome: str) -> float:
    """Mean of an outcome."""
    table = evaluation.summary
    return float(table[(table.strategy == strategy) & (table.outcome == outcome)]["mean"].iloc[0])


@pytest.mark.parametrize("strategy", ["neoadj_rt", "adj_rt", "neoadj_both", "adj_both"])
def test_radiotherapy_lowers_local_recurrence(evaluation: Evaluation, strategy: str) -> None:
    """With the same luck, local recurrence by 5 years is lower with radiotherapy."""
    before = share(evaluation, "surgery_only", "local_recurrence:5y")
    assert share(evaluation, strategy, "local_recurrence:5y") < 0.6 * before


@pytest.mark.parametrize("strategy", ["neoadj_ct", "adj_ct"])
def test_chemotherapy_lowers_metastasis_and_costs_toxic_deaths(evaluation: Evaluation, strategy: str) -> None:
    """Metastasis falls, death of treatment rises."""
    assert share(evaluation, strategy, "metastasis:5y") < share(evaluation, "surgery_only", "metastasis:5y")
    assert share(evaluation, strategy, "death_treatment:1y") > share(evaluation, "surgery_only", "death_treatment:1y")


def test_the_guideline_lies_between_none_and_all(evaluation: Evaluation) -> None:
    """Selection of patients costs less than treating everybody and more than nobody."""
    cost = [share(evaluation, s, "cost") for s in ("surgery_only", "guideline", "adj_both")]
    assert cost == sorted(cost)


def test_everybody_dies_once(evaluation: Evaluation) -> None:
    """Causes of death add up to the dead, who are all but a few in 10,000 by the horizon, under every strategy."""
    for strategy in evaluation.strategies:
        total = sum(share(evaluation, strategy, f"death_{c}:ever") for c in ("disease", "treatment", "other"))
        assert total == pytest.approx(share(evaluation, strategy, "os:ever"), abs=1e-12)
        assert total > 0.9995


def test_categories_add_up_to_the_cost(evaluation: Evaluation) -> None:
    """The cost is the sum of its categories."""
    for strategy in evaluation.strategies:
        parts = sum(share(evaluation, strategy, f"cost:{c}") for c in evaluation.program.categories)
        assert parts == pytest.approx(share(evaluation, strategy, "cost"), rel=1e-12)


def test_survival_is_below_that_of_the_population(evaluation: Evaluation) -> None:
    """Nobody lives longer than the life table allows: undiscounted years are below its expectancy at 63."""
    life = evaluation.scenario.life
    assert life is not None
    best = max(life.life_expectancy(k, 63.0) for k in range(len(life.keys)))
    for strategy in evaluation.strategies:
        assert share(evaluation, strategy, "life_years_undiscounted") < best


def test_the_series_lies_within_its_sampling_interval() -> None:
    """Each result of the 75 patients lies in the model's 95% interval for a study of that size."""
    table = read_series(bundled_program("extremity"), ["elms"], n=20_000)
    outside = table[~table["inside"]]
    assert len(table) >= 14
    assert outside.empty, outside.to_string()
