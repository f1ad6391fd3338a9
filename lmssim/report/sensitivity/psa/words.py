"""Sentences about a probabilistic analysis: what was drawn, what is optimal, what more information is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.economics.acceptability import switching_points
from lmssim.economics.lead import lead
from lmssim.report.parts.digits import amount, decimals, listed, plain, rounded
from lmssim.report.parts.labels import strategy_labels, switch_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.economics.nesting import Credible
    from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis

POUNDS = "GBP"
NICE_RANGE = (25_000.0, 35_000.0)
NAMED = 3
"""Strategies that a sentence names, at most, of those that errors do not tell from the optimal one."""
LARGE_NOISE = 0.05
"""Share of patient noise from which on taking it out may put values off, where patients vary more in some draws."""
PROGRAMME = (
    "NICE's range is 25,000 to 35,000 GBP per QALY in appraisals of medicines (technology appraisals) since 2026, and "
    "was 20,000 to 30,000 before."
)


def in_pounds(analysis: ProbabilisticAnalysis) -> bool:
    """Whether costs are in the currency of NICE's range."""
    return analysis.scenario.file.settings.currency == POUNDS


def interval_text(found: Credible) -> str:
    """A mean with its 95% credible interval, to the digits of the mean's Monte-Carlo error."""
    if not found.se > 0.0:
        return f"{plain(found.mean)} ({plain(found.low)} to {plain(found.high)})"
    places = decimals(found.se)
    low, high = (f"{round(end, places) + 0.0:,.{max(places, 0)}f}" for end in (found.low, found.high))
    return f"{rounded(found.mean, found.se)} ({low} to {high})"


def who_sentence(analysis: ProbabilisticAnalysis) -> str:
    """What was drawn, and who was followed in each draw."""
    sampling, work = analysis.work.sampling, analysis.work
    draws = f"{analysis.n_draws:,} joint draws of the parameters"
    draws += ", each in a setting of its own (--new-setting: with the spread between studies)" * work.new_setting
    if work.exact:
        n = work.n_profiles
        return f"{draws}, each solved exactly, for {n:,} profile{'s' * (n != 1)}: no patient noise."
    patients = f"{sampling.n_patients:,} patients"
    if sampling.where:
        patients = f"those of {patients} who meet '{sampling.where}'"
    if work.shares_patients:
        return f"{draws}, all with the same {patients} and random numbers (--random-numbers common)."
    return f"{draws}, each with {patients} of its own, who meet every strategy (--random-numbers independent)."


def averaging_sentences(analysis: ProbabilisticAnalysis) -> list[str]:
    """Which options draws have, with which weights; and which strategy is optimal with each of them."""
    if analysis.averaging.empty:
        return []
    frame, said, untold = analysis.averaging, [], []
    for switch in filter(None, frame["switch"].unique().tolist()):
        options = frame[frame["switch"] == switch].drop_duplicates("option")
        each = [f"{plain(weight)} {label}" for label, weight in zip(options["label"], options["weight"], strict=True)]
        said.append(f"{switch_label(analysis.scenario, switch)} ({'; '.join(each)})")
        untold += [f"'{label}'" for label in options.loc[options["outcome"] == "", "label"]]
    found = [f"Averaged over structure, each draw with an option of: {listed(said)}."]
    if untold:
        found.append(f"Fewer than two draws have {listed(untold)}, of which nothing is told: more --draws tell.")
    return [*found, *_changed_choices(analysis)]


def _changed_choices(analysis: ProbabilisticAnalysis) -> list[str]:
    """With which options another strategy is optimal than on average, and where errors leave it open."""
    labels, frame = strategy_labels(analysis.scenario), analysis.averaging
    changed: dict[str, list[float]] = {}
    unclear: dict[str, list[float]] = {}
    for wtp in analysis.wtps:
        at = frame[frame["outcome"] == f"inmb:{wtp:g}"]
        (average,) = at.loc[(at["switch"] == "") & at["optimal"].astype(bool), "strategy"]
        for (switch, _), part in at.groupby(["switch", "option"], sort=False):
            where = f"with '{part['label'].iloc[0]}'" if switch else "on average"
            (best,) = part.loc[part["optimal"].astype(bool), "strategy"]
            others = part[part["probability"].notna() & (part["strategy"] != best)]
            behind = zip(others["behind"], others["behind_se"], strict=True)
            ahead = lead(best, dict(zip(others["strategy"], behind, strict=True)))
            if average not in (best, *ahead.contenders):
                changed.setdefault(f"{labels[best]} {where}", []).append(wtp)
            elif ahead.is_open:
                unclear.setdefault(where, []).append(wtp)
    found = []
    if changed:
        each = [f"{what} (at {_amounts(wtps)})" for what, wtps in changed.items()]
        found.append(f"With some options another strategy is optimal than on average: {'; '.join(each)}.")
    if unclear:
        each = [f"{what} (at {_amounts(wtps)})" for what, wtps in unclear.items()]
        found.append(f"Errors leave open which strategy is optimal {'; '.join(each)}.")
    if not found:
        found.append("With every option of which there are draws the strategy that is optimal on average is optimal.")
    return found


