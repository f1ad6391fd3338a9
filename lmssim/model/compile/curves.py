"""Partitioned survival: curves become transitions of a chain of states, in which solvers of curves find their numbers.

Curve k stands where patients would go from state k to state k + 1. So families, effects, parameters and rewards are
compiled as those of any model; what the curves do not tell (who is where before death, when a stay began) is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.errors import UnsupportedError

if TYPE_CHECKING:
    from lmssim.model.compile.draft import Draft


def compile_curves(d: Draft) -> int | None:
    """Multiplier of the floor, a ref, if the curves have one; values that change within a stay are refused."""
    spec = d.file.partitioned_survival
    if spec is None:
        return None
    floor = None
    if spec.background == "floor":
        floor = d.code.ref(spec.multiplier, f"{d.where}: partitioned_survival.multiplier", "multiplier")
    for code in d.code.codes:
        if d.names.depends_on_time(code.node):
            raise UnsupportedError(
                f"{code.where}: may not depend on age or time in a partitioned survival model; it is read at time zero."
            )
    return floor
