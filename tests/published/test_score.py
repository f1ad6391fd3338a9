"""Log scores against laws that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmssim.published.score import LEAST, log_score, score_of_a_share, score_of_a_time

RNG = np.random.default_rng(1)
A, B = 4.0, 7.0
SHARES = stats.beta.ppf((np.arange(40_000) + 0.5) / 40_000, A, B).reshape(-1, 10)


@pytest.mark.parametrize(("count", "size"), [(0, 12), (5, 12), (12, 12), (30, 75)])
def test_a_count_is_beta_binomial_where_shares_are_beta(count: int, size: int) -> None:
    """The mean of binomial probabilities over shares, beside which every count is equally likely."""
    found = score_of_a_share(count / size, SHARES, size)
    assert found.log_score == pytest.approx(stats.betabinom.logpmf(count, size, A, B), abs=0.01)
    assert found.log_score_reference == pytest.approx(-np.log(size + 1))


def test_the_reference_is_the_score_of_shares_that_are_uniform() -> None:
    """A model that knows nothing scores as it does."""
    uniform = ((np.arange(40_000) + 0.5) / 40_000)[:, None]
    found = score_of_a_share(0.25, uniform, 40)
    assert found.log_score == pytest.approx(found.log_score_reference, abs=0.001)


def test_probabilities_of_all_counts_add_up_to_one() -> None:
    """So that nobody gains by a wider or a narrower prediction than the truth."""
    scores = [score_of_a_share(k / 30, SHARES, 30).log_score for k in range(31)]
    assert np.exp(scores).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("observed", [0.5, 3.0, 9.0])
def test_a_time_is_normal_on_the_log_scale_where_settings_are(observed: float) -> None:
    """The variances of setting and sampling add up."""
    setting = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000, np.log(3.0), 0.4).reshape(-1, 10)
    found = score_of_a_time(observed, np.exp(setting), np.full((len(setting), 1), 0.3))
    assert found.log_score == pytest.approx(stats.norm.logpdf(np.log(observed), np.log(3.0), 0.5), abs=0.01)
    assert found.log_score_reference == pytest.approx(stats.lognorm.logpdf(observed, 1.2, scale=2.0) + np.log(observed))


def test_draws_without_a_median_take_their_share_of_the_probability() -> None:
    """Half of the studies never reach it: half the density is left."""
    spread = np.full((4, 1), 0.3)
    all_, half = (score_of_a_time(3.0, np.full((4, 2), x), spread).log_score for x in ([3.0, 3.0], [3.0, np.inf]))
    assert half == pytest.approx(all_ - np.log(2.0))
    assert score_of_a_time(3.0, np.full((4, 2), np.inf), spread).log_score == LEAST
    assert np.isnan(score_of_a_time(0.0, np.full((4, 2), 3.0), spread).log_score)


def test_the_truth_scores_best_on_average() -> None:
    """A prediction that is too narrow and one that is too wide both lose."""
    truth = np.full((1, 1), 0.3)
    wide, narrow = stats.beta.rvs(1.5, 3.5, size=(4_000, 1), random_state=RNG), np.full((1, 1), 0.5)
    counts = RNG.binomial(50, 0.3, size=200) / 50
    means = [np.mean([score_of_a_share(x, share, 50).log_score for x in counts]) for share in (truth, wide, narrow)]
    assert means[0] > max(means[1:])


def test_a_mixture_weighs_its_parts_alike() -> None:
    """Whatever the shape of the array."""
    density = np.log(np.array([[0.1, 0.2], [0.3, 0.4]]))
    assert log_score(density) == pytest.approx(np.log(0.25)) == log_score(density.ravel())
