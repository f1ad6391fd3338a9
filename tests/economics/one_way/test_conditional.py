"""Expected increments given a parameter, by regression on draws, where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.one_way.conditional import Curve, Draws
from lmssim.economics.one_way.controls import Controls, controls
from lmssim.economics.one_way.spline import line_terms, spline_terms

N, WTP = 1_500, 100.0
POINTS = (-1.96, 0.0, 1.96)
CORRELATION = 0.5
WITH_IT = ("with_1", "with_2", "with_3")


def drawn(seed: int, shape: str, n: int = N) -> tuple[dict[str, np.ndarray], Draws]:
    """A parameter with a known curve, three that are drawn with it, another one that adds noise, and patients."""
    rng = np.random.default_rng(seed)
    x, other = rng.normal(size=n), rng.normal(size=n)
    beside = rng.normal(size=(n, len(WITH_IT)))
    tied = CORRELATION * x[:, None] + np.sqrt(1.0 - CORRELATION**2) * beside
    own = x if shape == "line" else x**2
    bent = tied[:, 0] ** 2 if shape == "square" else 0.0
    effect = own + tied.sum(axis=1) + bent + 3.0 * other + rng.normal(size=n)
    cost = 10.0 * x + rng.normal(size=n)
    named = {"x": x, "other": other} | dict(zip(WITH_IT, tied.T, strict=True))
    return named, Draws.of_pair(np.column_stack([cost, effect]), np.arange(n), WTP)


def truth(point: float, shape: str) -> float:
    """Expected effect, with what comes with the parameter."""
    tied = len(WITH_IT) * CORRELATION * point
    bent = CORRELATION**2 * point**2 + 1.0 - CORRELATION**2
    return tied + (point if shape == "line" else point**2 + bent)


def fitted(parameters: dict[str, np.ndarray], draws: Draws) -> tuple[Controls, Curve]:
    """The curve along `x`, what other parameters explain taken out or followed."""
    terms = {name: (line_terms if name == "other" else spline_terms)(each) for name, each in parameters.items()}
    found = controls(terms, draws.with_benefit(draws.values), draws.folds)
    independent, together = found.without(["x", *WITH_IT])[:, 1:], found.of(WITH_IT)[:, 1:]
    return found, Curve.fitted(parameters["x"], draws, independent, together)


def plain(parameters: dict[str, np.ndarray], draws: Draws) -> Curve:
    """The curve along `x`, with nothing taken out."""
    return Curve.fitted(parameters["x"], draws, np.zeros_like(draws.values))


@pytest.mark.parametrize("shape", ["line", "square"])
def test_a_known_curve_is_found_within_its_error(shape: str) -> None:
    """At three points, within 4 standard errors."""
    parameters, draws = drawn(1, shape)
    _, curve = fitted(parameters, draws)
    for point in POINTS:
        found = curve.at(point)
        assert abs(found.effect.mean - truth(point, shape)) < 4.0 * found.effect.se
        assert abs(found.cost.mean - 10.0 * point) < 4.0 * found.cost.se


@pytest.mark.parametrize("shape", ["line", "square"])
def test_intervals_hold_the_truth_as_often_as_they_say(shape: str) -> None:
    """Over 100 samples 5% of ends and of lengths lie beyond 1.96 errors, within 3 errors of that share.

    Ends of a sample are hardly correlated; 200 of them have an error of 1.5% and 100 lengths one of 2.2%.
    """
    ends, lengths = [], []
    for seed in range(100):
        _, curve = fitted(*drawn(seed, shape))
        low, high = curve.at(-1.96), curve.at(1.96)
        for point, end in ((-1.96, low.effect), (1.96, high.effect)):
            ends.append(abs(end.mean - truth(point, shape)) > 1.96 * end.se)
        length = (high - low).effect
        lengths.append(abs(length.mean - truth(1.96, shape) + truth(-1.96, shape)) > 1.96 * length.se)
    assert abs(np.mean(ends) - 0.05) < 3.0 * 0.0154
    assert abs(np.mean(lengths) - 0.05) < 3.0 * 0.0218


def test_what_other_parameters_explain_makes_errors_smaller() -> None:
    """And moves no expectation beyond error."""
    parameters, draws = drawn(2, "line")
    found, curve = fitted(parameters, draws)
    rough = plain(parameters, draws)
    assert found.r2 > 0.7
    assert abs(rough.at(1.96).effect.mean - curve.at(1.96).effect.mean) < 4.0 * rough.at(1.96).effect.se
    less, more = ((each.at(1.96) - each.at(-1.96)).effect.se for each in (curve, rough))
    assert less < 0.6 * more


def test_a_repeated_posterior_row_is_one_unit() -> None:
    """Draws that have the same rows twice do not make the error of a curve smaller."""
    parameters, draws = drawn(4, "line")
    twice = {name: np.tile(column, 2) for name, column in parameters.items()}
    again = Draws.of_pair(np.tile(draws.values, (2, 1)), np.tile(draws.rows, 2), WTP)
    once = plain(parameters, draws).at(1.96).effect
    both = plain(twice, again).at(1.96).effect
    assert both.mean == pytest.approx(once.mean, abs=0.2 * once.se)
    assert both.se == pytest.approx(once.se, rel=0.02)


def test_a_point_beyond_the_draws_counts_as_the_last_one() -> None:
    """No curve is drawn where no draw is."""
    parameters, draws = drawn(3, "line")
    curve = plain(parameters, draws)
    assert curve.at(99.0).effect == curve.at(float(parameters["x"].max())).effect


def test_few_draws_and_few_values_have_a_line() -> None:
    """No curve is drawn where the draws do not carry it."""
    rng = np.random.default_rng(5)
    for column in (rng.normal(size=30), rng.integers(0, 2, size=500).astype(float)):
        draws = Draws.of_pair(np.column_stack([column, column]), np.arange(len(column)), WTP)
        middle = Curve.fitted(column, draws, np.zeros((len(column), 2))).at(float(np.median(column)))
        assert middle.cost.mean == pytest.approx(np.median(column), abs=1e-3)
