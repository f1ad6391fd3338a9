"""One evaluation: a scenario, its patients and draws, and every outcome by strategy as tidy tables.

Tables have one row per result; `se` is the Monte-Carlo standard error, or the error of profiles and steps of an exact
solution, `low` and `high` its 95% interval. Increments come from the same patients under both strategies.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics import cea
from lmssim.errors import InputError
from lmssim.execution.control_variate import WALKS, Controlled, control
from lmssim.execution.simulate import COHORT, Sampling, simulate
from lmssim.execution.solve import Solution, solve_population
from lmssim.kernels import layout, rewards
from lmssim.kernels.tally import EVENT
from lmssim.model.compile.scenario import check_domains, compile_scenario
from lmssim.outcomes.endpoint import EndpointCounts
from lmssim.published.cases import case_frame, read_cases
from lmssim.published.series import COLUMNS, read_series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmssim.execution.fold import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.published.cases import CaseTime

__all__ = ["MAIN", "Evaluation", "Sampling", "evaluate"]

Z95 = 1.959963984540054
MAIN = {
    "life_years": (rewards.LY, "years"),
    "qalys": (rewards.QALY, "QALYs"),
    "cost": (rewards.COST, ""),
    "life_years_undiscounted": (rewards.LY_UNDISCOUNTED, "years"),
    "qalys_undiscounted": (rewards.QALY_UNDISCOUNTED, "QALYs"),
    "cost_undiscounted": (rewards.COST_UNDISCOUNTED, ""),
}
"""Main outcomes: position and unit (blank: the currency)."""
MOST_FOR_SERIES = 50_000
"""Patients a series is read from, at most: its own few dozen are the greater source of error."""
STATE_OUTCOMES = ("years", "qalys", "cost_undiscounted", "cost")


@dataclass(frozen=True)
class Evaluation:
    """Outcomes of every strategy, base case or averaged over parameter draws.

    Attributes
    ----------
    program : Program
        What was run.
    sampling : Sampling
        How many patients, which luck.
    estimates : Estimates
        Means and co-moments over patients, by draw.
    controlled : Controlled, optional
        Batches of patients beside their twins, if a control variate was asked for.
    """

    program: Program
    sampling: Sampling
    estimates: Estimates
    controlled: Controlled | None = None

    @property
    def scenario(self) -> Scenario:
        """The scenario."""
        return self.program.scenario

    @property
    def strategies(self) -> list[str]:
        """Strategy ids."""
        return self.program.strategies

    @property
    def n(self) -> int:
        """Patients; of an exact solution, groups of profiles."""
        return self.estimates.n

    @property
    def solution(self) -> Solution | None:
        """The exact solution, if that is what was run."""
        return self.estimates if isinstance(self.estimates, Solution) else None

    def mean(self, outcome: str) -> FloatArray:
        """Mean of a main outcome, (n_strategies,), over draws."""
        value: FloatArray = self.estimates.mean[:, :, MAIN[outcome][0]].mean(axis=0)
        return value

    # --- tables ---

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every outcome: strategy, outcome, unit, mean, se, low, high."""
        rows = [*self._worth_rows(), *self._endpoint_rows(), *self._event_rows()]
        return _with_interval(pd.DataFrame(rows, columns=["strategy", "outcome", "unit", "mean", "se"]))

    def _worth_rows(self) -> list[tuple[str, str, str, float, float]]:
        settings = self.scenario.file.settings
        mean, se = self.estimates.mean.mean(axis=0), self._over_draws(self.estimates.standard_error())
        if self.solution is not None:
            se = np.hypot(se, self.solution.step_error)
        columns = [(name, k, unit or settings.currency) for name, (k, unit) in MAIN.items()]
        for i, category in enumerate(settings.cost_categories):
            columns.append((f"cost:{category}", rewards.N_MAIN + i, settings.currency))
        n = len(settings.cost_categories)
        for i, category in enumerate(settings.cost_categories):
            columns.append((f"cost_undiscounted:{category}", rewards.N_MAIN + n + i, settings.currency))
        return [
            (strategy, name, unit, float(mean[s, k]), float(se[s, k]))
            for s, strategy in enumerate(self.strategies)
            for name, k, unit in columns
        ]

    def _over_draws(self, se: FloatArray) -> FloatArray:
        """Monte-Carlo error of a mean over draws, given the draws.

        With common luck every draw meets the same patients, so their errors do not average out.
        """
        if self.sampling.independent_luck:
            independent: FloatArray = np.sqrt((se**2).sum(axis=0)) / se.shape[0]
            return independent
        common: FloatArray = se.mean(axis=0)
        return common

    def endpoint(self, endpoint: str, strategy: str) -> EndpointCounts:
        """Counts of an endpoint under a strategy."""
        e, s = self.program.endpoints.index(endpoint), self.strategies.index(strategy)
        counts = self.estimates.counts.endpoint[s, e]
        groups = None if self.solution is None else self.solution.groups.endpoint[:, s, e].astype(np.float64)
        return EndpointCounts(counts, float(self.program.packed.f[layout.F_STEPS_PER_YEAR]), groups)

    def _endpoint_rows(self) -> list[tuple[str, str, str, float, float]]:
        rows = []
        for strategy in self.strategies:
            for name, spec in self.scenario.file.endpoints.items():
                counts = self.endpoint(name, strategy)
                survival = spec.kind == "survival"
                share = counts.survival() if survival else counts.incidence()
                error = self._share_error(name, strategy, share)
                for time in self.scenario.file.settings.times:
                    k = counts.at(time)
                    rows.append((strategy, f"{name}:{time:g}y", "probability", float(share[k]), float(error[k])))
                rows.append(
                    (
                        strategy,
                        f"{name}:ever",
                        "probability",
                        float(counts.incidence()[-1]),
                        float(self._share_error(name, strategy, counts.incidence())[-1]),
                    )
                )
                if survival:
                    rows.append((strategy, f"{name}:median", "years", *counts.quantile(0.5, survival=True)))
                    for tau in self.scenario.file.settings.times:
                        rows.append((strategy, f"{name}:rmst_{tau:g}y", "years", *counts.restricted_mean(tau)))
                else:
                    rows.append(
                        (
                            strategy,
                            f"{name}:median_time_if_any",
                            "years",
                            counts.time_among_events(),
                            counts.error_among_events(),
                        )
                    )
        return rows

    def _share_error(self, endpoint: str, strategy: str, share: FloatArray) -> FloatArray:
        """Standard error of a curve of an endpoint; of an exact solution with that of steps."""
        error = self.endpoint(endpoint, strategy).standard_error(share)
        if self.solution is None:
            return error
        e, s = self.program.endpoints.index(endpoint), self.strategies.index(strategy)
        steps = self.solution.step_error_endpoint[s, e, EVENT, :-1]
        both: FloatArray = np.hypot(error, steps)
        return both

    def _event_rows(self) -> list[tuple[str, str, str, float, float]]:
        rows = []
        for s, strategy in enumerate(self.strategies):
            for k, mark in enumerate(self.program.marks):
                share = float(self.estimates.counts.marks[s, k, 1]) / self._n_lives
                if self.solution is not None:
                    error = self._spread(self.solution.groups.marks[:, s, k, 1].astype(np.float64))
                else:
                    error = float(np.sqrt(share * (1 - share) / self._n_lives))
                rows.append((strategy, f"event:{mark}", "probability", share, error))
        return rows

    def _spread(self, groups: FloatArray) -> float:
        """Standard error of the mean of some groups; 0 for a single one, which is exact."""
        return float(groups.std(ddof=1) / np.sqrt(len(groups)) / len(self.estimates.mean)) if len(groups) > 1 else 0.0

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Errors of an exact solution: strategy, outcome, unit, value, profiles (standard error), steps."""
        columns = ["strategy", "outcome", "unit", "value", "profiles", "steps"]
        if not isinstance(self.estimates, Solution):
            return pd.DataFrame(columns=columns)
        error, currency = self.estimates.standard_error().mean(axis=0), self.scenario.file.settings.currency
        rows = [
            (
                strategy,
                name,
                unit or currency,
                float(self.mean(name)[s]),
                float(error[s, k]),
                float(self.estimates.step_error[s, k]),
            )
            for s, strategy in enumerate(self.strategies)
            for name, (k, unit) in MAIN.items()
        ]
        steps = self.estimates.step_error_endpoint
        for s, strategy in enumerate(self.strategies):
            for e, name in enumerate(self.program.endpoints):
                counts = self.endpoint(name, strategy)
                incidence = counts.incidence()
                spread = counts.standard_error(incidence)
                for time in self.scenario.file.settings.times:
                    k = counts.at(time)
                    rows.append(
                        (
                            strategy,
                            f"{name}:{time:g}y",
                            "probability",
                            float(incidence[k]),
                            float(spread[k]),
                            float(steps[s, e, 0, k]),
                        )
                    )
        return pd.DataFrame(rows, columns=columns)

    @property
    def _n_lives(self) -> int:
        """Lives per strategy, over draws."""
        return self.n * len(self.estimates.mean)

    @cached_property
    def incremental(self) -> pd.DataFrame:
        """Paired increments over the comparator: strategy, comparator, outcome, unit, mean, se, low, high."""
        c = self.strategies.index(self.scenario.comparator)
        rows = []
        for s, strategy in enumerate(self.strategies):
            for name, (k, unit) in MAIN.items():
                increment, se = self.increment(s, c, k)
                unit = unit or self.scenario.file.settings.currency
                rows.append((strategy, self.scenario.comparator, name, unit, increment, se))
            for wtp in self.scenario.file.settings.wtp:
                inmb, se = self.net_benefit(s, c, wtp)
                currency = self.scenario.file.settings.currency
                rows.append((strategy, self.scenario.comparator, f"inmb:{wtp:g}", currency, inmb, se))
        return _with_interval(pd.DataFrame(rows, columns=["strategy", "comparator", "outcome", "unit", "mean", "se"]))

    def increment(self, s: int, c: int, outcome: int) -> tuple[float, float]:
        """Mean difference of strategies `s` and `c` in a main outcome, and its standard error from paired patients."""
        mean = self.estimates.mean[:, s, outcome] - self.estimates.mean[:, c, outcome]
        covariance = self.estimates.covariance(outcome)
        variance = covariance[:, s, s] + covariance[:, c, c] - 2.0 * covariance[:, s, c]
        error = float(self._over_draws(np.sqrt(np.maximum(variance, 0.0) / self.n)))
        return float(mean.mean()), float(np.hypot(error, self._steps(s, c, outcome)))

    def _steps(self, s: int, c: int, outcome: int) -> float:
        """Most that the steps of an exact solution can put wrong in a difference of two strategies; else 0."""
        if self.solution is None or s == c:
            return 0.0
        return float(self.solution.step_error[[s, c], outcome].sum())

    def _paired(self, s: int, c: int) -> tuple[float, float, float]:
        """Variances of the mean increments of cost and QALYs, and their covariance."""
        cost, qaly = self.estimates.covariance(rewards.COST), self.estimates.covariance(rewards.QALY)
        cross = self.estimates.product[:, rewards.N_MAIN] / max(self.n - 1, 1)
        var_cost = cost[:, s, s] + cost[:, c, c] - 2.0 * cost[:, s, c]
        var_qaly = qaly[:, s, s] + qaly[:, c, c] - 2.0 * qaly[:, s, c]
        both = cross[:, s, s] + cross[:, c, c] - cross[:, s, c] - cross[:, c, s]
        cost_steps, qaly_steps = self._steps(s, c, rewards.COST), self._steps(s, c, rewards.QALY)
        paired = [float(v.mean()) / self.n for v in (var_cost, var_qaly, both)]
        return paired[0] + cost_steps**2, paired[1] + qaly_steps**2, paired[2]

    def net_benefit(self, s: int, c: int, wtp: float) -> tuple[float, float]:
        """Incremental net monetary benefit of `s` over `c`, and its standard error."""
        d_cost, d_qaly = self.increment(s, c, rewards.COST)[0], self.increment(s, c, rewards.QALY)[0]
        var_cost, var_qaly, both = self._paired(s, c)
        variance = wtp**2 * var_qaly + var_cost - 2.0 * wtp * both
        return wtp * d_qaly - d_cost, float(np.sqrt(max(variance, 0.0)))

    @cached_property
    def control_variate(self) -> pd.DataFrame:
        """Main outcomes and increments, plain and controlled by twins; empty if not asked for.

        `variance_ratio` is how many times as many patients the plain estimate would take to be as exact;
        `per_time` the same for equal time, for twins cost as much as patients.
        """
        columns = [
            "strategy",
            "comparator",
            "outcome",
            "unit",
            "mean",
            "se",
            "controlled",
            "controlled_se",
            "coefficient",
            "variance_ratio",
            "per_time",
        ]
        if self.controlled is None:
            return pd.DataFrame(columns=columns)
        settings, c = self.scenario.file.settings, self.strategies.index(self.scenario.comparator)
        rows = []
        for s, strategy in enumerate(self.strategies):
            for against in (None, c) if s != c else (None,):
                comparator = "" if against is None else self.strategies[against]
                for name, (k, unit) in MAIN.items():
                    figure = self.controlled.figure(k, s, against)
                    of = (strategy, comparator, name, unit or settings.currency)
                    rows.append((*of, *figure, figure.variance_ratio / WALKS))
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """Incremental analysis by ascending cost, of the strategies that are choices (mixes of practice are not)."""
        names = [s for s in self.strategies if not self.scenario.file.strategies[s].mix]
        index = [self.strategies.index(s) for s in names]
        costs, qalys = self.mean("cost")[index], self.mean("qalys")[index]
        rows = []
        for row in cea.frontier(costs.tolist(), qalys.tolist()):
            s = index[row.strategy]
            record = {
                "strategy": names[row.strategy],
                "cost": costs[row.strategy],
                "qalys": qalys[row.strategy],
                "status": row.status,
                "reference": None,
                "incremental_cost": np.nan,
                "incremental_qalys": np.nan,
                "icer": row.icer,
                "icer_se": np.nan,
            }
            if row.reference is not None:
                c = index[row.reference]
                d_cost, d_qaly = self.increment(s, c, rewards.COST)[0], self.increment(s, c, rewards.QALY)[0]
                record |= {
                    "reference": names[row.reference],
                    "incremental_cost": d_cost,
                    "incremental_qalys": d_qaly,
                    "icer_se": cea.icer_standard_error(d_cost, d_qaly, *self._paired(s, c)),
                }
            rows.append(record)
        return pd.DataFrame(rows)

    @cached_property
    def survival(self) -> pd.DataFrame:
        """Curves by quarter year: endpoint, strategy, time, kind, value, se, at_risk.

        At risk are patients; of an exact solution, the share of them.
        """
        parts = []
        for name, spec in self.scenario.file.endpoints.items():
            for strategy in self.strategies:
                counts = self.endpoint(name, strategy)
                share = counts.survival() if spec.kind == "survival" else counts.incidence()
                every = slice(None, None, int(counts.steps_per_year) // 4)
                parts.append(
                    pd.DataFrame(
                        {
                            "endpoint": name,
                            "strategy": strategy,
                            "time": counts.times[every],
                            "kind": spec.kind,
                            "value": share[every],
                            "se": self._share_error(name, strategy, share)[every],
                            "at_risk": self._at_risk(counts)[every],
                        }
                    )
                )
        columns = ["endpoint", "strategy", "time", "kind", "value", "se", "at_risk"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def _at_risk(self, counts: EndpointCounts) -> FloatArray | IntArray:
        if self.solution is None:
            return counts.at_risk
        share: FloatArray = np.maximum(counts.at_risk / counts.counts.sum(), 0.0)
        return share

    @cached_property
    def occupancy(self) -> pd.DataFrame:
        """State occupancy by quarter year: strategy, state, time, value; states as in the scenario file."""
        flat = self.program.flat
        changes = self.estimates.counts.occupancy
        share = changes.cumsum(axis=2)[:, :, :-1] / self._n_lives
        times = np.arange(share.shape[2]) / self.program.packed.f[layout.F_OCCUPANCY_PER_YEAR]
        parts = []
        for s, strategy in enumerate(self.strategies):
            for group, members in flat.members.items():
                value = share[s, [self.program.states.index(m) for m in members]].sum(axis=0)
                if value.any():
                    parts.append(pd.DataFrame({"strategy": strategy, "state": group, "time": times, "value": value}))
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def states(self) -> pd.DataFrame:
        """By strategy and flat state, per patient: entries, patients who ever entered, years, QALYs, costs."""
        counts = self.estimates.counts.entries
        sums = self.estimates.state.mean(axis=0)
        rows = []
        for s, strategy in enumerate(self.strategies):
            for k, state in enumerate(self.program.states):
                if counts[s, k, 0] == 0:
                    continue
                entries, patients = counts[s, k] / self._n_lives
                row = {"strategy": strategy, "state": state, "entries": entries, "patients": patients}
                rows.append(row | dict(zip(STATE_OUTCOMES, sums[s, k] / self.n, strict=True)))
        return pd.DataFrame(rows)

    @cached_property
    def series(self) -> pd.DataFrame:
        """Published series as their papers read them, paper beside model (`lmssim.published.series`).

        Empty for an exact solution, which has no individual lives to read.
        """
        if self.solution is not None:
            return pd.DataFrame(columns=list(COLUMNS))
        return read_series(self.program, n=min(self.n, MOST_FOR_SERIES), seed=self.sampling.seed)

    @cached_property
    def case_times(self) -> list[CaseTime]:
        """Published patients among simulated lives (`lmssim.published.cases`); none for an exact solution."""
        names = self.scenario.file.cases if self.solution is None else {}
        return read_cases(self.program, names, min(self.n, MOST_FOR_SERIES), self.sampling.seed)

    @cached_property
    def cases(self) -> pd.DataFrame:
        """Where published patients lie: a row for each of their observed times."""
        return case_frame(self.case_times)

    def to_frame(self) -> pd.DataFrame:
        """The summary."""
        return self.summary


def _with_interval(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the 95% Monte-Carlo interval; a probability's stays within 0 and 1."""
    frame["low"] = frame["mean"] - Z95 * frame["se"]
    frame["high"] = frame["mean"] + Z95 * frame["se"]
    share = frame["unit"] == "probability"
    frame.loc[share, ["low", "high"]] = frame.loc[share, ["low", "high"]].clip(0.0, 1.0)
    return frame


def evaluate(
    scenario: Scenario,
    sampling: Sampling | None = None,
    draws: Mapping[str, FloatArray] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate every strategy of a scenario.

    Parameters
    ----------
    scenario : Scenario
        From `load_scenario`.
    sampling : Sampling, optional
        Patients, seed, workers.
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws; the base case if absent.
    progress : callable, optional
        Called with (lives done, lives in all).

    Raises
    ------
    InputError
        If the scenario cannot be run.
    """
    program = compile_scenario(scenario)
    if draws is not None:
        check_domains(program, program.numbers(draws))
    sampling = sampling or Sampling()
    sampling.validate()
    if sampling.engine == COHORT:
        return Evaluation(program, sampling, solve_population(program, sampling, draws, progress=progress))
    if sampling.control_variate and draws is not None:
        raise InputError("control variate: of the base case only, not of parameter draws.")
    controlled = control(program, sampling) if sampling.control_variate else None
    return Evaluation(program, sampling, simulate(program, sampling, draws, progress=progress), controlled)
