"""Published series computed from simulated histories, as their papers computed them.

Each patient has a potential follow-up from a random stream of its own; an event counts if it falls within the
follow-up. The model's value stands beside the published one with the 95% interval of a study of the paper's size, which
holds sampling error alone: the parameters stand at one value. A range is met if the model's value lies within it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import special

from lmssim.errors import InputError, ScenarioError, exact
from lmssim.kernels.philox import STREAM_POPULATION, address_of, fill_uniforms
from lmssim.model.compile import compile_scenario
from lmssim.model.language import expression
from lmssim.model.published import follow_up_problem
from lmssim.outcomes.estimators import Z975, binomial_quantile, incidence, restricted_mean, study_interval
from lmssim.outcomes.first_times import FirstTimes, first_times, lived_as, with_sequences

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import FollowUp, Series, SeriesRow
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.outcomes.estimators import Incidence, RestrictedMean
    from lmssim.outcomes.first_times import Chosen

COLUMNS = (
    "series",
    "target_id",
    "figure",
    "statistic",
    "n",
    "paper",
    "paper_low",
    "paper_high",
    "model",
    "low",
    "high",
    "inside",
    "note",
)
AT_A_TIME = ("cumulative_incidence", "km_survival")
"""Statistics that are a share of patients at the time `by`."""
RESTRICTED = "rmst"
"""Restricted mean: its horizon is `by`."""
ON_CURVES = (*AT_A_TIME, "km_median", RESTRICTED)
"""Statistics of a curve over time since the origin."""
BY_PATTERN = ("proportion", "cumulative_incidence", "median_time", "mean_time")
"""Statistics of the patients who have some events alone, or together with others."""


def is_time(statistic: str) -> bool:
    """Whether a statistic, of a row or of a target, is a time (years) rather than a share."""
    return "median" in statistic or "mean" in statistic or statistic == RESTRICTED


def follow_up_times(
    program: Program, spec: FollowUp, n: int, seed: int, first: int = 0, where: str = "follow_up"
) -> FloatArray:
    """Potential follow-up of patients first, first + 1, ... (years); `where` begins the message of a refusal."""
    base = {name: float(v[0]) for name, v in program.scenario.table.base().items()}

    def number(value: float | str | None) -> float | None:
        return None if value is None else float(expression.evaluate(expression.parse(value, where), base, where))

    u = np.empty(n)
    fill_uniforms(seed, STREAM_POPULATION, first, address_of("series follow-up"), 0, u)
    low, high, median, sdlog = number(spec.low) or 0.0, number(spec.high), number(spec.median), number(spec.sdlog)
    if wrong := follow_up_problem(low, high, median, sdlog):
        raise ScenarioError(f"{where}.{wrong[0]}: {wrong[1]}")
    high = np.inf if high is None else high
    if median is None:
        times: FloatArray = low + u * (high - low)
        return times
    centre, spread = np.log(median), 0.5 if sdlog is None else sdlog
    with np.errstate(divide="ignore"):
        a, b = special.ndtr((np.log([low, high]) - centre) / spread)
    times = np.exp(centre + spread * special.ndtri(a + u * (b - a)))
    return times


def read_series(program: Program, names: Iterable[str] | None = None, n: int = 50_000, seed: int = 1) -> pd.DataFrame:
    """Every row of some series of the scenario, paper beside model.

    Parameters
    ----------
    names : iterable of str, optional
        Series; all of the scenario if absent. Those of one population share their simulated patients.
    n : int
        Simulated patients of each population.

    Returns
    -------
    DataFrame
        Columns `COLUMNS`: published value or range, model, 95% interval of a study of the paper's n, whether met.

    Raises
    ------
    ScenarioError
        If a series names an unknown strategy, state, event or covariate, or a row cannot be computed.
    """
    chosen = program.scenario.file.series
    chosen = chosen if names is None else {name: chosen[name] for name in names}
    if not chosen:
        return pd.DataFrame(columns=list(COLUMNS))
    alike: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for name, spec in chosen.items():
        alike.setdefault(tuple(sorted(spec.set.items())), []).append(name)
    frames: dict[str, pd.DataFrame] = {}
    for together in alike.values():
        own = program_of(program, chosen[together[0]])
        follow_up = {name: _checked_follow_up(own, name, n, seed) for name in together}
        times = _lives(own, wanted_lives(program.scenario, together), n, seed)
        frames |= {name: _read_rows(own, name, follow_up[name], times) for name in together}
    return pd.concat([frames[name] for name in chosen], ignore_index=True)


def program_of(program: Program, series: Series) -> Program:
    """The program with the parameter values that hold for a series' patients."""
    if not series.set:
        return program
    try:
        return compile_scenario(program.scenario.with_values(series.set))
    except InputError as error:
        raise ScenarioError(f"{error} So it is with what the series '{series.label}' sets.") from None


