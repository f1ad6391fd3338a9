"""Tables of an evaluation by name: means with their errors, and rows of the incremental analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    per_life_year, per_life_year_se : float
        Cost per life-year over the reference; the error is the largest that it can be.
    dominated_by, tie : str or None
        Which strategy dominates it, and in what the two are equal.
    not_distinguishable : str or None
        In what it differs from that one, or from its reference, by less than the error of the difference.
    """

    strategy: str
    status: str
    reference: str | None
    icer: float = math.nan
    icer_se: float = math.nan
    per_life_year: float = math.nan
    per_life_year_se: float = math.nan
    dominated_by: str | None = None
    tie: str | None = None
    not_distinguishable: str | None = None


def steps_of(evaluation: Evaluation) -> list[Step]:
    """The incremental analysis by ascending cost."""
    frame = evaluation.frontier
    if frame.empty:
        return []
    columns = ["icer", "icer_se", "cost_per_life_year", "cost_per_life_year_se"]
    names = frame[["strategy", "status", "reference", "dominated_by", "tie", "not_distinguishable"]]
    rows = zip(names.to_numpy(dtype=object).tolist(), frame[columns].to_numpy(dtype=np.float64), strict=True)
    steps = []
    for (strategy, status, *texts), (icer, icer_se, per_life_year, per_life_year_se) in rows:
        reference, *others = (text if isinstance(text, str) else None for text in texts)
        found = float(icer), float(icer_se), float(per_life_year), float(per_life_year_se)
        steps.append(Step(str(strategy), str(status), reference, *found, *others))
    return steps


def ties_of(evaluation: Evaluation, names: Mapping[str, str]) -> list[str]:
    """Sentences that say which strategies are equal, and which cannot be told apart.

    Parameters
    ----------
    names : mapping of str to str
        Labels of the strategies.
    """
    sentences = []
    for step in steps_of(evaluation):
        other, name = step.dominated_by or step.reference, names[step.strategy]
        if other is None:
            continue
        if step.tie is not None:
            sentences.append(f"{name} has the {step.tie} as {names[other]}: dominated.")
        if step.not_distinguishable is not None:
            sentences.append(
                f"{name} is not distinguishable from {names[other]} in {step.not_distinguishable}: the difference is"
                " below its error."
            )
    return sentences


@dataclass(frozen=True)
class Cap:
    """What a cap cut off of a survival curve under a strategy: means over draws, and the most of any.

    Attributes
    ----------
    strategy, curve : str
        Whose curve.
    by : str
        The curve around it, or background mortality.
    years : float
        During which it did.
    cut_off : float
        Person-years.
    most : float
        Share of patients, at one time.
    """

    strategy: str
    curve: str
    by: str
    years: float
    cut_off: float
    most: float


def caps_of(evaluation: Evaluation) -> list[Cap]:
    """Caps in the order of strategies and curves; none of models without caps."""
    by, values = ["strategy", "curve", "capped_by"], {"years": "mean", "years_cut_off": "mean", "most_cut_off": "max"}
    frame = evaluation.caps.groupby(by, sort=False).agg(values).reset_index()
    numbers = frame[list(values)].to_numpy(dtype=np.float64)
    names = zip(*(frame[name].astype(str) for name in by), strict=True)
    return [Cap(*name, *map(float, each)) for name, each in zip(names, numbers, strict=True)]
