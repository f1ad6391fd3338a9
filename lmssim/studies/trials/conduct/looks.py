"""When the analyses of a trial are made: by events, patients, the calendar or follow-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import CountArray, FloatArray
    from lmssim.studies.trials.design.objects import Analysis, TrialDesign
    from lmssim.trials.tests.data import TrialData

Reached = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def events_needed(design: TrialDesign, analysis: Analysis, n: int) -> int | None:
    """Events of an analysis among `n` patients: as many for each patient as the design plans."""
    if analysis.events is None:
        return None
    return max(round(analysis.events * n / design.patients), 1)


def look_times(design: TrialDesign, data: TrialData) -> tuple[FloatArray, Reached]:
    """Calendar time of each analysis of each trial, and whether what it waits for has come.

    Returns
    -------
    time : ndarray(float, ndim=2)
        (n_trials, n_analyses), ascending; where what is waited for never comes, when all patients have been followed to
        their end.
    reached : ndarray(bool, ndim=2)
    """
    assert data.entry is not None
    n = data.time.shape[1]
    ends = np.where(np.isnan(data.time), -np.inf, data.entry + data.time)
    entered = np.where(np.isnan(data.entry), -np.inf, data.entry).max(axis=1)
    last = np.maximum(np.where(np.isfinite(ends), ends, -np.inf).max(axis=1), np.maximum(entered, 0.0))
    times: list[FloatArray] = []
    reached: list[Reached] = []
    for analysis in design.analyses:
        when = _when(design, analysis, data, n)
        came = np.isfinite(when)
        if analysis.latest is not None:
            came &= when <= analysis.latest
            when = np.minimum(when, analysis.latest)
        when = np.where(np.isfinite(when), when, last)
        times.append(when if not times else np.maximum(when, times[-1]))
        reached.append(came)
    return np.stack(times, axis=1), np.stack(reached, axis=1)


def _when(design: TrialDesign, analysis: Analysis, data: TrialData, n: int) -> FloatArray:
    """Calendar time of an analysis, infinite if it never comes."""
    assert data.entry is not None
    entered = np.where(np.isnan(data.entry), -np.inf, data.entry)
    found: list[FloatArray] = []
    events = events_needed(design, analysis, n)
    if events is not None:
        found.append(data.time_of_event(events, 1 if design.competes else 0))
    if analysis.patients is not None:
        count = min(max(round(analysis.patients * n / design.patients), 1), n)
        found.append(np.where(np.isnan(data.entry[:, count - 1]), np.inf, data.entry[:, count - 1]))
    if analysis.calendar is not None:
        found.append(np.full(len(data), analysis.calendar))
    if analysis.follow_up is not None:
        found.append(entered.max(axis=1) + analysis.follow_up)
    if not found:
        return np.full(len(data), np.inf)
    stacked = np.stack(found)
    chosen: FloatArray = stacked.max(axis=0) if analysis.combine == "all" else stacked.min(axis=0)
    return chosen


def closed_accrual(design: TrialDesign, entry: FloatArray, n: int) -> tuple[FloatArray, CountArray]:
    """Entries when accrual is judged on its way, and which trials stop for it.

    A trial that stops keeps those who have entered by then; who would have entered later has NaN.
    """
    if design.check_at is None:
        return entry, np.zeros(len(entry), np.int8)
    by_then = (entry[:, :n] <= design.check_at).sum(axis=1)
    stops = by_then < design.check_below * n
    closed = np.where(stops[:, None] & (entry > design.check_at), np.nan, entry)
    return closed, stops.astype(np.int8)


def stopped_looks(
    design: TrialDesign, when: FloatArray, reached: Reached, stopped: CountArray
) -> tuple[FloatArray, Reached]:
    """Analyses of trials, of which some stop when accrual is judged: these are read as they stand then."""
    if design.check_at is None:
        return when, reached
    ends = stopped[:, None] != 0
    return np.where(ends, design.check_at, when), reached & ~ends
