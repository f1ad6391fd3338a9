"""Weighted log-rank and MaxCombo designs: closed-form correlations, simulated power, bad plans."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import (
    Population,
    Stratum,
    constant,
    from_median,
    one_population,
    schoenfeld_events,
    uniform_accrual,
    weighted_design,
)
from lmssim.trials.tests import MAXCOMBO, maxcombo, null_correlation, trial_data

ENTRIES = uniform_accrual(24.0, rate=10.0)
LATE = one_population(from_median(12.0), (1.0, 0.5), (0.0, 6.0), allocation=2.0, dropout=constant(0.005))


def test_without_censoring_correlations_have_a_closed_form() -> None:
    """Beta functions; with everyone censored at one time, incomplete ones."""
    same = one_population(from_median(12.0), 1.0)
    at_once = uniform_accrual(1e-7, rate=1e9)
    whole = weighted_design(same, at_once, study_duration=600.0, solve="power")
    np.testing.assert_allclose(whole.correlation, null_correlation(), atol=1e-8)
    assert whole.critical_value == pytest.approx(2.303205, abs=1e-4)
    cut = weighted_design(same, at_once, study_duration=-12.0 * math.log2(0.4), solve="power")
    np.testing.assert_allclose(cut.correlation, null_correlation(MAXCOMBO, 0.4), atol=1e-6)


def test_one_member_without_weight_is_the_log_rank_test() -> None:
    """Events within 1% of Schoenfeld's formula."""
    trial = weighted_design(
        one_population(from_median(12.0), 0.8), ENTRIES, study_duration=48.0, members=[(0.0, 0.0)], power=0.8
    )
    assert trial.critical_value == pytest.approx(1.959964, abs=1e-6)
    assert trial.events == pytest.approx(schoenfeld_events(0.8, power=0.8), rel=0.01)
    assert trial.power == pytest.approx(0.8, abs=1e-9)


def test_simulated_trials_have_the_power() -> None:
    """600 trials of a late effect tested by MaxCombo: power and mean Z within 4 standard errors, and 0.02 and 0.05."""
    trial = weighted_design(LATE, ENTRIES, study_duration=40.0, power=0.8)
    rng = np.random.default_rng(21)
    replicates, n = 600, math.ceil(trial.patients)
    arm = rng.permuted(np.tile(np.arange(n) % 3 != 0, (replicates, 1)), axis=1)
    u = rng.standard_exponential((replicates, n)) * 12.0 / math.log(2.0)
    event = np.where(arm & (u > 6.0), 6.0 + (u - 6.0) / 0.5, u)
    entry = trial.accrual.entry_times(n)
    censored = np.minimum(rng.exponential(200.0, (replicates, n)), 40.0 - entry)
    data = trial_data(np.minimum(event, censored), event <= censored, arm)
    found = maxcombo(data, correlation=trial.correlation)
    share = float((found.z >= trial.critical_value).mean())
    assert abs(share - 0.8) < 4.0 * math.sqrt(0.16 / replicates) + 0.02


def test_strata_add_their_scores() -> None:
    """Two halves of one population are the population."""
    halves = tuple(Stratum(control=from_median(12.0), hazard_ratio=(0.7,)) for _ in range(2))
    one = weighted_design(one_population(from_median(12.0), 0.7), ENTRIES, study_duration=40.0, solve="power")
    two = weighted_design(Population(halves), ENTRIES, study_duration=40.0, solve="power")
    np.testing.assert_allclose(one.expected_z, two.expected_z, rtol=1e-10)


def test_tables_sentences_and_pictures() -> None:
    """As of other designs."""
    trial = weighted_design(LATE, ENTRIES, study_duration=40.0, members=[(0, 0), (0, 1)], sides=2, alpha=0.05)
    assert trial.to_frame()["cumulative_power"].iloc[0] == pytest.approx(0.9, abs=1e-6)
    alone = trial.members_frame()["power_alone"]
    assert alone[1] > alone[0]
    assert "the largest of the Fleming-Harrington" in trial.summary()
    assert trial.over_time((20.0, 40.0))["power"].is_monotonic_increasing
    assert trial.plot().get_title(loc="left") == "Patients and events"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"study_duration": 12.0}, "shorter than accrual"),
    ({"members": []}, "members: is empty"),
    ({"members": [(0.0, -1.0)]}, "gamma: -1 must be from 0 to 10"),
    ({"alpha": 0.0}, "alpha: 0 must be above 0"),
    ({"power": 1.0}, "power: 1 must be above"),
    ({"solve": "follow_up"}, "unknown value 'follow_up'"),
]


@pytest.mark.parametrize(("how", "words"), BAD)
def test_bad_plans_are_refused(how: dict[str, Any], words: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=words):
        weighted_design(LATE, ENTRIES, **{"study_duration": 40.0, **how})


def test_an_effect_that_no_member_sees_is_refused() -> None:
    """None at all, or harm."""
    with pytest.raises(InputError, match="no member sees a benefit"):
        weighted_design(one_population(constant(0.1), 1.3), ENTRIES, study_duration=40.0)
