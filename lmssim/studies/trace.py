"""One life in every strategy: each event, the random number behind it, and costs and QALYs up to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.engines.des import as_histories, live_all
from lmssim.engines.task import Wanted, empty_sums, every_strategy
from lmssim.engines.witness import Witness, life_so_far
from lmssim.engines.workspace import read_block, workspace
from lmssim.model.compile.scenario import compile_scenario
from lmssim.outcomes.main import DISCOUNTED, UNDISCOUNTED, position_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

OUTCOMES = [*DISCOUNTED[::-1], *(f"{outcome}{UNDISCOUNTED}" for outcome in DISCOUNTED[::-1])]
"""Outcomes of a life up to a step, in the order of their columns."""
STEPS = (
    "strategy",
    "step",
    "time",
    "age",
    "kind",
    "what",
    "state",
    "reason",
    "decision",
    "occurrence",
    "uniform",
    "budget",
    *OUTCOMES,
)
STAYS = ("strategy", "state", "group", "entered", "left")
MARKS = ("strategy", "mark", "time", "age")
DRAWS = ("strategy", "time", "decision", "occurrence", "uniform", "budget")


@dataclass(frozen=True)
class Trace:
    """One patient's life in every strategy.

    Attributes
    ----------
    program : Program
        What was run.
    patient, seed : int
        Number of the patient, and key of all random numbers.
    draw : int or None
        Draw of the parameters; None for the base case.
    covariates : dict of str to (float or str)
        Covariates of the patient.
    age : float
        At time zero (years).
    steps : DataFrame
        `STEPS`: one row per event; times in years; `uniform` and `budget` of the decision that brought it about; costs,
        QALYs and life years up to and with it.
    stays, marks, draws : DataFrame
        `STAYS`, `MARKS` and `DRAWS`: the history, and every random number that was asked for, in order.
    """

    program: Program
    patient: int
    seed: int
    draw: int | None
    covariates: dict[str, float | str]
    age: float
    steps: pd.DataFrame
    stays: pd.DataFrame
    marks: pd.DataFrame
    draws: pd.DataFrame

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    @property
    def strategies(self) -> list[str]:
        """Strategy ids, as the scenario orders them."""
        return list(self.steps["strategy"].unique())

    def only(self, strategies: Sequence[str]) -> Trace:
        """The trace under some of the strategies."""
        tables = {name: getattr(self, name) for name in ("steps", "stays", "marks", "draws")}
        chosen = {name: frame[frame["strategy"].isin(strategies)] for name, frame in tables.items()}
        return replace(self, **chosen)


def trace(scenario: Scenario, patient: int, seed: int = 1, draw: int | None = None) -> Trace:
    """Live one patient's life in every strategy, alone.

    Parameters
    ----------
    patient : int
        Number of the patient, from 0.
    draw : int, optional
        Number of a draw of the parameters, from 0; the base case if absent. Random numbers are common to all draws.

    Raises
    ------
    InputError, RunError
        If the scenario cannot be run, or the life cannot be lived.
    """
    program = compile_scenario(scenario)
    draws = None if draw is None else program.sample(1, seed, draw)
    numbers = program.numbers(draws)
    x = program.patients(patient, 1, seed)
    lives = live_all(Witness, program, numbers[0], x, patient, seed, 0)
    for life in lives:
        life.finish()
    age = float(x[0, list(program.names.covariates).index(scenario.file.population.age)])
    outcomes = _outcomes(program, numbers[0], x, lives)
    named = list(zip(program.strategies, lives, strict=True))
    steps = pd.DataFrame(list(_steps(program, named, outcomes, age)), columns=list(STEPS))
    steps["occurrence"] = steps["occurrence"].astype("Int64").astype(object).where(steps["occurrence"].notna(), None)
    return Trace(
        program,
        patient,
        seed,
        draw,
        _covariates(program, x[0]),
        age,
        steps,
        pd.DataFrame(list(_stays(program, named)), columns=list(STAYS)),
        pd.DataFrame(
            [(s, program.marks[k.code], k.time, age + k.time) for s, life in named for k in life.marks],
            columns=list(MARKS),
        ),
        pd.DataFrame([(s, *draw) for s, life in named for draw in life.draws.values()], columns=list(DRAWS)),
    )


def _covariates(program: Program, columns: FloatArray) -> dict[str, float | str]:
    """Covariates by name; labels where they have any."""
    known = zip(program.names.covariates.items(), columns.tolist(), strict=False)
    return {name: labels[int(value)] if labels else value for (name, labels), value in known}


def _outcomes(program: Program, numbers: FloatArray, x: FloatArray, lives: list[Witness]) -> list[FloatArray]:
    """Outcomes up to each step, (n_strategies, n_outcomes): of the reward kernel, given each life so far."""
    space, arms, alone = workspace(program, 1), every_strategy(program), np.zeros(1, dtype=np.int64)
    result = []
    for k in range(max(len(life.steps) for life in lives)):
        sums = empty_sums(program, 1, len(program.strategies), Wanted(whole=False))
        so_far = [life_so_far(life, life.steps[min(k, len(life.steps) - 1)]) for life in lives]
        read_block(program, space, numbers, x, arms, alone, as_histories(so_far), sums)
        result.append(sums.moments.shift[0, 0])
    return result


def _steps(
    program: Program, named: list[tuple[str, Witness]], outcomes: list[FloatArray], age: float
) -> Iterator[tuple[object, ...]]:
    for s, (strategy, life) in enumerate(named):
        for k, step in enumerate(life.steps):
            number = step.draw[1:] if step.draw is not None else (None, None, np.nan, np.nan)
            so_far = [float(outcomes[k][s, position_of(outcome)]) for outcome in OUTCOMES]
            happened = (step.kind, step.what, program.states[step.state], step.reason)
            yield (strategy, k, step.time, age + step.time, *happened, *number, *so_far)


def _stays(program: Program, named: list[tuple[str, Witness]]) -> Iterator[tuple[object, ...]]:
    for strategy, life in named:
        for stay in life.stays:
            state = program.states[stay.state]
            yield strategy, state, program.flat.group[state], stay.entered, stay.left
