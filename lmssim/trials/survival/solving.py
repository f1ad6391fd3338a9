"""One search for sample sizes and times: where a quantity that grows reaches what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.optimize import brentq

from lmssim.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

WIDEST = 2.0**40
"""Multiple of the start, up and down, that is searched."""


def root_above(missing: Callable[[float], float], start: float, what: str) -> float:
    """Where a rising function is 0.

    Parameters
    ----------
    missing : callable
        What is there less what is wanted.
    start : float
        Where to begin, above 0.
    what : str
        What is too short if there is no such place.
    """
    low = high = start
    if missing(start) < 0.0:
        while missing(high) < 0.0:
            low, high = high, 2.0 * high
            if high > WIDEST * start:
                raise InputError(f"events: the power asked for is never reached, however long the {what}.")
    else:
        while missing(low) > 0.0:
            low, high = 0.5 * low, low
            if low < start / WIDEST:
                raise InputError(f"events: the power asked for is there at once; no {what} is needed.")
    return float(brentq(missing, low, high, xtol=1e-12 * high, rtol=1e-13))
