"""Figures of published series in parameter draws: what calibration and validation compare with the papers.

Draw k meets patients of its own, so errors of simulation are independent between draws; draw k alone equals draw k of
many, for any number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from lmssim.engines import compiled
from lmssim.errors import ScenarioError, unknown
from lmssim.model.compile import compile_scenario
from lmssim.outcomes.first_times import first_times, lived_as, with_sequences
from lmssim.outcomes.series import (
    Share,
    check_row,
    chosen_patients,
    follow_up_times,
    read_times,
    share_of,
    wanted_lives,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.model.schema import Series, SeriesRow
    from lmssim.outcomes.first_times import FirstTimes

BATCH = 8
"""Draws of a task."""


@dataclass(frozen=True)
class Predicted:
    """Rows of some series in some draws, (n_draws, n_rows) each; rows in the order of series, then of their rows.

    Attributes
    ----------
    figure : ndarray(float, ndim=2)
        In the paper's own terms: survival as survival, times in years.
    share : ndarray(float, ndim=2)
        Of patients with an event; of a median, of those with the event (or of all, of a Kaplan-Meier median) by the
        observed time. NaN where there is none.
    per_patient : ndarray(float, ndim=2)
        Patients without censoring who tell as much of the share as one of the study does: 1 for a proportion.
    spread : ndarray(float, ndim=2)
        SD of the log of a median or mean in a study of the row's n; NaN for shares.
    patients : ndarray(float, ndim=2)
        Simulated patients whom the row is about; of a median among events, those with the event.
    """

    figure: FloatArray
    share: FloatArray
    per_patient: FloatArray
    spread: FloatArray
    patients: FloatArray

    @property
    def information(self) -> FloatArray:
        """Effective simulated patients behind a share."""
        size: FloatArray = self.patients * self.per_patient
        return size


def rows_of(scenario: Scenario, names: Iterable[str]) -> list[tuple[str, SeriesRow]]:
    """Series and row of each column of a prediction."""
    return [(name, row) for name in names for row in scenario.file.series[name].rows]


def predict(
    scenario: Scenario,
    names: list[str],
    draws: Mapping[str, FloatArray],
    n_patients: int,
    seed: int = 1,
    first: int = 0,
    jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Predicted:
    """Figures of series in parameter draws.

    Parameters
    ----------
    names : list of str
        Series of the scenario.
    draws : mapping of str to ndarray(float, ndim=1)
        Parameter values by draw, (n_draws,); those absent stand at their base values, derived ones are computed.
    n_patients : int
        Patients a draw and a population.
    seed : int
        Key of their random numbers.
    first : int
        Number of the first draw: draw k meets patients k n_patients, k n_patients + 1, ...
    jobs : int
        Worker threads.
    progress : callable, optional
        Called with (draws done, draws in all).

    Raises
    ------
    ScenarioError
        If a series does not exist, or cannot be read.
    """
    cohorts = _cohorts(scenario, names)
    n_draws = len(next(iter(draws.values()))) if draws else 1
    numbers = [cohort.numbers(draws) for cohort in cohorts]
    for cohort in cohorts:
        compiled.warm(cohort.program)
    order = np.argsort([place for cohort in cohorts for place in cohort.places], kind="stable")

    def draw(k: int) -> FloatArray:
        start = (first + k) * n_patients
        read = [cohort.read(x[k], n_patients, seed, start) for cohort, x in zip(cohorts, numbers, strict=True)]
        return np.concatenate(read)[order]

    def batch(start: int) -> FloatArray:
        return np.array([draw(k) for k in range(start, min(start + BATCH, n_draws))])

    starts = range(0, n_draws, BATCH)
    parallel = Parallel(n_jobs=jobs, backend="threading", return_as="generator", pre_dispatch="2*n_jobs")
    parts = []
    for part in parallel(delayed(batch)(start) for start in starts):
        parts.append(part)
        if progress is not None:
            progress(min(len(parts) * BATCH, n_draws), n_draws)
    values = np.concatenate(parts)
    return Predicted(*(np.ascontiguousarray(values[:, :, k]) for k in range(5)))


@dataclass(frozen=True)
class _Cohort:
    """Series whose patients are drawn from one population.

    Attributes
    ----------
    program : Program
        With the strategies that the series name, and no other.
    series : dict of str to Series
        By name.
    places : list of int
        Column of each row among those of all series.
    """

    program: Program
    series: dict[str, Series]
    places: list[int]
    held: frozenset[str]

    def numbers(self, draws: Mapping[str, FloatArray]) -> FloatArray:
        table = self.program.scenario.table
        own = {
            id_: x for id_, x in draws.items() if id_ in table and not table[id_].expression and id_ not in self.held
        }
        return self.program.numbers(table.evaluate(own) if own else None)

    def read(self, numbers: FloatArray, n: int, seed: int, first: int) -> FloatArray:
        """Columns of `Predicted` by row, (n_rows, 5)."""
        lives = first_times(self.program, self.program.strategies, n, seed, first, numbers)
        return np.array(
            [row for name, spec in self.series.items() for row in self._rows(name, spec, lives, seed, first)]
        )

    def _rows(
        self, name: str, spec: Series, lives: dict[str, FirstTimes], seed: int, first: int
    ) -> Iterable[tuple[float, ...]]:
        n = next(iter(lives.values())).n
        follow_up = follow_up_times(self.program, spec.follow_up, n, seed, first)
        for row in spec.rows:
            where = f"{self.program.scenario.path}: series.{name}.{row.target}"
            each = lives[lived_as(row.strategy or spec.strategy, row.sequence)]
            chosen = chosen_patients(self.program, each, spec, row, where)
            read = read_times(self.program, each, row, follow_up, chosen, where)
            yield _columns(share_of(read, row))


def _columns(share: Share) -> tuple[float, ...]:
    return share.figure, share.share, share.per_patient, share.spread, share.patients


def _cohorts(scenario: Scenario, names: list[str]) -> list[_Cohort]:
    for name in names:
        if name not in scenario.file.series:
            raise ScenarioError(unknown("series", name, scenario.file.series, f"{scenario.path}: series"))
    held: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for name in names:
        held.setdefault(tuple(sorted(scenario.file.series[name].set.items())), []).append(name)
    numbered = {(name, row.target): k for k, (name, row) in enumerate(rows_of(scenario, names))}
    return [_cohort(scenario, dict(values), group, numbered) for values, group in held.items()]


def _cohort(
    scenario: Scenario, values: dict[str, float], names: list[str], numbered: Mapping[tuple[str, str], int]
) -> _Cohort:
    series = {name: scenario.file.series[name] for name in names}
    places = [numbered[name, row.target] for name in names for row in series[name].rows]
    for name, spec in series.items():
        for row in spec.rows:
            check_row(row, f"{scenario.path}: series.{name}.{row.target}")
    own = replace(scenario.with_values(values), own=frozenset[str]())  # what other strategies use is not needed here
    program = with_sequences(compile_scenario(own), wanted := wanted_lives(own, names))
    lived = {lived_as(*key) for key in wanted}
    strategies = {name: s for name, s in program.scenario.file.strategies.items() if name in lived}
    file = program.scenario.file.model_copy(update={"strategies": strategies})
    return _Cohort(compile_scenario(replace(program.scenario, file=file)), series, places, frozenset(values))
