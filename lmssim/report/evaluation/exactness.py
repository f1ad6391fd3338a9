"""The errors of a result in words: Monte-Carlo errors of simulated patients, or errors of an exact solution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmssim.engines.cohort.liveness import closures
from lmssim.model.population.joint import Population
from lmssim.model.population.strata import MixedPopulation
from lmssim.report.parts.digits import listed, rounded
from lmssim.report.parts.labels import endpoint_label, event_label

if TYPE_CHECKING:
    import pandas as pd

    from lmssim.evaluation import Evaluation
    from lmssim.execution.solve import Solution

NOT_COMPUTED = "not computed"
ROUNDING = 1e-12
"""QALYs."""


def people(evaluation: Evaluation) -> str:
    """Number of patients or profiles: "20,000 patients", "32 profiles"."""
    solution = evaluation.solution
    n, noun = (evaluation.n, "patient") if solution is None else (solution.n_profiles, "profile")
    return f"{n:,} {noun}{'s' if n > 1 else ''}"


def kind_of_error(evaluation: Evaluation) -> str:
    """Source of the printed errors."""
    solution = evaluation.solution
    return "Monte-Carlo error" if solution is None else f"error of {_sources(solution) or 'rounding'}"


def _sources(solution: Solution) -> str:
    """Sources of error of an exact solution; blank if it has none."""
    named = {"profiles": solution.n > 1, "steps": bool((solution.step_error > 0.0).any())}
    return listed([name for name, there in named.items() if there])


def error_note(evaluation: Evaluation) -> str:
    """Meaning of the plus-minus sign."""
    solution = evaluation.solution
    if solution is None:
        return "Mean ± Monte-Carlo standard error."
    if not _sources(solution):
        return f"Solved exactly for {people(evaluation)}."
    return f"Solved exactly for {people(evaluation)}; ± is the {kind_of_error(evaluation)}."


def digits_note(evaluation: Evaluation) -> str:
    """Which digits are printed."""
    if evaluation.solution is not None and not _sources(evaluation.solution):
        return "There is no numerical error; four digits are shown"
    return f"The digits printed are those that the {kind_of_error(evaluation)} allows"


def band_note(evaluation: Evaluation) -> str:
    """Meaning of the band around a curve."""
    solution = evaluation.solution
    if solution is None:
        return "Shaded: 95% Monte-Carlo interval."
    return f"Shaded: error of {_sources(solution)}." if _sources(solution) else ""


def pairs_note(evaluation: Evaluation) -> str:
    """The units that are compared in an increment."""
    return "patients" if evaluation.solution is None else "profiles"


def exact_conventions(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Conventions of an exact solution; none if patients were simulated."""
    solution = evaluation.solution
    if solution is None:
        return []
    qalys = evaluation.errors[evaluation.errors["outcome"] == "qalys"]
    if solution.n > 1:
        spread = f"by the spread of {solution.n} batches of them, {_most(qalys['profiles'])}"
    else:
        spread = (
            "not known: one profile represents all"
            if stands_for_others(evaluation)
            else "none: all patients are solved"
        )
    steps = f"by solving again with half the step, {_most(qalys['steps'])}" if "steps" in _sources(solution) else "none"
    found = [
        ("Profiles", f"{solution.n_profiles:,}, each solved exactly under every strategy, without random numbers"),
        ("Errors", f"of profiles: {spread}; of steps: {steps}"),
    ]
    if evaluation.program.is_continuous and (held := closures(evaluation.program)):
        found.append(("Closures", "; ".join(held)))
    missing = not_computed(evaluation)
    return [*found, ("Not computed", "; ".join(missing))] if missing else found


def stands_for_others(evaluation: Evaluation) -> bool:
    """Whether a single profile was asked for of a population whose members differ."""
    patients, solution = evaluation.scenario.patients, evaluation.solution
    varied = isinstance(patients, (Population, MixedPopulation)) and any(patients.varies)
    return solution is not None and solution.n == 1 and varied


def _most(errors: pd.Series[float]) -> str:
    largest = float(errors.max())
    return f"at most {rounded(largest, largest)} QALYs" if largest > ROUNDING else "rounding error alone"


def not_computed(evaluation: Evaluation) -> list[str]:
    """What an exact solution leaves out, each with its reason."""
    if evaluation.solution is None:
        return []
    scenario, summary = evaluation.scenario, evaluation.summary
    lacking = set(summary[summary["mean"].isna()]["outcome"])
    found = []
    origins = [
        endpoint_label(evaluation, e)
        for e, spec in scenario.file.endpoints.items()
        if spec.origin != "model" and f"{e}:ever" in lacking
    ]
    if origins:
        found.append(f"{listed(origins)}, which begin{'s' if len(origins) == 1 else ''} after time zero")
    events = [event_label(scenario, m) for m in evaluation.program.marks if f"event:{m}" in lacking]
    if events:
        found.append(f"the share of patients who ever have {listed(events)}, because the engine does not remember it")
    if len(evaluation.states) and evaluation.states["patients"].isna().any():
        found.append("the share of patients who ever enter a state, because the engine counts entries")
    if scenario.file.series:
        found.append("published series, which need individual lives (engine compiled)")
    if scenario.file.cases:
        found.append("published patients, who need individual lives (engine compiled)")
    return found
