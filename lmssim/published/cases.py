"""Published patients among simulated lives: whether the model finds a patient's course likely.

The lives have the patient's covariates and treatment, as far as they are known; other covariates are drawn from the
population. A course at the edge of its distribution means that the patient was rare, or that the model is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.errors import ScenarioError, unknown
from lmssim.model.population.joint import HeldPopulation
from lmssim.outcomes.first_times import first_times, lived_as, with_sequences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import Case, Observed
    from lmssim.model.program import Program
    from lmssim.outcomes.first_times import Chosen, FirstTimes

COLUMNS = (
    "case",
    "target_id",
    "observation",
    "time",
    "at_least",
    "lives",
    "share_by_then",
    "share_ever",
    "median",
    "low",
    "high",
    "percentile",
    "se",
)


@dataclass(frozen=True)
class CaseTime:
    """One observed time of a case among simulated times.

    Attributes
    ----------
    case : str
        Name of the case.
    observed : Observed
        The published time.
    lives : int
        Simulated lives like the patient's that reach the origin.
    times : ndarray(float, ndim=1)
        Years from the origin to the event, of the lives that have it; ascending.
    """

    case: str
    observed: Observed
    lives: int
    times: FloatArray

    @property
    def share_by_then(self) -> float:
        """Share of lives with the event by the observed time; NaN if there are no lives."""
        return self._before() / self.lives if self.lives else float("nan")

    @property
    def share_ever(self) -> float:
        """Share of lives that ever have the event; NaN if there are no lives."""
        return len(self.times) / self.lives if self.lives else float("nan")

    @property
    def percentile(self) -> float:
        """Share of the times up to the observed one, among lives with the event; NaN if none has it."""
        return self._before() / len(self.times) if len(self.times) else float("nan")

    @property
    def standard_error(self) -> float:
        """Monte-Carlo standard error of the percentile."""
        p = self.percentile
        return float(np.sqrt(p * (1.0 - p) / max(len(self.times), 1)))

    def quantile(self, q: float) -> float:
        """Quantile of the time among lives with the event (years); NaN if none has it."""
        return float(np.quantile(self.times, q)) if len(self.times) else float("nan")

    def _before(self) -> int:
        return int(np.searchsorted(self.times, self.observed.time, side="right"))

    def row(self) -> tuple[str | float | bool, ...]:
        """Values of `COLUMNS`."""
        return (
            self.case,
            self.observed.target,
            self.observed.label,
            self.observed.time,
            self.observed.at_least,
            self.lives,
            self.share_by_then,
            self.share_ever,
            self.quantile(0.5),
            self.quantile(0.05),
            self.quantile(0.95),
            self.percentile,
            self.standard_error,
        )


def read_cases(program: Program, names: Iterable[str], n: int = 50_000, seed: int = 1) -> list[CaseTime]:
    """Every observed time of some cases of a scenario.

    Parameters
    ----------
    names : iterable of str
        Cases.
    n : int
        Simulated lives of each case, before `given` and `without` leave any out.

    Raises
    ------
    InputError
        If a case names an unknown strategy, parameter, covariate, state or event.
    """
    return [found for name in names for found in _read_case(program, name, n, seed)]


def case_frame(found: Iterable[CaseTime]) -> pd.DataFrame:
    """One row for each observed time, columns `COLUMNS`: shares of lives, years, and the patient's percentile."""
    return pd.DataFrame([each.row() for each in found], columns=list(COLUMNS))


def _read_case(program: Program, name: str, n: int, seed: int) -> list[CaseTime]:
    case, where = program.scenario.file.cases[name], f"{program.scenario.path}: cases.{name}"
    program = with_sequences(program, {(case.strategy, case.sequence): where})
    as_ = lived_as(case.strategy, case.sequence)
    lives = first_times(_like(program, case, where), [as_], n, seed)[as_]
    chosen = _chosen(lives, case, where)
    return [
        _time(lives, chosen, name, observed, f"{where}.observed[{i + 1}]") for i, observed in enumerate(case.observed)
    ]


def _like(program: Program, case: Case, where: str) -> Program:
    """The program with the covariates and parameters that are known of the patient."""
    for parameter in case.set:
        if parameter not in program.scenario.table:
            raise ScenarioError(unknown("parameter", parameter, program.scenario.table, f"{where}.set"))
    scenario = program.scenario.with_values(case.set)
    patients = HeldPopulation(scenario.patients, case.covariates, f"{where}.covariates")
    return replace(program, scenario=replace(scenario, patients=patients))


def _chosen(lives: FirstTimes, case: Case, where: str) -> Chosen:
    """Lives that agree with what is known of the course."""
    chosen = np.ones(lives.n, dtype=bool)
    if case.given:
        chosen &= np.isfinite(lives.first(case.given, f"{where}.given"))
    if case.without:
        chosen &= np.isinf(lives.first(case.without, f"{where}.without"))
    return chosen


def _time(lives: FirstTimes, chosen: Chosen, name: str, observed: Observed, where: str) -> CaseTime:
    if observed.since:
        chosen = chosen & np.isfinite(lives.first(observed.since, f"{where}.since"))
    times = lives.since(observed.since, observed.events, where)[chosen]
    return CaseTime(name, observed, int(chosen.sum()), np.sort(times[np.isfinite(times)]))
