"""Kaplan-Meier curves of the data of simulated trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.trials.tests.data import TrialData


def kaplan_meier(data: TrialData, arm: int, *, competes: bool, trial: int | None = 0) -> tuple[FloatArray, FloatArray]:
    """Times and the share without the event after each, of one arm of a trial, or of all trials together."""
    rows = slice(None) if trial is None else slice(trial, trial + 1)
    time, event = data.time[rows].ravel(), data.event[rows].ravel()
    mine = (data.arm[rows].ravel() == arm) & ~np.isnan(time)
    time, event = time[mine], event[mine] == 1 if competes else event[mine] != 0
    order = np.argsort(time, kind="stable")
    time, event = time[order], event[order]
    at, first = np.unique(time, return_index=True)
    deaths = np.add.reduceat(event.astype(np.int64), first) if len(time) else np.zeros(0, np.int64)
    at_risk = len(time) - first
    share = np.cumprod(1.0 - deaths / np.maximum(at_risk, 1))
    return np.concatenate([[0.0], at]), np.concatenate([[1.0], share])


def median_time(times: FloatArray, share: FloatArray) -> float:
    """First time at which at most half are without the event; infinite if there is none."""
    below = np.flatnonzero(share <= 0.5)
    return float(times[below[0]]) if below.size else float("inf")
