"""Adoption by a test, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.voi.trial.adoption import ALPHAS, BY_VALUE, adoption_rules, significant
from lmssim.economics.voi.trial.value import trial_value
from lmssim.errors import InputError
from tests.kit.information import within

MEAN, SD = 0.4, 1.0


def by_test(alpha: float, error: float) -> tuple[float, float]:
    """Probability of a significant test, and the mean gain it brings over the standard strategy, exactly."""
    bound = float(stats.norm.isf(alpha)) * error
    wide = float(np.hypot(SD, error))
    a = (MEAN - bound) / wide
    return float(stats.norm.cdf(a)), MEAN * float(stats.norm.cdf(a)) + SD**2 / wide * float(stats.norm.pdf(a))


def test_rules_at_every_alpha() -> None:
    """Value beyond adopting the new strategy at once, which is the best now, within 3 standard errors."""
    rng = np.random.default_rng(1)
    n, error = 20_000, 0.8
    gain = rng.normal(MEAN, SD, n)
    estimate = gain + error * rng.normal(size=n)
    benefit = np.column_stack([np.zeros(n), gain + rng.normal(size=n)])
    found = trial_value(benefit, [estimate[:, None]], [100])
    best, *tests = adoption_rules(found, [estimate / error], new=1, standard=0)
    assert best.rule == BY_VALUE
    assert [row.alpha for row in tests] == list(ALPHAS)
    for row in tests:
        share, value = by_test(row.alpha, error)
        assert row.adopted == pytest.approx(share, abs=3.0 * np.sqrt(share * (1.0 - share) / n))
        assert within(row.value, value - MEAN, row.se)
        assert row.lost == pytest.approx(best.value - row.value)
        assert row.lost > -3.0 * row.lost_se
    assert tests[0].value < 0.0 < tests[-2].value  # at 2.5% the trial would do harm; at 40% it does not
    assert tests[0].lost_se < tests[0].se + best.se


def test_no_statistic_adopts_nothing() -> None:
    """An infinite one does."""
    assert significant(np.array([np.nan, np.inf, -np.inf, 1.9, 2.0]), 0.025).tolist() == [
        False,
        True,
        False,
        False,
        True,
    ]
    with pytest.raises(InputError, match="alpha"):
        significant(np.zeros(1), 0.0)
