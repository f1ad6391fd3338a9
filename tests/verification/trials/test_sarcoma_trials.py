"""Designs of sarcoma trials as printed: the analytic numbers, and the same by simulation of the bundled files."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.studies.trials.conduct.curves import kaplan_meier, median_time
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import AT, SimulatedTrials
from lmssim.studies.trials.study import simulate_trials
from lmssim.studies.trials.work import work_of
from lmssim.trials import (
    constant,
    freedman_events,
    one_population,
    schoenfeld_events,
    schoenfeld_power,
    uniform_accrual,
)

TRIALS = 2_000
Z = 4.0
"""Monte-Carlo standard errors by which a simulated number may differ from an exact one."""
NORMAL = 0.02
"""By which the power of a log-rank test may differ from its normal approximation."""


def simulated(name: str, **given: object) -> SimulatedTrials:
    """Trials of a bundled design, with other values of some of its keys."""
    keys = {key.replace("__", "."): value for key, value in given.items()}
    return simulate_trials(name, n_trials=TRIALS, seed=19, given=keys).planned


def assert_power(found: SimulatedTrials, expected: float) -> None:
    """Power within Monte-Carlo error and the error of the normal approximation."""
    power, se = found.power(found.rules[0])
    assert abs(power - expected) < Z * se + NORMAL


def mean_and_se(values: np.ndarray) -> tuple[float, float]:
    """Mean over trials and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


# === TOSS ===


def test_toss_margin_and_patients() -> None:
    """Ten points of 60% are a hazard ratio of 1.36; 481 patients are needed, and 500 are printed."""
    assert math.log(0.5) / math.log(0.6) == pytest.approx(1.36, abs=0.005)
    events = schoenfeld_events(1.0, margin=1.36, alpha=0.05, power=0.8)
    assert events == pytest.approx(261.57, abs=0.05)
    rate = -math.log(0.6) / 3.0
    dies, _ = one_population(constant(rate), 1.0).event_probabilities(uniform_accrual(4.5), 7.0)
    assert dies == pytest.approx(0.543635, abs=1e-5)
    assert events / dies == pytest.approx(481, abs=0.5)
    assert events / dies == pytest.approx(500, rel=0.05)


def test_toss_simulated() -> None:
    """Deaths and power of 500 patients, and the power that the 178 deaths seen leave."""
    found = simulated("toss")
    deaths = found.looks[:, 0, 0, AT["events_control"]] + found.looks[:, 0, 0, AT["events_experimental"]]
    mean, se = mean_and_se(deaths)
    assert abs(mean - 500 * 0.543635) < Z * se
    assert_power(found, schoenfeld_power(1.0, 500 * 0.543635, margin=1.36, alpha=0.05))
    as_seen = schoenfeld_power(1.0, 178, margin=1.36, alpha=0.05)
    assert as_seen == pytest.approx(0.658, abs=0.001)
    assert_power(simulated("toss", analyses=[{"events": 178}]), as_seen)


# === JCOG1306 ===


def test_jcog1306_margin_events_and_patients() -> None:
    """Eight points of 85% are 1.61; 33 deaths and 141 patients are needed, and 140 are printed."""
    assert math.log(0.77) / math.log(0.85) == pytest.approx(1.61, abs=0.005)
    ratio = math.log(0.87) / math.log(0.85)
    assert ratio == pytest.approx(0.8569, abs=5e-5)
    events = schoenfeld_events(ratio, margin=1.61, alpha=0.1, power=0.7)
    assert events == pytest.approx(32.80, rel=0.03)
    population = one_population(constant(-math.log(0.85) / 3.0), ratio)
    die = float(np.mean(population.event_probabilities(uniform_accrual(4.6), 7.6)))
    assert die == pytest.approx(0.232124, abs=1e-5)
    assert events / die == pytest.approx(140, rel=0.05)


def test_jcog1306_simulated() -> None:
    """Deaths and power of 140 patients; the printed rule of stopping costs power, for it looks at few deaths."""
    found = simulated("jcog1306")
    deaths = found.looks[:, 0, -1, AT["events_control"]] + found.looks[:, 0, -1, AT["events_experimental"]]
    mean, se = mean_and_se(deaths)
    assert abs(mean - 140 * 0.232124) < Z * se
    assert_power(found, schoenfeld_power(0.8569, 140 * 0.232124, margin=1.61, alpha=0.1))
    rule = next(rule for rule in found.rules if rule.hazard_ratio_above is not None)
    estimates = found.looks[:, 0, :-1, AT["estimate"]]
    stops = (estimates > math.log(1.61)).any(axis=1)
    ends = found.score(rule)
    assert ((ends.look < 2) == stops).all()
    assert found.power(rule)[0] == float((found.score(found.rules[0]).success * ~stops).mean())


