"""What a look says, in sentences, the most important first."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.report.trials.interim.tables import effect_name
from lmssim.trials.interim.look import EFFICACY, FUTILITY, GOES_ON, OPPOSITE
from lmssim.trials.survival.difference import DifferenceDesign

if TYPE_CHECKING:
    from lmssim.trials.interim.look import InterimLook

FAR = 0.1
"""Distance of the information from the planned one that is told."""


def sentences(look: InterimLook) -> list[str]:
    """What a committee reads first."""
    return [_verdict(look), _effect_sentence(look), *_rest(look), *_caveats(look)]


def _verdict(look: InterimLook) -> str:
    z, bound, measured = look.z, look.bound, look.measured
    what = f"{measured.test.events[0]} events, " if look.is_ratio else ""
    where = f"Look {look.look} of {look.design.looks} ({what}{measured.fraction:.1%} of the planned information)"
    against = f"Z is {z:.4f}; the efficacy bound at this information is {bound_text(bound)}"
    if look.verdict == EFFICACY:
        return f"{where}: {against}. The bound is reached: the design declares efficacy."
    if look.verdict == OPPOSITE:
        return f"{where}: {against}. Z is below its negative: the design declares an effect in the other direction."
    if look.verdict == FUTILITY:
        binding = "which binds" if look.design.plan.binds else "which does not bind"
        return (
            f"{where}: {against}. Z is below the futility bound of {look.futility_bound:.4f}, {binding}: the design "
            "stops for futility."
        )
    end = "The trial goes on." if look.verdict == GOES_ON else "The bound is not reached, and no look follows."
    return f"{where}: {against}. {end}"


def effect_text(value: float) -> str:
    """An effect to three decimals, or to three digits where it is large."""
    return f"{value:.3f}" if abs(value) < 1000.0 else f"{value:.3g}"


def bound_text(value: float) -> str:
    """A bound, or that there is none."""
    return f"{value:.4f}" if math.isfinite(value) else "none, because this look does not test efficacy"


def _effect_sentence(look: InterimLook) -> str:
    best, low, high = look.repeated
    level = 1.0 - 2.0 * look.design.plan.one_sided
    name = f"{100.0 * level:.4g}% repeated confidence interval"
    said = f"The {effect_name(look)} is {effect_text(best)}; its {name} is {effect_text(low)} to {effect_text(high)}."
    if look.stopped is not None and look.stopped_effect is not None:
        middle, left, right = map(effect_text, look.stopped_effect)
        said += (
            f" If the trial stops here, the median-unbiased estimate by the stage-wise ordering is {middle} "
            f"({left} to {right}), p {look.stopped.p_value:.4f}."
        )
    return said


def _rest(look: InterimLook) -> list[str]:
    if not look.powers:
        return []
    powers = look.powers
    said = (
        f"The probability that a later look declares efficacy is {powers['planned']:.1%} under the planned effect, "
        f"{powers['observed']:.1%} under the observed effect and {powers['none']:.1%} without an effect (conditional "
        f"power); averaged over what is known of the effect it is {powers['predictive']:.1%} (predictive probability, "
        f"prior: {look.prior_words})."
    )
    return [said, *_dates(look)]


def _dates(look: InterimLook) -> list[str]:
    """When the next look is expected."""
    later = look.later_looks()
    if not later:
        return []
    number, events, (time, early, late) = later[0]
    if not math.isfinite(time):
        return [f"Look {number} needs {events:.0f} events, which are never expected at the hazards observed so far."]
    dates = [look.patients.date(t) for t in (time, early, late)]
    dated = look.patients.origin is not None
    dated = dated and all(date or not math.isfinite(t) for date, t in zip(dates, (time, early, late), strict=True))
    shown = [(d or "never") if dated else time_text(t) for d, t in zip(dates, (time, early, late), strict=True)]
    unit = "" if dated else f" {look.patients.unit} after the first entry"
    return [
        f"Look {number} needs {events:.0f} events; at the hazards observed so far they are expected at {shown[0]} "
        f"({shown[1]} to {shown[2]}){unit}."
    ]


def _caveats(look: InterimLook) -> list[str]:
    said = []
    if look.earlier_as_planned:
        said.append("Earlier looks are taken to have had the planned information; --earlier states what they had.")
    if look.is_ratio and look.margin != 1.0:
        said.append(f"Z is Wald's, of Cox's model, against the margin of {look.margin:g}.")
    planned = look.plan.design.information
    if look.look <= len(planned) and abs(planned[look.look - 1] - look.measured.fraction) > FAR:
        said.append(
            f"The plan has this look at {planned[look.look - 1]:.1%} of the information, far from what is there; the "
            "bound is that of the information that is there."
        )
    if look.is_ratio and look.measured.effect is look.measured.test:
        said.append(
            "One arm alone has events, so Cox's hazard ratio is 0 or infinite; the estimate and its interval are the "
            "one-step ones of the log-rank test."
        )
    trial = look.plan.trial
    if isinstance(trial, DifferenceDesign) and look.patients.data.time[0].max() < trial.tau:
        said.append(f"Nobody has been observed up to {trial.tau:g}; the curves keep their last values from there on.")
    return said


def time_text(value: float) -> str:
    """A time to one decimal."""
    return "-" if math.isnan(value) else "never" if math.isinf(value) else f"{value:.1f}"
