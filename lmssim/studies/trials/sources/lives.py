"""Lives of the patients of trials as a trial sees them, whatever they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmssim.kernels import CountArray, FloatArray


@dataclass(frozen=True)
class Lives:
    """Patients of some trials in one course, (n_trials, n_patients) each array; times since randomisation.

    Attributes
    ----------
    time, event : mapping of str to ndarray
        Of each endpoint: when it ends, and how: 1 event, 2 competing event, 0 neither.
    death : ndarray(float, ndim=2)
        Infinite if there is none.
    """

    time: Mapping[str, FloatArray]
    event: Mapping[str, CountArray]
    death: FloatArray

    def until(self, limit: FloatArray) -> Lives:
        """The same, observed until a time of each patient."""
        time, event = {}, {}
        for name, t in self.time.items():
            seen = t <= limit
            time[name] = np.where(seen | np.isnan(t), t, limit)
            event[name] = np.where(seen, self.event[name], 0).astype(np.int8)
        return replace(self, time=time, event=event)


@dataclass(frozen=True)
class Cohort:
    """Patients of consecutive trials with their arms.

    Attributes
    ----------
    arm : ndarray(int8, ndim=2)
        0 control, 1 experimental.
    stratum : ndarray(int32, ndim=2)
        From 0.
    own : Lives
        In the course of the arm.
    other : Lives, optional
        In the other arm's course, with the same random numbers; if it was asked for.
    screened : int
        Patients looked at to find these.
    """

    arm: CountArray
    stratum: CountArray
    own: Lives
    other: Lives | None = None
    screened: int = 0


class Source(Protocol):
    """Where patients come from."""

    def warm(self) -> None:
        """Compile or load kernels before several threads ask for them."""

    def identity(self) -> Sequence[object]:
        """What decides the patients beside the design: plain values."""

    def cohort(
        self, first: int, n_trials: int, n: int, luck: FloatArray, seed: int, *, drawn: bool, null: bool, both: bool
    ) -> Cohort:
        """Patients of trials first, first + 1, ...

        Parameters
        ----------
        luck : ndarray(float, ndim=3)
            Uniforms of each patient, (n_trials, n, 8), see `lmssim.kernels.trials.luck`.
        drawn : bool
            Whether each trial has parameters of its own draw, which has the trial's number.
        null : bool
            Whether the experimental arm follows the control arm's course.
        both : bool
            Whether the other arm's course is wanted too.
        """
