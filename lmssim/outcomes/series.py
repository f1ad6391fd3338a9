"""A published series read from simulated histories the way its paper read it.

Each patient has a potential follow-up drawn on a stream of its own; an event counts if it falls within it. The model's
figure stands beside the paper's with the 95% interval of a study of the paper's size: sampling alone, parameters held.
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

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.schema import FollowUp, Series, SeriesRow

COLUMNS = ("series", "target_id", "figure", "statistic", "n", "paper", "model", "low", "high", "inside", "note")


@dataclass(frozen=True)
class FirstTimes:
    """First time of every state and mark, by patient; infinite if never.

    Attributes
    ----------
    by_name : dict of str to ndarray(float, ndim=1)
        State of the file, flat state or mark to (n_patients,).
    n : int
        Patients.
    """

    by_name: dict[str, FloatArray]
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
    for group in program.flat.names():
        members = [states[program.states.index(m)] for m in program.flat.states_of(group) or []]
        by_name[group] = np.min([np.full(n, np.inf), *members], axis=0)
    return FirstTimes(by_name | {name: marks[k] for k, name in enumerate(program.marks)}, n)


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
        Columns `COLUMNS`: paper, model, 95% interval of a study of the paper's n, whether the paper lies inside.

    Raises
    ------
    ScenarioError
        If the series names an unknown strategy, state or mark.
    """
    series: Series = program.scenario.file.series[name]
    where = f"{program.scenario.path}: series.{name}"
    if series.strategy not in program.strategies:
        raise ScenarioError(unknown("strategy", series.strategy, program.strategies, f"{where}.strategy"))
    times = first_times(program, series.strategy, n, seed)
    follow_up = follow_up_times(program, series.follow_up, n, seed)
    included = np.isinf(times.first(series.exclude, where)) if series.exclude else np.ones(n, dtype=bool)
    rows = []
    for row in series.rows:
        model, low, high = _figure(times, row, follow_up, included, f"{where}.{row.target}")
        inside = bool(low <= row.observed <= high)
        rows.append(
            (series.label, row.target, row.label, row.statistic, row.n, row.observed, model, low, high, inside,
             row.note)
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _figure(
    times: FirstTimes, row: SeriesRow, follow_up: FloatArray, included: np.ndarray[tuple[int], np.dtype[np.bool_]],
    where: str,
) -> tuple[float, float, float]:  # fmt: skip
    """Model's figure and the interval of a study of the paper's size."""
    chosen = np.ones(times.n, dtype=bool) if row.everybody else included.copy()
    if row.given:
        chosen &= np.isfinite(times.first(row.given, where))
    if row.without:
        chosen &= np.isinf(times.first(row.without, where))
    event = times.first(row.events, where)[chosen]
    limit = follow_up[chosen] if row.by is None else np.minimum(follow_up[chosen], row.by)
    happened = event <= limit
    if row.statistic == "proportion":
        share = float(happened.mean()) if len(happened) else float("nan")
        low, high = (float(stats.binom.ppf(q, row.n, share)) / row.n for q in (0.025, 0.975))
        return share, low, high
    if not happened.any():
        return float("nan"), float("nan"), float("nan")
    k = (row.n + 1) / 2.0  # a sample median's rank is Beta(k, k)
    quantiles = stats.beta.ppf([0.025, 0.975], k, k)
    low, high = np.quantile(event[happened], quantiles)
    return float(np.median(event[happened])), float(low), float(high)
