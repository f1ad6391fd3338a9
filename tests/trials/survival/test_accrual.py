"""Patients enter when the stated convention says, at any course of rates."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import Accrual, piecewise_accrual, ramp_accrual, uniform_accrual

COURSES = [
    uniform_accrual(10.0, rate=7.0),
    piecewise_accrual((2.0, 3.0, 5.0), (3.0, 0.0, 9.0)),
    ramp_accrual(10.0, ramp=4.0, rate=5.0),
    Accrual((5.0, 5.0), (8.0, 2.0), (2.0, 0.5)),
]


@pytest.mark.parametrize("accrual", COURSES)
def test_patient_k_enters_at_k_less_one_half(accrual: Accrual) -> None:
    """The number that has entered and the expected one never differ by more than one half."""
    n = int(accrual.total)
    times = accrual.entry_times(n)
    np.testing.assert_allclose(accrual.patients(times), np.arange(1, n + 1) - 0.5, atol=1e-9)
    assert (np.diff(times) > 0.0).all()
    grid = np.linspace(0.0, times[-1], 997)
    entered = np.searchsorted(times, grid, side="right")
    assert np.abs(entered - accrual.patients(grid)).max() <= 0.5 + 1e-9


@pytest.mark.parametrize("accrual", COURSES)
def test_poisson_entries_have_the_same_mean(accrual: Accrual) -> None:
    """2,000 processes; the number by half the duration within 4 standard errors, its variance its mean."""
    rng = np.random.default_rng(11)
    half = 0.6 * accrual.duration
    mean = float(accrual.patients(half))
    counts = np.array([(accrual.entry_times(4 * int(accrual.total), rng) <= half).sum() for _ in range(2_000)])
    assert abs(counts.mean() - mean) < 4.0 * np.sqrt(mean / len(counts))
    assert abs(counts.var() / mean - 1.0) < 4.0 * np.sqrt(2.0 / len(counts)) + 0.02


def test_a_ramp_is_the_area_under_its_rate() -> None:
    """A triangle, then a rectangle."""
    ramp = ramp_accrual(12.0, ramp=6.0, rate=10.0)
    np.testing.assert_allclose(ramp.patients([3.0, 6.0, 12.0, 20.0]), [7.5, 30.0, 90.0, 90.0])
    assert ramp_accrual(6.0, ramp=6.0, rate=10.0).total == pytest.approx(30.0)


@pytest.mark.parametrize("accrual", COURSES)
@pytest.mark.parametrize("duration", [1.5, 4.0, 10.0, 17.0])
def test_lasting_keeps_the_rates(accrual: Accrual, duration: float) -> None:
    """Shorter or longer, the patients up to the shared end are the same; scaling scales them."""
    other = accrual.lasting(duration)
    assert other.duration == pytest.approx(duration)
    shared = np.linspace(0.0, min(duration, accrual.duration), 9)
    np.testing.assert_allclose(other.patients(shared), accrual.patients(shared), atol=1e-9)
    np.testing.assert_allclose(accrual.scaled(3.0).patients(shared), 3.0 * accrual.patients(shared), atol=1e-9)


BAD = [
    ((-1.0,), (1.0,), "accrual duration: -1 must be above 0"),
    ((1.0,), (-2.0,), "accrual rate: -2 must not be negative"),
    ((1.0, 2.0), (1.0,), "1 rates for 2 durations"),
    ((1.0,), (0.0,), "no interval has a rate above 0"),
    ((), (), "accrual: 0 intervals|max"),
]


@pytest.mark.parametrize(("durations", "rates", "words"), BAD)
def test_bad_accrual_is_refused(durations: tuple[float, ...], rates: tuple[float, ...], words: str) -> None:
    """In one message."""
    with pytest.raises(InputError, match=words):
        Accrual(durations, rates)


def test_nobody_enters_after_a_rate_of_0() -> None:
    """More patients than there are."""
    with pytest.raises(InputError, match="ends with a rate of 0 at 6 patients"):
        piecewise_accrual((2.0, 3.0), (3.0, 0.0)).entry_times(7)
