"""The regression that stands in for the model, on functions that are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.studies.calibration.design import posterior_points, prior_points
from lmssim.studies.calibration.emulator import (
    error_beside,
    eta_of_share,
    features,
    fit_emulator,
    monomials,
    share_of_eta,
)

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.emulator import Emulator

N_POINTS, N_PATIENTS = 512, 1_000
Function = Callable[["FloatArray", "FloatArray"], "FloatArray"]


def linear(z: FloatArray, given: FloatArray) -> FloatArray:
    """Linear in all."""
    found: FloatArray = -1.0 + 0.4 * z[:, 0] - 0.2 * z[:, 1] + 0.1 * given[:, 0]
    return found


def quadratic(z: FloatArray, given: FloatArray) -> FloatArray:
    """With squares and products of all."""
    found: FloatArray = linear(z, given) + 0.1 * z[:, 0] ** 2 - 0.15 * z[:, 0] * z[:, 1]
    return found - 0.05 * given[:, 1] ** 2 + 0.08 * z[:, 1] * given[:, 0]


def stepped(z: FloatArray, given: FloatArray) -> FloatArray:
    """Which no polynomial follows."""
    found: FloatArray = linear(z, given) + np.where(np.sin(5.0 * z[:, 0]) > 0.0, 0.3, -0.3)
    return found


def fitted(*functions: Function, degree: int = 2, seed: int = 1) -> Emulator:
    """Emulator of functions whose shares were found in simulated patients."""
    rng = np.random.default_rng(seed)
    z, given = prior_points(N_POINTS, 2, seed), rng.normal(size=(N_POINTS, 2))
    share = np.stack([rng.binomial(N_PATIENTS, share_of_eta(f(z, given))) / N_PATIENTS for f in functions], axis=1)
    return fit_emulator(z, given, share, np.full(share.shape, float(N_PATIENTS)), degree)


@pytest.mark.parametrize("function", [linear, quadratic])
def test_it_recovers_what_it_can_follow(function: Function) -> None:
    """Better than any one design point tells, and without bias."""
    emulator, rng = fitted(function), np.random.default_rng(2)
    z, given = rng.normal(size=(2_000, 2)), rng.normal(size=(2_000, 2))
    error = emulator.predict(z, given)[:, 0] - function(z, given)
    one_point = 0.07  # SD of the complementary log-log of a share of 0.3 in 1,000 patients
    assert error.std() < 0.5 * one_point
    assert abs(error.mean()) < 4.0 * one_point / np.sqrt(N_POINTS)
    assert emulator.sd[0] < 0.3 * one_point


def test_lack_of_fit_is_estimated() -> None:
    """About the SD of what is left of a step of 0.3 up or down."""
    emulator, rng = fitted(stepped), np.random.default_rng(2)
    z, given = np.clip(rng.normal(size=(4_000, 2)), -2.5, 2.5), rng.normal(size=(4_000, 2))
    error = emulator.predict(z, given)[:, 0] - stepped(z, given)
    assert emulator.sd[0] == pytest.approx(error.std(), rel=0.2)
    assert emulator.sd[0] > 0.2


def test_rows_are_fitted_one_by_one() -> None:
    """What another row is like changes nothing; a row that nobody is in has no emulator."""
    rng = np.random.default_rng(1)
    z, given = prior_points(N_POINTS, 2, 1), rng.normal(size=(N_POINTS, 2))
    share = share_of_eta(np.stack([linear(z, given), quadratic(z, given), linear(z, given)], axis=1))
    size = np.full(share.shape, 500.0)
    share[:, 2], size[:, 2] = np.nan, 0.0
    whole = fit_emulator(z, given, share, size, 2)
    alone = fit_emulator(z, given, share[:, 1:2], size[:, 1:2], 2)
    assert np.array_equal(whole.beta[:, 1], alone.beta[:, 0])
    assert np.isnan(whole.sd[2])
    assert np.isfinite(whole.sd[:2]).all()


def test_points_without_patients_are_passed_over() -> None:
    """Of a median time, those where nobody had the event."""
    z, given = prior_points(N_POINTS, 2, 1), np.zeros((N_POINTS, 2))
    share = share_of_eta(linear(z, given))[:, None]
    size = np.full(share.shape, 500.0)
    share[::5], size[::5] = np.nan, 0.0
    emulator = fit_emulator(z, given, share, size, 2)
    assert np.allclose(emulator.predict(z, given)[:, 0], linear(z, given), atol=0.01)


@pytest.mark.parametrize("level", [-7.5, 3.0])
def test_shares_of_nobody_or_of_all_do_not_break_it(level: float) -> None:
    """Most points have no event, or no patient without one: the rest still tell the slope's sign."""
    emulator = fitted(lambda z, _: level + 0.8 * z[:, 0])
    at = np.array([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    found = emulator.predict(at, np.zeros((3, 2)))[:, 0]
    assert np.isfinite(found).all()
    assert np.allclose(share_of_eta(found), share_of_eta(level + 0.8 * at[:, 0]), atol=0.01)
    none = fitted(lambda z, _: np.full(len(z), -30.0))
    assert (share_of_eta(none.predict(at, np.zeros((3, 2)))) < 0.005).all()


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_rows_of_given_parameters_put_in(degree: int) -> None:
    """The same as the whole, wherever it is asked."""
    emulator, rng = fitted(linear, quadratic, degree=degree), np.random.default_rng(3)
    z, given, row = rng.normal(size=(50, 2)), rng.normal(size=(7, 2)), rng.integers(0, 7, 50)
    assert np.allclose(emulator.at_rows(given).predict(z, row), emulator.predict(z, given[row]), atol=1e-12)


def test_it_may_have_no_given_parameters() -> None:
    """Where all are fitted or fixed."""
    z, given = prior_points(64, 2, 1), np.zeros((64, 0))
    share = share_of_eta(-1.0 + 0.3 * z[:, :1])
    emulator = fit_emulator(z, given, share, np.full(share.shape, 100.0), 1)
    assert np.allclose(emulator.predict(z, given), -1.0 + 0.3 * z[:, :1], atol=0.01)
    assert np.array_equal(
        emulator.at_rows(np.zeros((3, 0))).predict(z, np.zeros(64, dtype=np.int64)), emulator.predict(z, given)
    )


def test_features_are_all_monomials() -> None:
    """Of the free quantities up to the degree; given ones, their squares and products."""
    assert len(monomials(3, 2)) == 1 + 3 + 6
    z, given = np.array([[2.0, 3.0]]), np.array([[5.0]])
    assert features(z, given, 2)[0].tolist() == [1, 2, 3, 4, 6, 9, 5, 25, 10, 15]


def test_the_link_and_its_inverse() -> None:
    """Within the range that shares can tell."""
    eta = np.linspace(-13.0, 3.0, 50)
    assert np.allclose(eta_of_share(share_of_eta(eta)), eta, atol=1e-6)
    assert np.isfinite(share_of_eta(np.array([-1e9, 1e9]))).all()


def test_design_points() -> None:
    """They fill the prior up to 3 SD, and stand about a posterior as much wider as asked."""
    z = prior_points(1_024, 3, 1)
    assert np.abs(z).max() <= 3.0
    assert np.allclose(z.mean(axis=0), 0.0, atol=0.01)
    assert np.allclose(z.std(axis=0), 1.0, atol=0.03)
    posterior = np.random.default_rng(1).normal(0.5, 0.1, size=(4_000, 3))
    about = posterior_points(posterior, 1_000, 1.8, 1)
    assert np.allclose(about.mean(axis=0), 0.5, atol=0.03)
    assert np.allclose(about.std(axis=0), 0.18, rtol=0.1)
    assert np.array_equal(z, prior_points(1_024, 3, 1))
    assert not np.array_equal(z, prior_points(1_024, 3, 2))
    assert np.array_equal(z[:700], prior_points(700, 3, 1))
    assert prior_points(1, 3, 1).shape == (1, 3)


def test_the_error_beside_runs_is_that_of_the_emulator_not_of_the_runs() -> None:
    """An emulator that is off by 0.2 is found so through Monte-Carlo noise; one that is right is not off."""
    rng = np.random.default_rng(5)
    eta = rng.normal(-1.0, 0.5, (400, 3))
    size = np.full(eta.shape, 5_000.0)
    share = rng.binomial(5_000, share_of_eta(eta)) / size
    share[:, 2] = np.nan
    found = error_beside(eta + np.array([0.0, 0.2, 0.0]), share, size)
    assert found[0] < 0.01
    assert found[1] == pytest.approx(0.2, abs=0.02)  # to the first order in the error
    assert np.isnan(found[2])
