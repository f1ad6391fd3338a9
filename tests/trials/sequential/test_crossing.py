"""The integration beside gsDesign's own grid, which is another method (Simpson's rule on Z)."""

from __future__ import annotations

import gsdesign
import numpy as np
import pytest

from lmssim.trials import Bounds
from lmssim.trials.sequential.crossing import START, advance, beyond, quantile_above


def by_gsdesign(bounds: Bounds, drift: float, r: int) -> list[float]:
    """Probability of crossing the efficacy bound at each look."""
    found, grid, before = [], None, 0.0
    looks = zip(bounds.information, bounds.futility, bounds.efficacy, strict=True)
    for k, (t, low, high) in enumerate(looks):
        if k == 0:
            _, _, above = gsdesign.h1(r, drift, t, high, np.inf)
            grid = gsdesign.h1(r, drift, t, low, high) if low < high else None
        else:
            _, _, above = gsdesign.hupdate(r, drift, t, high, np.inf, drift, before, grid)
            grid = gsdesign.hupdate(r, drift, t, low, high, drift, before, grid) if low < high else None
        found.append(float(np.sum(above)))
        before = t
    return found


BOUNDS = [
    Bounds((0.2, 0.5, 0.75, 1.0), (3.0, 2.6, 2.3, 2.05), (-1.0, 0.0, 1.0, 2.05)),
    Bounds((1 / 3, 2 / 3, 1.0), (2.289478,) * 3),
    Bounds((0.1, 0.3, 0.5, 0.7, 0.9, 1.0), (2.5,) * 6, (-2.5,) * 6),
    Bounds((0.4, 0.9, 1.3), (3.5, 2.5, 2.0), (-np.inf, 0.5, 2.0)),
]


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("drift", [-1.5, 0.0, 1.0, 3.24])
def test_crossing_probabilities_are_those_of_gsdesign(bounds: Bounds, drift: float) -> None:
    """On a fine grid (r = 80) to 1e-8; on its default one (r = 18) to 2e-6."""
    got = bounds.crossing(drift).efficacy[0]
    np.testing.assert_allclose(got, by_gsdesign(bounds, drift, 80), atol=1e-8)
    np.testing.assert_allclose(got, by_gsdesign(bounds, drift, 18), atol=2e-6)


def test_fineness_changes_no_digit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as many nodes, a wider range: the same to 1e-9."""
    bounds = Bounds((0.1, 0.15, 0.5, 0.52, 1.0), (3.0, 3.0, 2.6, 2.5, 2.0), (-1.0, -0.5, 0.5, 0.6, 2.0))
    got = bounds.crossing([0.0, 2.5]).efficacy
    monkeypatch.setattr("lmssim.trials.sequential.crossing.PANEL", 2.5)
    monkeypatch.setattr("lmssim.trials.sequential.crossing.SPAN", 11.0)
    np.testing.assert_allclose(got, bounds.crossing([0.0, 2.5]).efficacy, atol=1e-9)


def test_a_walk_without_drift_serves_every_effect() -> None:
    """Likelihood ratios give what a walk for one effect alone gives."""
    bounds = BOUNDS[0]
    together = bounds.crossing([-4.0, 0.0, 6.0]).efficacy
    for row, drift in zip(together, (-4.0, 0.0, 6.0), strict=True):
        np.testing.assert_allclose(row, bounds.crossing(drift).efficacy[0], atol=1e-12)


REGIONS = {"one": [(-1.0, 2.5)], "wedge": [(-2.6, -0.4), (0.4, 2.6)], "far": [(4.0, 7.0)], "all": [(-99.0, 99.0)]}


@pytest.mark.parametrize("drift", [0.0, 3.0, -2.0])
@pytest.mark.parametrize("where", REGIONS)
def test_a_bound_is_exceeded_with_the_probability_that_gave_it(where: str, drift: float) -> None:
    """Of one region and of two, down to probabilities of 1e-12 and up to nearly all."""
    front = advance(START, 0.3, REGIONS[where])
    total = float(front.tilted(drift).sum())
    for share in (1e-12, 1e-5, 0.025, 0.5, 0.9, 0.9999):
        z = quantile_above(front, 0.7, share * total, drift)
        assert float(beyond(front, 0.7, z, drift)) == pytest.approx(share * total, rel=1e-9)
    assert quantile_above(front, 0.7, 0.0, drift) == np.inf
    assert quantile_above(front, 0.7, total, drift) == -np.inf
