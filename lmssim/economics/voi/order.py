"""The order in which values of information must stand, and whether estimates keep it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

BROKEN = 3.0
"""Standard errors beyond which an order that must hold is broken."""
COLUMNS = ["wtp", "greater", "lesser", "difference", "se", "holds"]
Order = tuple[float, str, str, float, float, str]


def ordered(wtp: float, greater: str, lesser: str, difference: float, more: FloatArray, less: FloatArray) -> Order:
    """A comparison: its error is that of the draws, in pairs, and of the replicates that told the bias."""
    error = float(np.sqrt((more - less).var(ddof=1) + (more.var(ddof=1) + less.var(ddof=1)) / len(more)))
    holds = "yes" if difference >= 0.0 else "within error" if difference >= -BROKEN * error else "no"
    return wtp, greater, lesser, difference, error, holds
