"""A way to conduct a trial, scored on every simulated trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from lmssim.economics.voi.basis import MaskArray
    from lmssim.economics.voi.trial.looks import Looks, Stakes
    from lmssim.kernels import FloatArray, IntArray


class Scored(NamedTuple):
    """What a way of conducting the trial brought in each draw; arrays are (n_draws,)."""

    name: str
    adoption: str
    feasible: bool
    n_looks: int
    look: IntArray
    """Where the trial stopped, from 0 on."""
    adopted: IntArray
    """Strategy."""
    values: FloatArray
    """Net benefit of the population beyond that of adopting the best strategy today."""
    cost: FloatArray
    arms: FloatArray
    years: FloatArray
    patients: FloatArray


def scored(stakes: Stakes, looks: Looks, look: IntArray, adopted: IntArray, what: tuple[str, str, bool]) -> Scored:
    """A way that stops at given looks and adopts given strategies; `what` is its name, adoption and feasibility."""
    at = np.arange(len(look)), look
    sums = stakes.cost(looks)[at], stakes.arms(looks)[at], looks.years[at], looks.patients[at]
    return Scored(*what, looks.n_looks, look, adopted, stakes.payoff(looks)[*at, adopted], *sums)


def merged(name: str, part: MaskArray, one: Scored, other: Scored) -> Scored:
    """One way in some draws, another in the rest; both have as many looks."""
    arrays = (np.where(part, a, b) for a, b in zip(one[4:], other[4:], strict=True))
    return Scored(name, one.adoption, one.feasible, one.n_looks, *arrays)