# === ISG-STS 1001 ===


def test_isg_sts_1001_closes() -> None:
    """130 events allow 80% at a hazard ratio of 0.6, and the printed interval gives them back."""
    assert schoenfeld_events(0.6, alpha=0.05, sides=2, power=0.8) == pytest.approx(120.32, abs=0.01)
    assert freedman_events(0.6, alpha=0.05, sides=2, power=0.8) == pytest.approx(125.58, abs=0.01)
    assert schoenfeld_power(0.6, 130, alpha=0.05, sides=2) == pytest.approx(0.829, abs=0.001)
    se = math.log(1.733 / 0.875) / (2 * 1.959964)
    assert 4.0 / se**2 == pytest.approx(130, rel=0.03)
    assert math.log(0.48) / math.log(0.55) == pytest.approx(1.232, abs=0.005)


# === SU2C-SARC032 ===


def test_sarc032_power_does_not_follow_from_its_effect() -> None:
    """50% against 75% needs 32 events for 80%; the 45 printed give 90%, or 80% at 0.4765."""
    ratio = math.log(0.75) / math.log(0.5)
    assert ratio == pytest.approx(load_trial("sarc032").planned_ratio, abs=1e-6)
    assert schoenfeld_events(ratio, alpha=0.05, power=0.8) == pytest.approx(31.98, abs=0.01)
    assert schoenfeld_power(ratio, 45, alpha=0.05) == pytest.approx(0.904, abs=0.001)
    assert schoenfeld_events(0.4765, alpha=0.05, power=0.8) == pytest.approx(45, abs=0.05)
    assert math.exp(0.4765 * math.log(0.5)) == pytest.approx(0.719, abs=0.001)


def test_sarc032_simulated() -> None:
    """45 events give 90% at the printed effect and 80% at 0.4765; 32 events give 80% at the printed effect."""
    assert_power(simulated("sarc032"), 0.904)
    assert_power(simulated("sarc032", arms__experimental__hazard_ratio={"event": 0.4765}), 0.80)
    assert_power(simulated("sarc032", analyses=[{"events": 32}]), 0.80)


def test_sarc032_result_closes() -> None:
    """Its printed 90% limits give its printed one-sided p."""
    se = math.log(0.96 / 0.39) / (2 * 1.644854)
    z = math.log(0.61) / se
    assert 0.5 * math.erfc(-z / math.sqrt(2)) == pytest.approx(0.035, abs=0.001)
    assert math.log(0.67) / math.log(0.52) == pytest.approx(0.61, abs=0.005)


# === STRASS ===


def test_strass_has_its_power_under_its_published_assumptions() -> None:
    """0.52 with 90% at the two-sided 5% level needs 99 events, which come."""
    needed = schoenfeld_events(0.52, alpha=0.05, sides=2, power=0.9)
    assert math.ceil(needed) == load_trial("strass").analyses[0].events
    assert_power(simulated("strass"), 0.9)


# === LMS-04 ===


@pytest.fixture(scope="module")
def lms04() -> SimulatedTrials:
    """The replay of its result."""
    return simulated("lms04")


def test_lms04_hazard_ratios(lms04: SimulatedTrials) -> None:
    """Neither is an input: 0.41 of progression, later 0.37, and 0.65 of death, each printed from one trial of 150."""
    first = lms04.looks[:, 0, 0, AT["estimate"]]
    assert 0.29 < math.exp(first.mean()) < 0.58
    assert math.exp(first.mean()) == pytest.approx(0.41, abs=0.02)
    (survival,) = lms04.secondary.to_dict("records")
    assert math.exp(survival["log_hr"]) == pytest.approx(0.65, abs=0.04)
    crossed = lms04.moved.mean() / 75
    assert crossed == pytest.approx(0.37, abs=0.01)


@pytest.mark.parametrize(("endpoint", "medians"), [("pfs", (6.2, 12.2)), ("os", (24.0, 33.0))])
def test_lms04_medians(endpoint: str, medians: tuple[float, float]) -> None:
    """Medians of both endpoints of both arms, of patients of 200 trials together."""
    data = work_of(load_trial("lms04"), 200, seed=19).followed(endpoint, 200)
    for arm, printed in enumerate(medians):
        found = median_time(*kaplan_meier(data, arm, competes=False, trial=None))
        # 15,000 patients: the standard error of a median is about 0.01 of it where the hazard is log(2) / median
        assert found == pytest.approx(printed, rel=Z * 0.01)
