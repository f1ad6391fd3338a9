"""A trial whose result is replayed: each published result beside what simulated trials of its size give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from lmssim.errors import InputError
from lmssim.studies.trials.conduct.curves import kaplan_meier, median_time
from lmssim.studies.trials.design.keys import ARMS
from lmssim.studies.trials.design.reading import load_trial
from lmssim.studies.trials.work import work_of
from lmssim.trials.tests.registry import run_test

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.data import TrialData

HAZARD_RATIO, MEDIAN, SURVIVAL = "hazard_ratio", "median", "survival"
STATISTICS = (HAZARD_RATIO, MEDIAN, SURVIVAL)
RANGE = (0.025, 0.975)


@dataclass(frozen=True)
class Printed:
    """A published result.

    Attributes
    ----------
    endpoint : str
        Of the design.
    statistic : str
        `hazard_ratio`, `median` or `survival`.
    value : float
        Hazard ratio, time, or share.
    arm : str
        Of medians and survival.
    at : float, optional
        Time of survival.
    analysis : int
        Analysis at whose time it is read, from 1.
    low, high : float, optional
        Its published 95% interval.
    """

    endpoint: str
    statistic: str
    value: float
    arm: str = ""
    at: float | None = None
    analysis: int = 1
    low: float | None = None
    high: float | None = None
    source: str = ""


def run_replay(
    design: str, printed: Sequence[Printed], n_trials: int, seed: int, given: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Published results beside simulated trials.

    Returns
    -------
    DataFrame
        endpoint, statistic, arm, at, analysis, published, published_low, published_high, source, simulated (mean of the
        trials; geometric of hazard ratios; median of medians), low and high (95% of the trials).
    """
    work = work_of(load_trial(design, given), n_trials, seed=seed)
    held: dict[tuple[str, int], TrialData] = {}
    rows = []
    for each in printed:
        key = each.endpoint, each.analysis
        if key not in held:
            held[key] = work.followed(each.endpoint, n_trials, analysis=each.analysis)
        values = _values(each, held[key])
        low, high = np.quantile(values, RANGE)
        rows.append(
            {
                "endpoint": each.endpoint,
                "statistic": each.statistic,
                "arm": each.arm,
                "at": each.at,
                "analysis": each.analysis,
                "published": each.value,
                "published_low": each.low,
                "published_high": each.high,
                "source": each.source,
                "simulated": _middle(each, values),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def _middle(each: Printed, values: FloatArray) -> float:
    if each.statistic == HAZARD_RATIO:
        return float(np.exp(np.log(values).mean()))
    return float(np.median(values) if each.statistic == MEDIAN else values.mean())


def _values(each: Printed, data: TrialData) -> FloatArray:
    """The result of each trial."""
    if each.statistic == HAZARD_RATIO:
        ratios: FloatArray = np.exp(run_test("cox", data).estimate)
        return ratios
    timed = (each.statistic == SURVIVAL) == (each.at is not None)
    if each.arm not in ARMS or each.statistic not in STATISTICS or not timed:
        raise InputError(f"{each.endpoint}: {each.statistic!r} needs an arm, and survival a time.")
    arm = ARMS.index(each.arm)
    curves = [kaplan_meier(data, arm, competes=False, trial=trial) for trial in range(len(data))]
    if each.statistic == MEDIAN:
        return np.array([median_time(*curve) for curve in curves])
    assert each.at is not None
    when = each.at
    return np.array([share[np.searchsorted(times, when, side="right") - 1] for times, share in curves])


def pooled_curves(
    design: str, endpoints: Sequence[str], n_trials: int, seed: int
) -> dict[str, list[tuple[FloatArray, FloatArray]]]:
    """Kaplan-Meier of all patients of all trials together, control and experimental, by endpoint."""
    work = work_of(load_trial(design), n_trials, seed=seed)
    found = {}
    for name in endpoints:
        data = work.followed(name, n_trials)
        found[name] = [kaplan_meier(data, arm, competes=False, trial=None) for arm in range(len(ARMS))]
    return found
