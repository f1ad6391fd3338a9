"""What studies of a given size would find: predicted intervals hold the studies that they should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats

from lmssim.model.language.schema import SeriesRow
from lmssim.published.predict import Predicted
from lmssim.studies.calibration.checks.predictive import predict_target
from tests.kit.rows import target_row

if TYPE_CHECKING:
    from lmssim.studies.calibration.rows import Row

N_DRAWS, N_STUDIES = 1_000, 4_000
SE = np.sqrt(0.95 * 0.05 / N_STUDIES)


def row(statistic: str, observed: float | None, n: int, **more: Any) -> Row:
    """A target alone."""
    read = {"observed": observed} if observed is not None else {"low": 1.0}
    if statistic in ("km_survival", "cumulative_incidence"):
        read["by"] = 5
    reading = SeriesRow.model_validate(
        {"target": "a", "label": "A", "statistic": statistic, "events": ["ill"], "n": n, **read}
    )
    return replace(target_row(reading, n), **more)


def predicted(value: np.ndarray, share: np.ndarray, per_patient: float = 1.0, spread: float = np.nan) -> Predicted:
    """Predictions of one row."""
    columns = (
        value,
        share,
        np.full(len(value), per_patient),
        np.full(len(value), spread),
        np.full(len(value), 1e6),
        np.full(len(value), np.nan),
    )
    return Predicted(*(column[:, None] for column in columns))


def shares(rng: np.random.Generator, n: int) -> np.ndarray:
    """Model's shares over a posterior."""
    found: np.ndarray = -np.expm1(-np.exp(rng.normal(-1.0, 0.1, n)))
    return found


@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_a_share(tau: float) -> None:
    """New studies of 400 in new settings; an interval of whole patients holds a little more."""
    rng, n = np.random.default_rng(1), 400
    own = shares(rng, N_DRAWS)
    prediction = predict_target(row("proportion", 0.3, n), 0, predicted(own, own), np.full(N_DRAWS, tau), 1)
    truth = shares(rng, N_STUDIES)
    setting = -np.expm1(np.log1p(-truth) * np.exp(tau * rng.normal(size=N_STUDIES)))
    found = rng.binomial(n, setting) / n
    inside = ((prediction.low <= found) & (found <= prediction.high)).mean()
    assert 0.95 - 4.0 * SE < inside < 0.96 + 4.0 * SE  # the quantiles are of 4,000 replicates too
    assert prediction.width_ratio > (2.0 if tau else 1.0)
    assert prediction.predicted == pytest.approx(truth.mean(), abs=0.01)
    density = stats.binom.pmf(round(0.3 * n), n, setting).mean()
    assert prediction.log_score == pytest.approx(np.log(density), abs=0.05)
    assert prediction.log_score_reference == pytest.approx(-np.log(n + 1))


@pytest.mark.parametrize("shape", [0.45, 1.0, 1.8])
@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_a_median(tau: float, shape: float) -> None:
    """New studies of 101 Weibull times in new settings, whose effect is of the hazard."""
    rng, n = np.random.default_rng(2), 101

    def medians(size: int) -> np.ndarray:
        found: np.ndarray = 3.0 * np.exp(rng.normal(0.0, 0.1, size))
        return found

    spread = 1.0 / (np.log(2.0) * np.sqrt(n) * shape)
    own = medians(N_DRAWS)
    prediction = predict_target(
        row("km_median", 3.0, n), 0, predicted(own, np.full(N_DRAWS, 0.5), 1.0, spread), np.full(N_DRAWS, tau), 1
    )
    hazard = rng.exponential(size=(N_STUDIES, n)) / np.exp(tau * rng.normal(size=N_STUDIES))[:, None]
    found = np.median(medians(N_STUDIES)[:, None] * (hazard / np.log(2.0)) ** (1.0 / shape), axis=1)
    inside = ((prediction.low <= found) & (found <= prediction.high)).mean()
    assert inside == pytest.approx(0.95, abs=4.0 * SE)
    near = (np.abs(np.log(found / 3.0)) < 0.1).mean() / 0.2
    assert prediction.log_score == pytest.approx(np.log(near), abs=0.1)


def test_censoring_makes_studies_smaller() -> None:
    """Unless their number is net of it already."""
    share = np.full(N_DRAWS, 0.3)
    tau = np.zeros(N_DRAWS)
    plain = row("cumulative_incidence", 0.3, 400)
    width = {}
    for name, own, per_patient in (
        ("whole", plain, 1.0),
        ("censored", plain, 0.25),
        ("net", replace(plain, is_effective=True), 0.25),
    ):
        prediction = predict_target(own, 0, predicted(share, share, per_patient), tau, 1)
        width[name] = prediction.high - prediction.low
    assert width["censored"] == pytest.approx(2.0 * width["whole"], rel=0.1)
    assert width["net"] == width["whole"]


def test_survival_is_told_as_survival() -> None:
    """Its interval lies about what survives, and its p-value counts studies with less."""
    share, tau = np.full(N_DRAWS, 0.2), np.zeros(N_DRAWS)
    low, middle, high = (
        predict_target(row("km_survival", observed, 100), 0, predicted(1.0 - share, share), tau, 1)
        for observed in (0.7, 0.8, 0.9)
    )
    assert middle.low < 0.8 < middle.high
    assert middle.inside
    assert not low.inside
    assert not high.inside
    assert low.p_value < 0.02
    assert middle.p_value == pytest.approx(0.5, abs=0.05)
    assert high.p_value > 0.98
    assert middle.log_score > max(low.log_score, high.log_score)


def test_a_target_alone_has_its_own_numbers() -> None:
    """The same whatever other targets are predicted beside it."""
    rng = np.random.default_rng(3)
    share, other = shares(rng, N_DRAWS), shares(rng, N_DRAWS)
    tau = np.full(N_DRAWS, 0.3)
    two = Predicted(
        *(
            np.stack([b, a], axis=1)
            for a, b in zip(
                (x[:, 0] for x in vars(predicted(share, share)).values()),
                (x[:, 0] for x in vars(predicted(other, other)).values()),
                strict=True,
            )
        )
    )
    own = row("proportion", 0.3, 80)
    assert predict_target(own, 0, predicted(share, share), tau, 1) == predict_target(own, 1, two, tau, 1)


def test_what_has_no_prediction_has_none() -> None:
    """And a bound has no single observed value."""
    nothing = predict_target(
        row("proportion", 0.3, 80), 0, predicted(np.full(5, np.nan), np.full(5, np.nan)), np.zeros(5), 1
    )
    assert nothing.inside is None
    assert np.isnan(nothing.low)
    bound = predict_target(row("proportion", None, 80), 0, predicted(np.full(5, 0.3), np.full(5, 0.3)), np.zeros(5), 1)
    assert bound.inside is None
    assert np.isnan(bound.p_value)
    assert np.isnan(bound.log_score)
    assert bound.low < 0.3 < bound.high
