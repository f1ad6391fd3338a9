"""What a comparison of two results says, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.execution.solve import n_profiles
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import COST
from lmssim.report.parts.digits import amount, listed, with_error
from lmssim.report.parts.labels import short, strategy_labels
from lmssim.studies.diff.result import FAR

if TYPE_CHECKING:
    from lmssim.studies.diff.mixing import Mixture
    from lmssim.studies.diff.result import DifferenceStudy, Measure

LEADING = 3
"""Inputs that a sentence names."""
NAME = 60


def headline(study: DifferenceStudy) -> tuple[Measure, list[str], str]:
    """The measure that a reader looks at first, the strategies that it is shown of, and over which one."""
    measure: Measure = study.wtps[0] if study.wtps else COST
    return (measure, study.compared, study.comparator) if study.compared else (measure, study.strategies, "")


def measure_name(study: DifferenceStudy, measure: Measure, over: str) -> str:
    """A measure in words."""
    start = "incremental " if over else ""
    if isinstance(measure, str):
        return f"{start}{measure.replace('_', '-')}" if measure != COST else f"{start}cost"
    return f"{start}net benefit at {amount(measure)} {study.currency} per QALY"


def input_label(study: DifferenceStudy, i: int, longest: int = NAME) -> str:
    """An input in the words of the scenario; its id where two have the same."""
    labels = [short(each.label, longest) for each in study.inputs]
    return labels[i] if labels.count(labels[i]) == 1 else short(study.inputs[i].id, longest)


def change_sentence(study: DifferenceStudy, strategy: str) -> str:
    """How a result changed, and by which inputs most."""
    measure, _, over = headline(study)
    label = strategy_labels(study.mixture.a.scenario)[strategy]
    a, b, change = (study.end("a", strategy, measure, over), study.end("b", strategy, measure, over), None)
    change = study.change(strategy, measure, over)
    first = (
        f"{label}: the {measure_name(study, measure, over)} is {with_error(*a)} in A and {with_error(*b)} in B, a "
        f"change of {with_error(*change)} {study.unit(measure)}"
    )
    parts = []
    for i in study.by_size(strategy, measure, over)[:LEADING]:
        part = study.part(i, strategy, measure, over)
        if abs(part.mean) > Z975 * part.error:
            parts.append(f"{input_label(study, i)} ({with_error(part.mean, part.error)})")
    return f"{first}; most of it comes from {listed(parts)}." if parts else f"{first}, which no input explains clearly."


def method_sentence(study: DifferenceStudy) -> str:
    """How the parts were found."""
    n, orders = len(study.inputs), 0 if study.samples is None else 2 * len(study.samples)
    how = (
        f"the model was run for each of the {study.n_runs} combinations of the {n} inputs"
        if study.is_exact
        else f"{study.n_runs} models were run along {orders} sampled orders of the {n} inputs"
    )
    if n == 1:
        return "One input differs, so it explains the whole change."
    return f"Parts are Shapley values and add up to the change: {how}, with common draws, patients and random numbers."


def sampling_sentence(study: DifferenceStudy) -> str:
    """What was run."""
    common = study.common
    if common.is_exact:
        n = n_profiles(study.mixture.b.program, common.sampling)
        return f"Every model was solved for {n:,} profile{'s' * (n != 1)}, without random numbers."
    draws = f"{common.n_draws:,} draws of the parameters, " if common.n_draws else ""
    return f"Each was run over {draws}{common.sampling.n_patients:,} patients in all, seed {common.sampling.seed}."


def agreement_sentences(study: DifferenceStudy) -> list[str]:
    """Whether the folders hold what their inputs give here."""
    return [_agreement(study, which) for which in ("a", "b")]


def _agreement(study: DifferenceStudy, which: str) -> str:
    side, found = getattr(study.mixture, which), study.agreement(which)
    name = f"{which.upper()} ({side.where})"
    if not found.compared:
        return f"{name} holds no results that could be compared with those of its inputs run here."
    if found.is_same:
        return f"{name}: its inputs give here the same results as it holds, to {12} digits."
    if found.agrees:
        return f"{name}: its inputs give here what it holds, within {found.errors:.1f} standard errors."
    return (
        f"{name}: its inputs give here something else than it holds (up to {found.errors:.0f} standard errors apart, "
        f"more than {FAR:g}): it was made by lmssim {side.version or '?'}, and the program or the files of the "
        "installation have changed since. The parts explain the results as they are now."
    )


def notes(mixture: Mixture) -> list[str]:
    """What differs and is no input of the model: draws, patients, seeds, strategies, versions."""
    a, b = mixture.a, mixture.b
    found = []
    if a.way != b.way:
        found.append(f"Sampling differs and is told apart from inputs: A has {a.way.sentence()}; B {b.way.sentence()}.")
    for first, second, name in ((a, b, "A"), (b, a, "B")):
        if only := [each for each in first.strategies if each not in second.strategies]:
            found.append(f"Only {name} has the strategies {', '.join(only)}; they are not compared.")
    if a.scenario.comparator != b.scenario.comparator:
        found.append(f"Increments are over '{a.scenario.comparator}', the comparator of A, in both.")
    return found
