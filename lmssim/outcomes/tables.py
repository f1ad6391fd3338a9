"""Outcomes as tidy tables, one row a result: what an evaluation found of means, endpoints, events, states and errors.

`se` is the Monte-Carlo standard error, or the error of profiles and steps of an exact solution; `low` and `high` are
its 95% interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lmssim.engines.cohort.partitioned import cap_names
from lmssim.execution.control_variate import WALKS
from lmssim.kernels import layout
from lmssim.outcomes.endpoint_kinds import endpoint_of
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import COST, MAIN, UNDISCOUNTED, cost_positions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.execution.control_variate import Controlled
    from lmssim.execution.estimates import Estimates
    from lmssim.model.program import Program
    from lmssim.outcomes.endpoint import EndpointCounts
    from lmssim.outcomes.expectation import Expectation

SUMMARY = ["strategy", "outcome", "unit", "mean", "se"]
ERRORS = ["strategy", "outcome", "unit", "value", "profiles", "steps"]
ERRORS_OVER_DRAWS = ["strategy", "comparator", "outcome", "unit", "value", "draws", "patients", "parameters"]
CAPS = ["draw", "strategy", "curve", "capped_by", "years", "years_cut_off", "most_cut_off"]
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
MOST_CYCLES = 16
"""Ends of cycles a year at which curves are written, at most."""
STATE_OUTCOMES = ("years", "qalys", "cost_undiscounted", "cost")


class Row(NamedTuple):
    """One result."""

    strategy: str
    outcome: str
    unit: str
    mean: float
    chance: float
    """Standard error by chance: of patients, or of profiles."""
    steps: float
    """How far steps of time may put it wrong."""

    @property
    def se(self) -> float:
        """Both errors together."""
        return float(np.hypot(self.chance, self.steps))


Reading = tuple[str, str, float, float, float]
"""What is read of an endpoint: its name, unit, value, and the errors of a `Row`."""


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
        per_year = float(self.program.packed.f[layout.F_STEPS_PER_YEAR])
        return endpoint_of(self.estimates, s, e, per_year, self.program.scenario.file.cycles is not None)


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
    rows = [(*row[:4], row.se) for row in _rows(results)]
    return with_interval(pd.DataFrame(rows, columns=SUMMARY))


def outcome_summary(results: Results) -> pd.DataFrame:
    """The summary of main outcomes, costs by category and further sums alone."""
    rows = [(*row[:4], row.se) for row in _outcome_rows(results)]
    return with_interval(pd.DataFrame(rows, columns=SUMMARY))


def _rows(results: Results) -> Iterator[Row]:
    """Every result."""
    yield from _outcome_rows(results)
    yield from _endpoint_rows(results)
    yield from _event_rows(results)


def _outcome_rows(results: Results) -> Iterator[Row]:
    """Main outcomes, costs by category, further sums."""
    estimates, columns = results.estimates, _outcome_columns(results)
    mean, chance, steps = estimates.mean.mean(axis=0), estimates.chance_error(), estimates.step_error
    for s, strategy in enumerate(results.strategies):
        for name, k, unit in columns:
            yield Row(strategy, name, unit, float(mean[s, k]), float(chance[s, k]), float(steps[s, k]))


def _outcome_columns(results: Results) -> list[tuple[str, int, str]]:
    """Name, position and unit of each main outcome, cost category and further sum."""
    columns = [(name, outcome.position, outcome.unit_in(results.currency)) for name, outcome in MAIN.items()]
    categories = results.program.categories
    n_paid, n_all = len(categories), results.program.n_categories
    for name, positions in zip((COST, COST + UNDISCOUNTED), cost_positions(0, n_paid, n_all), strict=True):
        columns += [(f"{name}:{c}", k, results.currency) for c, k in zip(categories, positions, strict=True)]
    return [*columns, *_further_columns(results)]


def _further_columns(results: Results) -> Iterator[tuple[str, int, str]]:
    """Name, position and unit of each further sum, undiscounted and discounted."""
    program, further = results.program, results.program.rows.rewards.further
    discounted, plain = cost_positions(len(program.categories), program.n_categories, program.n_categories)
    for (name, unit), k, k_plain in zip(further, discounted, plain, strict=True):
        kind, _, what = name.partition(":")
        yield name, k_plain, unit or results.currency
        yield f"{kind}_discounted:{what}", k, unit or results.currency


def _endpoint_rows(results: Results) -> Iterator[Row]:
    """Shares at the named times and ever, medians, restricted means."""
    for strategy in results.strategies:
        for name, spec in results.program.scenario.file.endpoints.items():
            counts, survival = results.endpoint(name, strategy), spec.kind == "survival"
            readings = [*_shares(counts, results.times, survival=survival)]
            readings += _mean_times(counts, results.times) if survival else [_time_if_any(counts)]
            for what, unit, mean, chance, steps in readings:
                yield Row(strategy, f"{name}:{what}", unit, mean, chance, steps)


def _shares(counts: EndpointCounts, times: Sequence[float], *, survival: bool) -> Iterator[Reading]:
    """Shares at the named times, and who ever has the event."""
    incidence = counts.incidence()
    share = counts.survival() if survival else incidence
    chance, steps = counts.standard_error(share), counts.share_step_error(share)
    for time in times:
        k = counts.at(time)
        yield f"{time:g}y", "probability", float(share[k]), float(chance[k]), float(steps[k])
    chance, steps = counts.standard_error(incidence), counts.share_step_error(incidence)
    yield "ever", "probability", float(incidence[-1]), float(chance[-1]), float(steps[-1])


def _mean_times(counts: EndpointCounts, times: Sequence[float]) -> Iterator[Reading]:
    """Median and restricted means of a survival curve."""
    steps = counts.step_error(lambda each: each.quantile(0.5, survival=True)[0])
    yield "median", "years", *counts.quantile(0.5, survival=True), float(steps)
    for tau in times:
        steps = counts.step_error(partial(_restricted_mean, tau=tau))
        yield f"rmst_{tau:g}y", "years", *counts.restricted_mean(tau), float(steps)


def _restricted_mean(counts: EndpointCounts, tau: float) -> float:
    return counts.restricted_mean(tau)[0]


def _time_if_any(counts: EndpointCounts) -> Reading:
    """Median time to the event among those who have it."""
    steps = counts.step_error(lambda each: each.time_among_events())
    return "median_time_if_any", "years", counts.time_among_events(), counts.error_among_events(), float(steps)


def _event_rows(results: Results) -> Iterator[Row]:
    """Share of patients who ever have each event."""
    for s, strategy in enumerate(results.strategies):
        for k, event in enumerate(results.program.marks):
            steps = results.estimates.event_step_error(s, k)
            yield Row(strategy, f"event:{event}", "probability", *results.estimates.event_share(s, k), steps)


# === Errors of an exact solution ===


def errors(results: Results) -> pd.DataFrame:
    """Errors of profiles (standard error) and of steps, of every result that has them, under its name in the summary.

    Columns strategy, outcome, unit, value, profiles, steps.
    """
    rows = [row for row in _rows(results) if np.isfinite(row.mean)]
    return pd.DataFrame(rows, columns=ERRORS)


def errors_over_draws(
    results: Results, estimates: Expectation
) -> list[tuple[str, str, str, str, float, float, float, float]]:
    """Errors of an expectation over draws, of main outcomes, costs and further sums: rows of `ERRORS_OVER_DRAWS`."""
    chance, patients = estimates.chance_error(), estimates.patient_error()
    return [
        (strategy, "", name, unit, float(estimates.mean[0, s, k]), *estimates.apart(chance[s, k], patients[s, k]))
        for s, strategy in enumerate(results.strategies)
        for name, k, unit in _outcome_columns(results)
    ]


# === Curves that were capped ===


def caps(results: Results) -> pd.DataFrame:
    """What caps cut off of survival curves, by draw: `CAPS`; years, person-years, and the most at one time (share).

    Person-years are averages over the profiles; years during which a curve was capped too. Empty of other models.
    """
    names, capped = cap_names(results.program), results.estimates.capped
    if capped is None:
        return pd.DataFrame(columns=CAPS)
    draw, strategy, cap = (each.ravel() for each in np.indices(capped.shape[:3]))
    found = {
        "draw": draw,
        "strategy": np.array(results.strategies, dtype=object)[strategy],
        "curve": [names[k][0] for k in cap],
        "capped_by": [names[k][1] for k in cap],
    }
    values = capped.reshape(-1, 3)
    return pd.DataFrame(found | {name: values[:, k] for k, name in enumerate(CAPS[4:])})


# === Curves and states ===


def survival(results: Results) -> pd.DataFrame:
    """Curves by quarter year: endpoint, strategy, time, kind, value, se, at_risk.

    Of a model in cycles, at the ends of cycles, or of every second, third, ... if there are more than `MOST_CYCLES` a
    year. At risk are patients; of an exact solution, the share of them.
    """
    specs = results.program.scenario.file.endpoints
    parts = [_curve(results, name, strategy) for name in specs for strategy in results.strategies]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=SURVIVAL)


def _curve(results: Results, endpoint: str, strategy: str) -> pd.DataFrame:
    counts, kind = results.endpoint(endpoint, strategy), results.program.scenario.file.endpoints[endpoint].kind
    share = counts.survival() if kind == "survival" else counts.incidence()
    per_year = counts.steps_per_year
    every = slice(None, None, math.ceil(per_year / MOST_CYCLES) if counts.stepped else int(per_year) // 4)
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
