"""What a global sensitivity analysis found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmssim.report.parts.digits import amount, listed, percent, with_error
from lmssim.report.parts.labels import short, strategy_labels

if TYPE_CHECKING:
    from lmssim.studies.sensitivity.sobol.plan import Plan
    from lmssim.studies.sensitivity.sobol.result import GlobalSensitivity

LONGEST, LEADING, NEGLIGIBLE = 60, 3, 0.01
"""Letters of a label; factors of a sentence; total index below which a factor is not worth a word."""
FEW_PATIENTS = 0.5
"""Share of the variance between evaluations from which on noise of patients calls for more of them."""
POOR = 0.8
"""Share of a block's variance below which a surrogate is called poor."""


def contrast_words(found: GlobalSensitivity) -> str:
    """Which strategy, against which."""
    labels = strategy_labels(found.scenario, LONGEST)
    return f"{labels[found.contrast.strategy]} against {labels[found.contrast.against]}"


def outcome_words(outcome: str) -> str:
    """An outcome as people read it."""
    kind, _, wtp = outcome.partition(":")
    named = {"cost": "incremental cost", "qalys": "incremental QALYs"}
    return f"incremental net benefit at {amount(float(wtp))} per QALY" if kind == "inmb" else named[kind]


def at_start(words: str) -> str:
    """Words at the start of a sentence."""
    return words[:1].upper() + words[1:]


def shown_outcomes(found: GlobalSensitivity) -> list[str]:
    """Outcomes by name, net benefit first."""
    return list(found.indices or found.screenings)


def plan_sentence(plan: Plan) -> str:
    """What is run."""
    parts = []
    if plan.trajectories:
        parts.append(
            f"{plan.of_screening:,} evaluations of the screening ({plan.trajectories:,} trajectories x "
            f"({plan.screened} + 1))"
        )
    if plan.rows:
        parts.append(f"{plan.of_indices:,} of the indices ({plan.rows:,} rows x ({plan.factors} factors + 2))")
    if plan.n_patients:
        whom = f"{plan.n_patients:,} patients x {plan.n_strategies} strategies: {plan.lives:,} lives"
        choosing = f", {plan.choosing:,} of them to tell the best strategy"
    else:
        whom, choosing = "solved", f", after {plan.choosing:,} solutions to tell the best strategy"
    time = f"; about {_time(plan.seconds)}" if math.isfinite(plan.seconds) else ""
    return f"{listed(parts)}; each {whom}{choosing * bool(plan.choosing)}{time}."


def _time(seconds: float) -> str:
    if seconds < 90.0:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 5400.0 else f"{seconds / 3600.0:.1f} h"


def answer_sentences(found: GlobalSensitivity) -> list[str]:
    """The spread of every outcome, and the factors that explain most of it."""
    said = []
    for outcome, indices in found.indices.items():
        rows = [row for row in found.sobol_rows(outcome)[:LEADING] if row.total > max(row.total_se, NEGLIGIBLE)]
        if not rows:
            said.append(f"{at_start(outcome_words(outcome))}: no factor explains any of its variance beyond error.")
            continue
        words = [
            f"{short(row.label, LONGEST)} {percent(row.first, row.first_se)}% (with interactions "
            f"{percent(row.total, row.total_se)}%)"
            for row in rows
        ]
        sd = with_error(indices.sd, indices.sd_se)
        said.append(
            f"{at_start(outcome_words(outcome))} has a standard deviation of {sd} {found.unit(outcome)} over the "
            f"uncertain parameters; of its variance {listed(words, 'and')}."
        )
    return said


def screening_sentences(found: GlobalSensitivity) -> list[str]:
    """The blocks whose redraw moves the first outcome most."""
    if not found.screenings:
        return []
    outcome = shown_outcomes(found)[0]
    rows = [row for row in found.screening_rows(outcome)[: LEADING + 2] if row.mu_star > 0.0]
    words = [f"{short(row.label, LONGEST)} ({with_error(row.mu_star, row.mu_star_se)})" for row in rows]
    if not words:
        return [f"Screening: nothing changes {outcome_words(outcome)}."]
    return [
        f"Screening: drawing one alone anew moves {outcome_words(outcome)} most, on average, for {listed(words)} "
        f"{found.unit(outcome)}."
    ]


def noise_sentences(found: GlobalSensitivity) -> list[str]:
    """What the indices are of, and what is left of the patients' noise."""
    if not found.indices:
        return []
    if not found.plan.n_patients:
        return ["Every evaluation is solved, so that no noise of patients is in the indices."]
    shares = found.variance["patients"]
    said = [
        "All evaluations have the same patients and random numbers. Indices are of the expected increment over "
        "patients: products of evaluations are taken between different sets of patients, so that patients' noise, "
        f"{max(float(shares.max()), 0.0):.0%} of the variance between evaluations at most, is in none of them."
    ]
    if float(shares.max()) > FEW_PATIENTS:
        said.append("That is much: give more --patients.")
    return said


def shapley_sentences(found: GlobalSensitivity) -> list[str]:
    """How a block's variance divides, and whether its surrogate can be trusted."""
    if found.divided is None:
        return []
    outcome = shown_outcomes(found)[0]
    words = [f"{row.part} {percent(row.effect, row.effect_se)}%" for row in found.shapley_rows(outcome)]
    check = found.check_row(outcome)
    said = [
        f"Approximate Shapley effects within '{found.divided.block.name}', of {outcome_words(outcome)}: "
        f"{listed(words)}. They rest on a surrogate ({check.terms}) and a Gaussian copula; in unseen evaluations the "
        f"surrogate explains {check.r2:.0%} of the variance, where the factor's first-order index is "
        f"{percent(check.first, check.first_se)}%.",
    ]
    if not check.share >= POOR:
        said.append(
            f"The surrogate explains {check.share:.0%} of what the block explains, less than {POOR:.0%}: read these "
            "effects as an order at most, or give more --rows."
            if math.isfinite(check.share)
            else "The block explains nothing beyond error: do not read its Shapley effects."
        )
    return said


def sentences(found: GlobalSensitivity) -> list[str]:
    """The answer, the most important first."""
    head = [f"{contrast_words(found)}."]
    return [
        *head,
        *answer_sentences(found),
        *screening_sentences(found),
        *shapley_sentences(found),
        *noise_sentences(found),
        f"Made from {plan_sentence(found.plan)}",
    ]
