"""Outcomes as tidy tables, one row a result: what an evaluation found of means, endpoints, events, states and errors.

`se` is the Monte-Carlo standard error, or the error of profiles and steps of an exact solution; `low` and `high` are
its 95% interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.execution.control_variate import WALKS
from lmssim.kernels import layout
from lmssim.kernels.tally import EVENT
from lmssim.outcomes.endpoint import endpoint_of
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import COST, MAIN, UNDISCOUNTED, cost_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.execution.control_variate import Controlled
    from lmssim.execution.estimates import Estimates
    from lmssim.model.program import Program
    from lmssim.outcomes.endpoint import EndpointCounts

SUMMARY = ["strategy", "outcome", "unit", "mean", "se"]
ERRORS = ["strategy", "outcome", "unit", "value", "profiles", "steps"]
SURVIVAL = ["endpoint", "strategy", "time", "kind", "value", "se", "at_risk"]
CONTROLLED = [
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
STATE_OUTCOMES = ("years", "qalys", "cost_undiscounted", "cost")

Row = tuple[str, str, str, float, float]
"""Strategy, outcome, unit, mean, standard error."""


@dataclass(frozen=True)
class Results:
    """Estimates with the names by which they are read.

    Attributes
    ----------
    program : Program
        What was run.
    estimates : Estimates
        What it gave.
    strategies : list of str
        Which strategies were run, in order of the estimates.
    """

    program: Program
    estimates: Estimates
    strategies: list[str]

    @property
    def currency(self) -> str:
        """The scenario's currency."""
        return self.program.scenario.file.settings.currency

    @property
    def times(self) -> list[float]:
        """Named times (years)."""
        return self.program.scenario.file.settings.times

    def endpoint(self, endpoint: str, strategy: str) -> EndpointCounts:
        """An endpoint under a strategy."""
        s, e = self.strategies.index(strategy), self.program.endpoints.index(endpoint)
        return endpoint_of(self.estimates, s, e, float(self.program.packed.f[layout.F_STEPS_PER_YEAR]))


def with_interval(frame: pd.DataFrame) -> pd.DataFrame:
    """Add the 95% interval; a probability's stays within 0 and 1."""
    frame["low"] = frame["mean"] - Z975 * frame["se"]
    frame["high"] = frame["mean"] + Z975 * frame["se"]
    share = frame["unit"] == "probability"
    frame.loc[share, ["low", "high"]] = frame.loc[share, ["low", "high"]].clip(0.0, 1.0)
    return frame


# === Summary ===


def summary(results: Results) -> pd.DataFrame:
    """Every result: strategy, outcome, unit, mean, se, low, high."""
    rows = [*_outcome_rows(results), *_endpoint_rows(results), *_event_rows(results)]
    return with_interval(pd.DataFrame(rows, columns=SUMMARY))


def _outcome_rows(results: Results) -> Iterator[Row]:
    """Main outcomes, then costs by category."""
    mean, se = results.estimates.mean.mean(axis=0), results.estimates.error()
    columns = [(name, outcome.position, outcome.unit_in(results.currency)) for name, outcome in MAIN.items()]
    categories = results.program.categories
    for name, positions in zip((COST, COST + UNDISCOUNTED), cost_positions(len(categories)), strict=True):
        columns += [(f"{name}:{c}", k, results.currency) for c, k in zip(categories, positions, strict=True)]
    for s, strategy in enumerate(results.strategies):
        for name, k, unit in columns:
            yield strategy, name, unit, float(mean[s, k]), float(se[s, k])


def _endpoint_rows(results: Results) -> Iterator[Row]:
    """Shares at the named times and ever, medians, restricted means."""
    for strategy in results.strategies:
        for name, spec in results.program.scenario.file.endpoints.items():
            counts = results.endpoint(name, strategy)
            survival = spec.kind == "survival"
            incidence = counts.incidence()
            share = counts.survival() if survival else incidence
            error = counts.whole_error(share)
            for time in results.times:
                k = counts.at(time)
                yield strategy, f"{name}:{time:g}y", "probability", float(share[k]), float(error[k])
            ever = float(incidence[-1]), float(counts.whole_error(incidence)[-1])
            yield strategy, f"{name}:ever", "probability", *ever
            if survival:
                yield strategy, f"{name}:median", "years", *counts.quantile(0.5, survival=True)
                for tau in results.times:
                    yield strategy, f"{name}:rmst_{tau:g}y", "years", *counts.restricted_mean(tau)
            else:
                median = counts.time_among_events(), counts.error_among_events()
                yield strategy, f"{name}:median_time_if_any", "years", *median


def _event_rows(results: Results) -> Iterator[Row]:
    """Share of patients who ever have each event."""
    for s, strategy in enumerate(results.strategies):
        for k, event in enumerate(results.program.marks):
            yield strategy, f"event:{event}", "probability", *results.estimates.event_share(s, k)


