"""A published series read from simulated histories the way its paper read it.

Each patient has a potential follow-up drawn on a stream of its own; an event counts if it falls within it. The model's
figure stands beside the paper's with the 95% interval of a study of the paper's size: sampling alone, parameters held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.errors import ScenarioError, unknown
from lmssim.kernels.philox import STREAM_POPULATION, address_of, fill_uniforms
from lmssim.model import expression
from lmssim.outcomes.first_times import FirstTimes, first_times
from lmssim.outcomes.product_limit import product_limit

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.schema import FollowUp, Series, SeriesRow
    from lmssim.outcomes.first_times import Chosen

COLUMNS = ("series", "target_id", "figure", "statistic", "n", "paper", "model", "low", "high", "inside", "note")


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


def read_all_series(program: Program, n: int = 50_000, seed: int = 1) -> pd.DataFrame:
    """Every figure of every series of the scenario, from the same simulated patients (`read_series`)."""
    series = program.scenario.file.series
    wanted = {row.strategy or each.strategy for each in series.values() for row in each.rows}
    times = first_times(program, [s for s in program.strategies if s in wanted], n, seed) if series else {}
    parts = [read_series(program, name, n, seed, times) for name in series]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def read_series(
    program: Program, name: str, n: int = 50_000, seed: int = 1, times: dict[str, FirstTimes] | None = None
) -> pd.DataFrame:
    """Every figure of a series, paper beside model.

    Parameters
    ----------
    name : str
        Series of the scenario.
    n : int
        Simulated patients.
    times : dict of str to FirstTimes, optional
        Those of the same patients under each strategy that the series names, if they are known.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: paper, model, 95% interval of a study of the paper's n, whether the paper lies inside; of a
        printed range, whether the model lies inside it.

    Raises
    ------
    ScenarioError
        If the series names an unknown strategy, state or mark.
    """
    series: Series = program.scenario.file.series[name]
    where = f"{program.scenario.path}: series.{name}"
    strategies = {row.strategy or series.strategy: f"{where}.{row.target}" for row in series.rows}
    for strategy, place in strategies.items():
        if strategy not in program.strategies:
            raise ScenarioError(unknown("strategy", strategy, program.strategies, f"{place}: strategy"))
    times = first_times(program, list(strategies), n, seed) if times is None else times
    follow_up = follow_up_times(program, series.follow_up, n, seed)
    rows = []
    for row in series.rows:
        lives, place = times[row.strategy or series.strategy], f"{where}.{row.target}"
        chosen = _chosen(program, lives, series, row, place)
        model, low, high = _figure(program, lives, row, follow_up, chosen, place)
        rows.append(
            (series.label, row.target, row.label, row.statistic, row.n, row.observed, model, low, high,
             _inside(row, model, low, high), row.note)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _inside(row: SeriesRow, model: float, low: float, high: float) -> bool:
    """Whether model and paper agree: the paper in a study's interval, or the model in the range that is printed."""
    if row.observed_low is None and row.observed_high is None:
        return bool(low <= row.observed <= high)
    least = -np.inf if row.observed_low is None else row.observed_low
    most = np.inf if row.observed_high is None else row.observed_high
    return bool(least <= model <= most)


def _chosen(program: Program, lives: FirstTimes, series: Series, row: SeriesRow, where: str) -> Chosen:
    """Patients whom a row counts."""
    chosen = np.ones(lives.n, dtype=bool)
    if series.exclude and not row.everybody:
        chosen &= np.isinf(lives.first(series.exclude, where))
    if row.given:
        chosen &= np.isfinite(lives.first(row.given, where))
    if row.without:
        chosen &= np.isinf(lives.first(row.without, where))
    for rule in (series.where, row.where):
        if rule is not None:
            chosen &= lives.meet(program, rule, f"{where}: where")
    return chosen


def _figure(
    program: Program, lives: FirstTimes, row: SeriesRow, follow_up: FloatArray, chosen: Chosen, where: str
) -> tuple[float, float, float]:
    """Model's figure and the interval of a study of the paper's size."""
    event = lives.since(row.origin, row.events, where)
    limit = follow_up if row.by is None else np.minimum(follow_up, row.by)
    reached = np.isfinite(lives.first([row.origin], where)) if row.origin is not None else np.ones(lives.n, dtype=bool)
    chosen = chosen & reached
    death = lives.since(row.origin, lives.ends(program), where)
    if row.after is not None:
        chosen &= (event > row.after) & (death > row.after) & (follow_up > row.after)
    event, limit, death, follow_up = event[chosen], limit[chosen], death[chosen], follow_up[chosen]
    if not chosen.any():
        return float("nan"), float("nan"), float("nan")
    if row.statistic in ("survival", "median_survival"):
        return _survival(row, event, np.minimum(death, np.minimum(follow_up, HORIZON)), where)
    return _share(row, event, event <= limit)


HORIZON = 1e6
"""In place of a follow-up without end (years)."""


def _survival(row: SeriesRow, event: FloatArray, censored: FloatArray, where: str) -> tuple[float, float, float]:
    """Product-limit survival at `by`, or its median."""
    curve = product_limit(np.minimum(event, censored), event <= censored)
    if row.statistic == "median_survival":
        return curve.quantile(0.5), *curve.study_median(row.n)
    if row.by is None:
        raise ScenarioError(f"{where}: by: is missing; `survival` is read at a time.")
    return curve.at(row.by), *curve.study_survival(row.by, row.n)


def _share(row: SeriesRow, event: FloatArray, happened: Chosen) -> tuple[float, float, float]:
    """Share with the event, or the median time among those who have it."""
    if row.statistic == "proportion":
        share = float(happened.mean())
        low, high = (float(stats.binom.ppf(q, row.n, share)) / row.n for q in (0.025, 0.975))
        return share, low, high
    if not happened.any():
        return float("nan"), float("nan"), float("nan")
    k = (row.n + 1) / 2.0  # a sample median's rank is Beta(k, k)
    low, high = (float(np.quantile(event[happened], stats.beta.ppf(q, k, k))) for q in (0.025, 0.975))
    return float(np.median(event[happened])), low, high
