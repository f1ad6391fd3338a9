"""What is read from the data of simulated trials at a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from lmssim.kernels.trials import survival
from lmssim.trials.planning.plan import MAXCOMBO
from lmssim.trials.tests.comparison import LOG_HAZARD_RATIO
from lmssim.trials.tests.registry import options_of, run_test
from lmssim.trials.tests.survival import arms_at

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.studies.trials.design.objects import TrialDesign
    from lmssim.trials.tests.data import TrialData

COLUMNS = (
    "calendar",
    "reached",
    "patients",
    "events_control",
    "events_experimental",
    "z",
    "estimate",
    "se",
    "survival_1_control",
    "survival_1_experimental",
    "survival_2_control",
    "survival_2_experimental",
)
"""What is kept of each look of the primary endpoint."""
SECONDARY = ("events_control", "events_experimental", "z", "estimate", "se")
"""What is kept of each other endpoint at the last look."""
BAYES = "bayes"
FEW = 1
"""Events without which nothing is compared."""
Known = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def primary_readings(design: TrialDesign, data: TrialData, calendar: FloatArray) -> FloatArray:
    """Columns of `COLUMNS` but the first two, (n_trials, 10), of data cut at calendar times."""
    cut = data.at(calendar)
    cause = 1 if design.competes else 0
    out = np.full((len(data), len(COLUMNS) - 2), np.nan)
    out[:, 0] = (~np.isnan(cut.time)).sum(axis=1)
    out[:, 1:3] = events_by_arm(cut, cause)
    both = (out[:, 1:3].sum(axis=1) >= FEW) & _both_arms(cut)
    z, estimate, se = tested(design, cut, cause)
    out[:, 3], out[:, 4], out[:, 5] = (np.where(both, each, np.nan) for each in (z, estimate, se))
    for k, when in enumerate(design.milestones):
        arms = arms_at(cut, np.full(len(data), when), cause)
        out[:, 6 + 2 * k : 8 + 2 * k] = arms[:, :, survival.SURVIVAL]
    return out


def tested(design: TrialDesign, cut: TrialData, cause: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Z, the estimated effect and its standard error; of tests of the hazard ratio, Cox's log hazard ratio.

    Z is the normal quantile of one minus the one-sided p-value, so that bounds on Z hold for every test.
    """
    options = dict(design.options)
    if "cause" in options_of(design.test) and "cause" not in options and cause:
        options["cause"] = cause
    found = run_test(design.test, cut, **options)
    z = -ndtri(found.p) if design.test == MAXCOMBO else found.z
    if found.scale != LOG_HAZARD_RATIO or design.test == BAYES:
        return z, found.estimate, found.se
    ratio = run_test("cox", cut, cause=cause)
    estimate, se = ratio.estimate, ratio.se
    if design.margin == 1.0:
        return z, estimate, se
    with np.errstate(invalid="ignore"):
        return (np.log(design.margin) - estimate) / se, estimate, se


def secondary_readings(data: TrialData, calendar: FloatArray, cause: int) -> FloatArray:
    """Columns of `SECONDARY`, (n_trials, 5): the log-rank test and Cox's log hazard ratio."""
    cut = data.at(calendar)
    out = np.full((len(data), len(SECONDARY)), np.nan)
    out[:, :2] = events_by_arm(cut, cause)
    some = (out[:, :2].sum(axis=1) >= FEW) & _both_arms(cut)
    ratio = run_test("cox", cut, cause=cause)
    found = run_test("logrank", cut, cause=cause)
    for k, values in enumerate((found.z, ratio.estimate, ratio.se), start=2):
        out[:, k] = np.where(some, values, np.nan)
    return out


def events_by_arm(cut: TrialData, cause: int) -> FloatArray:
    """Events of control and experimental arm, (n_trials, 2)."""
    seen = cut.event == cause if cause else cut.event != 0
    counts = [(seen & (cut.arm == arm)).sum(axis=1) for arm in (0, 1)]
    return np.stack(counts, axis=1).astype(np.float64)


def _both_arms(cut: TrialData) -> Known:
    inside = ~np.isnan(cut.time)
    found: Known = (inside & (cut.arm == 0)).any(axis=1) & (inside & (cut.arm == 1)).any(axis=1)
    return found
