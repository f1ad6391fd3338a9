"""What the cohort engine gives: expected outcomes of each profile under each strategy, in the shape of the others'."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program


@dataclass(frozen=True, kw_only=True)
class CohortResult:
    """Expectations per person; NaN where something is not computed.

    Attributes
    ----------
    outcomes : ndarray(float, ndim=3)
        (n_profiles, n_strategies, n_outcomes), as `lmssim.kernels.ledger` has them.
    state : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, 4): sums by state.
    endpoint : ndarray(float, ndim=5)
        (n_profiles, n_strategies, n_endpoints, 3, n_steps + 2): probability of event, competing event and censoring in
        each step of time since the origin.
    early : ndarray(float, ndim=5)
        (n_profiles, n_strategies, n_endpoints, 2, n_steps + 2): where in their steps the events fall, as
        `lmssim.kernels.tally.Counts.early`.
    occupancy : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, n_occupancy + 2): changes of occupancy.
    entries : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, 2): entries, probability of ever entering.
    marks : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_marks, 2): marks, probability of at least one.
    trace : ndarray(float, ndim=4) or None
        (n_profiles, n_strategies, n_points, n_states): occupancy at the ends of cycles, of a model in cycles.
    caps : ndarray(float, ndim=4) or None
        (n_profiles, n_strategies, n_caps, 3): of a partitioned survival model, what caps cut off of its curves: the
        years during which they did, person-years, and the most at one time.
    """

    outcomes: FloatArray
    state: FloatArray
    endpoint: FloatArray
    early: FloatArray
    occupancy: FloatArray
    entries: FloatArray
    marks: FloatArray
    trace: FloatArray | None = None
    caps: FloatArray | None = None

    def of(self, profiles: IntArray, n_strategies: int | None = None) -> CohortResult:
        """Expectations of some profiles under the first strategies."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: a[profiles, :n_strategies] for name, a in arrays.items() if a is not None})

    def repeated(self, n: int) -> CohortResult:
        """The one strategy's expectations in the place of each of `n`."""
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: a.repeat(n, axis=1) for name, a in arrays.items() if a is not None})

    def averaged(self, weights: FloatArray) -> CohortResult:
        """Expectations over the profiles, in the shape of a single one.

        Parameters
        ----------
        weights : ndarray(float, ndim=1)
            (n_profiles,); only their ratios matter.
        """
        shares = weights / weights.sum()
        arrays = {each.name: getattr(self, each.name) for each in fields(self)}
        means = {
            name: (array * shares.reshape(-1, *[1] * (array.ndim - 1))).sum(axis=0, keepdims=True)
            for name, array in arrays.items()
            if array is not None
        }
        return replace(self, **means)

    def capped(self, weights: FloatArray) -> FloatArray | None:
        """What caps cut off, (n_strategies, n_caps, 3): averages over the profiles, and the most of any."""
        if self.caps is None:
            return None
        mean = np.tensordot(weights / weights.sum(), self.caps, axes=1)
        mean[..., 2] = self.caps[..., 2].max(axis=0)
        return mean


def trace_table(program: Program, result: CohortResult, weights: FloatArray) -> pd.DataFrame:
    """Trace by cycle, averaged over profiles: strategy, cycle, time (years), and a column by state.

    Parameters
    ----------
    weights : ndarray(float, ndim=1)
        (n_profiles,) weights of the profiles; only their ratios matter.
    """
    trace = result.averaged(weights).trace
    assert trace is not None
    n_points = trace.shape[2]
    horizon = program.scenario.file.settings.horizon
    parts = []
    for s, strategy in enumerate(program.strategies):
        frame = pd.DataFrame({"strategy": strategy, "cycle": range(n_points)})
        frame["time"] = frame["cycle"] * horizon / (n_points - 1)
        for k, state in enumerate(program.states):
            frame[state] = trace[0, s, :, k]
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)
