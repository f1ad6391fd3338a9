"""What a one-way analysis found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lmssim.report.parts.digits import amount, listed, plain, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.studies.sensitivity.one_way.bar import REGRESSION
from lmssim.studies.sensitivity.one_way.result import OPEN, YES, ratio_of

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
        top = [p for p in found.places(wtp) if p.bar.width(wtp).size > 0.0 and not p.bar.varied.is_block][:n]
        words = [f"{name_of(p.bar.varied)} ({with_error(*p.bar.width(wtp)[:2])})" for p in top]
        if words:
            said.append(f"At {amount(wtp)} per QALY the parameters with the longest bars are {listed(words)}.")
    return said


def block_sentences(found: OneWay) -> list[str]:
    """What the parameters that are drawn jointly do together, by block."""
    said = []
    for wtp in found.wtps:
        for place in found.places(wtp):
            if place.bar.varied.is_block:
                low, high = (with_error(*found.end(place.bar, end).net_benefit(wtp)) for end in place.bar.ends)
                said.append(
                    f"At {amount(wtp)} per QALY the increment lies between {low} and {high} for the middle 95% of the "
                    f"draws of {name_of(place.bar.varied)}{_others(found)}."
                )
    return said


def _others(found: OneWay) -> str:
    return ", all other parameters at their values" if found.classic else ", in expectation over the others"


def turning_sentences(found: OneWay, n: int = LEADING) -> list[str]:
    """Parameters at an end of whose interval the sign of the increment differs."""
    said = []
    for wtp in found.wtps:
        places = [place for place in found.places(wtp) if not place.bar.varied.is_block]
        names, unclear = (
            [name_of(place.bar.varied) for place in places if found.turns(place.bar, wtp) == answer]
            for answer in (YES, OPEN)
        )
        left = f" For {len(unclear)} {'more' if names else 'of them'}, errors leave it open." if unclear else ""
        if not names:
            none = "no parameter alone is told to change" if unclear else "no parameter alone changes"
            said.append(f"At {amount(wtp)} per QALY {none} which of the two is better.{left}")
            continue
        more = f", and {len(names) - n} more" if len(names) > n else ""
        change, whose = ("changes", "its") if len(names) == 1 else ("change", "their")
        said.append(
            f"At {amount(wtp)} per QALY {len(names)} of {len(found.bars)} parameters {change} which of the two is "
            f"better at an end of {whose} 95% interval: {listed(names[:n])}{more}.{left}"
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
        return _classic_sentences(found)
    source, whom = f"of {made['patients']:,} patients each", f" with {made['patients_of_runs']:,} patients each"
    if made["exact"]:
        source, whom = "each solved without patients", ", each solved"
    if made["psa"]:
        source = f"of {made['psa']}"
    by_fit = sum(bar.method == REGRESSION for bar in found.bars)
    short = f" and {made['short_runs']} over {made['draws_of_short_runs']:,}" if made["short_runs"] else ""
    said = [
        "A bar runs between the expected increments given the parameter at the ends of its 95% interval, all others "
        f"over their distribution: {made['runs']} bars from runs of the model over {made['draws_of_runs']:,} draws of "
        f"the others{short}{whom}, the same draws, patients and random numbers in each; "
        f"{by_fit} by regression on {made['draws']:,} joint draws {source}."
    ]
    if by_fit:
        said.append(
            f"{by_fit} parameters are drawn jointly (*): none is moved alone, and with each the others of its group "
            "change as the draws have it."
        )
    return said


def _classic_sentences(found: OneWay) -> list[str]:
    """How bars with the other parameters at their values were made."""
    made = found.made
    who = "solved exactly" if made["exact"] else f"{made['patients']:,} patients, the same in every run"
    said = [f"Each parameter at the ends of its 95% interval, all others at their values; {who}."]
    draws: Any = made.get("draws_of_blocks", ())
    each = "each solved" if made["exact"] else f"of {made.get('patients_of_blocks'):,} patients each"
    for block, n in zip(found.blocks, draws, strict=True):
        said.append(
            f"{block.block.name}, drawn jointly, is one bar: from {n:,} draws of all its parameters together, {each}, "
            "all others at their values, with the 2.5% and 97.5% quantiles of the increment as its ends."
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
    return f"Uncertain parameters without a bar of their own: {listed(parts)}; not_moved_alone.csv names them."


def sentences(found: OneWay) -> list[str]:
    """The answer, the most important first."""
    said = [base_sentence(found), *leading_sentences(found), *block_sentences(found), *turning_sentences(found)]
    return [*said, order_sentence(found), *method_sentences(found), left_out_sentence(found)]


def name_of(varied: Varied, longest: int = LONGEST) -> str:
    """A parameter as people read it, marked where it is drawn jointly; or a block, in words that say so."""
    if varied.is_block:
        return f"{varied.id} as a whole ({len(varied.members)} parameters drawn jointly)"
    return short(varied.label, longest) + ("*" if varied.joint else "")


def interval_of(place: Place) -> str:
    """The values at the two ends; a block has none."""
    if place.bar.varied.is_block:
        return "middle 95% of its draws"
    return f"{plain(place.bar.varied.low)} to {plain(place.bar.varied.high)}"
