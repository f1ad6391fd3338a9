"""First time of every state and mark, patient by patient: what published series and cases are read from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lmssim.engines import compiled
from lmssim.engines.histories import rows_of
from lmssim.errors import ScenarioError, unknown
from lmssim.execution.subgroups import baseline_rule, meets
from lmssim.model.compile import compile_scenario

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lmssim.execution.subgroups import Met
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

Chosen = np.ndarray[tuple[int], np.dtype[np.bool_]]
"""Whether each patient is counted."""


@dataclass(frozen=True)
class FirstTimes:
    """First time of every state and mark, by patient; infinite if never.

    Attributes
    ----------
    by_name : dict of str to ndarray(float, ndim=1)
        State of the file, flat state or mark to (n_patients,).
    covariates : ndarray(float, ndim=2)
        (n_patients, n_covariates).
    n : int
        Patients.
    """

    by_name: dict[str, FloatArray]
    covariates: FloatArray
    n: int

    def first(self, names: Iterable[str], where: str) -> FloatArray:
        """First time of any of some states and marks (years since time zero)."""
        times = np.full(self.n, np.inf)
        for name in names:
            if name not in self.by_name:
                raise ScenarioError(unknown("state or mark", name, self.by_name, where))
            times = np.minimum(times, self.by_name[name])
        return times

    def since(self, origin: str | list[str] | None, names: Iterable[str], where: str) -> FloatArray:
        """Years from an origin, the first of its states and marks, to the first of some others.

        Infinite if the origin is never reached, or the event came before it: what comes a second time is not seen.
        """
        times = self.first(names, where)
        if not origin:
            return times
        start = self.first([origin] if isinstance(origin, str) else origin, where)
        reached = np.isfinite(start) & (times >= start)
        years = np.full(self.n, np.inf)
        np.subtract(times, start, out=years, where=reached)
        return years

    def meet(self, program: Program, rule: str, where: str) -> Met:
        """Whether patients meet a rule on their covariates at time zero.

        Raises
        ------
        ScenarioError
            If the rule reads anything but covariates.
        """
        node = baseline_rule(program, rule, where)
        return meets(list(program.names.covariates), node, self.covariates, where)

    @staticmethod
    def ends(program: Program) -> list[str]:
        """Absorbing states, in which a life ends."""
        return [name for name, state in program.scenario.file.states.items() if state.kind == "absorbing"]


def lived_as(strategy: str, sequence: str | None) -> str:
    """Name of a strategy with another sequence in place of its own; the strategy's if there is none."""
    return strategy if sequence is None else f"{strategy} with {sequence}"


def with_sequences(program: Program, wanted: Mapping[tuple[str, str | None], str]) -> Program:
    """The program with more strategies: those that have another sequence in place of their own (`lived_as`).

    Parameters
    ----------
    wanted : mapping of (str, str or None) to str
        Strategy and sequence, and the place in the file that asks for them.

    Raises
    ------
    ScenarioError
        If a strategy or a sequence does not exist.
    """
    file = program.scenario.file
    strategies = dict(file.strategies)
    for (strategy, sequence), where in wanted.items():
        if strategy not in file.strategies:
            raise ScenarioError(unknown("strategy", strategy, file.strategies, f"{where}: strategy"))
        if sequence is not None and sequence not in file.sequences:
            raise ScenarioError(unknown("sequence", sequence, file.sequences, f"{where}: sequence"))
        if sequence is not None:
            other = file.strategies[strategy].model_copy(update={"sequence": sequence})
            strategies[lived_as(strategy, sequence)] = other
    if len(strategies) == len(file.strategies):
        return program
    return compile_scenario(replace(program.scenario, file=file.model_copy(update={"strategies": strategies})))


def first_times(
    program: Program, strategies: list[str], n: int, seed: int, first: int = 0, numbers: FloatArray | None = None
) -> dict[str, FirstTimes]:
    """First times under some strategies of patients first, first + 1, ...

    Parameters
    ----------
    numbers : ndarray(float, ndim=2), optional
        (n_strategies, n_numbers) of one parameter draw; the base case if absent.
    """
    numbers = program.numbers()[0] if numbers is None else numbers
    arms = np.array([[program.strategies.index(strategy) for strategy in strategies]])
    states = np.full((len(strategies), len(program.states), n), np.inf)
    marks = np.full((len(strategies), len(program.marks), n), np.inf)
    covariates = np.empty((n, len(program.names.covariates)))
    for start, x, h in compiled.simulate(program, first, n, numbers, seed, arms=arms):
        covariates[start - first : start - first + len(x)] = x[:, : covariates.shape[1]]
        stays, records = rows_of(h, len(x), arms, start - first)
        for i, strategy in enumerate(arms[0]):
            own, had = stays.strategy == strategy, records.strategy == strategy
            np.minimum.at(states[i], (stays.state[own], stays.patient[own]), stays.entered[own])
            np.minimum.at(marks[i], (records.event[had], records.patient[had]), records.time[had])
    return {
        strategy: FirstTimes(_named(program, states[i], marks[i]), covariates, n)
        for i, strategy in enumerate(strategies)
    }


def _named(program: Program, states: FloatArray, marks: FloatArray) -> dict[str, FloatArray]:
    by_name = {name: states[k] for k, name in enumerate(program.states)}
    for group in program.flat.names():
        by_name[group] = np.full(states.shape[1], np.inf)
        for member in program.flat.states_of(group) or []:
            np.minimum(by_name[group], states[program.states.index(member)], out=by_name[group])
    return by_name | {name: marks[k] for k, name in enumerate(program.marks)}
