"""The order of bars by length, and how much of it the errors of the lengths leave standing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.economics.lead import Z975
from lmssim.economics.ties import RELATIVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.studies.sensitivity.one_way.bar import Bar


class Place(NamedTuple):
    """Where a bar stands: 1 is the longest.

    Attributes
    ----------
    bar : Bar
        The bar.
    rank, rank_low, rank_high : int
        Its rank, and the ranks that it may have: bars that are longer, or shorter, beyond the error of the difference
        of two lengths (95%) are counted out.
    told_from_next : bool
        Whether the next bar is shorter beyond that error.
    """

    bar: Bar
    rank: int
    rank_low: int
    rank_high: int
    told_from_next: bool


def placed(bars: Sequence[Bar], wtp: float) -> list[Place]:
    """Bars by length at a willingness to pay, the longest first; of equal ones the first given."""
    widths = [bar.width(wtp) for bar in bars]
    order = sorted(range(len(bars)), key=lambda k: (-widths[k].size, k))
    sizes = np.array([widths[k].size for k in order])
    gaps = sizes[:, None] - sizes
    error = _errors([bars[k] for k in order], [widths[k].deviations for k in order])
    longer = gaps > np.maximum(Z975 * error, RELATIVE * np.maximum(sizes[:, None], sizes))
    n = len(bars)
    return [
        Place(
            bars[k],
            rank=i + 1,
            rank_low=int(longer[:, i].sum()) + 1,
            rank_high=n - int(longer[i].sum()),
            told_from_next=i + 1 == n or bool(longer[i, i + 1]),
        )
        for i, k in enumerate(order)
    ]


def _errors(bars: Sequence[Bar], deviations: Sequence[FloatArray]) -> FloatArray:
    """Standard error of the difference of each two lengths: of one sample its units are paired."""
    own = np.array([float(each @ each) for each in deviations])
    variance = own[:, None] + own
    for sample in {bar.sample for bar in bars}:
        index = [k for k, bar in enumerate(bars) if bar.sample == sample]
        both = np.stack([deviations[k] for k in index])
        variance[np.ix_(index, index)] -= 2.0 * (both @ both.T)
    error: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return error
