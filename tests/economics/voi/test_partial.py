"""Value of partial perfect information by regression, against exact values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lmssim.economics.voi.partial import clustered_error, gains, partial_information
from tests.kit.information import against_nothing, value_of_normal, within

ADDITIVE_FLAW = 5.0 / np.pi
"""E max(0, 5 a b) of independent standard normal a and b."""


def test_a_square_with_noise() -> None:
    """x^2 - 1 plus noise is worth 2 phi(1) = .4839 to know: within 3 standard errors, which are under 2%."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=20_000)
    found = partial_information(x[:, None], against_nothing(x**2 - 1.0 + rng.normal(size=len(x))))
    assert within(found.evppi, 2.0 * stats.norm.pdf(1.0), found.se)
    assert found.se < 0.02 * found.evppi
    assert within(found.policy, 2.0 * stats.norm.pdf(1.0), found.policy_se)


def test_two_normals() -> None:
    """Net benefit 0 against p1 - p2, p1 ~ N(1, 1), p2 ~ N(0, sd 2): the published exact values."""
    rng = np.random.default_rng(3)
    p1, p2 = rng.normal(1.0, 1.0, 20_000), rng.normal(0.0, 2.0, 20_000)
    gain = against_nothing(p1 - p2)
    for columns, truth in ((p1, 0.0833155), (p2, 0.3955931)):
        found = partial_information(columns[:, None], gain)
        assert within(found.evppi, truth, found.se)
        assert found.se < 0.1 * truth
    both = partial_information(np.column_stack([p1, p2]), gain)
    assert within(both.evppi, 0.4798107, both.se)
    assert float(gain.perfect.std()) == pytest.approx(both.se, rel=0.05)


@pytest.mark.parametrize("weights", [(1.0, 0.5, 0.2), (0.3, 0.3, 0.3)])
def test_linear_normal(weights: tuple[float, ...]) -> None:
    """A sum of normal parameters: each and all together are worth what the normal loss says."""
    rng = np.random.default_rng(4)
    z = rng.normal(size=(8_000, 3))
    gain = against_nothing(0.3 + z @ np.array(weights) + 0.5 * rng.normal(size=len(z)))
    for k, weight in enumerate(weights):
        found = partial_information(z[:, [k]], gain)
        assert within(found.evppi, value_of_normal(0.3, weight), found.se)
    found = partial_information(z, gain)
    assert within(found.evppi, value_of_normal(0.3, float(np.linalg.norm(weights))), found.se)


def test_an_interaction_takes_pairs() -> None:
    """5 a b: neither parameter alone is worth anything, both together 5 / pi; cross-validation finds the pair."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(6_000, 6))
    gain = against_nothing(0.1 + 5.0 * z[:, 0] * z[:, 1] + 2.0 * rng.normal(size=len(z)))
    alone = partial_information(z[:, [0]], gain)
    assert abs(alone.evppi) < 3.0 * max(alone.se, 0.01)
    for columns in (z[:, :2], z):
        found = partial_information(columns, gain)
        assert found.terms == "splines, pairs"
        assert within(found.evppi, ADDITIVE_FLAW - 0.05, found.se)  # 0.1 more of mean takes half of it away


def test_more_parameters_do_not_take_value_away() -> None:
    """Parameters that say nothing, added to one that does, leave its value as it was, within error."""
    rng = np.random.default_rng(6)
    z = rng.normal(size=(4_000, 12))
    gain = against_nothing(0.2 + z[:, 0] + rng.normal(size=len(z)))
    found = partial_information(z, gain)
    assert within(found.evppi, value_of_normal(0.2, 1.0), found.se)


def test_estimates_are_not_clipped() -> None:
    """Of parameters that say nothing, estimates lie on both sides of 0, and their mean is near it."""
    rng = np.random.default_rng(7)
    gain = against_nothing(0.5 + 10.0 * rng.normal(size=1_000))
    found = [partial_information(rng.normal(size=(1_000, 1)), gain) for _ in range(40)]
    values = np.array([each.evppi for each in found])
    assert values.min() < 0.0 < values.max()
    typical = np.mean([each.se for each in found])
    assert abs(values.mean()) < typical
    assert np.abs(values).max() < 6.0 * typical


def test_errors_are_what_repeating_gives() -> None:
    """Over 60 analyses the standard deviation of the estimates is the standard error that each states, by a quarter."""
    values, errors = [], []
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        p1, p2 = rng.normal(1.0, 1.0, 1_000), rng.normal(0.0, 2.0, 1_000)
        found = partial_information(p2[:, None], against_nothing(p1 - p2))
        values.append(found.evppi)
        errors.append(found.se)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)
    assert within(float(np.mean(values)), 0.3955931, float(np.std(values)) / np.sqrt(60))


def test_rows_that_repeat_are_no_new_rows() -> None:
    """Each of 500 posterior rows four times: errors are those of 500 rows and not of 2,000."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=500)
    repeated, rows = np.tile(x, 4), np.tile(np.arange(500), 4)
    benefit = np.column_stack([np.zeros(2_000), repeated + 0.2 * rng.normal(size=2_000)])
    honest = partial_information(repeated[:, None], gains(benefit, rows, 1))
    naive = partial_information(repeated[:, None], gains(benefit, np.arange(2_000), 1))
    assert honest.se == pytest.approx(2.0 * naive.se, rel=0.3)
    assert clustered_error(repeated, rows) == pytest.approx(2.0 * clustered_error(repeated, np.arange(2_000)), rel=0.01)


def test_all_strategies_in_one_fit() -> None:
    """Of three strategies with independent normal gains, and as many orders of them, the same value."""
    rng = np.random.default_rng(9)
    z = rng.normal(size=(6_000, 2))
    benefit = np.column_stack([np.zeros(6_000), z[:, 0], z[:, 1]]) + 0.5 * rng.normal(size=(6_000, 3))
    w = np.random.default_rng(10).normal(size=(2_000_000, 2))
    truth = float(np.maximum(w.max(axis=1), 0.0).mean())
    values = []
    for order in ((0, 1, 2), (2, 0, 1)):
        turned = benefit[:, order]
        values.append(partial_information(z, gains(turned, np.arange(6_000), int(turned.mean(axis=0).argmax()))))
    assert within(values[0].evppi, truth, values[0].se)
    assert values[0].evppi == pytest.approx(values[1].evppi, abs=0.2 * values[0].se)
