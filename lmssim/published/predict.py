"""Rows of published series in parameter draws: what calibration and validation compare with the papers.

Draw k has patients of its own, so errors of simulation are independent between draws. Draw k alone equals draw k of
many, for any number of workers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.engines import compiled
from lmssim.errors import ScenarioError, unknown
from lmssim.execution.backends import run_tasks
from lmssim.model.compile import compile_scenario
from lmssim.outcomes.first_times import first_times, lived_as, with_sequences
from lmssim.published.series import (
    Share,
    check_row,
    chosen_patients,
    follow_up_times,
    read_times,
    share_of,
    wanted_lives,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Series, SeriesRow
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.outcomes.first_times import FirstTimes

BATCH = 8
"""Draws of a task."""


N_COLUMNS = 6
"""Columns of `Predicted`."""


@dataclass(frozen=True)
class Predicted:
    """Rows of some series in some draws, (n_draws, n_rows) each; rows in the order of series, then of their rows.

    Attributes
    ----------
    value : ndarray(float, ndim=2)
        In the paper's own terms: survival as survival, times in years.
    share : ndarray(float, ndim=2)
        Share of patients with an event. For a median, the share by the observed time: of patients with the event, or
        of all for a Kaplan-Meier median. NaN where there is none.
    per_patient : ndarray(float, ndim=2)
        Effective share of a patient's information after censoring: 1 for a proportion.
    spread : ndarray(float, ndim=2)
        SD of the log of a median or mean in a study of the row's n; NaN for shares.
    patients : ndarray(float, ndim=2)
        Simulated patients of the row; for a median among events, those with the event.
    slope : ndarray(float, ndim=2)
        Of a restricted mean, the change of its log by a unit of the log hazard; NaN for others.
    """

    value: FloatArray
    share: FloatArray
    per_patient: FloatArray
    spread: FloatArray
    patients: FloatArray
    slope: FloatArray

    @property
    def information(self) -> FloatArray:
        """Effective number of simulated patients of a share."""
        size: FloatArray = self.patients * self.per_patient
        return size


def rows_of(scenario: Scenario, names: Iterable[str]) -> list[tuple[str, SeriesRow]]:
    """Series and row of each column of a prediction."""
    return [(name, row) for name in names for row in scenario.file.series[name].rows]


@dataclass(frozen=True)
class Reader:
    """Series of a scenario, ready to be computed in any draws.

    Attributes
    ----------
    cohorts : list of _Cohort
        Series by the population that their patients come from.
    n_rows : int
        Columns of a prediction; those of rows that are not wanted are NaN.
    """

    cohorts: list[_Cohort]
    n_rows: int

    def predict(
        self,
        draws: Mapping[str, FloatArray],
        n_patients: int,
        seed: int = 1,
        first: int = 0,
        jobs: int = 1,
        progress: Callable[[int, int], None] | None = None,
    ) -> Predicted:
        """Rows in parameter draws.

        Parameters
        ----------
        draws : mapping of str to ndarray(float, ndim=1)
            Parameter values by draw, (n_draws,). Parameters that are absent keep their base values; derived ones are
            computed.
        n_patients : int
            Patients a draw and a population.
        seed : int
            Key of their random numbers.
        first : int
            Number of the first draw: draw k has patients k n_patients, k n_patients + 1, ...
        jobs : int
            Worker threads.
        progress : callable, optional
            Called with (draws done, draws in all).
        """
        n_draws = len(next(iter(draws.values()))) if draws else 1
        numbers = [cohort.numbers(draws, n_draws) for cohort in self.cohorts]
        for cohort in self.cohorts:
            compiled.warm(cohort.program)

        tasks = (
            _Batch(first + k, min(BATCH, n_draws - k), [x[k : k + BATCH] for x in numbers])
            for k in range(0, n_draws, BATCH)
        )
        parts = []
        for part in run_tasks(_read_batch, _Reading(self, n_patients, seed), tasks, jobs=jobs):
            parts.append(part)
            if progress is not None:
                progress(min(len(parts) * BATCH, n_draws), n_draws)
        values = np.concatenate(parts)
        return Predicted(*(np.ascontiguousarray(values[:, :, k]) for k in range(N_COLUMNS)))


class _Reading(NamedTuple):
    """What all batches of draws share."""

    reader: Reader
    n_patients: int
    seed: int


class _Batch(NamedTuple):
    """Consecutive draws, and in them the numbers of each cohort's program, (n, n_strategies, n_numbers)."""

    first: int
    n: int
    numbers: list[FloatArray]


