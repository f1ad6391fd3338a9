"""What a cost per QALY gained says at the end of a bar, and where it says nothing.

A ratio is read from the north-east quadrant of the cost-effectiveness plane: a strategy that costs more and gains more.
Elsewhere the same number means something else, or nothing, so that an end of a bar is one of these cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.economics.lead import Z975
from lmssim.economics.ties import differ

if TYPE_CHECKING:
    from lmssim.economics.one_way.paired import Paired

RATIO = "cost per QALY gained"
NOTHING = "nothing changed"
DOMINATED = "dominated"
DOMINANT = "dominant"
TURNED = "changed direction"
SOUTH_WEST = "south-west quadrant"
CASES = (RATIO, NOTHING, DOMINATED, DOMINANT, TURNED, SOUTH_WEST)
MEANING = {
    RATIO: "it costs more and gains more, as in the base case or unlike it: the ratio is what a QALY gained costs",
    NOTHING: "neither increment differs from the base case beyond its error",
    DOMINATED: "it costs more and gains no more: there is no ratio",
    DOMINANT: "it costs no more and gains more, or as much for less: there is no ratio",
    TURNED: "the base case is in the north-east and this end in the south-west quadrant, or the other way round: the "
    "two ratios are not to be compared, because one is read upside down",
    SOUTH_WEST: "it costs less and gains less, as in the base case or unlike it: the ratio is what is saved by a QALY "
    "lost, and a greater one is better",
}
"""What each case says of a strategy against another one."""


def quadrant_of(cost: float, effect: float, sizes: tuple[float, float] = (0.0, 0.0)) -> str:
    """`RATIO` (north-east), `SOUTH_WEST`, `DOMINATED` or `DOMINANT`; ties as `lmssim.economics.ties` has them.

    Parameters
    ----------
    cost, effect : float
        Increments.
    sizes : tuple of float
        Of the costs and of the effects that these are differences of.
    """
    dearer, cheaper = (s * cost > 0.0 and differ(cost, 0.0, size=sizes[0]) for s in (1.0, -1.0))
    better, worse = (s * effect > 0.0 and differ(effect, 0.0, size=sizes[1]) for s in (1.0, -1.0))
    if dearer:
        return RATIO if better else DOMINATED
    if cheaper:
        return SOUTH_WEST if worse else DOMINANT
    return DOMINANT if better else DOMINATED if worse else NOTHING


def case_of(base: Paired, change: Paired, end: Paired) -> str:
    """The case of an end of a bar.

    Parameters
    ----------
    base, end : Paired
        Increments in the base case, and at the end.
    change : Paired
        What the end adds to the base case, with the error of the difference.
    """
    moved = any(
        abs(each.mean) > Z975 * each.se and differ(each.mean, 0.0, size=abs(of.mean))
        for each, of in ((change.cost, base.cost), (change.effect, base.effect))
    )
    if not moved:
        return NOTHING
    found, before = quadrant_of(*end.mean.tolist()), quadrant_of(*base.mean.tolist())
    return TURNED if {found, before} == {RATIO, SOUTH_WEST} else found


def is_sure(end: Paired) -> bool:
    """Whether chance leaves no doubt of the quadrant."""
    return all(abs(each.mean) > Z975 * each.se for each in (end.cost, end.effect))
