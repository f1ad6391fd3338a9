"""Summaries of simulated trials as columns of a regression, trials without an estimate among them.

A trial may give no estimate: of a milestone that nobody reached, of a hazard ratio without events. That is a result
too, and known to who decides. So a gap is filled with the median of the trials that gave the estimate, and a column
of its own says where there was none: the fit gives trials without an estimate a level of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray

RARE = 20
"""Trials below which neither their gaps nor their estimates are told apart: so few would fit their own noise."""


def state_columns(summaries: FloatArray) -> FloatArray:
    """Columns for a regression, finite, (n_draws, n_columns).

    Parameters
    ----------
    summaries : ndarray(float, ndim=2)
        (n_draws, n_features): NaN where a trial gave no estimate. An infinite estimate counts as the most extreme
        finite one, so that its sign is kept.
    """
    columns: list[FloatArray] = []
    gaps: dict[bytes, FloatArray] = {}
    for values in summaries.T:
        gap = np.isnan(values)
        if (~gap).sum() >= RARE and np.isfinite(values).any():
            columns.append(_filled(values, gap))
        if RARE <= gap.sum() <= len(gap) - RARE:
            gaps.setdefault(gap.tobytes(), gap.astype(np.float64))
    return np.column_stack([*columns, *gaps.values()]) if columns or gaps else np.zeros((len(summaries), 0))


def _filled(values: FloatArray, gap: FloatArray) -> FloatArray:
    """A feature without gaps and infinities."""
    finite = values[np.isfinite(values)]
    found: FloatArray = np.where(gap, np.median(finite), np.clip(values, finite.min(), finite.max()))
    return found


def share_without(summaries: FloatArray) -> float:
    """Share of trials that gave no estimate of something that others gave."""
    gap = ~np.isfinite(summaries)
    some = gap[:, ~gap.all(axis=0)]
    return float(some.any(axis=1).mean())
