"""Evidence: data sets hold each other over size, and likelihoods are those of the model."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.voi.evidence.binomial import Binomial
from lmssim.economics.voi.evidence.kind import patients_of
from lmssim.economics.voi.evidence.normal import Normal
from lmssim.economics.voi.evidence.survival import Survival
from lmssim.kernels.families import WEIBULL

SHAPES, SCALES = np.linspace(0.8, 1.4, 300), np.linspace(2.0, 4.0, 300)


def rng() -> np.random.Generator:
    """The same numbers each time."""
    return np.random.Generator(np.random.Philox(3))


def test_events_and_time_are_those_of_the_family() -> None:
    """Mean events and time at risk of many patients, against the integral of the survival curve."""
    numbers = np.column_stack([SHAPES, SCALES, np.zeros(300)])
    study = Survival(WEIBULL, numbers, follow_up=3.0)
    (data,) = study.collect([2_000], rng())
    k = len(study.edges)
    times = np.linspace(0.0, 3.0, 2_001)
    survival = np.exp(-((times[:, None] / SCALES) ** SHAPES))
    assert data[:, :k].sum(axis=1).mean() / 2_000 == pytest.approx((1.0 - survival[-1]).mean(), abs=0.002)
    assert data[:, k:].sum(axis=1).mean() / 2_000 == pytest.approx(3.0 * survival.mean(), rel=0.005)


def test_dropout_and_accrual_censor() -> None:
    """Dropout takes events away; a slow accrual gives the first patients longer follow-up, so more events."""
    numbers = np.column_stack([SHAPES, SCALES, np.zeros(300)])
    events = []
    for more in ({}, {"dropout_rate": 0.3}, {"patients_per_year": 50.0}):
        study = Survival(WEIBULL, numbers, follow_up=2.0, **more)
        (data,) = study.collect([200], rng())
        events.append(data[:, : len(study.edges)].sum())
    assert events[1] < events[0] < events[2]


def test_a_larger_study_holds_a_smaller_one() -> None:
    """Its first patients are the same."""
    study = Survival(WEIBULL, np.column_stack([SHAPES, SCALES, np.zeros(300)]), follow_up=2.0)
    small, large = study.collect([10, 50], rng())
    assert (large >= small).all()
    few, many = Binomial(np.full(300, 0.3)).collect([10, 50], rng())
    assert (many >= few).all()


def test_the_likelihood_finds_the_draw() -> None:
    """Of a large data set it is greatest near the draw that made it, for every kind."""
    survival = Survival(WEIBULL, np.column_stack([SHAPES, SCALES, np.zeros(300)]), follow_up=4.0)
    binomial = Binomial(np.linspace(0.1, 0.9, 300))
    normal = Normal(np.linspace(-1.0, 1.0, 300), np.ones(300))
    for evidence in (survival, binomial, normal):
        (data,) = evidence.collect([5_000], rng())
        for draw in (60, 150, 240):
            assert abs(int(evidence.log_likelihood(data[draw]).argmax()) - draw) < 30


def test_likelihoods_are_exact() -> None:
    """Up to a constant, those of SciPy."""
    p = np.array([0.2, 0.5, 1.0])
    own = Binomial(p).log_likelihood(np.array([10.0, 10.0]))
    assert own == pytest.approx(stats.binom.logpmf(10, 10, p))
    x = np.array([0.3, -1.2, 2.0, 0.7])
    mean, sd = np.array([0.0, 0.5]), np.array([1.0, 2.0])
    truth = np.asarray(stats.norm.logpdf(x[:, None], mean, sd)).sum(axis=0)
    own = Normal(mean, sd).log_likelihood(np.array([4.0, x.sum(), (x**2).sum()]))
    assert own - own[0] == pytest.approx(truth - truth[0])


def test_an_uncertain_standard_deviation_is_a_summary() -> None:
    """A study tells it too."""
    spread = np.linspace(0.5, 2.0, 200)
    study = Normal(np.zeros(200), spread)
    (data,) = study.collect([400], rng())
    summaries = study.summaries(data)
    assert summaries.shape == (200, 2)
    assert np.corrcoef(summaries[:, 1], np.log(spread))[0, 1] > 0.98
    assert patients_of(0.001, 10) == 1
