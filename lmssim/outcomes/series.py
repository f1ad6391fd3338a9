"""A published series read from simulated histories the way its paper read it.

Each patient has a potential follow-up drawn on a stream of its own; an event counts if it falls within it. The model's
figure stands beside the paper's with the 95% interval of a study of the paper's size: sampling alone, parameters held.
A figure published as a range is met if the model's lies within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.engines import compiled
from lmssim.errors import ScenarioError, unknown
from lmssim.kernels.layout import ROW_ENTERED, ROW_STATE
from lmssim.kernels.philox import STREAM_POPULATION, address_of, fill_uniforms
from lmssim.model import expression
from lmssim.outcomes.estimators import incidence, interval

if TYPE_CHECKING:
    import numpy.typing as npt

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.schema import FollowUp, Series, SeriesRow

COLUMNS = (
    "series", "target_id", "figure", "statistic", "n", "paper", "paper_low", "paper_high", "model", "low", "high",
    "inside", "note",
)  # fmt: skip
AT_A_TIME = ("cumulative_incidence", "km_survival")
"""Statistics that need `by`."""


@dataclass(frozen=True)
class FirstTimes:
    """First time of every state and mark, by patient; infinite if never.

    Attributes
    ----------
    by_name : dict of str to ndarray(float, ndim=1)
        State of the file, flat state or mark to (n_patients,).
    death : ndarray(float, ndim=1)
        (n_patients,) death of any cause.
    n : int
        Patients.
    """

    by_name: dict[str, FloatArray]
    death: FloatArray
    n: int

    def first(self, names: list[str], where: str) -> FloatArray:
        """First time of any of some states and marks."""
        times = np.full(self.n, np.inf)
        for name in names:
            if name not in self.by_name:
                raise ScenarioError(unknown("state or mark", name, self.by_name, where))
            times = np.minimum(times, self.by_name[name])
        return times


def first_times(program: Program, strategy: str, n: int, seed: int) -> FirstTimes:
    """First times under one strategy of patients 0, 1, ..., in the base case."""
    n_strategies, s = len(program.strategies), program.strategies.index(strategy)
    states = np.full((len(program.states), n), np.inf)
    marks = np.full((len(program.marks), n), np.inf)
    for first, x, h in compiled.simulate(program, 0, n, program.numbers()[0], seed):
        for i in range(len(x)):
            path = i * n_strategies + s
            for row in range(h.starts[path, 0], h.starts[path + 1, 0]):
                k = h.rows[row, ROW_STATE]
                states[k, first + i] = min(states[k, first + i], h.times[row, ROW_ENTERED])
            for mark in range(h.starts[path, 1], h.starts[path + 1, 1]):
                k = h.marks[mark]
                marks[k, first + i] = min(marks[k, first + i], h.mark_times[mark])
    by_name = {name: states[k] for k, name in enumerate(program.states)}
    for group, members in program.flat.members.items():
        by_name[group] = np.min([states[program.states.index(m)] for m in members], axis=0)
    deaths = [by_name[name] for name, state in program.scenario.file.states.items() if state.kind == "absorbing"]
    death = np.min(deaths, axis=0) if deaths else np.full(n, np.inf)
    return FirstTimes(by_name | {name: marks[k] for k, name in enumerate(program.marks)}, death, n)


def follow_up_times(program: Program, spec: FollowUp, n: int, seed: int) -> FloatArray:
    """Potential follow-up of patients 0, 1, ... (years)."""
    base = {name: float(v[0]) for name, v in program.scenario.table.base().items()}

    def number(value: float | str | None, default: float) -> float:
        return default if value is None else float(expression.evaluate(expression.parse(value, "follow_up"), base, ""))

    u = np.empty(n)
    fill_uniforms(seed, STREAM_POPULATION, 0, address_of("series follow-up"), 0, u)
    low, high = number(spec.low, 0.0), number(spec.high, np.inf)
    if spec.median is None:
        times: FloatArray = low + u * (high - low)
        return times
    law = stats.lognorm(s=number(spec.sdlog, 0.5), scale=number(spec.median, 1.0))
    a, b = law.cdf(low), law.cdf(high)
    times = law.ppf(a + u * (b - a))
    return times


def read_series(program: Program, name: str, n: int = 50_000, seed: int = 1) -> pd.DataFrame:
    """Every figure of a series, paper beside model.

    Parameters
    ----------
    name : str
        Series of the scenario.
    n : int
        Simulated patients.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: paper's figure or range, model, 95% interval of a study of the paper's n, whether met.

    Raises
    ------
    ScenarioError
        If the series names an unknown strategy, state, mark or covariate, or a row cannot be read.
    """
    series: Series = program.scenario.file.series[name]
    where = f"{program.scenario.path}: series.{name}"
    if series.strategy not in program.strategies:
        raise ScenarioError(unknown("strategy", series.strategy, program.strategies, f"{where}.strategy"))
    follow_up = follow_up_times(program, series.follow_up, n, seed)
    for row in series.rows:
        _check(row, follow_up, f"{where}.{row.target}")
    obeys = {rule: _obeying(program, rule, n, seed, where) for rule in {series.where, *(r.where for r in series.rows)}}
    times = first_times(program, series.strategy, n, seed)
    included = np.isinf(times.first(series.exclude, where)) if series.exclude else np.ones(n, dtype=bool)
    rows = []
    for row in series.rows:
        chosen = obeys[series.where] & obeys[row.where] & (included | row.everybody)
        read = _read(times, row, follow_up, chosen, f"{where}.{row.target}")
        model, low, high = _figure(read, row)
        paper = tuple(np.nan if x is None else x for x in (row.observed, row.low, row.high))
        rows.append(
            (series.label, row.target, row.label, row.statistic, row.n, *paper, model, low, high,
             _is_met(row, model, low, high), row.note)
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check(row: SeriesRow, follow_up: FloatArray, where: str) -> None:
    """Refuse a row that cannot be read."""
    if (row.observed is None) == (row.low is None and row.high is None):
        raise ScenarioError(f"{where}: expected observed, or in its place low or high or both.")
    if row.observed is not None and row.n == 0:
        raise ScenarioError(f"{where}.n: 0; an observed figure needs its number of patients.")
    if row.statistic in AT_A_TIME and row.by is None:
        raise ScenarioError(f"{where}.by: missing; {row.statistic} is read at a time.")
    if row.statistic == "km_median" and row.by is not None:
        raise ScenarioError(f"{where}.by: {row.by:g}; a km_median is read over all of follow-up.")
    if row.by is not None and row.statistic in AT_A_TIME and row.by > follow_up.max():
        raise ScenarioError(f"{where}.by: {row.by:g}; follow_up of the series ends at {follow_up.max():.4g} years.")
    if row.by is not None and row.after is not None and row.by <= row.after:
        raise ScenarioError(f"{where}.by: {row.by:g}; it must be above after, {row.after:g}.")


def _obeying(program: Program, rule: str | None, n: int, seed: int, where: str) -> npt.NDArray[np.bool_]:
    """Patients 0, 1, ... whose covariates obey a rule; all of them without one."""
    if rule is None:
        return np.ones(n, dtype=bool)
    symbols, place = program.symbols, f"{where}.where"
    node = symbols.resolve(expression.parse(rule, place), place)
    if not symbols.is_baseline(node):
        raise ScenarioError(f"{place}: '{rule}' reads more than covariates: {', '.join(symbols.covariates)}.")
    x = program.patients(0, n, seed)
    values = {name: x[:, i] for i, name in enumerate(symbols.covariates)}
    return np.broadcast_to(np.asarray(expression.evaluate(node, values, place), dtype=bool), (n,))


@dataclass(frozen=True)
class _Reading:
    """Times of the patients whom a row is about, since its origin (years).

    Attributes
    ----------
    event, death, follow_up : ndarray(float, ndim=1)
        (n_patients,); infinite if never.
    """

    event: FloatArray
    death: FloatArray
    follow_up: FloatArray


def _read(
    times: FirstTimes, row: SeriesRow, follow_up: FloatArray, chosen: npt.NDArray[np.bool_], where: str
) -> _Reading:
    """Times of the patients whom a row is about."""
    if row.given:
        chosen = chosen & np.isfinite(times.first(row.given, where))
    if row.without:
        chosen = chosen & np.isinf(times.first(row.without, where))
    origin = np.zeros(times.n)
    if row.since:
        origin = times.first(row.since, where)
        chosen = chosen & (origin <= follow_up)
    event, death = times.first(row.events, where), times.death
    if row.after is not None:
        chosen = chosen & (np.minimum(np.minimum(event, death), follow_up) > origin + row.after)
    since = origin[chosen]
    return _Reading(np.maximum(event[chosen] - since, 0.0), death[chosen] - since, follow_up[chosen] - since)


def _figure(read: _Reading, row: SeriesRow) -> tuple[float, float, float]:
    """Model's figure and the interval of a study of the paper's size; blank where there is none."""
    if not len(read.event):
        return np.nan, np.nan, np.nan
    match row.statistic:
        case "proportion":
            figure, low, high = _proportion(read, row)
        case "median_time":
            figure, low, high = _median_time(read, row)
        case _:
            figure, low, high = _curve_figure(read, row)
    return (figure, low, high) if row.n else (figure, np.nan, np.nan)


def _happened(read: _Reading, row: SeriesRow) -> npt.NDArray[np.bool_]:
    return read.event <= (read.follow_up if row.by is None else np.minimum(read.follow_up, row.by))


def _proportion(read: _Reading, row: SeriesRow) -> tuple[float, float, float]:
    share = float(_happened(read, row).mean())
    low, high = (float(stats.binom.ppf(q, row.n, share)) / max(row.n, 1) for q in (0.025, 0.975))
    return share, low, high


def _median_time(read: _Reading, row: SeriesRow) -> tuple[float, float, float]:
    event = read.event[_happened(read, row)]
    if not len(event):
        return np.nan, np.nan, np.nan
    k = (row.n + 1) / 2.0  # a sample median's rank is Beta(k, k)
    low, high = (float(np.quantile(event, stats.beta.ppf(q, k, k))) for q in (0.025, 0.975))
    return float(np.median(event)), low, high


def _curve_figure(read: _Reading, row: SeriesRow) -> tuple[float, float, float]:
    """Statistics of an incidence curve: deaths that are not events compete with them, or censor them."""
    never = np.full(len(read.event), np.inf)
    if row.statistic == "cumulative_incidence":
        curve = incidence(read.event, read.death, read.follow_up)
    else:
        curve = incidence(read.event, never, np.minimum(read.death, read.follow_up))
    if row.statistic == "km_median":
        return curve.median(max(row.n, 1))
    assert row.by is not None
    share, variance = curve.at(row.by)
    ends = interval(np.array([share]), np.array([variance / max(row.n, 1)]))
    low, high = float(ends[0][0]), float(ends[1][0])
    return (share, low, high) if row.statistic == "cumulative_incidence" else (1.0 - share, 1.0 - high, 1.0 - low)


def _is_met(row: SeriesRow, model: float, low: float, high: float) -> bool:
    """Whether the paper's figure lies in the model's interval; of a range, whether the model's lies within it."""
    if row.observed is not None:
        return bool(low <= row.observed <= high)
    least, most = -np.inf if row.low is None else row.low, np.inf if row.high is None else row.high
    return bool(least <= model <= most)
