"""Simulated trials against closed forms: multistate endpoints, competing risks, cure, power and type I error.

Tolerances are 4 Monte-Carlo standard errors, with fixed seeds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.trials.result import AT, collected
from lmssim.studies.trials.study import simulate_trials
from lmssim.studies.trials.work import work_of
from lmssim.trials import schoenfeld_power
from tests.kit.virtual import design, four_states, shares

if TYPE_CHECKING:
    from pathlib import Path

TOY = {  # matrix exponential, per year
    1: (0.949992, 0.778801, 0.839573, 0.132720),
    3: (0.759083, 0.472367, 0.577642, 0.316580),
    5: (0.555537, 0.286505, 0.387904, 0.428097),
    10: (0.213427, 0.082085, 0.133762, 0.550749),
}


def test_four_states_through_the_engine(tmp_path: Path) -> None:
    """Overall, disease-free and metastasis-free survival, and first events, of 20,000 patients of the control arm."""
    work = work_of(four_states(tmp_path), 200)
    cohort, lives, _ = work.patients(0, 200, work.luck(0, 200))
    years = [float(t) for t in TOY]
    for k, name in enumerate(("os", "dfs", "dmfs", "first_dm")):
        found, se = shares(lives.time[name], lives.event[name], years, cohort.arm)
        exact = np.array([TOY[int(t)][k] for t in years])
        expected = exact if name == "first_dm" else 1.0 - exact
        assert (np.abs(found - expected) < 4.0 * se).all(), name


@pytest.mark.parametrize(
    ("hazards", "at", "exact"), [((0.7, 0.5, 0.8), (0.5, 1.0, 3.0), (0.761451, 0.560430, 0.138264))]
)
def test_illness_death_of_stated_hazards(
    hazards: tuple[float, float, float], at: tuple[float, ...], exact: tuple[float, ...]
) -> None:
    """Overall survival of simIDM's illness-death model."""
    names = ("event", "death", "death_after_event")
    arms = {
        "control": {name: {"rate": rate} for name, rate in zip(names, hazards, strict=True)},
        "experimental": {},
    }
    work = work_of(design(arms=arms, endpoints={"os": {"events": []}, "pfs": {"events": ["event"]}}), 200)
    cohort, lives, _ = work.patients(0, 200, work.luck(0, 200))
    found, se = shares(lives.time["os"], lives.event["os"], list(at), cohort.arm)
    assert (np.abs(1.0 - found - np.array(exact)) < 4.0 * se).all()
    free, error = shares(lives.time["pfs"], lives.event["pfs"], [1.0], cohort.arm)
    assert abs(1.0 - free[0] - math.exp(-hazards[0] - hazards[1])) < 4.0 * error[0]


def test_competing_deaths_and_events_by_a_date() -> None:
    """Cumulative incidence is not 1 - KM, and events by year 6 are those of Lachin and Foulkes."""
    arms = {
        "control": {"event": {"rate": 0.10}, "death": {"rate": 0.05}},
        "experimental": {"hazard_ratio": {"event": 0.6}},
    }
    endpoints = {"recurrence": {"events": ["event"], "death": "competing"}}
    accrual = {"patients": 450, "duration": 3, "entries": "even"}
    trial = design(time_unit="years", arms=arms, endpoints=endpoints, accrual=accrual, analyses=[{"calendar": 6.0}])
    work = work_of(trial, 200)
    cohort, lives, _ = work.patients(0, 200, work.luck(0, 200))
    found, se = shares(lives.time["recurrence"], lives.event["recurrence"], [5.0], cohort.arm)
    assert abs(found[0] - 0.351756) < 4.0 * se[0]
    study = collected(work, work.parts())
    for column, exact in (("events_control", 0.324358), ("events_experimental", 0.211451)):
        seen = study.looks[:, 0, 0, AT[column]] / 225.0
        assert abs(seen.mean() - exact) < 4.0 * seen.std(ddof=1) / math.sqrt(len(seen))


def test_cured_patients() -> None:
    """Mixture cure: cured .4, uncured hazard .35, accrual 4, total 7: P(event) .487010; S(5) .504264."""
    arms = {"control": {"event": {"cured": 0.4, "uncured_rate": 0.35}}, "experimental": {}}
    accrual = {"patients": 400, "duration": 4, "entries": "even"}
    work = work_of(design(time_unit="years", arms=arms, accrual=accrual, analyses=[{"calendar": 7.0}]), 200)
    cohort, lives, _ = work.patients(0, 200, work.luck(0, 200))
    found, se = shares(lives.time["pfs"], lives.event["pfs"], [5.0], cohort.arm)
    assert abs(1.0 - found[0] - 0.504264) < 4.0 * se[0]
    study = collected(work, work.parts())
    seen = study.looks[:, 0, 0, AT["events_control"]] / 200.0
    assert abs(seen.mean() - 0.487010) < 4.0 * seen.std(ddof=1) / math.sqrt(len(seen))


def test_power_and_error_of_two_looks() -> None:
    """O'Brien-Fleming with two looks: type I error, and power beside Schoenfeld's formula."""
    given = {"accrual.patients": 240, "trial.alpha": 0.025, "efficacy.boundary": "obf"}
    trial = design(given, analyses=[{"events": 60}, {"events": 120}])
    null = collected(
        work := work_of(trial, 4_000, null=True),
        work.parts(),
    )
    error, se = null.power(null.rules[0])
    assert abs(error - 0.025) < 4.0 * se
    found = collected(work := work_of(trial, 1_000), work.parts())
    power, se = found.power(found.rules[-1])
    assert found.rules[-1].name == "final analysis alone"
    assert abs(power - schoenfeld_power(0.6, 120, alpha=0.025)) < 4.0 * se + 0.01  # the formula's own error
    assert abs(found.analytic_power() - found.power(found.rules[0])[0]) < 4.0 * se + 0.01


@pytest.mark.study
def test_type_i_error_of_ten_thousand_trials() -> None:
    """10,000 trials of 500 without an effect, two looks."""
    trial = design({"accrual.patients": 500}, analyses=[{"events": 185}, {"events": 370}])
    work = work_of(trial, 10_000, null=True)
    null = collected(work, work.parts())
    error, se = null.power(null.rules[0])
    assert abs(error - 0.025) < 4.0 * se


@pytest.mark.parametrize("test", ["maxcombo", "rmst", "milestone", "fleming-harrington", "cox", "bayes"])
def test_every_test_holds_its_level(test: str) -> None:
    """Trials without an effect, one analysis: 2.5% succeed; 1 point more may come from small samples."""
    options = {"milestone": {"at": 12.0}, "rmst": {"tau": 15.0}, "fleming-harrington": {"rho": 0.0, "gamma": 1.0}}
    trial = design({"design.test": test, "design.options": options.get(test, {})}, analyses=[{"calendar": 30.0}])
    null = collected(work := work_of(trial, 1_000, null=True), work.parts())
    error, se = null.power(null.rules[0])
    assert abs(error - 0.025) < 4.0 * se + 0.005


def test_level_of_a_margin() -> None:
    """At the margin a non-inferiority trial succeeds in alpha of the trials."""
    ratio = {"design.margin": 1.4, "design.hazard_ratio": 1.0, "arms.experimental.hazard_ratio.event": 1.0}
    study = simulate_trials(design(ratio), n_trials=1_000, variants=True)
    error, se = study.type_i_error
    assert abs(error - 0.025) < 4.0 * se
