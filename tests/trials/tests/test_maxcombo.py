"""MaxCombo is the largest of its members, read by their correlation."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials.tests import MAXCOMBO, critical_value, fleming_harrington, logrank, maxcombo, null_correlation
from tests.kit.made_trials import tied_trials

DATA = tied_trials(12, 150, seed=15, strata=2)


def test_it_is_the_largest_member() -> None:
    """With that member's effect."""
    found = maxcombo(DATA)
    members = [fleming_harrington(DATA, rho=rho, gamma=gamma) for rho, gamma in MAXCOMBO]
    z = np.stack([m.z for m in members])
    np.testing.assert_allclose(found.z, z.max(axis=0), atol=1e-12)
    best = z.argmax(axis=0)
    np.testing.assert_allclose(found.estimate, [members[k].estimate[i] for i, k in enumerate(best)], rtol=1e-9)


def test_one_member_is_its_own_test() -> None:
    """To the p-value."""
    one = maxcombo(DATA, members=[(0, 0)])
    np.testing.assert_allclose(one.p, logrank(DATA).p, rtol=1e-9)


def test_a_given_correlation_is_interpolated_exactly() -> None:
    """P = alpha at the critical value."""
    correlation = null_correlation(survival_end=0.2)
    found = maxcombo(DATA, correlation=correlation)
    alone = [maxcombo(tied_trials(1, 30, seed=1), correlation=correlation)]
    assert np.isfinite(alone[0].p).all()
    for alpha in (0.2, 0.025, 0.001):
        bound = critical_value(correlation, alpha)
        np.testing.assert_array_equal(found.p <= alpha, found.z >= bound)


def test_a_correlation_of_another_size_is_refused() -> None:
    """It must be of the members."""
    with pytest.raises(InputError, match="has 2 rows; 4 members"):
        maxcombo(DATA, correlation=np.eye(2))
    with pytest.raises(InputError, match="members: is empty"):
        maxcombo(DATA, members=[])
