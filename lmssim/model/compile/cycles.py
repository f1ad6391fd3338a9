"""Compile a model in cycles: the occupancy points, their weights and discounting, and what such a model cannot say.

Point i of n + 1 stands at the end of cycle i, point 0 at time zero. A correction that values each cycle by its start
and its end has a pass for either (what is read in an expression is then that cycle's); one that weighs points has one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lmssim.errors import ScenarioError, UnsupportedError
from lmssim.model.compile.discounting import discount_rates
from lmssim.model.language.cycles import CycleClock, discount_place
from lmssim.model.program import rewards

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.compile.draft import Draft
    from lmssim.model.language.schema import Cycles

BY_CYCLE = {"start": (1.0, 0.0), "end": (0.0, 1.0), "life_table": (0.5, 0.5), "half_cycle": (0.5, 0.5)}
"""Corrections that value each cycle: weights of the occupancy at its start and at its end."""
SHARE = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""Places within a cycle."""


@dataclass(frozen=True)
class Pass:
    """One reading of the occupancy points.

    Attributes
    ----------
    weights : ndarray(float, ndim=1)
        (n + 1,) share of a cycle that each point stands for.
    late : bool
        Whether a point is read as the end of its cycle, else as the start of the next.
    """

    weights: FloatArray
    late: bool


def passes_of(spec: Cycles, n: int, where: str) -> list[Pass]:
    """Weights of the occupancy points by the stated correction.

    Raises
    ------
    ScenarioError
        If Simpson's rule is asked of an odd number of cycles.
    """
    if spec.correction in BY_CYCLE:
        result = []
        for late, weight in enumerate(BY_CYCLE[spec.correction]):
            weights = np.full(n + 1, weight)
            weights[0 if late else n] = 0.0
            if weight > 0.0:
                result.append(Pass(weights, bool(late)))
        return result
    weights = np.ones(n + 1)
    if spec.correction != "none":
        if spec.correction == "simpson" and n % 2:
            raise ScenarioError(
                f"{where}: cycles.correction = 'simpson' needs an even number of cycles; there are {n}. 'simpson_any'"
                " and 'darth_simpson' take its weights for any number."
            )
        odd, even = (2 / 3, 4 / 3) if spec.correction == "darth_simpson" else (4 / 3, 2 / 3)
        weights[1::2], weights[2::2] = odd, even
        weights[0] = weights[n] = 1 / 3
    if spec.discount_at not in (None, "point"):
        raise ScenarioError(
            f"{where}: cycles.discount_at = '{spec.discount_at}' is for corrections that value each cycle"
            f" ({', '.join(BY_CYCLE)}); '{spec.correction}' weighs points, each discounted at its own time."
        )
    return [Pass(weights, False)]


def compile_cycles(d: Draft) -> rewards.Cycles | None:
    """Points and lump sums of a model in cycles; None of any other."""
    spec, clock, settings = d.file.cycles, d.cycle, d.file.settings
    if spec is None or clock is None:
        return None
    rates = discount_rates(settings)
    ends = settings.horizon * np.arange(clock.n + 1) / clock.n
    passes = passes_of(spec, clock.n, d.where)
    points = [_points(spec, clock, one, ends, rates) for one in passes]
    lumps = _lumps(spec, clock, ends, rates)
    moves = sum(part[:, :3] for part in points) / clock.length if spec.corrects_transitions else _uncorrected(lumps)
    return rewards.Cycles(
        n=clock.n,
        n_passes=len(passes),
        per_year=clock.per_year,
        age_lag=clock.age_lag,
        times=ends,
        points=np.concatenate(points),
        lumps=np.concatenate([lumps, moves], axis=1),
    )


def _points(spec: Cycles, clock: CycleClock, one: Pass, ends: FloatArray, rates: rewards.Rates) -> FloatArray:
    """Rows of `lmssim.kernels.layout.POINT`."""
    place = discount_place(spec)
    at = ends if place == "point" else ends + (SHARE[place] - one.late) * clock.length
    years = one.weights * clock.length
    start = np.concatenate([[0.0], ends[:-1]]) if one.late else ends
    lag = np.full(len(ends), clock.length if one.late else 0.0)
    return np.stack([years, *(years * np.exp(-rate * at) for rate in rates), start, lag], axis=1)


def _lumps(spec: Cycles, clock: CycleClock, ends: FloatArray, rates: rewards.Rates) -> FloatArray:
    """First columns of `lmssim.kernels.layout.LUMP`; at time zero no cycle has passed."""
    at = ends - (1.0 - SHARE[spec.lump_sums]) * clock.length
    at[0] = 0.0
    lag = np.full(len(ends), clock.length)
    lag[0] = 0.0
    return np.stack([*(np.exp(-rate * at) for rate in rates), np.concatenate([[0.0], ends[:-1]]), lag], axis=1)


def _uncorrected(lumps: FloatArray) -> FloatArray:
    """Weights of transitions that are paid once, as other lump sums: plain, and discounted as they are."""
    return np.column_stack([np.ones(len(lumps)), lumps[:, :2]])


def refuse_continuous(d: Draft) -> None:
    """Refuse what has no meaning where time passes in cycles.

    Raises
    ------
    UnsupportedError
        If a model in cycles has such a thing; the message names it and what to do instead.
    """
    if d.cycle is None:
        return
    found = [
        f"{key}: {what}"
        for key, what in (
            ("plans", "visits between the ends of cycles"),
            ("terminal", "a window before death"),
            ("mortality", "a hazard by exact age; give the probability as a lookup table"),
        )
        if getattr(d.file, key)
    ]
    for name, state in d.flat.states.items():
        for key, what in (
            ("schedule", "ticks between the ends of cycles"),
            ("limited", "a reward for a time after entry; let it depend on time_in_state"),
            ("duration", "a fixed stay; let the probability depend on time_in_state"),
        ):
            if getattr(state, key):
                found.append(f"states.{name}.{key}: {what}")
    found += [
        f"events.{name}.utility_loss: a loss for a time after the event"
        for name, event in d.file.events.items()
        if event.utility_loss is not None
    ]
    found += [
        f"transitions[{i}].over_stay: an amount over the stay that a transition ends"
        for i, transition in enumerate(d.file.transitions, 1)
        if transition.over_stay
    ]
    if found:
        raise UnsupportedError(f"{d.where}: {found[0]} is not possible in a model in cycles.")
