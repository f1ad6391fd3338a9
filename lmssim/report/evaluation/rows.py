"""Tables of an evaluation by name: means with their errors, and rows of the incremental analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.evaluation import Evaluation

Means = dict[tuple[str, str], tuple[float, float]]
"""(strategy, outcome) to mean and standard error."""


def means_of(frame: pd.DataFrame) -> Means:
    """Means and errors of a table with columns strategy, outcome, mean and se."""
    keys = zip(frame["strategy"].astype(str), frame["outcome"].astype(str), strict=True)
    values = frame[["mean", "se"]].to_numpy(dtype=np.float64)
    return {key: (float(mean), float(se)) for key, (mean, se) in zip(keys, values, strict=True)}


@dataclass(frozen=True)
class Step:
    """A strategy in the incremental analysis.

    Attributes
    ----------
    strategy : str
        Its id.
    status : str
        As in `lmssim.economics.cea`.
    reference : str or None
        The strategy before it on the frontier.
    icer, icer_se : float
        Cost per QALY over the reference; NaN without one.
    """

    strategy: str
    status: str
    reference: str | None
    icer: float = math.nan
    icer_se: float = math.nan


def steps_of(evaluation: Evaluation) -> list[Step]:
    """The incremental analysis by ascending cost."""
    frame = evaluation.frontier
    if frame.empty:
        return []
    numbers = frame[["icer", "icer_se"]].to_numpy(dtype=np.float64)
    names = zip(frame["strategy"], frame["status"], frame["reference"], strict=True)
    return [
        Step(str(strategy), str(status), reference if isinstance(reference, str) else None, float(icer), float(se))
        for (strategy, status, reference), (icer, se) in zip(names, numbers, strict=True)
    ]
