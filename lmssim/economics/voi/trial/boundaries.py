"""Bounds of a group-sequential test, held against the statistics of simulated trials that never stop by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.voi.basis import MaskArray
    from lmssim.kernels import FloatArray, IntArray


class Decisions(NamedTuple):
    """Where each simulated trial stops under a rule, and what its test then says; (n_draws,) each."""

    look: IntArray
    """From 0 on."""
    success: MaskArray
    """Whether the test says to adopt the new arm."""


@dataclass(frozen=True)
class Boundaries:
    """Bounds on a statistic that is positive in favour of the new arm.

    Attributes
    ----------
    efficacy : sequence of float
        (n_looks,): from here up the trial stops and the new arm is adopted; infinite where it does not stop.
    futility : sequence of float, optional
        (n_looks,): from here down the trial stops and the standard arm is adopted; never before the end if absent.
    """

    efficacy: Sequence[float]
    futility: Sequence[float] | None = None

    def decisions(self, z: FloatArray) -> Decisions:
        """Decisions of trials at the first bound that each crosses, or at its end.

        Parameters
        ----------
        z : ndarray(float, ndim=2)
            (n_draws, n_looks): NaN crosses nothing.
        """
        above = z >= np.asarray(self.efficacy)  # a comparison with NaN is false
        stop = above.copy()
        if self.futility is not None:
            stop |= z <= np.asarray(self.futility)
        stop[:, -1] = True
        look = stop.argmax(axis=1)
        return Decisions(look, above[np.arange(len(z)), look])
