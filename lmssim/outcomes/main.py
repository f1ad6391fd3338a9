"""The main outcomes, by name: their labels, units, and positions among the outcomes that engines give.

Kernels know positions alone (`lmssim.kernels.ledger`); whoever reads results takes names, labels and units from here.
"""

from __future__ import annotations

from dataclasses import dataclass

from lmssim.kernels import ledger

LY, QALYS, COST = "life_years", "qalys", "cost"
"""Ids of the discounted outcomes, in the order of their positions."""
UNDISCOUNTED = "_undiscounted"
"""End of the id of an outcome that is not discounted."""


@dataclass(frozen=True)
class MainOutcome:
    """A main outcome.

    Attributes
    ----------
    id : str
        Its name in tables.
    label : str
        Its name in reports.
    unit : str
        Blank for the scenario's currency.
    position : int
        Among the outcomes that engines give.
    discounted : bool
    """

    id: str
    label: str
    unit: str
    position: int
    discounted: bool

    def unit_in(self, currency: str) -> str:
        """Its unit, given the scenario's currency."""
        return self.unit or currency


MAIN = {
    outcome.id: outcome
    for outcome in (
        MainOutcome(LY, "Life-years", "years", ledger.LY, True),
        MainOutcome(QALYS, "QALYs", "QALYs", ledger.QALY, True),
        MainOutcome(COST, "Cost", "", ledger.COST, True),
        MainOutcome(LY + UNDISCOUNTED, "Life-years, undiscounted", "years", ledger.LY_UNDISCOUNTED, False),
        MainOutcome(QALYS + UNDISCOUNTED, "QALYs, undiscounted", "QALYs", ledger.QALY_UNDISCOUNTED, False),
        MainOutcome(COST + UNDISCOUNTED, "Cost, undiscounted", "", ledger.COST_UNDISCOUNTED, False),
    )
}
"""Main outcomes by id, in the order of tables."""
DISCOUNTED = tuple(id_ for id_, outcome in MAIN.items() if outcome.discounted)


def position_of(outcome: str) -> int:
    """Position of a main outcome among those that engines give."""
    return MAIN[outcome].position


def cost_positions(first: int, last: int, n_categories: int) -> tuple[range, range]:
    """Positions of some cost categories or further sums after the main outcomes, discounted and undiscounted.

    Parameters
    ----------
    first, last : int
        Numbers among categories and further sums, the last one excluded.
    n_categories : int
        Categories and further sums in all.
    """
    start, stop = ledger.N_MAIN + first, ledger.N_MAIN + last
    return range(start, stop), range(start + n_categories, stop + n_categories)
