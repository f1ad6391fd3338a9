"""An interim look: the bound at the information that is there, the test, what it says of the rest of the trial."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lmssim.errors import InputError, exact
from lmssim.trials import checks
from lmssim.trials.estimates import StoppedEstimate, estimate_after_stop
from lmssim.trials.interim.projection import Outlook, outlook
from lmssim.trials.sequential.conditional import NormalPrior
from lmssim.trials.survival.design import SurvivalDesign
from lmssim.trials.survival.difference import RMST, DifferenceDesign
from lmssim.trials.survival.weighted import WeightedDesign
from lmssim.trials.tests import cox, logrank, milestone, rmst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.trials.interim.patients import TrialPatients
    from lmssim.trials.planning.plan import TrialPlan
    from lmssim.trials.sequential.design import GroupSequentialDesign
    from lmssim.trials.tests import Comparison

EFFICACY, OPPOSITE, FUTILITY, GOES_ON, NOT_REACHED = "efficacy", "opposite", "futility", "goes on", "not reached"
"""Verdicts."""


@dataclass(frozen=True)
class Measured:
    """What the data say of the effect.

    Attributes
    ----------
    test : Comparison
        The test of the design; one trial.
    effect : Comparison
        Where the interval of the effect comes from: Cox's hazard ratio, or the test itself.
    z : float
        Z in the direction of the planned effect, against the margin.
    information : float
        Statistical information so far: the log-rank variance, or 1 / SE^2.
    whole : float
        The same at information fraction 1, as planned: events, or 1 / SE^2.
    fraction : float
        Information fraction so far.
    """

    test: Comparison
    effect: Comparison
    z: float
    information: float
    whole: float
    fraction: float


@dataclass(frozen=True)
class InterimLook:
    """A look at the data of a trial.

    Attributes
    ----------
    plan : TrialPlan
        The design file.
    patients : TrialPatients
        The data.
    design : GroupSequentialDesign
        At the information that was observed.
    look : int
        Number of the look, from 1.
    measured : Measured
        The effect.
    earlier_as_planned : bool
        Whether earlier looks are taken to have had the planned information.
    prior : NormalPrior
        Of the expected final Z, for the predictive probability.
    prior_words : str
        The prior in words.
    outlook : Outlook, optional
        Hazards for dates of further looks; none without entries, or at the final look.
    margin : float
        Hazard ratio, or loss, of the null hypothesis.
    sign : float
        -1 if the plan expects the experimental arm to have the higher hazard.
    """

    plan: TrialPlan
    patients: TrialPatients
    design: GroupSequentialDesign
    look: int
    measured: Measured
    earlier_as_planned: bool
    prior: NormalPrior
    prior_words: str
    outlook: Outlook | None
    margin: float
    sign: float

    @property
    def is_final(self) -> bool:
        """Whether no look follows."""
        return self.look == self.design.looks

    @property
    def is_ratio(self) -> bool:
        """Whether the effect is a hazard ratio."""
        return not isinstance(self.plan.trial, DifferenceDesign)

    @property
    def z(self) -> float:
        """Z in the direction of the planned effect."""
        return self.measured.z

    @property
    def bound(self) -> float:
        """Efficacy bound on Z."""
        return self.design.efficacy[self.look - 1]

    @property
    def futility_bound(self) -> float:
        """Futility bound on Z; minus infinity where there is none."""
        return -math.inf if self.is_final else self.design.futility[self.look - 1]

    @property
    def verdict(self) -> str:
        """What the bounds say."""
        if self.z >= self.bound:
            return EFFICACY
        if self.design.sides == 2:
            if self.z <= -self.bound:
                return OPPOSITE
            stops = abs(self.z) < self.futility_bound
        else:
            stops = self.z < self.futility_bound
        if stops:
            return FUTILITY
        return NOT_REACHED if self.is_final else GOES_ON

    def effect_of(self, z: float) -> float:
        """Effect that a Z amounts to at the information so far: a hazard ratio, or a difference."""
        shift = z / math.sqrt(self.measured.information)
        if self.is_ratio:
            return self.margin * math.exp(-self.sign * shift)
        return self.sign * shift - self.margin

    # === The rest of the trial ===

    @property
    def planned_drift(self) -> float:
        """Expected Z at information 1 under the plan."""
        trial = self.plan.trial
        if isinstance(trial, SurvivalDesign) and not math.isfinite(trial.drift):
            return trial.means[-1] / math.sqrt(trial.design.information[-1])
        return trial.drift if isinstance(trial, SurvivalDesign | DifferenceDesign) else self.design.drift

    @property
    def observed_drift(self) -> float:
        """Expected Z at information 1 if the effect is as observed."""
        return self.z / math.sqrt(self.measured.fraction)

    def conditional_power(self, drift: float) -> float:
        """Probability that a later look declares efficacy."""
        return self.design.conditional_power(self.look, self.z, drift)

    @cached_property
    def powers(self) -> dict[str, float]:
        """Conditional power under the planned, the observed and no effect, and the predictive probability."""
        if self.is_final:
            return {}
        return {
            "planned": self.conditional_power(self.planned_drift),
            "observed": self.conditional_power(self.observed_drift),
            "none": self.conditional_power(0.0),
            "predictive": self.design.predictive_power(self.look, self.z, self.prior),
        }

    @cached_property
    def repeated(self) -> tuple[float, float, float]:
        """Effect with its repeated confidence interval, on its own scale (a hazard ratio, or a difference)."""
        best, width = float(self.measured.effect.estimate[0]), self.bound * float(self.measured.effect.se[0])
        ends = (best, best - width, best + width)
        if not self.is_ratio:
            return ends
        return math.exp(ends[0]), _exp(ends[1]), _exp(ends[2])

    @cached_property
    def stopped(self) -> StoppedEstimate | None:
        """Stage-wise estimate if the trial stops here: where a bound is crossed, and at the final look."""
        wedge = self.design.sides == 2 and self.design.plan.futility is not None
        if wedge or self.verdict == GOES_ON:
            return None
        return estimate_after_stop(self.design, self.look, self.z)

    @cached_property
    def stopped_effect(self) -> tuple[float, float, float] | None:
        """The same on the scale of the effect: median-unbiased, low, high."""
        if self.stopped is None:
            return None
        root = math.sqrt(self.measured.fraction)
        found = [self.effect_of(drift * root) for drift in (self.stopped.drift, self.stopped.low, self.stopped.high)]
        return found[0], min(found[1:]), max(found[1:])

    def later_looks(self) -> list[tuple[int, float, tuple[float, float, float]]]:
        """Number, events and calendar time (with 90% limits) of each look that follows."""
        if self.outlook is None:
            return []
        found = []
        for k in range(self.look, self.design.looks):
            events = float(math.ceil(round(self.design.information[k] * self.measured.whole, 6)))
            found.append((k + 1, events, self.outlook.interval(events)))
        return found


def _exp(value: float) -> float:
    """Exponential without overflow."""
    return math.inf if value > 700.0 else math.exp(value)


def look_at(
    plan: TrialPlan,
    patients: TrialPatients,
    *,
    look: int | None = None,
    earlier: Sequence[float] = (),
    final: bool | None = None,
    planned_events: float | None = None,
    prior: tuple[float, float] | None = None,
    lost_after: float | None = None,
) -> InterimLook:
    """Look at the data of a trial.

    Parameters
    ----------
    plan : TrialPlan
        From `load_plan`.
    patients : TrialPatients
        From `read_patients`.
    look : int, optional
        Number of the look, from 1: one more than `earlier` looks, else the planned look with the nearest information.
    earlier : sequence of float
        Events of the looks before (of restricted means and milestones, information fractions); as planned if empty.
    final : bool, optional
        Whether this is the final analysis, which spends all of alpha that is left; if it is the last look, if absent.
    planned_events : float, optional
        Events at the final look, if the design states bounds alone.
    prior : pair of float, optional
        Median hazard ratio and standard deviation of its log, for the predictive probability; flat if absent.
    lost_after : float, optional
        See `outlook`.

    Raises
    ------
    InputError
        If the data and the design do not fit.
    """
    before = 0.0
    for value in earlier:
        if not before < checks.positive("--earlier", value):
            raise InputError(f"--earlier: {exact(value)} does not lie above {exact(before)}; the looks must ascend.")
        before = value
    measured, margin, sign = _measured(plan, patients, planned_events)
    number = _number(plan, measured.fraction, look, earlier)
    past, as_planned = _before(plan, measured, number, earlier)
    is_final = number == plan.design.looks if final is None else final
    design = plan.design.at_information((*past, measured.fraction), final=is_final)
    belief, words = _prior(plan, measured, prior, margin, sign)
    trial = plan.trial
    projected = None
    if patients.data.entry is not None and not isinstance(trial, DifferenceDesign) and number < design.looks:
        accrual = trial.accrual if trial is not None else None
        allocation = trial.population.allocation if trial is not None else 1.0
        projected = outlook(patients, accrual, allocation, lost_after)
    return InterimLook(plan, patients, design, number, measured, as_planned, belief, words, projected, margin, sign)


# === Information and effect ===


def _measured(plan: TrialPlan, patients: TrialPatients, planned_events: float | None) -> tuple[Measured, float, float]:
    """The effect, the margin, and -1 if the plan expects the experimental arm to have the higher hazard."""
    trial, data = plan.trial, patients.data
    if isinstance(trial, WeightedDesign):
        raise InputError("endpoint.test: maxcombo is planned with its final look alone, so it has no interim look.")
    if isinstance(trial, DifferenceDesign):
        if planned_events is not None:
            raise InputError("--planned-events: the design counts information, not events; leave it out.")
        found = rmst(data, tau=trial.tau, cause=1) if trial.measure == RMST else milestone(data, at=trial.tau, cause=1)
        se = float(found.se[0])
        if not se > 0.0:
            raise InputError(f"time: no variance by {exact(trial.tau)}, so the arms cannot be compared there yet.")
        whole = trial.standard_error() ** -2 / trial.design.information[-1]
        sign = 1.0 if trial.difference + trial.margin >= 0.0 else -1.0
        z = sign * (float(found.estimate[0]) + trial.margin) / se
        return Measured(found, found, z, se**-2, whole, se**-2 / whole), trial.margin, sign
    whole = _planned_events(plan, planned_events)
    test, effect = logrank(data, cause=1), cox(data, cause=1)
    if not math.isfinite(float(test.z[0])):
        raise InputError(
            "event: the arms cannot be compared: at the time of every event one arm alone is at risk, or all who are "
            "at risk have it."
        )
    margin, sign = (trial.margin, -1.0 if trial.is_harmful else 1.0) if trial is not None else (1.0, 1.0)
    se = float(test.se[0])
    z = sign * float(test.z[0])
    if not math.isfinite(float(effect.se[0])):  # one arm alone has events: Cox's ratio is 0 or infinite
        if margin != 1.0:
            raise InputError("event: one arm alone has events, so the hazard ratio cannot be set against the margin.")
        effect = test
    if margin != 1.0:
        se = float(effect.se[0])
        z = sign * (math.log(margin) - float(effect.estimate[0])) / se
    events = float(test.events[0])
    return Measured(test, effect, z, se**-2, whole, events / whole), margin, sign


def _planned_events(plan: TrialPlan, planned_events: float | None) -> float:
    """Events at information fraction 1."""
    last = plan.design.information[-1]
    if plan.trial is None:
        if planned_events is None:
            raise InputError("--planned-events: the design states bounds alone; say how many events its last look has.")
        return checks.positive("--planned-events", planned_events) / last
    if planned_events is not None:
        raise InputError("--planned-events: the design states its events already; leave it out.")
    assert isinstance(plan.trial, SurvivalDesign)
    return plan.trial.events / last


# === Which look ===


def _number(plan: TrialPlan, fraction: float, look: int | None, earlier: Sequence[float]) -> int:
    """Number of this look."""
    planned = plan.design.information
    if look is None:
        nearest = min(range(len(planned)), key=lambda k: abs(planned[k] - fraction))
        look = len(earlier) + 1 if earlier else nearest + 1
    if earlier and len(earlier) != look - 1:
        raise InputError(f"--earlier: {len(earlier)} looks before look {look}; give the events of each of them.")
    if not 1 <= look <= len(planned):
        raise InputError(f"--look: {look} is not a look of the design, 1 to {len(planned)}.")
    return look


def _before(
    plan: TrialPlan, measured: Measured, number: int, earlier: Sequence[float]
) -> tuple[tuple[float, ...], bool]:
    """Information fractions of the looks before, and whether they are the planned ones."""
    counted = not isinstance(plan.trial, DifferenceDesign)
    scale = measured.whole if counted else 1.0
    before = tuple(float(x) / scale for x in earlier) or plan.design.information[: number - 1]
    if before and before[-1] > measured.fraction - checks.CLOSEST:
        now = f"{measured.fraction * scale:.6g}" if counted else f"{measured.fraction:.3f}"
        then = f"{before[-1] * scale:.6g}" if counted else f"{before[-1]:.3f}"
        what = f"{'events' if counted else 'of the information'}{'' if earlier else ' as planned'}"
        raise InputError(
            f"--earlier: look {number - 1} has {then} {what}, look {number} has {now}; give what each earlier look "
            "had, or another --look."
        )
    return before, not earlier and number > 1


def _prior(
    plan: TrialPlan, measured: Measured, prior: tuple[float, float] | None, margin: float, sign: float
) -> tuple[NormalPrior, str]:
    """Prior of the expected final Z."""
    if prior is None:
        return NormalPrior(), "flat"
    if isinstance(plan.trial, DifferenceDesign):
        raise InputError("--prior: is of a hazard ratio; of restricted means and milestones the prior is flat.")
    ratio, sd = checks.positive("--prior", prior[0]), checks.positive("--prior", prior[1])
    root = math.sqrt(measured.information / measured.fraction)
    belief = NormalPrior(-sign * math.log(ratio / margin) * root, sd * root)
    return belief, f"median hazard ratio {exact(ratio)}, standard deviation of its log {exact(sd)}"