# === Errors of an exact solution ===


def errors(results: Results) -> pd.DataFrame:
    """Errors of profiles (standard error) and of steps: strategy, outcome, unit, value, profiles, steps."""
    return pd.DataFrame([*_outcome_errors(results), *_endpoint_errors(results)], columns=ERRORS)


def _outcome_errors(results: Results) -> Iterator[tuple[str, str, str, float, float, float]]:
    estimates = results.estimates
    mean, error, steps = estimates.mean.mean(axis=0), estimates.standard_error().mean(axis=0), estimates.step_error
    for s, strategy in enumerate(results.strategies):
        for name, outcome in MAIN.items():
            k = outcome.position
            each = float(mean[s, k]), float(error[s, k]), float(steps[s, k])
            yield strategy, name, outcome.unit_in(results.currency), *each


def _endpoint_errors(results: Results) -> Iterator[tuple[str, str, str, float, float, float]]:
    for s, strategy in enumerate(results.strategies):
        for e, name in enumerate(results.program.endpoints):
            counts, steps = results.endpoint(name, strategy), results.estimates.endpoint_step_error(s, e)[EVENT]
            incidence = counts.incidence()
            spread = counts.standard_error(incidence)
            for time in results.times:
                k = counts.at(time)
                each = float(incidence[k]), float(spread[k]), float(steps[k])
                yield strategy, f"{name}:{time:g}y", "probability", *each


# === Curves and states ===


def survival(results: Results) -> pd.DataFrame:
    """Curves by quarter year: endpoint, strategy, time, kind, value, se, at_risk.

    At risk are patients; of an exact solution, the share of them.
    """
    specs = results.program.scenario.file.endpoints
    parts = [_curve(results, name, strategy) for name in specs for strategy in results.strategies]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SURVIVAL)


def _curve(results: Results, endpoint: str, strategy: str) -> pd.DataFrame:
    counts, kind = results.endpoint(endpoint, strategy), results.program.scenario.file.endpoints[endpoint].kind
    share = counts.survival() if kind == "survival" else counts.incidence()
    every = slice(None, None, int(counts.steps_per_year) // 4)
    return pd.DataFrame(
        {
            "endpoint": endpoint,
            "strategy": strategy,
            "time": counts.times[every],
            "kind": kind,
            "value": share[every],
            "se": counts.whole_error(share)[every],
            "at_risk": counts.shown_at_risk[every],
        }
    )


def occupancy(results: Results) -> pd.DataFrame:
    """State occupancy by quarter year: strategy, state, time, value; states as in the scenario file."""
    program, estimates = results.program, results.estimates
    share = estimates.counts.occupancy.cumsum(axis=2)[:, :, :-1] / estimates.n_lives
    times = np.arange(share.shape[2]) / program.packed.f[layout.F_OCCUPANCY_PER_YEAR]
    parts = []
    for s, strategy in enumerate(results.strategies):
        for state, members in program.flat.members.items():
            value = share[s, [program.states.index(m) for m in members]].sum(axis=0)
            if value.any():
                parts.append(pd.DataFrame({"strategy": strategy, "state": state, "time": times, "value": value}))
    return pd.concat(parts, ignore_index=True)


def states(results: Results) -> pd.DataFrame:
    """By strategy and flat state, per patient: entries, patients who ever entered, years, QALYs, costs."""
    estimates = results.estimates
    counts, sums = estimates.counts.entries, estimates.state.mean(axis=0)
    rows = []
    for s, strategy in enumerate(results.strategies):
        for k, state in enumerate(results.program.states):
            if counts[s, k, 0] == 0:
                continue
            entries, patients = counts[s, k] / estimates.n_lives
            row = {"strategy": strategy, "state": state, "entries": entries, "patients": patients}
            rows.append(row | dict(zip(STATE_OUTCOMES, sums[s, k] / estimates.n, strict=True)))
    return pd.DataFrame(rows)


# === Control variates ===


def control_variate(results: Results, controlled: Controlled, comparator: str) -> pd.DataFrame:
    """Main outcomes and increments over the comparator, plain and controlled by twins.

    `variance_ratio` is how many times as many patients the plain estimate would take to be as exact; `per_time` the
    same for equal time, for twins cost as much as patients.
    """
    c, rows = results.strategies.index(comparator), []
    for s, strategy in enumerate(results.strategies):
        for against in (None, c) if s != c else (None,):
            over = "" if against is None else comparator
            for name, outcome in MAIN.items():
                found = controlled.mean(outcome.position, s, against)
                of = strategy, over, name, outcome.unit_in(results.currency)
                rows.append((*of, *found, found.variance_ratio / WALKS))
    return pd.DataFrame(rows, columns=CONTROLLED)
