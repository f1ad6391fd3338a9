"""Mixture cures that a patient meets again: out of a state that can be entered a second time, on a clock that restarts.

A paper that estimated such a curve once, from the first entry, has another clock; then the later entries are not its.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.kernels.layout import CLOCK_ENTRY, NONE
from lmssim.model.program.rows import Hazard

if TYPE_CHECKING:
    from lmssim.model.program import Program
    from lmssim.model.program.rows import Rows


def restarted_cures(program: Program) -> list[str]:
    """Each such transition, as `source -> target`, and whether its cure is drawn anew.

    Returns
    -------
    list of str
        In file order; empty if there is none.
    """
    again, found = _entered_again(program.rows), []
    for transition, (source, target, reason) in zip(program.rows.transitions, program.transitions, strict=True):
        timing = transition.timing
        if not isinstance(timing, Hazard) or timing.cure == NONE or not again[transition.source]:
            continue
        if timing.cure_redraw or timing.clock == CLOCK_ENTRY:
            cure = "cure drawn anew" if timing.cure_redraw else "cure kept"
            found.append(f"{source} -> {target or reason} ({cure})")
    return found


def _entered_again(rows: Rows) -> np.ndarray:
    """By state, whether a way leads from it back to it."""
    n = len(rows.states)
    reached = np.zeros((n, n), dtype=bool)
    for state in rows.states:
        reached[state.number, [t.to for t in state.transitions if t.to >= 0]] = True
        reached[state.number, [branch.to for branch in state.branches]] = True
    for _ in range(n.bit_length()):
        reached = reached | (reached @ reached)
    return np.diagonal(reached)
