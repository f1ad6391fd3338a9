"""Value of a trial's information against closed forms, and in the order that theory gives."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.voi.trial.value import TrialInformation, trial_value
from lmssim.errors import InputError
from tests.kit.information import value_of_normal, within

MEAN, SD, PATIENT_SD = -0.2, 1.0, 8.0
SIZES = (10, 40, 160, 640)


def informed(n: int = 6_000, seed: int = 1, gaps: float = 0.0, noise: float = 1.0) -> TrialInformation:
    """A normal gain, patient noise in its draws, and trials whose estimate is normal; prefixes of each other."""
    rng = np.random.default_rng(seed)
    gain = rng.normal(MEAN, SD, n)
    benefit = np.column_stack([np.zeros(n), gain + noise * rng.normal(size=n)])
    steps = np.diff([0, *SIZES])
    sums = np.cumsum(gain[:, None] * steps + PATIENT_SD * np.sqrt(steps) * rng.normal(size=(n, len(SIZES))), axis=1)
    missing = rng.random(n) < gaps
    summaries = []
    for k, size in enumerate(SIZES):
        events = rng.poisson(0.7 * size, n).astype(np.float64)
        each = np.column_stack([sums[:, k] / size, events])
        each[missing, 0] = np.nan
        summaries.append(each)
    covariance = np.diag([0.0, noise**2])
    return trial_value(benefit, summaries, SIZES, parameters=gain[:, None], noise=covariance)


def exact(size: int) -> float:
    """Expected value of the trial's information, exactly."""
    variance = SD**4 / (SD**2 + PATIENT_SD**2 / size)
    return value_of_normal(MEAN, float(np.sqrt(variance)))


def test_conjugate_normal() -> None:
    """At each size within 3 standard errors; by fits to other folds, and from half the draws, near it."""
    found = informed()
    for k, size in enumerate(SIZES):
        value = found.found[k]
        assert within(value.evppi, exact(size), value.se)
        assert within(value.policy, exact(size), value.policy_se)
        assert within(float(found.half[k]), exact(size), np.sqrt(2.0) * value.se)
        assert value.se < 0.03
    assert found.evppi is not None
    assert within(found.evppi.evppi, value_of_normal(MEAN, SD), found.evppi.se)
    assert within(found.perfect.value, value_of_normal(MEAN, SD), found.perfect.se)  # noise taken out


@pytest.mark.parametrize("seed", range(2, 5))
def test_the_order_of_values(seed: int) -> None:
    """0, EVSI rising with the size, EVPPI, EVPI: no estimate breaks it by more than 3 standard errors."""
    orders = list(informed(1_500, seed).order())
    assert {holds for *_, holds in orders} <= {"yes", "within error"}
    assert [(greater, lesser) for _, greater, lesser, *_ in orders][:3] == [
        ("EVPI", "EVPPI"),
        ("EVPPI", "EVSI of 10 patients"),
        ("EVSI of 10 patients", "0"),
    ]
    assert len(orders) == 1 + 2 * len(SIZES) + len(SIZES) - 1


def test_an_order_that_is_broken_is_told() -> None:
    """A large trial whose summaries tell nothing, after a small one that tells much."""
    rng = np.random.default_rng(5)
    gain = rng.normal(size=2_000)
    benefit = np.column_stack([np.zeros(2_000), gain])
    found = trial_value(benefit, [gain[:, None], rng.normal(size=(2_000, 1))], [10, 20])
    (broken,) = [row for row in found.order() if row[-1] == "no"]
    assert broken[1:3] == ("EVSI of 20 patients", "EVSI of 10 patients")


def test_trials_without_an_estimate() -> None:
    """A third of the trials gives none, whatever the truth: they decide by what is known now."""
    found = informed(gaps=1.0 / 3.0)
    for k, size in enumerate(SIZES):
        assert within(found.found[k].evppi, 2.0 / 3.0 * exact(size), found.found[k].se)
    assert found.without == pytest.approx(1.0 / 3.0, abs=0.02)


def test_a_gap_that_tells_something() -> None:
    """Trials that give no estimate exactly if the gain is below 0: the gap alone is worth perfect information."""
    gain = np.random.default_rng(6).normal(MEAN, SD, 4_000)
    summary = np.where(gain < 0.0, np.nan, 1.0)[:, None]
    found = trial_value(np.column_stack([np.zeros(4_000), gain]), [summary], [50])
    assert within(float(found.evsi[0]), value_of_normal(MEAN, SD), float(found.se[0]))


def test_a_trial_that_tells_nothing_is_worth_nothing() -> None:
    """Neither if all its estimates are missing nor if they are all the same; to 0.2% of a standard deviation."""
    benefit = np.random.default_rng(7).normal(size=(500, 3))
    for summary in (np.full((500, 2), np.nan), np.ones((500, 2))):
        found = trial_value(benefit, [summary], [50])
        assert found.evsi[0] == pytest.approx(0.0, abs=0.002)


def test_three_strategies() -> None:
    """Two new ones with independent normal gains, a third of the patients in each arm: against a large simulation."""
    rng = np.random.default_rng(8)
    gains = rng.normal([-0.2, 0.1], SD, (6_000, 2))
    error = PATIENT_SD / np.sqrt(100.0)
    estimate = gains + error * rng.normal(size=gains.shape)
    found = trial_value(np.column_stack([np.zeros(6_000), gains]), [estimate], [300])
    shrunk = rng.normal([-0.2, 0.1], SD**2 / np.hypot(SD, error), (1_000_000, 2))
    truth = float(np.maximum(shrunk.max(axis=1), 0.0).mean()) - 0.1
    assert within(float(found.evsi[0]), truth, float(found.se[0]))


@pytest.mark.parametrize(
    ("shape", "sizes", "message"),
    [
        ((100, 1), [10], "benefit"),
        ((100, 2), [20, 10], "sizes"),
        ((90, 2), [10], "summaries of 10 patients"),
    ],
)
def test_what_does_not_fit_is_refused(shape: tuple[int, int], sizes: list[int], message: str) -> None:
    """By one message."""
    with pytest.raises(InputError, match=message):
        trial_value(np.zeros(shape), [np.zeros((100, 1))] * len(sizes), sizes)