def wanted_lives(scenario: Scenario, names: Iterable[str]) -> dict[tuple[str, str | None], str]:
    """Strategies and sequences that some series need, each with the place of a row that needs it."""
    wanted: dict[tuple[str, str | None], str] = {}
    for name in names:
        series, where = scenario.file.series[name], f"{scenario.path}: series.{name}"
        wanted |= {(row.strategy or series.strategy, row.sequence): f"{where}.{row.target}" for row in series.rows}
    return wanted


def _lives(program: Program, wanted: dict[tuple[str, str | None], str], n: int, seed: int) -> dict[str, FirstTimes]:
    program = with_sequences(program, wanted)
    return first_times(program, [lived_as(*key) for key in wanted], n, seed)


def _checked_follow_up(program: Program, name: str, n: int, seed: int) -> FloatArray:
    """Follow-up of a series' patients (years), under which each of its rows can be computed."""
    series = program.scenario.file.series[name]
    place = f"{program.scenario.path}: series.{name}.follow_up"
    follow_up = follow_up_times(program, series.follow_up, n, seed, where=place)
    for row in series.rows:
        check_row(row, f"{program.scenario.path}: series.{name}.{row.target}", float(follow_up.max()))
    return follow_up


def _read_rows(program: Program, name: str, follow_up: FloatArray, times: dict[str, FirstTimes]) -> pd.DataFrame:
    """Rows of a series, from lives of its patients (`lived_as`)."""
    series: Series = program.scenario.file.series[name]
    where = f"{program.scenario.path}: series.{name}"
    rows = []
    for row in series.rows:
        lives, place = times[lived_as(row.strategy or series.strategy, row.sequence)], f"{where}.{row.target}"
        chosen = chosen_patients(program, lives, series, row, place, follow_up)
        read = read_times(program, lives, row, follow_up, chosen, place)
        model, low, high = _value(read, row)
        paper = tuple(np.nan if x is None else x for x in (row.observed, row.low, row.high))
        rows.append(
            (
                series.label,
                row.target,
                row.label,
                row.statistic,
                row.n,
                *paper,
                model,
                low,
                high,
                _is_met(row, model, low, high),
                "; ".join(filter(None, (row.note, _immortal(lives, row, chosen, place)))),
            )
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def check_row(row: SeriesRow, where: str, longest: float = np.inf) -> None:
    """Refuse a row that cannot be computed; `longest` is the longest follow-up (years)."""
    if (row.observed is None) == (row.low is None and row.high is None):
        raise ScenarioError(f"{where}: expected `observed`, or `low` or `high` or both in its place.")
    if row.observed is not None and row.n == 0:
        raise ScenarioError(f"{where}.n: 0; an observed value needs its number of patients.")
    if row.statistic in (*AT_A_TIME, RESTRICTED) and row.by is None:
        raise ScenarioError(f"{where}.by: missing; {row.statistic} is computed at a time.")
    if row.statistic == "km_median" and row.by is not None:
        raise ScenarioError(f"{where}.by: {exact(row.by)}; a km_median is computed over all of follow-up.")
    if row.by is not None and row.statistic in (*AT_A_TIME, RESTRICTED) and row.by > longest:
        end = f"{longest:.4g}"
        end = end if float(end) < row.by else exact(longest)
        raise ScenarioError(f"{where}.by: {exact(row.by)}; follow_up of the series ends at {end} years.")
    if row.by is not None and row.after is not None and row.by <= row.after:
        raise ScenarioError(f"{where}.by: {exact(row.by)}; it must be above after, {exact(row.after)}.")
    _check_given(row, where)
    _check_restricted(row, where)
    _check_pattern(row, where)


def _check_given(row: SeriesRow, where: str) -> None:
    """Refuse times of what is given where nothing is given, or in no order."""
    for key in ("given_after", "given_by"):
        if getattr(row, key) is not None and not row.given:
            raise ScenarioError(f"{where}.{key}: needs `given`, the events that came then.")
    if row.given_by is not None and row.given_by <= (row.given_after or 0.0):
        after = exact(row.given_after or 0.0)
        raise ScenarioError(f"{where}.given_by: {exact(row.given_by)}; it must be above given_after, {after}.")


def _check_restricted(row: SeriesRow, where: str) -> None:
    """Refuse a restricted mean after a landmark, or one longer than its horizon."""
    if row.statistic != RESTRICTED or row.by is None:
        return
    if row.after is not None:
        raise ScenarioError(f"{where}.after: {exact(row.after)}; a restricted mean counts from its origin.")
    for key in ("observed", "low", "high"):
        value = getattr(row, key)
        if value is not None and value > row.by:
            raise ScenarioError(f"{where}.{key}: {exact(value)}; a restricted mean is at most its horizon, `by`.")


def _check_pattern(row: SeriesRow, where: str) -> None:
    """Refuse a row that tells events apart by a statistic that cannot, or says how without saying from what."""
    if not row.others:
        for key, given in (("together", row.together), ("window", row.window is not None)):
            if given:
                raise ScenarioError(f"{where}.{key}: needs `others`, the events that are told apart from `events`.")
        return
    if row.statistic not in BY_PATTERN:
        allowed = ", ".join(BY_PATTERN)
        raise ScenarioError(f"{where}.others: {row.statistic} cannot tell events apart. Allowed: {allowed}.")
    if row.statistic != "proportion" and row.window is None:
        raise ScenarioError(f"{where}.window: missing; without it, {row.statistic} would change with later follow-up.")
    if both := sorted({*row.events} & {*row.others}):
        raise ScenarioError(f"{where}.others: '{both[0]}' is one of `events`.")


def chosen_patients(
    program: Program, lives: FirstTimes, series: Series, row: SeriesRow, where: str, follow_up: FloatArray
) -> Chosen:
    """Patients of a row, before its times leave any out.

    Notes
    -----
    `given` and `without` know what a study knew: what has happened by the end of a patient's follow-up, which counts
    from the row's origin. An event that comes later does not choose a patient. Before an event that is given nobody
    can die, so that time from an earlier origin to it is immortal: `wait_for` says how long it is.
    """
    chosen = np.ones(lives.n, dtype=bool)
    if series.exclude and not row.everybody:
        chosen &= np.isinf(lives.first(series.exclude, where))
    start = lives.first(row.since, where) if row.since else np.zeros(lives.n)
    seen = start + follow_up
    if row.given:
        given = lives.first(row.given, where)
        chosen &= _known_by(given, seen if row.given_by is None else np.minimum(seen, row.given_by))
        chosen &= given > (-np.inf if row.given_after is None else row.given_after)
    if row.without:
        chosen &= ~_known_by(lives.first(row.without, where), seen)
    if row.since:
        chosen &= np.isfinite(start) & (lives.first([*row.events, *row.others], where) >= start)
    if row.alive_at is not None:
        chosen &= (follow_up >= row.alive_at) & (lives.first(lives.ends(program), where) > start + row.alive_at)
    for rule in (series.where, row.where):
        if rule is not None:
            chosen &= lives.meet(program, rule, f"{where}: where")
    return chosen


def _known_by(times: FloatArray, seen: FloatArray) -> Chosen:
    """Whether something has happened by the end of follow-up."""
    known: Chosen = np.isfinite(times) & (times <= seen)
    return known


def wait_for(lives: FirstTimes, row: SeriesRow, chosen: Chosen, where: str) -> float:
    """Median time from a row's origin to what is `given`, in which nobody can die (years); 0 if it comes before."""
    if not row.given or not chosen.any():
        return 0.0
    start = lives.first(row.since, where)[chosen] if row.since else 0.0
    return float(np.median(np.maximum(lives.first(row.given, where)[chosen] - start, 0.0)))


def _immortal(lives: FirstTimes, row: SeriesRow, chosen: Chosen, where: str) -> str:
    """Note on a curve that counts time before what is given; empty where there is none."""
    wait = wait_for(lives, row, chosen, where) if row.statistic in ON_CURVES else 0.0
    return f"time before {', '.join(row.given)} is immortal, {wait:.2g} years by median" if wait > 0.0 else ""


@dataclass(frozen=True)
class Times:
    """Times of a row's patients since its origin (years); infinite if never.

    Attributes
    ----------
    event, death, follow_up : ndarray(float, ndim=1)
        (n_patients,).
    """

    event: FloatArray
    death: FloatArray
    follow_up: FloatArray


def read_times(
    program: Program, lives: FirstTimes, row: SeriesRow, follow_up: FloatArray, chosen: Chosen, where: str
) -> Times:
    """Times of the chosen patients; after a landmark, of those who are still followed, alive and without the event."""
    event = lives.since(row.since, row.events, where)
    death = lives.since(row.since, lives.ends(program), where)
    other = lives.since(row.since, row.others, where) if row.others else np.full(lives.n, np.inf)
    if row.after is not None:
        chosen = chosen & (np.minimum(np.minimum(np.minimum(event, other), death), follow_up) > row.after)
    if row.others:
        seen = follow_up if row.by is None or row.window is not None else np.minimum(follow_up, row.by)
        event = told_apart(event, other, seen, np.inf if row.window is None else row.window, together=row.together)
    return Times(event[chosen], death[chosen], follow_up[chosen])


def told_apart(event: FloatArray, other: FloatArray, seen: FloatArray, window: float, *, together: bool) -> FloatArray:
    """Time at which a patient counts as one who has an event alone, or together with another; infinite if never.

    Parameters
    ----------
    event, other : ndarray(float, ndim=1)
        Time of each (years), infinite if never; (n_patients,).
    seen : ndarray(float, ndim=1)
        End of each patient's observation (years).
    window : float
        Years after the first of the two within which both count as found together.

    Notes
    -----
    The first of the two, where it is seen, is the time of all three patterns: the event alone, the other alone, both.
    So they add up to those who have either.
    """
    first, second = np.minimum(event, other), np.maximum(event, other)
    both = np.isfinite(second) & (second <= np.minimum(first + window, seen))
    counted = both if together else ~both & (event <= other)
    times: FloatArray = np.where(counted, first, np.inf)
    return times


def _value(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    """Model's value and the interval of a study of the paper's size; NaN where there is none."""
    if not len(read.event):
        return np.nan, np.nan, np.nan
    match row.statistic:
        case "proportion":
            value, low, high = _proportion(read, row)
        case "median_time":
            value, low, high = _median_time(read, row)
        case "mean_time":
            value, low, high = _mean_time(read, row)
        case "rmst":
            value, low, high = _restricted_interval(read, row)
        case _:
            value, low, high = _curve_value(read, row)
    return (value, low, high) if row.n else (value, np.nan, np.nan)


def _happened(read: Times, row: SeriesRow) -> Chosen:
    return read.event <= (read.follow_up if row.by is None else np.minimum(read.follow_up, row.by))


def _proportion(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    share = float(_happened(read, row).mean())
    low, high = (binomial_quantile(q, row.n, share) / max(row.n, 1) for q in (0.025, 0.975))
    return share, low, high


def _median_time(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    event = read.event[_happened(read, row)]
    if not len(event):
        return np.nan, np.nan, np.nan
    k = (row.n + 1) / 2.0  # a sample median's rank is Beta(k, k)
    low, high = (float(np.quantile(event, special.betaincinv(k, k, q))) for q in (0.025, 0.975))
    return float(np.median(event)), low, high


def _mean_time(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    """Mean among those with the event; its interval is log-normal, by the delta method."""
    event = read.event[_happened(read, row)]
    if not len(event):
        return np.nan, np.nan, np.nan
    mean = float(event.mean())
    if mean == 0.0:
        return 0.0, 0.0, 0.0
    ratio = float(np.exp(Z975 * event.std() / (mean * np.sqrt(max(row.n, 1)))))
    return mean, mean / ratio, mean * ratio


def _restricted(read: Times, row: SeriesRow) -> RestrictedMean:
    """Restricted mean: deaths that are not events censor them."""
    assert row.by is not None
    return restricted_mean(read.event, np.minimum(read.death, read.follow_up), row.by)


def _restricted_interval(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    """A restricted mean and its interval, which is normal and ends at 0 and at the horizon."""
    found, most = _restricted(read, row), row.by or 0.0
    half = Z975 * float(np.sqrt(found.variance / max(row.n, 1)))
    return found.mean, max(found.mean - half, 0.0), min(found.mean + half, most)


def _curve(read: Times, row: SeriesRow) -> Incidence:
    """Incidence curve: deaths that are not events compete with the events, or censor them."""
    if row.statistic == "cumulative_incidence":
        return incidence(read.event, read.death, read.follow_up)
    never = np.full(len(read.event), np.inf)
    return incidence(read.event, never, np.minimum(read.death, read.follow_up))


def _curve_value(read: Times, row: SeriesRow) -> tuple[float, float, float]:
    """Statistics of an incidence curve."""
    curve = _curve(read, row)
    if row.statistic == "km_median":
        return curve.median(max(row.n, 1))
    assert row.by is not None
    share, variance = curve.at(row.by)
    low, high = study_interval(share, variance, max(row.n, 1))
    return (share, low, high) if row.statistic == "cumulative_incidence" else (1.0 - share, 1.0 - high, 1.0 - low)


@dataclass(frozen=True)
class Share:
    """A row as a share of patients with an event, as the likelihood needs it.

    Attributes
    ----------
    value : float
        In the paper's own terms.
    share : float
        With an event; for a median, by the observed time. NaN where there is none.
    per_patient : float
        Effective share of a patient's information after censoring.
    spread : float
        SD of the log of a median or mean in a study of the row's n; NaN for shares.
    patients : float
        Simulated patients in the denominator of the share.
    slope : float
        Of a restricted mean, the change of its log by a unit of the log hazard; else NaN.
    """

    value: float
    share: float
    per_patient: float
    spread: float
    patients: float
    slope: float = np.nan


def share_of(read: Times, row: SeriesRow) -> Share:
    """Share of patients with an event that a row states or implies: a half by the median."""
    n = len(read.event)
    if not n:
        return Share(np.nan, np.nan, np.nan, np.nan, 0.0)
    if row.statistic == "proportion":
        share = float(_happened(read, row).mean())
        return Share(share, share, 1.0, np.nan, n)
    if row.statistic in AT_A_TIME:
        assert row.by is not None
        share, per_patient = _share_by(_curve(read, row), read, row.by)
        return Share(share if row.statistic == "cumulative_incidence" else 1.0 - share, share, per_patient, np.nan, n)
    if row.statistic == RESTRICTED:
        found = _restricted(read, row)
        spread = np.sqrt(found.variance / max(row.n, 1)) / found.mean if found.mean > 0.0 else np.nan
        return Share(found.mean, np.nan, 1.0, float(spread), n, found.slope)
    value, low, high = _value(read, row)
    spread = _log_spread(value, low, high)
    if row.statistic == "mean_time":
        return Share(value, np.nan, 1.0, spread, int(_happened(read, row).sum()))
    if row.observed is None:
        return Share(value, np.nan, np.nan, spread, n)
    if row.statistic == "km_median":
        return Share(value, *_share_by(_curve(read, row), read, row.observed), spread, n)
    times = read.event[_happened(read, row)]
    return Share(value, float((times <= row.observed).mean()) if len(times) else np.nan, 1.0, spread, len(times))


def _share_by(curve: Incidence, read: Times, by: float) -> tuple[float, float]:
    """Share with the event by a time, and the effective share of a patient's information after censoring."""
    share, variance = curve.at(by)
    return share, min(share * (1.0 - share) / variance, 1.0) if variance > 0.0 else _followed(read, by)


def _followed(read: Times, by: float) -> float:
    """Share of patients whose follow-up reaches a time: their information where nobody has had the event."""
    return float((read.follow_up >= by).mean())


def _log_spread(value: float, low: float, high: float) -> float:
    """SD of a log-normal with this median and 95% interval; of its lower half if the upper end is never reached."""
    if not (0.0 < low <= value < np.inf):
        return np.nan
    return float(np.log(high / low) / (2.0 * Z975)) if np.isfinite(high) else float(np.log(value / low) / Z975)


def _is_met(row: SeriesRow, model: float, low: float, high: float) -> bool:
    """Whether the published value lies in the model's interval, or the model's value in the published range."""
    if row.observed is not None:
        return bool(low <= row.observed <= high)
    least, most = -np.inf if row.low is None else row.low, np.inf if row.high is None else row.high
    return bool(least <= model <= most)
