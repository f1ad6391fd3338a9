"""Where rewards are written: the outcomes of a life, the sums by state, and how a cost is paid."""

from __future__ import annotations

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import inline
from lmssim.kernels.layout import H_N_CATEGORIES, H_N_CLOCKS, H_W_CLOCK_COUNT

LY, QALY, COST, LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED = range(6)
N_MAIN = 6
"""Main outcomes; then the discounted costs by category, then the undiscounted ones."""
STATE_YEARS, STATE_QALY, STATE_COST_UNDISCOUNTED, STATE_COST = range(4)
"""Columns of the sums by state."""
N_SUMS = 4


@inline
def pay(
    m: IntArray, worth: FloatArray, sums: FloatArray, state: int, category: int, plain: float, discounted: float
) -> None:
    """Add a cost to its category and to the state in which it fell; categories are added up at the end of a life."""
    worth[N_MAIN + category] += discounted
    worth[N_MAIN + m[H_N_CATEGORIES] + category] += plain
    sums[N_SUMS * state + STATE_COST] += discounted
    sums[N_SUMS * state + STATE_COST_UNDISCOUNTED] += plain


@inline
def add_up_costs(m: IntArray, worth: FloatArray) -> None:
    """Costs over all categories."""
    n_categories = m[H_N_CATEGORIES]
    worth[COST] = worth[COST_UNDISCOUNTED] = 0.0
    for k in range(n_categories):
        worth[COST] += worth[N_MAIN + k]
        worth[COST_UNDISCOUNTED] += worth[N_MAIN + n_categories + k]


@inline
def forget_clocks(m: IntArray, wi: IntArray) -> None:
    """Before a history is read again from its start."""
    for c in range(m[H_N_CLOCKS]):
        wi[m[H_W_CLOCK_COUNT] + c] = 0
