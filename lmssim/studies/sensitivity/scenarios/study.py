"""Run scenario analyses with the draws, patients and random numbers of the base case."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lmssim.errors import ExpressionError, InputError, ScenarioError
from lmssim.studies.sensitivity.paired.contrast import check_contrast, contrast_of
from lmssim.studies.sensitivity.scenarios.numbered import Numbered
from lmssim.studies.sensitivity.scenarios.result import Case, ScenarioStudy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.paired.runs import Runs

BASE = Numbered(0, "Base case")
LINE, WORD = re.compile(r" \(line \d+\)$"), re.compile(r"[.:\[ ]")
"""The line that a message ends with, and what ends the first part of the key that it begins with."""


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
        If the file is mistaken in an analysis, before any is run; or if none can be run, where the message names the
        first. One that cannot is kept with the reason, and the others are run.
    """
    program = runs.program
    _refuse_mistakes(program.scenario, analyses, load)
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


def _refuse_mistakes(scenario: Scenario, analyses: Sequence[Numbered], load: Callable[[Numbered], Program]) -> None:
    """Refuse an analysis whose tables do not make a model; values that are impossible are no such mistake."""
    for each in analyses:
        if not (each.stated and each.change):
            continue
        try:
            load(each)
        except (ScenarioError, ExpressionError) as error:
            said = LINE.sub("", str(error).removeprefix(f"{scenario.path}: "))
            key = "." if WORD.split(said, maxsplit=1)[0] in each.change else ": "
            text = f"{scenario.path}: analyses.{each.number}.change{key}{said}"
            raise type(error)(scenario.origins.locate(text)) from None
        except InputError:
            continue  # told as one that cannot be run


def _with(runs: Runs, number: int, kept: Callable[[int, Runs], Checkpoint] | None) -> Runs:
    return runs if kept is None else replace(runs, checkpoint=kept(number, runs))
