"""Expected increments given a parameter, by regression on draws, where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.one_way.conditional import Draws, conditional_means
from lmssim.economics.one_way.controls import controls

N, WTP = 1_500, 100.0
POINTS = (-1.96, 0.0, 1.96)


def drawn(seed: int, shape: str) -> tuple[dict[str, np.ndarray], Draws]:
    """A parameter with a known curve, another one that adds noise, and patients."""
    rng = np.random.default_rng(seed)
    x, other = rng.normal(size=N), rng.normal(size=N)
    curve = {"line": x, "square": x**2}[shape]
    effect = curve + 3.0 * other + rng.normal(size=N)
    cost = 10.0 * x + rng.normal(size=N)
    return {"x": x, "other": other}, Draws(np.column_stack([cost, effect]), np.arange(N), WTP)


def truth(point: float, shape: str) -> float:
    """Expected effect."""
    return point if shape == "line" else point**2


@pytest.mark.parametrize("shape", ["line", "square"])
def test_a_known_curve_is_found_within_its_error(shape: str) -> None:
    """At three points, within 4 standard errors, with the noise of the other parameter taken out."""
    parameters, draws = drawn(1, shape)
    explained = controls(parameters, draws.with_benefit(draws.values), draws.folds).without(["x"])[:, 1:]
    for point, found in zip(POINTS, conditional_means(parameters["x"], draws, explained, POINTS), strict=True):
        assert abs(found.effect.mean - truth(point, shape)) < 4.0 * found.effect.se + 0.05
        assert abs(found.cost.mean - 10.0 * point) < 4.0 * found.cost.se + 0.05


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Over 200 samples 5% of the lengths of a bar lie beyond 1.96 errors, within 3 errors of that share (4.6%)."""
    beyond = []
    for seed in range(200):
        parameters, draws = drawn(seed, "line")
        low, high = conditional_means(parameters["x"], draws, np.zeros((N, 2)), (-1.96, 1.96))
        length = (high - low).effect
        beyond.append(abs(length.mean - 3.92) > 1.96 * length.se)
    assert abs(np.mean(beyond) - 0.05) < 0.046


def test_what_other_parameters_explain_makes_errors_smaller() -> None:
    """And moves no expectation beyond error."""
    parameters, draws = drawn(2, "line")
    found = controls(parameters, draws.with_benefit(draws.values), draws.folds)
    assert found.r2 > 0.7
    plain = conditional_means(parameters["x"], draws, np.zeros((N, 2)), (1.96,))[0]
    less = conditional_means(parameters["x"], draws, found.without(["x"])[:, 1:], (1.96,))[0]
    base = draws.values.mean(axis=0)
    assert abs(plain.effect.mean - less.effect.mean) < 4.0 * plain.effect.se
    low, high = conditional_means(parameters["x"], draws, found.without(["x"])[:, 1:], (-1.96, 1.96))
    rough_low, rough_high = conditional_means(parameters["x"], draws, np.zeros((N, 2)), (-1.96, 1.96))
    assert (high - low).effect.se < 0.5 * (rough_high - rough_low).effect.se
    assert base.shape == (2,)


def test_a_point_beyond_the_draws_counts_as_the_last_one() -> None:
    """No curve is drawn where no draw is."""
    parameters, draws = drawn(3, "line")
    far, last = conditional_means(parameters["x"], draws, np.zeros((N, 2)), (99.0, float(parameters["x"].max())))
    assert far.effect == last.effect