def _read_batch(shared: _Reading, batch: _Batch) -> FloatArray:
    """Columns of `Predicted` by draw and row, (n_draws, n_rows, N_COLUMNS)."""
    reader, n, seed = shared
    values = np.full((batch.n, reader.n_rows, N_COLUMNS), np.nan)
    for k, draw in enumerate(values):
        for cohort, x in zip(reader.cohorts, batch.numbers, strict=True):
            draw[cohort.places] = cohort.read(x[k], n, seed, (batch.first + k) * n)
    return values


def reader_of(scenario: Scenario, names: list[str], wanted: Collection[tuple[str, str]] | None = None) -> Reader:
    """Reader of some series.

    Parameters
    ----------
    names : list of str
        Series of the scenario, whose rows are the columns of a prediction (`rows_of`).
    wanted : collection of (str, str), optional
        Series and target of the rows that are computed; all if absent.

    Raises
    ------
    ScenarioError
        If a series does not exist, or cannot be computed.
    """
    for name in names:
        if name not in scenario.file.series:
            raise ScenarioError(unknown("series", name, scenario.file.series, f"{scenario.path}: series"))
    keys = [(name, row.target) for name, row in rows_of(scenario, names)]
    places = {key: k for k, key in enumerate(keys) if wanted is None or key in wanted}
    held: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for name in dict.fromkeys(name for name, _ in places):
        held.setdefault(tuple(sorted(scenario.file.series[name].set.items())), []).append(name)
    return Reader([_cohort(scenario, dict(values), group, places) for values, group in held.items()], len(keys))


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
    held : frozenset of str
        Parameters that these series hold at a value in every draw.
    """

    program: Program
    series: dict[str, Series]
    places: list[int]
    held: frozenset[str]

    def numbers(self, draws: Mapping[str, FloatArray], n_draws: int) -> FloatArray:
        """Numbers of the program, (n_draws, n_strategies, n_numbers)."""
        table = self.program.scenario.table
        own = {
            id_: x for id_, x in draws.items() if id_ in table and not table[id_].expression and id_ not in self.held
        }
        found = self.program.numbers(table.evaluate(own) if own else None)
        return found if own else np.repeat(found, n_draws, axis=0)

    def read(self, numbers: FloatArray, n: int, seed: int, first: int) -> FloatArray:
        """Columns of `Predicted` by row, (n_rows, N_COLUMNS)."""
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
            chosen = chosen_patients(self.program, each, spec, row, where, follow_up)
            read = read_times(self.program, each, row, follow_up, chosen, where)
            yield _columns(share_of(read, row))


def _columns(share: Share) -> tuple[float, ...]:
    return share.value, share.share, share.per_patient, share.spread, share.patients, share.slope


def _cohort(
    scenario: Scenario, values: dict[str, float], names: list[str], places: Mapping[tuple[str, str], int]
) -> _Cohort:
    series = {
        name: scenario.file.series[name].model_copy(
            update={"rows": [row for row in scenario.file.series[name].rows if (name, row.target) in places]}
        )
        for name in names
    }
    for name, spec in series.items():
        for row in spec.rows:
            check_row(row, f"{scenario.path}: series.{name}.{row.target}")
    file = scenario.file.model_copy(update={"series": series})
    # what other strategies use is not needed here
    own = replace(scenario, file=file, own=frozenset[str]()).with_values(values)
    wanted = wanted_lives(own, names)
    program = with_sequences(compile_scenario(own), wanted)
    lived = {lived_as(*key) for key in wanted}
    strategies = {name: s for name, s in program.scenario.file.strategies.items() if name in lived}
    # a published patient may have another strategy
    file = program.scenario.file.model_copy(update={"strategies": strategies, "cases": {}})
    numbered = [places[name, row.target] for name in names for row in series[name].rows]
    return _Cohort(compile_scenario(replace(program.scenario, file=file)), series, numbered, frozenset(values))
