"""A replayed result beside the published one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.studies.trials.bundled.replay import Printed, pooled_curves, run_replay
from lmssim.studies.trials.conduct.curves import kaplan_meier, median_time
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.result import AT
from lmssim.studies.trials.study import simulate_trials
from lmssim.studies.trials.work import work_of

N_TRIALS = 60


def test_results_are_those_of_the_trials() -> None:
    """Hazard ratios at each analysis are the study's; medians and shares are those of each trial's curve."""
    asked = [
        Printed("pfs", "hazard_ratio", 0.41, analysis=1),
        Printed("pfs", "hazard_ratio", 0.37, analysis=2),
        Printed("os", "median", 24.0, arm="control", analysis=2),
        Printed("os", "survival", 0.68, arm="experimental", at=24.0, analysis=2),
    ]
    found = run_replay("lms04", asked, N_TRIALS, 3)
    looks = simulate_trials("lms04", n_trials=N_TRIALS, seed=3).planned.looks[:, 0, :, AT["estimate"]]
    assert list(found["simulated"][:2]) == pytest.approx(list(np.exp(looks.mean(axis=0))))
    data = work_of(load_trial("lms04"), N_TRIALS, seed=3).followed("os", N_TRIALS)
    medians = [median_time(*kaplan_meier(data, 0, competes=False, trial=k)) for k in range(N_TRIALS)]
    assert found["simulated"][2] == np.median(medians)
    alive = [((data.time > 24.0) & (data.arm == 1))[k].sum() / (data.arm[k] == 1).sum() for k in range(N_TRIALS)]
    assert found["simulated"][3] == pytest.approx(np.mean(alive), abs=1e-12)  # nobody is censored before


def test_median_is_the_first_time_below_half() -> None:
    """And infinite where more than half have no event."""
    assert median_time(np.array([0.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.2])) == 2.0
    assert math.isinf(median_time(np.array([0.0, 2.0]), np.array([1.0, 0.6])))


def test_all_trials_together() -> None:
    """One curve an arm, from 1 down."""
    curves = pooled_curves("lms04", ("pfs", "os"), 5, 3)
    for arms in curves.values():
        for times, share in arms:
            assert times[0] == 0.0
            assert share[0] == 1.0
            assert (np.diff(share) <= 0.0).all()


def test_a_median_needs_an_arm() -> None:
    """And survival a time."""
    with pytest.raises(InputError, match="needs an arm"):
        run_replay("lms04", [Printed("os", "median", 24.0)], 2, 3)
    with pytest.raises(InputError, match="survival a time"):
        run_replay("lms04", [Printed("os", "survival", 0.5, arm="control")], 2, 3)
