"""Where rewards are written: the outcomes of a life, the sums by state, and how a cost is paid.

After the cost categories stand further sums (counts of events, years in states, ...), which are carried as costs are
but belong to no cost, are discounted as effects, and are not replaced by terminal care.
"""

from __future__ import annotations

from lmssim.kernels import FloatArray, IntArray
from lmssim.kernels.jit import inner

# one name a line would fill the page
# isort: off
from lmssim.kernels.layout import (
    H_COMBINED, H_COMBINED_WEIGHT, H_N_CATEGORIES, H_N_CLOCKS, H_N_COMBINED, H_N_PAID, H_W_CLOCK_COUNT,
)
# isort: on

LY, QALY, COST, LY_UNDISCOUNTED, QALY_UNDISCOUNTED, COST_UNDISCOUNTED = range(6)
N_MAIN = 6
"""Main outcomes; then the discounted costs by category and further sums, then the undiscounted ones."""
STATE_YEARS, STATE_QALY, STATE_COST_UNDISCOUNTED, STATE_COST = range(4)
"""Columns of the sums by state."""
N_SUMS = 4


@inner
def pay(
    m: IntArray, worth: FloatArray, sums: FloatArray, state: int, category: int, plain: float, discounted: float
) -> None:
    """Add a cost to its category and to the state in which it fell; categories are added up at the end of a life."""
    worth[N_MAIN + category] += discounted
    worth[N_MAIN + m[H_N_CATEGORIES] + category] += plain
    if category < m[H_N_PAID]:
        sums[N_SUMS * state + STATE_COST] += discounted
        sums[N_SUMS * state + STATE_COST_UNDISCOUNTED] += plain


@inner
def discounted_as(m: IntArray, category: int, cost: float, effect: float) -> float:
    """The first of two discounted values for a cost category, the second for a further sum."""
    return cost if category < m[H_N_PAID] else effect


@inner
def is_among(m: IntArray, categories: int, category: int) -> bool:
    """Whether a cost category is one of those given as bits; no further sum is."""
    return category < m[H_N_PAID] and (categories >> category) & 1 != 0


@inner
def add_up_costs(m: IntArray, f: FloatArray, worth: FloatArray) -> None:
    """Costs over all categories, then the further sums that combine others."""
    n_categories = m[H_N_CATEGORIES]
    worth[COST] = worth[COST_UNDISCOUNTED] = 0.0
    for k in range(m[H_N_PAID]):
        worth[COST] += worth[N_MAIN + k]
        worth[COST_UNDISCOUNTED] += worth[N_MAIN + n_categories + k]
    for k in range(m[H_N_COMBINED]):
        pair, weight = m[H_COMBINED] + 2 * k, f[m[H_COMBINED_WEIGHT] + k]
        target, source = N_MAIN + m[pair], N_MAIN + m[pair + 1]
        worth[target] += weight * worth[source]
        worth[target + n_categories] += weight * worth[source + n_categories]


@inner
def forget_clocks(m: IntArray, wi: IntArray) -> None:
    """Before a history is read again from its start."""
    for c in range(m[H_N_CLOCKS]):
        wi[m[H_W_CLOCK_COUNT] + c] = 0
