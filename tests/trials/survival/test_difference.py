"""Restricted mean survival time and milestones: variances by simulation, plans that reach their power, bad plans."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.trials import (
    CureHazard,
    TimesRatio,
    constant,
    difference_design,
    difference_variance,
    from_median,
    group_sequential,
    milestone_survival,
    rmst,
    uniform_accrual,
)
from lmssim.trials.survival.hazards import PiecewiseHazard

BUMPY = PiecewiseHazard((0.3, 0.02, 0.2), (0.0, 1.0, 3.0))


def kaplan_meier(time: np.ndarray, event: np.ndarray, tau: float) -> tuple[float, float]:
    """Restricted mean and survival at tau."""
    order = np.argsort(time)
    time, event = time[order], event[order]
    factor = np.where(event, 1.0 - 1.0 / np.arange(len(time), 0, -1), 1.0)
    alive = np.concatenate([[1.0], np.cumprod(factor)])
    edges = np.minimum(np.concatenate([[0.0], time, [tau]]), tau)
    return float((np.diff(edges) * alive).sum()), float(alive[np.searchsorted(time, tau, side="right")])


def test_variances_are_those_of_simulated_estimates() -> None:
    """2,000 arms of 400 patients with staggered entry and dropout: variances within 4 standard errors and 3%."""
    accrual, tau, end, n = uniform_accrual(2.0), 3.5, 4.5, 400
    rng = np.random.default_rng(4)
    grid = np.linspace(0.0, 400.0, 400_001)
    cumulative = BUMPY.cumulative(grid)
    found = []
    for _ in range(2_000):
        event = np.interp(rng.standard_exponential(n), cumulative, grid)
        censored = np.minimum(rng.exponential(20.0, n), end - rng.uniform(0.0, 2.0, n))
        found.append(kaplan_meier(np.minimum(event, censored), event <= censored, tau))
    spread = np.var(np.array(found), axis=0) * n
    how: dict[str, Any] = {"dropout": constant(0.05), "accrual": accrual, "time": end}
    expected = [difference_variance(measure, BUMPY, tau, **how) for measure in ("rmst", "milestone")]
    np.testing.assert_allclose(spread, expected, rtol=4.0 * math.sqrt(2.0 / 2_000) + 0.03)


def test_without_censoring_a_milestone_is_a_binomial() -> None:
    """S (1 - S)."""
    alive = milestone_survival(BUMPY, 4.0)
    assert difference_variance("milestone", BUMPY, 4.0) == pytest.approx(alive * (1.0 - alive), rel=1e-10)
    assert rmst(CureHazard(0.4, 0.35), 5.0) == pytest.approx(0.4 * 5.0 + 0.6 * (1 - math.exp(-1.75)) / 0.35)


@pytest.mark.parametrize("measure", ["rmst", "milestone"])
@pytest.mark.parametrize("margin", [0.0, 0.05])
def test_plans_reach_their_power(measure: str, margin: float) -> None:
    """With looks by information, each at its calendar time."""
    late = TimesRatio(from_median(3.0), (1.0, 0.6), (0.0, 1.0))
    design = group_sequential([0.7, 0.85, 1.0], power=0.85)
    trial = difference_design(
        measure, from_median(3.0), late, 4.0, uniform_accrual(5.0), design, study_duration=8.0, margin=margin
    )
    assert trial.power == pytest.approx(0.85, abs=1e-9)
    assert trial.look_times[-1] == 8.0
    whole = trial.standard_error() ** -2
    np.testing.assert_allclose([trial.standard_error(t) ** -2 / whole for t in trial.look_times], design.information)
    assert trial.to_frame()["difference_efficacy"].is_monotonic_decreasing
    assert "85.0%" in trial.summary()
    assert trial.plot().get_xlabel() == "Time since entry"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"tau": 9.0}, "tau: 9 must be below study_duration, 8"),
    ({"tau": 0.0}, "tau: 0 must be above 0"),
    ({"measure": "rmts"}, "Did you mean 'rmst'"),
    ({"experimental": from_median(2.0)}, "wrong side of the null"),
    ({"margin": -0.1}, "margin: -0.1 must not be negative"),
    ({"study_duration": 4.5}, "shorter than accrual"),
    ({"solve": "follow_up"}, "unknown value 'follow_up'"),
]


@pytest.mark.parametrize(("how", "words"), BAD)
def test_bad_plans_are_refused(how: dict[str, Any], words: str) -> None:
    """In one message."""
    asked: dict[str, Any] = {
        "measure": "rmst",
        "control": from_median(3.0),
        "experimental": from_median(5.0),
        "tau": 4.0,
        "accrual": uniform_accrual(5.0),
        "study_duration": 8.0,
    }
    with pytest.raises(InputError, match=words):
        difference_design(**{**asked, **how})


def test_a_look_too_early_for_tau_is_refused() -> None:
    """Before anybody is followed for tau nothing can be estimated, and then much is known at once."""
    with pytest.raises(InputError, match=r"information: 0\.3 is too early"):
        difference_design(
            "rmst",
            constant(0.2),
            constant(0.13),
            5.0,
            uniform_accrual(4.0),
            group_sequential([0.3, 1.0]),
            study_duration=7.0,
        )
