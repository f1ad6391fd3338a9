"""Models without individual courses: in cycles, and of partitioned survival."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lmssim.model.language.schema.course import Effects, Hazard
from lmssim.model.language.schema.words import Id, Section, Value


class Cycles(Section):
    """A model in cycles (classic Markov): transitions have probabilities, rewards fall by occupancy points."""

    length: Value
    """Years in a cycle: a number, or arithmetic such as "1/12"."""
    n: int | None = Field(default=None, ge=1)
    """Number of cycles; n x length must be the horizon."""
    correction: Literal["start", "end", "life_table", "half_cycle", "none", "simpson", "simpson_any", "darth_simpson"]
    """Weights of the occupancy points."""
    discount_at: Literal["point", "start", "middle", "end"] | None = None
    """Time to which rewards are discounted: of the occupancy point, or of the cycle's start, middle or end."""
    lump_sums: Literal["start", "middle", "end"] = "end"
    """Where in its cycle a lump sum (entry, transition, event) is discounted; whole in any case."""
    corrects_transitions: bool = False
    """Whether costs and QALYs of transitions fall under the correction, as occupancy does, in place of being paid once.
    """
    age: Literal["start", "end"] = "start"
    """Whether `age` is that at the start or at the end of the cycle."""


class Curve(Section):
    """A survival curve from time zero: the share of patients whom it still holds."""

    hazard: Hazard
    """Family and parameters; the clock is `model` (`entry` means the same) or `age`."""
    effects: Effects = {}
    """Effects of covariates and of attributes set at the start."""


class PartitionedSurvival(Section):
    """A model declared by nested survival curves: a state holds who is under a curve and not under the one before."""

    states: list[str]
    """States from the first, under the innermost curve, to death, above the outermost: one more than there are curves.
    """
    curves: dict[Id, Curve]
    """Curves from the innermost to the outermost, such as progression-free and overall survival."""
    background: Literal["none", "floor"] = "none"
    """`floor`: the hazard of every curve is at least that of the mortality table, as each of them ends at death."""
    multiplier: Value = 1.0
    """Of the background hazard."""
    crossing: Literal["refuse", "cap"] = "refuse"
    """What happens where a curve lies above the one around it: an error, or it is capped and the time is reported."""
