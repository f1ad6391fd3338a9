"""Means and errors from the tables of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmssim.report.parts.digits import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

NAMED = 3
"""Strategies that a sentence names, at most."""
LOST = "If a strategy gains fewer QALYs and costs less, the ratio is what is saved for each QALY lost."


def error_words(*, exact: bool) -> str:
    """What stands behind ±."""
    return "± error of the profiles and steps of the solution" if exact else "± Monte-Carlo standard error"


def people_words(n: int, *, exact: bool) -> str:
    """How many patients, or profiles of the population."""
    return f"{n:,} solved profile{'s' if n > 1 else ''} of the population" if exact else f"{n:,} patients"


def open_words(labels: Mapping[str, str], undecided: Sequence[str]) -> str:
    """Strategies of which errors leave open which is better, the first by name and others counted."""
    names, more = [labels[s] for s in undecided[:NAMED]], len(undecided) - NAMED
    others = [f"{more} other{'s' if more > 1 else ''}"] if more > 0 else []
    return listed([*names, *others], "or")


def mean_and_error(frame: pd.DataFrame, **where: object) -> tuple[float, float]:
    """Mean and standard error of the one row whose columns have these values."""
    (mean,), (error,) = (column(frame, name, **where) for name in ("mean", "se"))
    return mean, error


def column(frame: pd.DataFrame, name: str, **where: object) -> list[float]:
    """Numbers of a column in the rows whose other columns have these values."""
    met = np.ones(len(frame), dtype=bool)
    for key, value in where.items():
        met &= (frame[key] == value).to_numpy()
    return [float(value) for value in frame[name].to_numpy(dtype=np.float64)[met]]
