"""Simulated trials with exponential patients, or piecewise constant hazards: for power, error rates and speed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import InputError, exact
from lmssim.kernels.trials.patients import Hazards, fill_trials
from lmssim.trials.tests.data import TrialData

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import CountArray, FloatArray

MOST_PATIENTS = 1_000_000
LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, kw_only=True)
class ExponentialPatients:
    """Who enters a trial, and their hazards; all times in one unit, years say.

    Attributes
    ----------
    n : int
        Patients of both arms.
    hazard : float or sequence of float
        Hazard of the event in the control arm; piecewise with `breaks`.
    hazard_ratio : float or sequence of float
        Experimental to control; one for each piece, or for all.
    breaks : sequence of float
        Times since entry at which hazards change.
    accrual : float
        Time over which entries are uniform; 0 if all enter at once.
    dropout : float
        Hazard of dropout in both arms.
    competing : float or pair of float
        Hazard of a competing event; of control and experimental arm if they differ.
    ratio : pair of int
        Allocation, control to experimental: patients enter by turns in blocks of this composition.
    """

    n: int
    hazard: float | Sequence[float]
    hazard_ratio: float | Sequence[float] = 1.0
    breaks: Sequence[float] = ()
    accrual: float = 0.0
    dropout: float = 0.0
    competing: float | Sequence[float] = 0.0
    ratio: tuple[int, int] = (1, 1)

    def hazards(self) -> Hazards:
        """Hazards as kernels take them.

        Raises
        ------
        InputError
            If a value is impossible.
        """
        cuts = np.array(self.breaks, dtype=np.float64).reshape(-1)
        if len(cuts) and not (np.isfinite(cuts).all() and cuts[0] > 0.0 and (np.diff(cuts) > 0.0).all()):
            raise InputError("breaks: must be finite times above 0 that ascend.")
        control = _spread("hazard", self.hazard, len(cuts) + 1)
        experimental = control * _spread("hazard_ratio", self.hazard_ratio, len(cuts) + 1)
        competing, dropout = _spread("competing", self.competing, 2), _spread("dropout", self.dropout, 2)
        return Hazards(np.ascontiguousarray(np.stack([control, experimental])), cuts, competing, dropout)

    def arms(self) -> CountArray:
        """Arm of each patient, (n,)."""
        if not 2 <= self.n <= MOST_PATIENTS:
            raise InputError(f"n: {self.n} must be from 2 to {MOST_PATIENTS:,}.")
        if len(self.ratio) != 2 or min(self.ratio) < 0 or max(self.ratio) > 100 or sum(self.ratio) == 0:
            raise InputError(f"ratio: {self.ratio} must be two whole numbers from 0 to 100, not both 0.")
        block = np.repeat(np.array([0, 1], np.int8), self.ratio)
        return np.ascontiguousarray(np.resize(block, self.n))

    def simulate(self, n_trials: int, seed: int = 1, first: int = 0) -> TrialData:
        """Trials followed to every patient's event, competing event or dropout; `TrialData.at` cuts them at a look.

        Parameters
        ----------
        n_trials : int
            How many.
        seed : int
            Of all random numbers.
        first : int
            Number of the first trial: trial k is the same, whichever others are simulated with it.

        Returns
        -------
        TrialData
            Cause 1 the event, 2 the competing event. Whom nothing befalls is censored at an infinite time.
        """
        if not 0.0 <= self.accrual < np.inf:
            raise InputError(f"accrual: {exact(self.accrual)} must be a time, 0 or more.")
        if n_trials < 1 or first < 0 or not 0 <= seed <= LARGEST_SEED:
            raise InputError(
                f"n_trials, first, seed: {n_trials}, {first}, {seed} must not be negative, n_trials above 0."
            )
        arms, shape = self.arms(), (n_trials, self.n)
        entry, time, event = np.empty(shape), np.empty(shape), np.empty(shape, np.int8)
        fill_trials(seed, first, arms, float(self.accrual), self.hazards(), entry, time, event)
        whole = np.ascontiguousarray(np.broadcast_to(arms, shape))
        return TrialData(time, event, whole, np.zeros(shape, np.int32), entry)


def _spread(name: str, value: float | Sequence[float], n: int) -> FloatArray:
    """A rate for each of `n` pieces or arms."""
    found = np.array(value, dtype=np.float64).reshape(-1)
    if len(found) == 1:
        found = np.repeat(found, n)
    if len(found) != n:
        raise InputError(f"{name}: {len(found)} values; give one, or {n}.")
    if not (np.isfinite(found).all() and (found >= 0.0).all()):
        raise InputError(f"{name}: every value must be a finite number, 0 or more.")
    return found
