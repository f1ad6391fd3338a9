"""Increments and net benefits from co-moments are those of patients taken one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmssim.economics.increments import Increments, batch_estimate

COST, EFFECT, OTHER = 0, 1, 2
N, N_DRAWS, N_STRATEGIES = 400, 5, 3
WTP = 300.0


def patients(seed: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Outcomes of the same patients under every strategy, (n_draws, n_patients, n_strategies, n_outcomes)."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(N_DRAWS, N, 1, 3))
    return rng.normal(size=(N_DRAWS, 1, N_STRATEGIES, 3)) + own + 0.3 * rng.normal(size=(N_DRAWS, N, N_STRATEGIES, 3))


def increments_of(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]], independent: bool = False) -> Increments:
    """Means and co-moments of patients."""
    beyond = x - x.mean(axis=1, keepdims=True)
    product = np.einsum("dpik,dpjk->dkij", beyond, beyond)
    cross = np.einsum("dpi,dpj->dij", beyond[..., EFFECT], beyond[..., COST])
    return Increments(
        n=x.shape[1],
        mean=x.mean(axis=1),
        product=np.concatenate([product, cross[:, None]], axis=1),
        cost=COST,
        effect=EFFECT,
        bound=np.zeros((N_STRATEGIES, 3)),
        independent=independent,
    )


X = patients()
ONE = increments_of(X[:1])


@pytest.mark.parametrize("outcome", [COST, EFFECT, OTHER])
def test_increments_are_paired(outcome: int) -> None:
    """Mean and standard error of the patients' own differences."""
    difference = X[0, :, 2, outcome] - X[0, :, 1, outcome]
    found = ONE.increment(2, 1, outcome)
    assert found.mean == pytest.approx(difference.mean(), rel=1e-12)
    assert found.se == pytest.approx(difference.std(ddof=1) / np.sqrt(N), rel=1e-10)
    assert ONE.increment(1, 1, outcome) == (0.0, 0.0)


def test_net_benefits_are_those_of_patients() -> None:
    """Effects valued less costs, of one strategy and of a difference."""
    worth = WTP * X[0, :, :, EFFECT] - X[0, :, :, COST]
    for values, found in (
        (worth[:, 2], ONE.net_benefit(WTP, 2)),
        (worth[:, 2] - worth[:, 0], ONE.net_benefit(WTP, 2, 0)),
    ):
        assert found.mean == pytest.approx(values.mean(), rel=1e-12)
        assert found.se == pytest.approx(values.std(ddof=1) / np.sqrt(N), rel=1e-9)


def test_the_error_of_a_ratio_is_that_of_its_numerator_at_the_ratio() -> None:
    """Delta method: the error of the net benefit at a willingness to pay of the ratio, over the effect gained."""
    ratio = ONE.icer(2, 0)
    icer = ratio.cost / ratio.effect
    assert ratio.se == pytest.approx(ONE.net_benefit(icer, 2, 0).se / abs(ratio.effect), rel=1e-9)


def test_errors_follow_the_design() -> None:
    """Over draws, errors of patients of their own average out, those of shared patients do not."""
    each = [increments_of(X[d : d + 1]) for d in range(N_DRAWS)]
    for independent in (False, True):
        whole = increments_of(X, independent)
        for found, parts in (
            (whole.increment(1, 0, COST), [one.increment(1, 0, COST) for one in each]),
            (whole.net_benefit(WTP, 1, 0), [one.net_benefit(WTP, 1, 0) for one in each]),
        ):
            errors = np.array([part.se for part in parts])
            expected = np.sqrt((errors**2).sum()) / N_DRAWS if independent else errors.mean()
            assert found.mean == pytest.approx(np.mean([part.mean for part in parts]), rel=1e-12)
            assert found.se == pytest.approx(expected, rel=1e-9)


def test_what_is_not_chance_is_added() -> None:
    """Bounds of both strategies beside the error of an increment; none where a strategy meets itself."""
    bound = np.array([[3.0, 0.02, 0.0], [4.0, 0.01, 0.0], [0.0, 0.0, 0.0]])
    found = replace(ONE, bound=bound)
    assert found.increment(1, 0, COST).se == pytest.approx(np.hypot(ONE.increment(1, 0, COST).se, 7.0))
    expected = np.sqrt(ONE.net_benefit(WTP, 1, 0).se ** 2 + 7.0**2 + (WTP * 0.03) ** 2)
    assert found.net_benefit(WTP, 1, 0).se == pytest.approx(expected)
    assert found.increment(1, 1, COST).se == 0.0


def test_subgroups_are_taken_one_by_one() -> None:
    """Increments of a subgroup are those of its patients alone, as many as it has in each draw."""
    parts = [increments_of(X[:, :150]), increments_of(X[:, 150:])]
    both = replace(
        parts[0],
        n=np.array([[150, N - 150]] * N_DRAWS),
        mean=np.stack([part.mean for part in parts], axis=1),
        product=np.stack([part.product for part in parts], axis=1),
    )
    for g, part in enumerate(parts):
        assert both.subgroup(g).increment(2, 0, EFFECT) == pytest.approx(part.increment(2, 0, EFFECT), rel=1e-12)
        assert both.subgroup(g).net_benefit(WTP, 1, 0) == pytest.approx(part.net_benefit(WTP, 1, 0), rel=1e-12)


def test_the_largest_error_is_over_the_other_strategies() -> None:
    """Of the incremental net benefits over a comparator."""
    errors = [ONE.net_benefit(WTP, s, 1).se for s in (0, 2)]
    assert ONE.largest_error(WTP, 1) == max(errors)


def test_batches_tell_the_error_of_their_mean() -> None:
    """Means of batches of any size scatter with the variance of a patient over their size."""
    rng = np.random.default_rng(2)
    sizes = rng.integers(20, 80, 3_000).astype(float)
    values = 5.0 + 2.0 * rng.normal(size=len(sizes)) / np.sqrt(sizes)
    found = batch_estimate(sizes, values)
    assert found.mean == pytest.approx((sizes * values).sum() / sizes.sum())
    assert found.se == pytest.approx(2.0 / np.sqrt(sizes.sum()), rel=3.5 / np.sqrt(2 * len(sizes)))
