"""Kinds of parameters, by which they are grouped: told by the unit, and where it does not tell, by the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmssim.model.parameters.parameter import Parameter

COSTS, UTILITIES, EFFECTS = "costs", "utilities", "effects"
PROBABILITIES, TIMES = "probabilities", "times and rates"
UNITS = {
    UTILITIES: ("utility", "loss fraction", "qaly"),
    EFFECTS: ("log hazard", "log odds", "log ratio", "hazard ratio", "odds ratio", "relative risk", "risk ratio"),
    PROBABILITIES: ("probability", "proportion", "share"),
    TIMES: ("years", "months", "weeks", "days", "per year", "per month", "per week", "per day", "per cycle"),
}
"""Beginnings of units."""
NAMES = {
    COSTS: ("c_", "cost_", "price"),
    UTILITIES: ("u_", "um_", "du_", "utility_"),
    EFFECTS: ("loghr_", "logor_", "hr_", "or_", "rr_"),
    PROBABILITIES: ("p_", "prob_"),
}
"""Beginnings of names."""


def kind_of(parameter: Parameter, currency: str) -> str:
    """Kind of a parameter; blank if neither unit nor name tells it."""
    unit, name = parameter.unit.lower(), parameter.id.lower()
    if currency and unit.startswith(currency.lower()):
        return COSTS
    for kind, beginnings in UNITS.items():
        if unit.startswith(beginnings):
            return kind
    return next((kind for kind, beginnings in NAMES.items() if name.startswith(beginnings)), "")
