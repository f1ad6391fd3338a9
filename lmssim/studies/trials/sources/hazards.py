"""Patients whose hazards the design states: of an event, of death before it, and of death after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from lmssim.errors import InputError
from lmssim.kernels.trials import luck as numbers
from lmssim.kernels.trials.luck import allocate
from lmssim.studies.trials.design.keys import AFTER, DEATH, EVENT
from lmssim.studies.trials.sources.lives import Cohort, Lives
from lmssim.trials.survival.hazards import NONE, CureHazard, PiecewiseHazard

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import CountArray, FloatArray
    from lmssim.studies.trials.design.objects import Arm, Ratio, TrialDesign, TrialEndpoint
    from lmssim.trials.survival.hazards import Hazard

COLUMNS = {EVENT: numbers.EVENT, DEATH: numbers.DEATH, AFTER: numbers.AFTER}


class HazardSource:
    """Patients with an event, death before it and death after it.

    Notes
    -----
    The first two race; death after the event runs on the time since the event. A hazard ratio with a delay d multiplies
    the hazard from d on, by the clock on which the hazard runs.
    """

    def __init__(self, design: TrialDesign) -> None:
        self.design = design
        self.arms = design.arms

    def warm(self) -> None:
        """Compile or load kernels before several threads ask for them."""
        shape = np.zeros((1, 1), np.int32)
        luck = np.full((1, 1, numbers.N_UNIFORMS), 0.5)
        numbers.fill_luck(0, 0, luck)
        allocate(1, 1, 1, luck[:, :, 0].copy(), shape, np.zeros((1, 1), np.int8))

    def identity(self) -> list[object]:
        """Nothing beside the design."""
        return []

    def cohort(
        self, first: int, n_trials: int, n: int, luck: FloatArray, seed: int, *, drawn: bool, null: bool, both: bool
    ) -> Cohort:
        """Patients of trials first, first + 1, ..., as `Source.cohort`."""
        stratum = np.zeros((n_trials, n), np.int32)
        arm = np.empty((n_trials, n), np.int8)
        allocate(*self.design.allocation, 1, np.ascontiguousarray(luck[:, :, numbers.ALLOCATION]), stratum, arm)
        in_control = self._course(self.arms[0], luck, drawn=drawn)
        in_experimental = in_control if null else self._course(self.arms[1], luck, drawn=drawn)
        own = _chosen(arm == 0, in_control, in_experimental)
        other = _chosen(arm == 1, in_control, in_experimental) if both else None
        return Cohort(arm, stratum, own, other, n_trials * n)

    def _course(self, arm: Arm, luck: FloatArray, *, drawn: bool) -> Lives:
        """Everybody in the course of an arm."""
        times = {}
        for name, column in COLUMNS.items():
            base = self.arms[0].hazards.get(name, NONE) if name not in arm.hazards else arm.hazards[name]
            ratio = next((r for r in arm.ratios if r.transition == name), None)
            budget = -np.log(luck[:, :, column])
            times[name] = time_of(base, budget, ratio, _factor(ratio, luck, drawn=drawn))
        event, before = times[EVENT], times[DEATH]
        has_event = event < before
        death = np.where(has_event, event + times[AFTER], before)
        ended = {name: _endpoint(spec, event, has_event, death) for name, spec in self.design.endpoints.items()}
        return Lives({name: t for name, (t, _) in ended.items()}, {name: e for name, (_, e) in ended.items()}, death)


def _factor(ratio: Ratio | None, luck: FloatArray, *, drawn: bool) -> FloatArray | float:
    """Hazard ratio of each trial: the stated one, or a draw from its prior by the trial's own number."""
    if ratio is None:
        return 1.0
    if not drawn or ratio.log_sd == 0.0:
        return ratio.value
    spread = ndtri(luck[:, :1, numbers.SPARE])
    factors: FloatArray = np.exp(ratio.log_mean + ratio.log_sd * spread)
    return factors


def time_of(base: Hazard, budget: FloatArray, ratio: Ratio | None, factor: FloatArray | float) -> FloatArray:
    """When a hazard, times a ratio from a delay on, has used up unit-exponential budgets."""
    if ratio is None:
        return inverse(base, budget)
    spent = float(base.cumulative(ratio.delay))
    return inverse(base, np.where(budget <= spent, budget, spent + (budget - spent) / factor))


def inverse(hazard: Hazard, budget: FloatArray) -> FloatArray:
    """Time at which the cumulative hazard reaches a budget; infinite if never."""
    if isinstance(hazard, CureHazard):
        left = (np.exp(-budget) - hazard.cured) / (1.0 - hazard.cured)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: FloatArray = np.where(left > 0.0, -np.log(left) / hazard.uncured_rate, np.inf)
        return found
    if not isinstance(hazard, PiecewiseHazard):
        raise InputError("hazard: only constant, piecewise constant and cured ones can be simulated.")
    starts, rates = np.array(hazard.starts), np.array(hazard.rates)
    sums = hazard.cumulative(starts)
    piece = np.searchsorted(sums, budget, side="right") - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        times: FloatArray = np.where(rates[piece] > 0.0, starts[piece] + (budget - sums[piece]) / rates[piece], np.inf)
    return times


def _endpoint(
    spec: TrialEndpoint, event: FloatArray, has_event: Any, death: FloatArray
) -> tuple[FloatArray, CountArray]:
    """When an endpoint ends, and how."""
    counted = EVENT in (spec.events or ())
    first = np.where(has_event & counted, event, np.inf)
    other = np.where(has_event & (EVENT in spec.competing), event, np.inf)
    code = {"event": 1, "competing": 2, "censoring": 0}[spec.death]
    time = np.minimum(np.minimum(first, other), death)
    kind = np.where(first <= time, 1, np.where(other <= time, 2, code))
    return time, np.where(np.isfinite(time), kind, 0).astype(np.int8)


def _chosen(control: Any, a: Lives, b: Lives) -> Lives:
    """Lives of the control course for some patients, of the experimental one for the others."""

    def each(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
        return {name: np.where(control, left[name], right[name]) for name in left}

    return Lives(each(a.time, b.time), each(a.event, b.event), np.where(control, a.death, b.death))
