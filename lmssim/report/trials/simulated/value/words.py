"""What a trial is worth, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.economics.voi.trial.comparison import BY_TEST, ON_VALUE
from lmssim.report.parts.digits import plain, with_error

if TYPE_CHECKING:
    from lmssim.studies.trials.value.study import TrialValue

CLEAR = 2.0
"""Standard errors beyond which a difference is told as one."""
POOR_FIT = 4.5
"""Largest t of mean residuals above which a fit misses something."""


def value_sentences(value: TrialValue) -> list[str]:
    """Sentences that go with the page's answer."""
    return [_information(value), _best(value), *_level(value), *_stopping(value), *_doubts(value)]


def _information(value: TrialValue) -> str:
    frame = value.value
    row = frame[(frame["n"] == value.design.patients) & (frame["best"] == "no")].iloc[0]
    text = (
        f"With {value.design.patients} patients the trial's result is worth {with_error(row['evsi'], row['se'])} "
        f"{value.currency} a patient whose treatment it decides, at {plain(value.terms.willingness_to_pay)} a QALY"
    )
    if math.isfinite(row["evppi"]):
        text += (
            f", of {with_error(row['evppi'], row['evppi_se'])} that perfect information about what it informs would be"
        )
    return f"{text}."


def _best(value: TrialValue) -> str:
    best, conduct = value.net.best, value.conduct
    limit = "" if math.isinf(conduct.largest) else f" of at most {conduct.largest:,.0f} patients, who can be recruited,"
    if best is None:
        return f"Not even the smallest trial is feasible: {conduct.largest:,.0f} patients can be recruited in time."
    net = f"{with_error(best.enbs, best.se)} {value.currency}"
    if best.enbs <= 0.0:
        return f"No size{limit} is worth its cost; the best, {best.size}, brings the population {net}."
    edge = " (the largest looked at)" if best.size == max(value.sizes) else ""
    return (
        f"The best size{limit} is {best.size}{edge}, 95% interval {best.low} to {best.high}: it brings the population "
        f"{net} beyond its cost."
    )


def _level(value: TrialValue) -> list[str]:
    """Which level of significance loses least."""
    frame = value.adoption
    frame = frame[(frame["n"] == value.design.patients) & frame["alpha"].notna()]
    if frame.empty:
        return []
    strict, best = frame.iloc[0], frame.sort_values("value", kind="stable").iloc[-1]
    return [
        f"Adoption only after a test at {strict['alpha']:g} (one-sided) gains "
        f"{with_error(strict['value'], strict['se'])} {value.currency} a patient; of the levels tried, "
        f"{best['alpha']:g} gains most, {with_error(best['value'], best['se'])}."
    ]


def _stopping(value: TrialValue) -> list[str]:
    frame = value.stopping
    if len(value.design.analyses) < 2:
        return []
    rival = frame[frame["adoption"] != BY_TEST].iloc[:-1].sort_values("enbs", kind="stable").iloc[-1]
    own = frame.iloc[-1]
    gain = f"{with_error(abs(rival['below']), rival['below_se'])} {value.currency}"
    if abs(rival["below"]) < CLEAR * rival["below_se"]:
        told = f"not distinguishable from {rival['rule']} (difference {gain})"
    else:
        told = f"{gain} {'more' if rival['below'] > 0.0 else 'less'} than {rival['rule']}"
    return [
        *_passed(value),
        f"A trial that stops when going on costs more than it tells ends after {own['years']:.1f} years with "
        f"{own['patients']:.0f} patients on average; its ENBS is {with_error(own['enbs'], own['se'])}, {told}.",
    ]


def _passed(value: TrialValue) -> list[str]:
    """Which estimates make a trial go on."""
    frame = value.stopping_looks
    found = []
    for row in frame[(frame["rule"] == ON_VALUE) & frame["goes_on_low"].notna()].to_dict("records"):
        ends = [row["goes_on_low"], row["goes_on_high"]]
        low, high = (math.exp(x) if value.trials.is_ratio else x for x in ends)
        what = "hazard ratios" if value.trials.is_ratio else "effects"
        found.append(
            f"Stopping on value, {100 * (1 - _stopped_by(value, row['look'])):.0f}% of the trials go on after analysis "
            f"{row['look']}, 90% of them at estimated {what} of {low:.2f} to {high:.2f}."
        )
    return found


def _stopped_by(value: TrialValue, look: int) -> float:
    frame = value.stopping_looks
    return float(frame[(frame["rule"] == ON_VALUE) & (frame["look"] <= look)]["probability"].sum())


def _doubts(value: TrialValue) -> list[str]:
    found = []
    if (value.value_order["holds"] == "no").any():
        found.append(
            "Some values stand in an order that cannot be (value_order.csv): simulate more trials, or more patients a "
            "draw."
        )
    if (value.value["residual_t"] > POOR_FIT).any():
        found.append("A regression misses something of the net benefits (residual_t in value.csv): read EVSI as low.")
    return found
