"""Expected events against closed forms and simulated patients."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import (
    CureHazard,
    PiecewiseHazard,
    Population,
    Stratum,
    TimesRatio,
    constant,
    from_median,
    from_survival,
    median_time,
    piecewise_accrual,
    ramp_accrual,
    survival_probability,
    uniform_accrual,
)
from lmssim.trials.survival.expected import ArmCourse, expected_events


@pytest.mark.parametrize(
    ("rate", "lost", "entry", "end"), [(0.2, 0.1, 0.5, 2.0), (3.0, 0.0, 24.0, 36.0), (40, 5, 3, 9)]
)
def test_constant_hazards_have_a_closed_form(rate: float, lost: float, entry: float, end: float) -> None:
    """That of Lachin and Foulkes."""
    total = rate + lost
    p = rate / total * (1.0 - (math.exp(-total * (end - entry)) - math.exp(-total * end)) / (total * entry))
    course = ArmCourse(constant(rate), constant(lost))
    assert expected_events(course, uniform_accrual(entry), end) / entry == pytest.approx(p, abs=1e-12)


def test_simulated_patients_have_as_many_events() -> None:
    """400,000 patients of three strata's worth of jumps; events by interval within 4 standard errors."""
    hazard = TimesRatio(PiecewiseHazard((0.3, 0.05, 0.2), (0.0, 1.0, 2.5)), (1.0, 0.5), (0.0, 1.7))
    course = ArmCourse(hazard, PiecewiseHazard((0.02, 0.2), (0.0, 2.0)), constant(0.1))
    accrual = piecewise_accrual((1.0, 2.0), (30.0, 90.0))
    rng = np.random.default_rng(3)
    n = 400_000
    entry = accrual.time_of(rng.uniform(0.0, accrual.total, n))
    grid = np.linspace(0.0, 60.0, 60_001)

    def times(cumulative: np.ndarray) -> np.ndarray:
        return np.interp(rng.standard_exponential(n), cumulative, grid)

    event, dropout = times(hazard.cumulative(grid)), times(course.dropout.cumulative(grid))
    competing = times(course.competing.cumulative(grid))
    seen = (event < np.minimum(dropout, competing)) & (entry + event <= 5.0)
    for low, high in ((0.0, 1.0), (1.0, 1.7), (1.7, 2.5), (2.5, math.inf)):
        p = float((seen & (event >= low) & (event < high)).mean())
        expected = expected_events(course, accrual, 5.0, (low, high)) / accrual.total
        assert abs(p - expected) < 4.0 * math.sqrt(p / n)


@pytest.mark.parametrize("accrual", [uniform_accrual(3.0), ramp_accrual(3.0, ramp=2.0)])
def test_intervals_add_up_and_time_is_the_inverse(accrual: object) -> None:
    """Events by interval sum to all; the time of so many events has so many."""
    assert hasattr(accrual, "scaled")
    entries = accrual.scaled(50.0)
    hazard = CureHazard(0.3, 0.6)
    strata = (
        Stratum(control=hazard, hazard_ratio=(0.9, 0.5), hazard_ratio_starts=(0.0, 1.0), share=2.0),
        Stratum(control=constant(0.9), hazard_ratio=(0.5,), dropout=constant(0.1)),
    )
    population = Population(strata, allocation=2.0)
    for time in (0.5, 2.9, 3.1, 8.0):
        total = population.events(entries, time).total
        parts = population.average_hazard_ratio(entries, time).events.total
        assert parts == pytest.approx(total, rel=1e-12)
        assert population.time_of(total, entries) == pytest.approx(time, abs=1e-7)


def test_hazards_and_their_shorthands() -> None:
    """Medians, survival at times, cured patients."""
    assert median_time(from_median(7.0)) == pytest.approx(7.0)
    assert median_time(CureHazard(0.6, 1.0)) == math.inf
    read = from_survival((1.0, 3.0, 5.0), (0.8, 0.6, 0.6))
    np.testing.assert_allclose(survival_probability(read, [1.0, 3.0, 5.0]), [0.8, 0.6, 0.6])
    cure = CureHazard(0.4, 0.35)
    step = 1e-6
    slope = (cure.cumulative(2.0 + step) - cure.cumulative(2.0 - step)) / (2.0 * step)
    assert float(slope) == pytest.approx(float(cure.rate(2.0)), rel=1e-6)


def test_events_that_never_come_are_refused() -> None:
    """The message says how many come at most."""
    population = Population((Stratum(control=CureHazard(0.5, 0.2), hazard_ratio=(1.0,)),))
    with pytest.raises(InputError, match=r"events: 60 are never reached; with 100 patients at most 50 are expected"):
        population.time_of(60.0, uniform_accrual(10.0, rate=10.0))


BAD = [
    (lambda: PiecewiseHazard((-0.1,)), "rates: -0.1 must not be negative"),
    (lambda: PiecewiseHazard((0.1, 0.2), (0.0, 0.0)), "starts: 0 does not lie above 0"),
    (lambda: PiecewiseHazard((0.1, 0.2), (1.0, 2.0)), "the first is 1; it must be 0"),
    (lambda: PiecewiseHazard((0.1,), (0.0, 2.0)), "1 rates for 2 starts"),
    (lambda: TimesRatio(constant(0.1), (0.0,)), "hazard_ratio: 0 must be above 0"),
    (lambda: from_median(0.0), "median: 0 must be above 0"),
    (lambda: CureHazard(1.0, 0.2), "cured: 1 must be above 0 and below 1"),
    (lambda: from_survival((1.0, 2.0), (0.5, 0.6)), "must not rise"),
    (lambda: Stratum(control=constant(0.1), hazard_ratio=(0.5,), share=0.0), "share: 0 must be above 0"),
    (lambda: Population(()), "strata: 0; give 1"),
]


@pytest.mark.parametrize(("make", "words"), BAD)
def test_bad_hazards_are_refused(make: object, words: str) -> None:
    """In one message."""
    assert callable(make)
    with pytest.raises(InputError, match=words):
        make()
