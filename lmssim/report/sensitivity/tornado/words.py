"""What a one-way analysis found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.report.parts.digits import amount, listed, plain, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.studies.sensitivity.one_way.bar import REGRESSION, RUNS
from lmssim.studies.sensitivity.one_way.result import ratio_of

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.one_way.order import Place
    from lmssim.studies.sensitivity.one_way.result import OneWay
    from lmssim.studies.sensitivity.paired.varied import Varied

LEADING = 5
LONGEST = 60


def contrast_words(found: OneWay) -> str:
    """Which strategy, against which."""
    labels = strategy_labels(found.scenario, LONGEST)
    return f"{labels[found.contrast.strategy]} against {labels[found.contrast.against]}"


def base_sentence(found: OneWay) -> str:
    """The base case at every willingness to pay."""
    currency = found.scenario.file.settings.currency
    at = [f"{with_error(*found.base.net_benefit(wtp))} at {amount(wtp)} per QALY" for wtp in found.wtps]
    ratio = ratio_of(found.base)
    said = f" (ICER {with_error(ratio, found.base.icer_error())})" if math.isfinite(ratio) else ""
    return f"{contrast_words(found)}: incremental net benefit {listed(at)}, {currency}{said}."


def leading_sentences(found: OneWay, n: int = LEADING) -> list[str]:
    """The longest bars at every willingness to pay."""
    said = []
    for wtp in found.wtps:
        top = [place for place in found.places(wtp) if place.bar.width(wtp).size > 0.0][:n]
        words = [f"{name_of(p.bar.varied)} ({with_error(*p.bar.width(wtp)[:2])})" for p in top]
        if words:
            said.append(f"At {amount(wtp)} per QALY the longest bars are those of {listed(words)}.")
    return said


def turning_sentences(found: OneWay, n: int = LEADING) -> list[str]:
    """Parameters at an end of whose interval the sign of the increment differs."""
    said = []
    for wtp in found.wtps:
        names = [name_of(p.bar.varied) for p in found.places(wtp) if found.turns(p.bar, wtp)]
        if not names:
            said.append(f"At {amount(wtp)} per QALY no parameter alone changes which of the two is better.")
            continue
        more = f", and {len(names) - n} more" if len(names) > n else ""
        said.append(
            f"At {amount(wtp)} per QALY {len(names)} of {len(found.bars)} parameters change which of the two is better "
            f"at an end of their 95% interval: {listed(names[:n])}{more}."
        )
    return said


def order_sentence(found: OneWay) -> str:
    """How much of the order the errors leave standing."""
    places = found.places(found.wtps[0])
    firm = next((k for k, place in enumerate(places) if not place.told_from_next), len(places) - 1)
    if firm == len(places) - 1:
        return "Every bar is shorter than the one before it beyond the error of their difference."
    if firm == 0:
        first = "The order of the first bars is"
    else:
        first = f"The order of the first {firm} bars is beyond error; from there on it is"
    return f"{first} within error where two bars are joined by ≈; rank_low and rank_high say how far each may move."


def method_sentences(found: OneWay) -> list[str]:
    """How the bars were made."""
    made = found.made
    if found.classic:
        who = "solved exactly" if made["exact"] else f"{made['patients']:,} patients, the same in every run"
        return [f"Each parameter at the ends of its 95% interval, all others at their values; {who}."]
    source = f"of {made['psa']}" if made["psa"] else f"of {made['patients']:,} patients each"
    if made["exact"]:
        source = "each solved without patients"
    by_runs = sum(bar.method == RUNS for bar in found.bars)
    by_fit = sum(bar.method == REGRESSION for bar in found.bars)
    said = [
        "A bar runs between the expected increments given the parameter at the ends of its 95% interval, all others "
        f"over their distribution: {by_runs} bars from runs of the model over {made['draws_of_runs']:,} draws of the "
        "others, the same draws, patients and random numbers in each; "
        f"{by_fit} by regression on {made['draws']:,} joint draws {source}."
    ]
    joint = sum(bool(bar.varied.joint) for bar in found.bars)
    if joint:
        said.append(
            f"{joint} parameters are drawn jointly (*): none is moved alone, and with each the others of its group "
            "change as the draws have it."
        )
    return said


def left_out_sentence(found: OneWay) -> str:
    """What has no bar."""
    if not found.left_out:
        return ""
    reasons: dict[str, list[str]] = {}
    for each, reason in found.left_out:
        reasons.setdefault(f"drawn with {each.joint}" if each.joint else reason, []).append(each.id)
    parts = [f"{len(ids)} ({reason})" for reason, ids in reasons.items()]
    return f"Uncertain parameters without a bar: {listed(parts)}; not_moved_alone.csv names them."


def sentences(found: OneWay) -> list[str]:
    """The answer, the most important first."""
    said = [base_sentence(found), *leading_sentences(found), *turning_sentences(found), order_sentence(found)]
    return [*said, *method_sentences(found), left_out_sentence(found)]


def name_of(varied: Varied, longest: int = LONGEST) -> str:
    """A parameter as people read it, marked where it is drawn jointly."""
    return short(varied.label, longest) + ("*" if varied.joint else "")


def interval_of(place: Place) -> str:
    """The values at the two ends."""
    return f"{plain(place.bar.varied.low)} to {plain(place.bar.varied.high)}"
