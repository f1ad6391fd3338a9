"""Survival trials: what is solved for is reached, whatever is solved for; late effects; bad plans."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import (
    Accrual,
    CureHazard,
    Futility,
    PiecewiseHazard,
    Population,
    Spending,
    Stratum,
    constant,
    from_median,
    group_sequential,
    one_population,
    ramp_accrual,
    survival_design,
    uniform_accrual,
)

THREE = group_sequential(3, efficacy="ld_obf", futility=Futility("beta_spending", Spending("hsd", -2.0)))
ENTRIES = uniform_accrual(24.0, rate=40.0)
PLAIN = one_population(from_median(12.0), 0.7, dropout=constant(0.01))
LATE = one_population(from_median(12.0), (1.0, 0.6), (0.0, 6.0), allocation=2.0)
STRATA = Population(
    (
        Stratum(control=PiecewiseHazard((0.1, 0.03), (0.0, 6.0)), hazard_ratio=(0.6,), share=3.0),
        Stratum(control=CureHazard(0.3, 0.05), hazard_ratio=(0.6,), dropout=constant(0.02)),
    )
)
SOLVED: list[tuple[str, dict[str, Any]]] = [
    ("accrual_rate", {"study_duration": 40.0}),
    ("accrual_rate", {"follow_up": 10.0}),
    ("accrual_duration", {"follow_up": 12.0}),
    ("follow_up", {}),
]


@pytest.mark.parametrize("method", ["schoenfeld", "freedman", "lachin_foulkes", "rubinstein"])
@pytest.mark.parametrize(("solve", "how"), SOLVED)
@pytest.mark.parametrize("population", [PLAIN, STRATA], ids=["plain", "strata"])
def test_what_is_solved_has_the_power(method: str, solve: str, how: dict[str, Any], population: Population) -> None:
    """Planned trials have the power of their formula; the same trial, given, has it too."""
    trial = survival_design(population, ENTRIES, THREE, method=method, solve=solve, **how)
    assert trial.power == pytest.approx(0.9, abs=1e-9)
    assert trial.look_times[-1] == trial.study_duration
    assert list(trial.look_times) == sorted(trial.look_times)
    np.testing.assert_allclose(
        [population.events(trial.accrual, t).total for t in trial.look_times], trial.look_events, rtol=1e-8
    )
    if method in ("schoenfeld", "freedman"):
        again = survival_design(
            population, trial.accrual, THREE, method=method, solve="power", study_duration=trial.study_duration
        )
        assert again.power == pytest.approx(0.9, abs=1e-7)


@pytest.mark.parametrize(("solve", "how"), SOLVED)
def test_late_effects_are_planned_by_their_average(solve: str, how: dict[str, Any]) -> None:
    """The expected Z of each look follows the average hazard ratio, so early looks have little power."""
    trial = survival_design(LATE, ENTRIES, THREE, solve=solve, **how)
    assert trial.power == pytest.approx(0.9, abs=1e-8)
    ratios = [each.hazard_ratio for each in trial.average_hazard_ratios]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > ratios[-1] > 0.6
    if solve != "accrual_duration" and trial.patients > 100:
        constant_effect = one_population(from_median(12.0), ratios[-1], allocation=2.0)
        other = survival_design(
            constant_effect, trial.accrual, THREE, solve="power", study_duration=trial.study_duration
        )
        assert trial.planned.efficacy[0, 0] < other.planned.efficacy[0, 0]


def test_simulated_trials_have_the_power() -> None:
    """4,000 trials of a late effect, tested by log-rank; power within 4 standard errors and 2 points of theory."""
    trial = survival_design(LATE, ENTRIES, group_sequential(power=0.8), study_duration=40.0)
    rng = np.random.default_rng(8)
    n = math.ceil(trial.patients)
    entry = trial.accrual.entry_times(n)
    hits, replicates = 0, 1_000
    for _ in range(replicates):
        arm = rng.permutation(np.arange(n) % 3 != 0)
        u = rng.standard_exponential(n) * 12.0 / math.log(2.0)
        late = np.where(u > 6.0, 6.0 + (u - 6.0) / 0.6, u)
        event = np.where(arm, late, u)
        follow = trial.study_duration - entry
        hits += _z(np.minimum(event, follow), event <= follow, arm) <= -1.959964
    share = hits / replicates
    assert abs(share - 0.8) < 4.0 * math.sqrt(0.8 * 0.2 / replicates) + 0.02


def _z(time: np.ndarray, event: np.ndarray, arm: np.ndarray) -> float:
    """Log-rank Z of arm against the others, without ties."""
    order = np.argsort(time)
    event, arm = event[order], arm[order]
    at_risk = np.arange(len(time), 0, -1)
    share = np.cumsum(arm[::-1])[::-1] / at_risk
    return float((arm - share)[event].sum() / math.sqrt((share * (1.0 - share))[event].sum()))


def test_tables_sentences_and_pictures() -> None:
    """One row a look; what a protocol says; axes."""
    trial = survival_design(PLAIN, ENTRIES, THREE, study_duration=40.0, time_unit="months")
    frame = trial.to_frame()
    assert list(frame["look"]) == [1, 2, 3]
    assert frame["hr_efficacy"].is_monotonic_increasing
    assert frame["alpha_spent"].iloc[-1] == pytest.approx(0.025, abs=1e-10)
    assert "over 24 months" in trial.summary()
    assert trial.plot().get_ylabel() == "Expected number"
    over = trial.over_time((10.0, 20.0, 40.0))
    assert over["average_hr"].tolist() == pytest.approx([0.7] * 3)
    assert over["power"].is_monotonic_increasing
    assert trial.assurance(0.7, 1e-6) == pytest.approx(trial.design.power, abs=1e-4)
    assert trial.assurance(0.7, 0.3) < trial.power
    assert trial.expected_events[1] < trial.events
    assert trial.expected_duration < trial.study_duration


def test_non_inferiority_and_harm() -> None:
    """A margin shifts the null hypothesis; hazard ratios at bounds are below it; harm is planned the other way."""
    safe = survival_design(one_population(constant(0.05), 0.95), ENTRIES, THREE, study_duration=40.0, margin=1.3)
    assert safe.power == pytest.approx(0.9)
    assert (safe.to_frame()["hr_efficacy"] < 1.3).all()
    harm = survival_design(one_population(constant(0.05), 1.4), ENTRIES, THREE, study_duration=40.0)
    assert (harm.to_frame()["hr_efficacy"] > 1.0).all()
    ramp = survival_design(PLAIN, ramp_accrual(24.0, ramp=12.0), THREE, study_duration=40.0)
    uniform = survival_design(PLAIN, ENTRIES, THREE, study_duration=40.0)
    assert ramp.events == pytest.approx(uniform.events)
    assert ramp.patients > uniform.patients


def test_a_study_that_ends_early_enters_fewer() -> None:
    """If the events are there before accrual ends, it stops then."""
    trial = survival_design(PLAIN, Accrual((60.0,), (200.0,)), solve="follow_up")
    assert trial.study_duration < 60.0
    assert trial.accrual.duration == pytest.approx(trial.study_duration)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"study_duration": 12.0}, "study_duration: 12 is shorter than accrual, 24"),
    ({}, "give either follow_up"),
    ({"study_duration": 30.0, "follow_up": 6.0}, "give either follow_up"),
    ({"follow_up": -1.0}, "follow_up: -1 must not be negative"),
    ({"solve": "follow_up", "follow_up": 3.0}, "'follow_up' finds study_duration"),
    ({"solve": "accrual_duration", "study_duration": 30.0}, "keeps follow_up"),
    ({"solve": "acrual_rate", "follow_up": 3.0}, "Did you mean 'accrual_rate'"),
    ({"method": "schonfeld", "follow_up": 3.0}, "Did you mean 'schoenfeld'"),
    ({"margin": 0.6, "follow_up": 3.0}, "margin: 0.6 is on the wrong side of the planned hazard ratio 0.7"),
    ({"margin": -1.3, "follow_up": 3.0}, "margin: -1.3 must be above 0"),
]


@pytest.mark.parametrize(("how", "words"), BAD)
def test_bad_plans_are_refused(how: dict[str, Any], words: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=words):
        survival_design(PLAIN, ENTRIES, **how)


def test_effects_that_cannot_be_shown_are_refused() -> None:
    """None, on the wrong side of a margin, or too few events ever."""
    with pytest.raises(InputError, match="hazard_ratio: 1 is that of the null"):
        survival_design(one_population(constant(0.1), 1.0), ENTRIES, follow_up=3.0)
    with pytest.raises(InputError, match=r"margin: 1\.2 is on the wrong side of the planned hazard ratio 1\.25"):
        survival_design(one_population(constant(0.1), 1.25), ENTRIES, follow_up=3.0, margin=1.2)
    with pytest.raises(InputError, match=r"are never reached; with 10\.0 patients at most"):
        survival_design(PLAIN, uniform_accrual(10.0, rate=1.0), solve="follow_up")
    with pytest.raises(InputError, match="takes one hazard ratio"):
        survival_design(LATE, ENTRIES, follow_up=3.0, method="lachin_foulkes")
    with pytest.raises(InputError, match="never reached"):
        survival_design(LATE, uniform_accrual(10.0, rate=1.0), solve="follow_up")
