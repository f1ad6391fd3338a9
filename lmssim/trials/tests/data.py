"""Patients of trials, as arrays of many trials at once, and the data as they stand at a look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.errors import DataError, InputError, exact
from lmssim.kernels.trials import order, patients
from lmssim.kernels.trials.table import Trials

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from lmssim.kernels import CountArray, FloatArray, IntArray

CAUSES = 127
"""Largest code of a cause."""
LARGEST = 1e15
"""Times are below it, whatever their unit."""


@dataclass(frozen=True)
class TrialData:
    """Patients of one trial or of many trials of the same size; made by `trial_data`.

    Attributes
    ----------
    time : ndarray(float, ndim=2)
        From entry to the end of observation, (n_trials, n_patients), in any unit; NaN for patients who have not
        entered at the time of a look.
    event : ndarray(int8, ndim=2)
        0 censored, else the cause of the event.
    arm : ndarray(int8, ndim=2)
        0 control, 1 experimental.
    stratum : ndarray(int32, ndim=2)
        From 0.
    entry : ndarray(float, ndim=2), optional
        Calendar time of entry, in the unit of `time`.
    n_strata : int
        Number of strata.
    """

    time: FloatArray
    event: CountArray
    arm: CountArray
    stratum: CountArray
    entry: FloatArray | None = None
    n_strata: int = 1

    def __len__(self) -> int:
        return len(self.time)

    @cached_property
    def by_stratum(self) -> Trials:
        """The arrays in order of stratum and time, as kernels take them."""
        return self._ordered(self.stratum, self.n_strata)

    @cached_property
    def unstratified(self) -> Trials:
        """The arrays in order of time, strata disregarded."""
        return self.by_stratum if self.n_strata == 1 else self._ordered(np.zeros_like(self.stratum), 1)

    def _ordered(self, stratum: CountArray, n_strata: int) -> Trials:
        places = np.empty(self.time.shape, np.int32)
        size = np.empty(len(self), np.int64)
        order.order_by_time(self.time, stratum, n_strata, places, size)
        return Trials(self.time, self.event, self.arm, stratum, places, size)

    def ordered(self, *, stratified: bool) -> Trials:
        """`by_stratum` or `unstratified`."""
        return self.by_stratum if stratified else self.unstratified

    def events(self, cause: int = 0) -> IntArray:
        """Events of each trial, (n_trials,); of every cause if 0."""
        seen = self.event != 0 if cause == 0 else self.event == cause
        found: IntArray = np.count_nonzero(seen, axis=1).astype(np.int64)
        return found

    def at(self, calendar: float | FloatArray) -> TrialData:
        """Data as they stand at a calendar time: later entries are out, what is still open is censored.

        Parameters
        ----------
        calendar : float or ndarray(float, ndim=1)
            Of all trials, or of each.
        """
        entry = self._entries()
        when = np.ascontiguousarray(np.broadcast_to(np.asarray(calendar, dtype=np.float64), (len(self),)))
        if np.isnan(when).any():
            raise InputError("calendar: is not a number.")
        cut, seen = np.empty_like(self.time), np.empty_like(self.event)
        patients.cut_at(when, entry, self.time, self.event, cut, seen)
        return TrialData(cut, seen, self.arm, self.stratum, entry, self.n_strata)

    def time_of_event(self, count: int, cause: int = 0) -> FloatArray:
        """Calendar time of each trial's `count`-th event, (n_trials,); infinite if it never comes."""
        if count < 1:
            raise InputError(f"count: {count} must be at least 1.")
        when = np.empty(len(self))
        patients.time_of_events(count, cause, self._entries(), self.time, self.event, when)
        return when

    def _entries(self) -> FloatArray:
        if self.entry is None:
            raise InputError("entry: the data hold no times of entry, so no calendar time can be read.")
        return self.entry


def trial_data(
    time: ArrayLike,
    event: ArrayLike,
    arm: ArrayLike,
    *,
    stratum: ArrayLike | None = None,
    entry: ArrayLike | None = None,
) -> TrialData:
    """Check patients of trials and lay them out for the tests.

    Parameters
    ----------
    time : array_like
        From entry to the end of observation, (n_patients,) or (n_trials, n_patients); finite and not negative.
    event : array_like
        0 or False censored, 1 or True the event; with competing causes their codes, whole numbers up to 127. Same
        shape, as all that follow; one row is taken for all trials.
    arm : array_like
        0 or False control, 1 or True experimental.
    stratum : array_like, optional
        Names or numbers of strata.
    entry : array_like, optional
        Calendar time of entry.

    Returns
    -------
    TrialData

    Raises
    ------
    DataError
        If a value is impossible: the message names the trial and the patient, counted from 1.
    """
    times = _numbers("time", time)
    if times.ndim > 2 or times.size == 0:
        raise DataError(f"time: shape {times.shape}; give patients, or trials x patients, at least one.")
    times = np.ascontiguousarray(np.atleast_2d(times))
    _refuse("time", times, ~np.isfinite(times) | (times > LARGEST), "is no finite number")
    _refuse("time", times, times < 0.0, "is negative")
    events = _laid_out("event", _numbers("event", event), times.shape)
    known = (events >= 0) & (events <= CAUSES) & (events == np.floor(events))
    _refuse("event", events, ~known, f"is not a whole number from 0 (censored) to {CAUSES}")
    arms = _laid_out("arm", _numbers("arm", arm), times.shape)
    _refuse("arm", arms, (arms != 0) & (arms != 1), "is neither 0 (control) nor 1 (experimental)")
    entries = None
    if entry is not None:
        entries = _laid_out("entry", _numbers("entry", entry), times.shape)
        _refuse("entry", entries, ~np.isfinite(entries), "is no finite number")
    strata, count = np.zeros(times.shape, np.int32), 1
    if stratum is not None:
        names, codes = np.unique(np.asarray(stratum), return_inverse=True)
        codes = codes.reshape(np.shape(stratum))
        strata, count = _laid_out("stratum", codes, times.shape).astype(np.int32), len(names)
    return TrialData(times, events.astype(np.int8), arms.astype(np.int8), strata, entries, count)


def _numbers(name: str, values: ArrayLike) -> Any:
    """Values as floats."""
    try:
        return np.array(values, dtype=np.float64)  # a copy: the caller's array may be read-only, or change
    except (TypeError, ValueError):
        raise DataError(f"{name}: holds what is no number.") from None


def _laid_out(name: str, values: Any, shape: tuple[int, ...]) -> Any:
    """Values in the shape of the times."""
    try:
        return np.ascontiguousarray(np.broadcast_to(values, shape))
    except ValueError:
        raise DataError(f"{name}: shape {np.shape(values)} does not fit the times, {shape}.") from None


def _refuse(name: str, values: Any, bad: Any, what: str) -> None:
    """Message about the first bad value."""
    if bad.any():
        i, p = np.argwhere(bad)[0]
        where = f"patient {p + 1}" if len(values) == 1 else f"trial {i + 1}, patient {p + 1}"
        raise DataError(f"{name}: {where}: {exact(float(values[i, p]))} {what}.")
