"""Run scenario analyses with the draws, patients and random numbers of the base case."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.errors import InputError
from lmssim.studies.sensitivity.paired.contrast import check_contrast, contrast_of
from lmssim.studies.sensitivity.scenarios.numbered import Numbered
from lmssim.studies.sensitivity.scenarios.result import Case, ScenarioStudy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.model.program import Program
    from lmssim.studies.sensitivity.paired.runs import Runs

BASE = Numbered(0, "Base case")


def run_scenarios(
    runs: Runs,
    analyses: Sequence[Numbered],
    load: Callable[[Numbered], Program],
    wtps: Sequence[float],
    made: Mapping[str, object],
    *,
    strategy: str | None = None,
    kept: Callable[[int, Runs], Checkpoint] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ScenarioStudy:
    """Run the base case and scenario analyses.

    Parameters
    ----------
    runs : Drawn, AtValues or Solved
        Of the base case.
    load : callable
        Program of a scenario analysis.
    strategy : str, optional
        Whose increment over the comparator is drawn; the best of the others if absent.
    kept : callable, optional
        Where the run of an analysis is kept, given its number and its runs.
    progress : callable, optional
        Called with (analyses done, analyses in all).

    Raises
    ------
    InputError
        If no analysis can be run; the message names the first. One that cannot is kept with the reason, and the others
        are run.
    """
    program = runs.program
    check_contrast(program.scenario, strategy, None)
    base = Case(BASE, _with(runs, 0, kept).at({}))
    cases: list[Case] = []
    failed: list[tuple[Numbered, str]] = []
    for done, each in enumerate(analyses, 1):
        try:
            other = load(each)
            if other.strategies != program.strategies:
                raise InputError("it changes the strategies; run it by itself.")
            cases.append(Case(each, _with(replace(runs, program=other), each.number, kept).at({})))
        except InputError as error:
            failed.append((each, str(error).replace(f"{program.scenario.path.parent.resolve()}/", "")))
        if progress is not None:
            progress(done, len(analyses))
    if not cases:
        raise InputError(f"analyses.{failed[0][0].number}: {failed[0][1]}")
    contrast = contrast_of(program.scenario, base.response, wtps[0], strategy)
    return ScenarioStudy(program, base, cases, contrast, list(wtps), dict(made), failed)


def _with(runs: Runs, number: int, kept: Callable[[int, Runs], Checkpoint] | None) -> Runs:
    return runs if kept is None else replace(runs, checkpoint=kept(number, runs))
