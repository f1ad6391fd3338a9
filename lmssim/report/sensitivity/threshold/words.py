"""What a threshold analysis found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.report.parts.digits import amount, listed, plain, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.studies.sensitivity.paired.varied import varied_of
from lmssim.studies.sensitivity.threshold.result import PRICE, REGRESSION

if TYPE_CHECKING:
    from lmssim.economics.increments import Estimate
    from lmssim.studies.sensitivity.threshold.result import ThresholdStudy
    from lmssim.studies.sensitivity.threshold.search import Crossing

LONGEST = 60
DIGITS = 7
"""Significant digits of a value that is solved."""


def value_text(value: Estimate, *, exact: bool = False) -> str:
    """A value with the digits that its error leaves."""
    mean, se = value
    if exact or not math.isfinite(se) or se <= abs(mean) * 10.0**-DIGITS:
        return f"{mean:,.{DIGITS}g}"
    return with_error(mean, se)


def sentences(found: ThresholdStudy) -> list[str]:
    """The answer, the most important first."""
    said = [_at_wtp(found, wtp) for wtp in found.wtps]
    return [*said, _present(found), *method_sentences(found)]


def _at_wtp(found: ThresholdStudy, wtp: float) -> str:
    labels, crossings = strategy_labels(found.scenario, LONGEST), found.crossings[wtp]
    at = f"At {amount(wtp)} per QALY"
    if found.kind == PRICE:
        against, strategy = (labels[name] for name in found.among)
        if not crossings:
            lead = labels[found.leader(0, wtp)]
            ends = f"{plain(found.grid[0])} and {plain(found.grid[-1])}"
            return f"{at} no price between {ends} makes {strategy} and {against} equal: {lead} leads throughout."
        prices, name = listed([value_text(each.value) for each in crossings]), short(found.label, LONGEST)
        return f"{at} the value-based price of {name} is {prices} ({strategy} against {against})."
    if not crossings:
        return f"{at} {labels[found.leader(0, wtp)]} leads throughout."
    if len(crossings) > 1:
        return f"{at} the decision changes {len(crossings)} times: {'; '.join(_crossing(found, c) for c in crossings)}."
    return f"{at} the decision changes at {_crossing(found, crossings[0])}."


def _crossing(found: ThresholdStudy, each: Crossing) -> str:
    labels = strategy_labels(found.scenario, LONGEST)
    near = f"; errors do not tell {listed([labels[name] for name in each.near])} from them" if each.near else ""
    return f"{value_text(each.value)} ({labels[each.below]} below it, {labels[each.above]} above it{near})"


def _present(found: ThresholdStudy) -> str:
    unit = f" ({found.unit})" if found.unit else ""
    return (
        f"{short(found.label, 90)}, {found.parameter}{unit}: {plain(found.present)} in the scenario; looked for "
        f"between {plain(found.grid[0])} and {plain(found.grid[-1])}: {len(found.grid)} values were run, and where the "
        "lead differs between two that stand side by side the value was closed in on. Two changes between such values "
        "are not seen."
    )


def method_sentences(found: ThresholdStudy) -> list[str]:
    """How the runs were made."""
    made = found.made
    if made["exact"]:
        return ["Solved exactly, the other parameters at their values; ± is the error by steps of time."]
    if found.method == REGRESSION:
        return [_regression(found), *_far_out(found)]
    who = "one solution" if made.get("solved") else f"{made['patients']:,} patients"
    if made["draws"]:
        who = f"expectations over {made['draws']:,} draws of the other parameters with {who} each"
    else:
        who = f"{who}, the other parameters at their values"
    return [
        f"Simulated: {who}, the same at every value; ± is the standard error of the value, from that of the difference "
        "of the two strategies there."
    ]


def _regression(found: ThresholdStudy) -> str:
    """How expectations given a parameter were made."""
    made = found.made
    each = "each solved" if made.get("solved") else f"of {made['patients']:,} patients each"
    return (
        "The parameter is drawn jointly with others, so that it is not held: what is expected given its value is "
        f"followed, with everything that comes with it, by regression on {made['draws']:,} joint draws {each}; "
        "± is the standard error of the value, from that of the difference of the two strategies there."
    )


def _far_out(found: ThresholdStudy) -> list[str]:
    """That an error is too small where draws are few."""
    varied = varied_of(found.program)[found.parameter]
    values = [each.value.mean for crossings in found.crossings.values() for each in crossings]
    if all(varied.low <= value <= varied.high for value in values):
        return []
    return [
        f"Beyond the parameter's 95% interval ({plain(varied.low)} to {plain(varied.high)}) draws are few, and the "
        "curve may bend unseen: the error of a threshold there is larger than ± says."
    ]
