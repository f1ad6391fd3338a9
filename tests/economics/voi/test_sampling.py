"""Value of sample information against closed forms, by regression and by moment matching."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.voi.basis import bases
from lmssim.economics.voi.evidence.binomial import Binomial
from lmssim.economics.voi.evidence.normal import Normal
from lmssim.economics.voi.evidence.survival import Survival
from lmssim.economics.voi.partial import partial_information
from lmssim.economics.voi.ridge import best_fit
from lmssim.economics.voi.sampling import between, optimum, sample_information
from lmssim.kernels.families import EXPONENTIAL, WEIBULL
from tests.kit.information import against_nothing, value_of_normal, within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.evidence.kind import Evidence
    from lmssim.economics.voi.sampling import SampleInformation
    from lmssim.kernels import FloatArray

N = 8_000


def sampled(
    evidence: Sequence[Evidence], sizes: Sequence[int], columns: FloatArray, gain: FloatArray
) -> SampleInformation:
    """Value of a study of what some parameters give."""
    gains = against_nothing(gain)
    fitted = best_fit(bases(columns), gains.values, gains.weights, gains.folds).fitted
    return sample_information(evidence, sizes, gains, fitted)


def test_conjugate_normal() -> None:
    """Mean of n N(p1, 1) observations, p1 ~ N(1, 1): the posterior mean has variance n / (n + 1)."""
    rng = np.random.default_rng(2)
    p1 = rng.normal(1.0, 1.0, N)
    gain = p1 - rng.normal(0.0, 2.0, N)
    sizes = [1, 3, 10, 100, 1_000, 10_000]
    found = sampled([Normal(p1, np.ones(N))], sizes, p1[:, None], gain)
    for n, value, matched in zip(sizes, found.found, found.matched.tolist(), strict=True):
        truth = value_of_normal(1.0, float(np.sqrt(n / (n + 1.0))))
        assert within(value.evppi, truth, value.se)
        assert within(matched, truth, value.se)
    perfect = partial_information(p1[:, None], against_nothing(gain))
    assert found.evsi[-1] == pytest.approx(perfect.evppi, abs=0.3 * perfect.se)
    assert found.matched[-1] == pytest.approx(perfect.evppi, abs=0.3 * perfect.se)  # another package is 39% low here


def beta_binomial(n: int, level: float) -> float:
    """Exact value of n yes-or-no answers about p ~ Beta(3, 7), if the gain is 10 (p - level)."""
    events = np.arange(n + 1)
    gain = 10.0 * ((3.0 + events) / (10.0 + n) - level)
    return float((stats.betabinom.pmf(events, n, 3, 7) * np.maximum(gain, 0.0)).sum() - max(0.0, 10.0 * (0.3 - level)))


def test_beta_binomial() -> None:
    """Over n, by both estimators."""
    rng = np.random.default_rng(3)
    p = rng.beta(3, 7, N)
    sizes = [5, 20, 80, 320]
    found = sampled([Binomial(p)], sizes, p[:, None], 10.0 * (p - 0.33) + rng.normal(size=N))
    for n, value, matched in zip(sizes, found.found, found.matched.tolist(), strict=True):
        assert within(value.evppi, beta_binomial(n, 0.33), value.se)
        assert within(matched, beta_binomial(n, 0.33), value.se)


def gamma_exponential(events: FloatArray, time: FloatArray) -> float:
    """Exact value, given data sets of a rate ~ Gamma(20, 40), if the gain is 100 (0.52 - rate)."""
    return float(np.maximum(100.0 * (0.52 - (20.0 + events) / (40.0 + time)), 0.0).mean() - 100.0 * (0.52 - 0.5))


def test_survival_with_censoring() -> None:
    """A constant hazard: the posterior is a gamma of the events and the time at risk, however patients are censored."""
    rng = np.random.default_rng(4)
    rate = rng.gamma(20.0, 1.0 / 40.0, N)
    numbers = np.column_stack([rate, np.zeros(N), np.zeros(N)])
    study = Survival(EXPONENTIAL, numbers, follow_up=2.0, patients_per_year=50.0, dropout_rate=0.05)
    sizes = [20, 60, 200]
    found = sampled([study], sizes, rate[:, None], 100.0 * (0.52 - rate) + 5.0 * rng.normal(size=N))
    data = study.collect(sizes, np.random.Generator(np.random.Philox(key=[7, 1])))
    for value, matched, each in zip(found.found, found.matched.tolist(), data, strict=True):
        k = len(study.edges)
        truth = gamma_exponential(each[:, :k].sum(axis=1), each[:, k:].sum(axis=1))
        assert within(value.evppi, truth, value.se)
        assert within(matched, truth, value.se)


def test_value_tends_to_perfect_information() -> None:
    """Of a Weibull with two uncertain numbers, as patients grow; and it never falls with their number, within error."""
    rng = np.random.default_rng(5)
    shape, scale = np.exp(rng.normal(0.0, 0.2, 4_000)), np.exp(rng.normal(1.0, 0.3, 4_000))
    gain = 10.0 * (np.exp(-((5.0 / scale) ** shape)) - 0.2) + 0.5 * rng.normal(size=4_000)
    columns = np.column_stack([shape, scale])
    study = Survival(WEIBULL, np.column_stack([columns, np.zeros(4_000)]), follow_up=2.0, patients_per_year=100.0)
    found = sampled([study], [20, 100, 500, 2_000], columns, gain)
    perfect = partial_information(columns, against_nothing(gain))
    assert (np.diff(found.evsi) > -found.found[0].se).all()
    assert found.evsi[-1] == pytest.approx(perfect.evppi, abs=2.0 * perfect.se)
    assert found.evsi[0] < 0.7 * perfect.evppi
    assert found.evsi == pytest.approx(found.matched, abs=3.0 * perfect.se)


def test_several_pieces_of_evidence_together() -> None:
    """Two arms of normal measurements about the parts of a sum: the variance that both explain adds up."""
    rng = np.random.default_rng(6)
    parts = rng.normal(size=(N, 2))
    gain = 0.5 + parts.sum(axis=1) + 0.5 * rng.normal(size=N)
    evidence = [Normal(part, np.full(N, 2.0), share=0.5) for part in parts.T]
    sizes = [8, 40]
    found = sampled(evidence, sizes, parts, gain)
    for n, value in zip(sizes, found.found, strict=True):
        explained = 2.0 * (n / 2) / (n / 2 + 4.0)
        assert within(value.evppi, value_of_normal(0.5, float(np.sqrt(explained))), value.se)


def worth(n: FloatArray | float, patients: float, fixed: float, each: float) -> FloatArray:
    """Exact net benefit of n observations of the conjugate normal."""
    sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
    values = np.array([value_of_normal(1.0, float(np.sqrt(k / (k + 1.0)))) for k in sizes])
    return patients * values - fixed - each * sizes


def test_the_best_size() -> None:
    """Of conjugate normal data: the exact best size lies in the interval, and the size found loses under 1%."""
    rng = np.random.default_rng(7)
    p1 = rng.normal(1.0, 1.0, 20_000)
    gains = against_nothing(p1 + 0.2 * rng.normal(size=len(p1)))
    sizes = [1, 2, 4, 8, 16, 32, 64, 128]
    found = sample_information([Normal(p1, np.ones(len(p1)))], sizes, gains, gains.values)
    best = optimum(found, lambda _: 10_000.0, lambda n: 20.0 + 4.0 * n)
    fine = np.arange(1.0, 129.0)
    exact = worth(fine, 10_000.0, 20.0, 4.0)
    truth = int(fine[exact.argmax()])
    assert best.low <= truth <= best.high
    assert exact[best.size - 1] > 0.99 * exact.max()
    assert within(best.enbs, float(exact.max()), best.se)


def test_between_sizes() -> None:
    """Values at the sizes themselves, and monotone between; one size holds everywhere."""
    values = np.array([0.0, 1.0, 1.5])
    fine = np.linspace(10.0, 1_000.0, 50)
    curve = between([10, 100, 1_000], values, fine)
    assert (np.diff(curve) >= 0.0).all()
    assert between([10, 100, 1_000], values, np.array([10.0, 100.0, 1_000.0])) == pytest.approx(values)
    assert partial(between, [5], np.array([2.0]))(np.array([5.0, 9.0])).tolist() == [2.0, 2.0]
