"""The answer in words: which strategy is best, what the others cost, and how certain that is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.economics.cea import DOMINATED, EXTENDED, FRONTIER
from lmssim.outcomes.main import QALYS
from lmssim.report.evaluation.exactness import ROUNDING, words_of
from lmssim.report.evaluation.rows import steps_of, ties_of
from lmssim.report.parts.digits import amount, listed, plain, rounded, with_error
from lmssim.report.parts.labels import strategy_labels

if TYPE_CHECKING:
    from lmssim.evaluation import Evaluation

APART = 2.0
"""Standard errors by which the better of two strategies must lead."""


def question(evaluation: Evaluation) -> str:
    """The question of the analysis, in a sentence."""
    settings = evaluation.scenario.file.settings
    n = len(evaluation.strategies)
    perspective = f", for {settings.perspective}" if settings.perspective else ""
    part = f" for patients who meet '{evaluation.sampling.where}'," if evaluation.sampling.where else ""
    return f"Which of {n} strategies is cost-effective{part} over {plain(settings.horizon)} years{perspective}?"


def answer(evaluation: Evaluation) -> list[str]:
    """Sentences, the most important first."""
    return [
        *_best_at_each_wtp(evaluation),
        _frontier(evaluation),
        *_off_frontier(evaluation),
        *_not_choices(evaluation),
        _how_sure(evaluation),
    ]


def _best_at_each_wtp(evaluation: Evaluation) -> list[str]:
    """The strategy of greatest net benefit at each willingness to pay, and by how much it leads."""
    settings, names = evaluation.scenario.file.settings, strategy_labels(evaluation.scenario)
    sentences = []
    for wtp in settings.wtp:
        ranked = evaluation.best_first(wtp)
        if not ranked:
            continue
        rate = f"At {settings.currency} {amount(wtp)} per QALY"
        if len(ranked) == 1:
            sentences.append(f"{rate}, {names[ranked[0]]} is the only choice.")
            continue
        best, second = ranked[:2]
        lead, se = evaluation.incremental_net_benefit(best, wtp, second)
        margin = f"{settings.currency} {with_error(lead, se)} per patient in net benefit"
        if evaluation.are_tied(best, wtp, second):
            sentences.append(
                f"{rate}, {names[best]} and {names[second]} have the same net benefit; none has a greater."
            )
        elif lead > APART * se:
            sentences.append(f"{rate}, {names[best]} is best; its lead over {names[second]} is {margin}.")
        else:
            sentences.append(
                f"{rate}, {words_of(evaluation).people()} are too few to tell whether {names[best]} or {names[second]} "
                f"is better: they differ by {margin}."
            )
    return sentences


def _frontier(evaluation: Evaluation) -> str:
    """Strategies on the frontier with their ICERs."""
    labels, currency = strategy_labels(evaluation.scenario), evaluation.scenario.file.settings.currency
    parts = []
    for step in steps_of(evaluation):
        if step.status != FRONTIER:
            continue
        if step.reference is None:
            parts.append(f"{labels[step.strategy]} (least costly)")
        else:
            icer, against = with_error(step.icer, step.icer_se), labels[step.reference]
            more = f"{currency} {icer} per QALY gained over {against}"
            if math.isfinite(step.per_life_year):
                more += f"; {currency} {with_error(step.per_life_year, step.per_life_year_se)} per life-year"
            parts.append(f"{labels[step.strategy]} ({more})")
    return f"On the efficiency frontier: {listed(parts)}." if parts else "No strategy is a choice."


def _off_frontier(evaluation: Evaluation) -> list[str]:
    labels, steps = strategy_labels(evaluation.scenario), steps_of(evaluation)
    reasons = {
        DOMINATED: "Dominated, because another strategy costs no more and gains at least as much",
        EXTENDED: "Extendedly dominated, because a mix of two other strategies is no worse",
    }
    found = {status: [labels[k.strategy] for k in steps if k.status == status] for status in reasons}
    said = [f"{reasons[status]}: {listed(names)}." for status, names in found.items() if names]
    return said + ties_of(evaluation, labels)


def _not_choices(evaluation: Evaluation) -> list[str]:
    labels = strategy_labels(evaluation.scenario)
    mixes = [labels[s] for s, spec in evaluation.scenario.file.strategies.items() if spec.mix]
    return [f"Shown but not a choice, because it is a mix of practice: {listed(mixes)}."] if mixes else []


def _how_sure(evaluation: Evaluation) -> str:
    """What the printed errors include, and what they do not."""
    n_draws, words = evaluation.estimates.n_draws, words_of(evaluation)
    largest = max(evaluation.increment(strategy, QALYS).se for strategy in evaluation.strategies)
    most = f" (at most {rounded(largest, largest)} QALYs in a difference from the comparator)"
    size = most if largest > ROUNDING else ""
    if n_draws > 1:
        return (
            f"Results are means over {n_draws:,} parameter draws and {words.people()}. The printed error is the "
            f"{words.kind_of_error()}{size}, not the spread over draws."
        )
    return words.how_sure(size)
