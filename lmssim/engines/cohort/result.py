"""What a solution without random numbers gives, in the shape of what individual engines count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray


@dataclass(frozen=True, kw_only=True)
class CohortResult:
    """Expected outcomes of covariate profiles under every strategy, for one parameter draw.

    Attributes
    ----------
    outcomes : ndarray(float, ndim=3)
        (n_profiles, n_strategies, n_outcomes): the main ones, costs by category discounted and not
        (`lmssim.kernels.rewards`).
    state : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, 4): years, discounted QALYs, costs and discounted costs by state.
    endpoint : ndarray(float, ndim=5)
        (n_profiles, n_strategies, n_endpoints, 3, n_steps + 2): probability of ending by the event, a competing event
        or censoring, by the first grid time at or after it.
    occupancy : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, n_occupancy + 2): changes of occupancy.
    entries : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_states, 2): expected entries, probability of ever entering.
    marks : ndarray(float, ndim=4)
        (n_profiles, n_strategies, n_marks, 2): expected marks, probability of at least one.
    """

    outcomes: FloatArray
    state: FloatArray
    endpoint: FloatArray
    occupancy: FloatArray
    entries: FloatArray
    marks: FloatArray