def _amounts(wtps: Sequence[float]) -> str:
    return listed([amount(wtp) for wtp in wtps])


def interval_sentence(analysis: ProbabilisticAnalysis) -> str:
    """What intervals hold."""
    if analysis.work.exact:
        return "Intervals are 95% credible intervals; no digit beyond the Monte-Carlo error of the draws is printed."
    return (
        "Intervals are 95% credible intervals of the expectation given the parameters: deviations of the draws from "
        "their mean are shrunk until they vary as much as without the noise of patients. No digit beyond the "
        "Monte-Carlo error, of draws and patients together, is printed."
    )


def noise_sentences(analysis: ProbabilisticAnalysis) -> list[str]:
    """How much of the variance between draws was patient noise, and what to do where it was most of it."""
    if analysis.work.exact or len(analysis.strategies) < 2:
        return []
    most = float(analysis.inmb.loc[analysis.inmb["wtp"].isin(analysis.wtps), "noise_share"].max())
    said = f"Patient noise was up to {100.0 * most:.0f}% of the variance between draws of incremental net benefits"
    if most > LARGE_NOISE:
        said += (
            "; so much of it may put the value of information and probabilities off where patients vary more in some "
            "draws than in others, and more --patients tell"
        )
    return [f"{said}."]


def optimal_sentence(analysis: ProbabilisticAnalysis) -> str:
    """Which strategy is optimal from which willingness to pay on."""
    labels = strategy_labels(analysis.scenario)
    names = [analysis.choices.index(s) for s in analysis.ceaf["strategy"]]
    points = switching_points(analysis.curve_wtps, names)
    said = [f"{labels[analysis.choices[k]]} from {amount(wtp)}" for wtp, k in points]
    currency = analysis.scenario.file.settings.currency
    last = amount(analysis.curve_wtps[-1])
    return f"Of greatest expected net benefit, by {currency} per QALY up to {last}: {listed(said)}."


def choice_sentences(analysis: ProbabilisticAnalysis) -> list[str]:
    """At each printed willingness to pay: the optimal strategy, its probability, and the value of information."""
    labels, currency = strategy_labels(analysis.scenario), analysis.scenario.file.settings.currency
    said = []
    for wtp in analysis.wtps:
        best, near = analysis.acceptability.optimal(wtp), analysis.lead(wtp).contenders
        more = f" and {len(near) - NAMED} more" if len(near) > NAMED else ""
        open_ = f" (errors do not tell {listed([labels[s] for s in near[:NAMED]])}{more} from it)" if near else ""
        probability = analysis.acceptability.ceac(wtp)
        error = analysis.acceptability.probability_error(probability)
        found = analysis.acceptability.perfect_information(wtp)
        noisy = ""
        if found.bias > found.se:
            noisy = f" ({rounded(found.with_patient_noise, max(found.se, 1.0))} with patient noise left in)"
        said.append(
            f"At {amount(wtp)} {currency} per QALY: {labels[analysis.choices[best]]}{open_}, with probability "
            f"{rounded(float(probability[best]), float(error[best]))}; perfect information is worth "
            f"{rounded(found.evpi, found.se)} {currency} per patient{noisy}."
        )
    return said


def repeated_sentences(analysis: ProbabilisticAnalysis) -> list[str]:
    """A warning where draws repeat the rows of a posterior."""
    return [
        f"Group '{name}' has {rows:,} posterior rows for {analysis.n_draws:,} draws, so that rows repeat: errors of "
        "the draws are greater than printed."
        for name, rows in analysis.repeated.items()
    ]
