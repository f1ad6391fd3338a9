"""The list of main outcomes names the positions that kernels write to."""

from __future__ import annotations

from lmssim.kernels import ledger
from lmssim.outcomes.main import DISCOUNTED, MAIN, UNDISCOUNTED, cost_positions, position_of


def test_every_position_has_a_name() -> None:
    """Each once, in the order of the kernels; the costs by category follow."""
    assert [outcome.position for outcome in MAIN.values()] == list(range(ledger.N_MAIN))
    discounted, undiscounted = cost_positions(0, 3, 3)
    assert [*discounted, *undiscounted] == list(range(ledger.N_MAIN, ledger.N_MAIN + 6))


def test_further_sums_stand_after_the_costs() -> None:
    """Discounted and undiscounted ones each after their cost categories."""
    costs, further = cost_positions(0, 2, 5), cost_positions(2, 5, 5)
    positions = [*costs[0], *further[0], *costs[1], *further[1]]
    assert positions == list(range(ledger.N_MAIN, ledger.N_MAIN + 10))


def test_every_discounted_outcome_has_an_undiscounted_one() -> None:
    """Of the same unit."""
    assert [id_ for id_ in MAIN if id_ not in DISCOUNTED] == [f"{id_}{UNDISCOUNTED}" for id_ in DISCOUNTED]
    for id_ in DISCOUNTED:
        plain = MAIN[f"{id_}{UNDISCOUNTED}"]
        assert not plain.discounted
        assert plain.unit == MAIN[id_].unit


def test_names_are_those_of_the_kernels() -> None:
    """Position by position."""
    names = {"life_years": "LY", "qalys": "QALY", "cost": "COST"}
    for id_, constant in names.items():
        assert position_of(id_) == getattr(ledger, constant)
        assert position_of(f"{id_}{UNDISCOUNTED}") == getattr(ledger, f"{constant}_UNDISCOUNTED")


def test_costs_are_in_the_scenario_s_currency() -> None:
    """Other outcomes keep their units."""
    assert MAIN["cost"].unit_in("GBP") == "GBP"
    assert MAIN["qalys"].unit_in("GBP") == "QALYs"
