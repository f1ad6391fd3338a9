"""Time-to-event outcomes from integer counts on a grid: survival, cumulative incidence, quantiles, restricted mean.

Everybody starts at the origin; leaving before the end of the grid is by the event, a competing event or censoring.
Counts are exact at the grid's times, so survival and incidence there carry binomial error alone. Where in their steps
the events fell is kept as a mean and a mean square, so that restricted means are exact and medians nearly so. In a
model in cycles the grid is that of the ends of cycles, at which survival falls in steps. A median is, in every engine,
the first time at which survival is at most one half.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.kernels.tally import CENSORED, COMPETING, EARLY_UNIT, EVENT
from lmssim.outcomes.estimators import Z975

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.estimates import CountsAtTimes
    from lmssim.kernels import CountArray, FloatArray
    from lmssim.model.program import Program


TINY = 1e-300
"""In place of 0 patients."""
ROUNDING = 1e-9
"""Share by which survival may miss a quantile by rounding."""
SAME_TIME = 1e-6
"""Share of a step by which a time may miss one of the grid by rounding."""
APART = 16.0
"""Standard errors of a level by which survival must fall to it and from it for its levels to be told apart."""
EVENLY = (0.5, 1.0 / 3.0)
"""Mean and mean square of how long before the end of a step events fall that are spread evenly over it (steps)."""
SPREAD = 0.4
"""Half the width (steps) from which on events count as spread over a whole step."""
EMPTY = (np.zeros(0), np.zeros(0))


@dataclass(frozen=True)
class EndpointCounts:
    """Counts of one endpoint under one strategy.

    Attributes
    ----------
    counts : ndarray(int, ndim=2)
        (3, n_steps + 2): event, competing and censored patients by the first grid time at or after theirs; the last
        column holds what falls beyond the grid.
    steps_per_year : float
        Grid.
    early : ndarray(ndim=2), optional
        (2, n_steps + 2): where in their steps the events fell, as `Counts.early` of kernels has it; evenly if absent.
    stepped : bool
        Whether everything falls at the grid's times: the ends of the cycles of a model in cycles.
    """

    counts: CountArray
    steps_per_year: float
    early: CountArray | None = None
    stepped: bool = False

    @property
    def n(self) -> int:
        """Patients who reach the origin; of an exact solution, replicates."""
        return round(float(self.counts.sum())) if np.isfinite(self.counts).all() else 0

    def _error(self, read: Callable[[EndpointCounts], FloatArray | float], of_patients: Callable[[], Any]) -> Any:
        """Standard error of what `read` takes from the counts: here by the formula that holds for patients."""
        del read
        return of_patients()

    @property
    def times(self) -> FloatArray:
        """Grid, years since the origin; (n_steps + 1,)."""
        times: FloatArray = np.arange(self.counts.shape[1] - 1) / self.steps_per_year
        return times

    @property
    def at_risk(self) -> CountArray:
        """Patients still under observation without event just after each grid time; see `shown_at_risk`."""
        gone = self.counts.sum(axis=0).cumsum()[:-1]
        at_risk: CountArray = self.counts.sum() - gone
        return at_risk

    @property
    def shown_at_risk(self) -> CountArray:
        """Who is at risk just after each grid time: patients; of an exact solution, the share of them."""
        return self.at_risk

    def incidence(self) -> FloatArray:
        """Cumulative incidence of the event, competing events counted as such."""
        events: FloatArray = self.counts[EVENT].cumsum()[:-1] / max(float(self.counts.sum()), TINY)
        return events

    def survival(self) -> FloatArray:
        """Share without the event.

        Competing events are events of survival's complement here; with censoring before the horizon the product
        limit is taken over the grid, half of a step's censored being at risk in it; in cycles all of them, since at one
        time the events go first.
        """
        n = float(self.counts.sum())
        censored = self.counts[CENSORED].cumsum()[:-1]
        last = self.counts.shape[1] - 2
        if censored[last - 1] == 0 and self.counts[COMPETING].sum() == 0:
            share: FloatArray = 1.0 - self.counts[EVENT].cumsum()[:-1] / max(n, TINY)
            return share
        left = self.counts[[COMPETING, CENSORED]].sum(axis=0)[:-1]
        before = np.concatenate(([n], self.at_risk[:-1]))
        exposed = np.maximum(before - (0.0 if self.stepped else left / 2.0), 1e-300)
        product: FloatArray = np.cumprod(1.0 - np.minimum(self.counts[EVENT][:-1] / exposed, 1.0))
        return product

    def standard_error(self, share: FloatArray) -> FloatArray:
        """Standard error of a share that survival or incidence has given: binomial, or the spread of replicates."""
        falls = bool(len(share)) and share[0] > share[-1]
        error: FloatArray = self._error(
            lambda each: each.survival() if falls else each.incidence(),
            lambda: np.sqrt(share * (1.0 - share) / max(self.n, 1)),
        )
        return error

    def step_error(self, read: Callable[[EndpointCounts], FloatArray | float]) -> Any:
        """How far steps of time may put wrong what `read` takes from the counts; 0 where time is not cut."""
        return np.zeros_like(np.asarray(read(self)))

    def share_step_error(self, share: FloatArray) -> FloatArray:
        """The same of a share that survival or incidence has given."""
        falls = bool(len(share)) and share[0] > share[-1]
        error: FloatArray = self.step_error(lambda each: each.survival() if falls else each.incidence())
        return error

    def whole_error(self, share: FloatArray) -> FloatArray:
        """Standard error of a share, together with what steps of time may put wrong."""
        error: FloatArray = np.hypot(self.standard_error(share), self.share_step_error(share))
        return error

    def at(self, time: float) -> int:
        """Position of the grid's last time at or before a time."""
        return int(np.floor(time * self.steps_per_year + SAME_TIME))

    # --- within a step ---

    def _early(self, k: int) -> tuple[float, float]:
        """Mean, and mean square, of how long before the end of step `k` its events fell (steps)."""
        if self.stepped:
            return 0.0, 0.0
        events = float(self.counts[EVENT, k])
        if self.early is None or not events > 0.0:
            return EVENLY
        mean, square = (float(each) / events / EARLY_UNIT for each in self.early[:, k])
        return mean, square

    def _time_of(self, k: int, part: float) -> float:
        """Time (years) by which a part of the events of step `k` have fallen.

        Notes
        -----
        Events that are spread over the step have a density in a straight line with their mean: with u steps before its
        end, mean m, and slope s = 12 (m - 1/2), a part x + s x (1 - x) / 2 has fallen after x steps. Events that are
        closer together fall evenly about their mean, as widely as they do.
        """
        mean, square = self._early(k)
        half = float(np.sqrt(3.0 * max(square - mean**2, 0.0)))
        if half < SPREAD:
            after = 1.0 - mean + half * (2.0 * part - 1.0)
        else:
            s = min(max(12.0 * (mean - 0.5), -2.0), 2.0)
            after = 2.0 * part / (1.0 + s / 2.0 + float(np.sqrt((1.0 + s / 2.0) ** 2 - 2.0 * s * part)))
        return (k - 1.0 + min(max(after, 0.0), 1.0)) / self.steps_per_year

    def _time_at(self, share: FloatArray, q: float) -> float:
        """First time at which a rising share reaches `q`; NaN if never, or if the share is not known."""
        return self._time_in(share, q, self._reached(share, q))

    def _time_in(self, share: FloatArray, q: float, k: int) -> float:
        """When in step `k` a rising share reaches `q`; the end of the step if it does not quite."""
        if k >= len(share) or not np.isfinite(share[k]):
            return float("nan")
        if k == 0:
            return 0.0
        return float(self._time_of(k, min((q - share[k - 1]) / (share[k] - share[k - 1]), 1.0)))

    @staticmethod
    def _reached(share: FloatArray, q: float) -> int:
        """First step by which a rising share reaches `q`, but for rounding; beyond the last if never."""
        return int(np.searchsorted(share, q - ROUNDING))

    # --- times by which a share has had the event ---

    def quantile(self, q: float, *, survival: bool) -> tuple[float, float]:
        """First time by which a share `q` has had the event, and its standard error; NaN if not reached.

        Parameters
        ----------
        survival : bool
            Whether to read the survival curve (else the cumulative incidence).

        Notes
        -----
        Where survival falls in steps, a level that simulated patients cannot tell from 1 - q counts as reached: its 95%
        interval holds 1 - q, and the falls to it and from it are `APART` times its error.
        """
        share = 1.0 - self.survival() if survival else self.incidence()
        doubt = self._doubt(q)
        k = self._reached(share, q)
        level = self._level_reached(share, q, k, doubt)
        time = self._time_in(share, q, k if level is None else level)
        error = self._error(
            lambda each: each.quantile(q, survival=survival)[0],
            lambda: (
                doubt / self._slope(share, k)
                if level is None and not self.stepped
                else self._width(share, q, doubt, time)
            ),
        )
        return time, float(error) if np.isfinite(time) else float("nan")

    def _doubt(self, q: float) -> float:
        """Standard error of a share near `q` among the patients."""
        return float(np.sqrt(q * (1.0 - q) / max(self.n, 1)))

    def _level_reached(self, share: FloatArray, q: float, k: int, doubt: float) -> int | None:
        """Step at which a level just short of `q` was reached that cannot be told from it; None if there is none."""
        if not 0 < k <= len(share) or not q - share[k - 1] <= Z975 * doubt:
            return None
        first = int(np.searchsorted(share, share[k - 1]))
        to_it = share[first] - (share[first - 1] if first > 0 else 0.0)
        from_it = share[k] - share[k - 1] if k < len(share) else 1.0
        level = (self.stepped or k - 1 > first) and min(to_it, from_it) > APART * doubt
        return first if level else None

    def _width(self, share: FloatArray, q: float, doubt: float, time: float) -> float:
        """Standard error of a time, by the farther end of its interval: where those of the share are reached."""
        low, high = (self._time_at(share, q + z * doubt) for z in (-Z975, Z975))
        return max((high if np.isfinite(high) else float(self.times[-1])) - time, time - low) / Z975

    def _slope(self, share: FloatArray, k: int, reach: int = 4) -> float:
        """Events per year about a grid position."""
        lo, hi = max(k - reach, 0), min(k + reach, len(share) - 1)
        return float(max((share[hi] - share[lo]) * self.steps_per_year / max(hi - lo, 1), 1e-12))

    def time_among_events(self, q: float = 0.5) -> float:
        """Quantile of the time to event among those who have it; NaN if nobody has."""
        share = self._share_of_events()
        return float("nan") if share is None else self._time_at(share, q)

    def _share_of_events(self) -> FloatArray | None:
        """By grid time, the share of all events that has come; None without events."""
        events = self.counts[EVENT].cumsum()[:-1]
        share: FloatArray | None = events / events[-1] if events[-1] > 0 else None
        return share

    def error_among_events(self, q: float = 0.5) -> float:
        """Standard error of `time_among_events`: by the events' density there, or the spread of replicates."""

        def of_patients() -> float:
            share = self._share_of_events()
            if share is None:
                return float("nan")
            doubt = float(np.sqrt(q * (1.0 - q) / self.counts[EVENT, :-1].sum()))
            return self._width(share, q, doubt, self._time_at(share, q))

        return float(self._error(lambda each: each.time_among_events(q), of_patients))

    def rough_error_among_events(self) -> float:
        """Error of the median among those with the event, by which it is rounded.

        The median of n times scattered like an exponential has a standard error of about 1.44 medians / sqrt(n).
        """
        events = max(self.incidence()[-1] * self.n, 1.0)
        return float(
            self._error(EndpointCounts.time_among_events, lambda: 1.44 * self.time_among_events() / events**0.5)
        )

    # --- mean times ---

    def restricted_mean(self, tau: float) -> tuple[float, float]:
        """Mean time without the event up to `tau` years, and its standard error.

        Notes
        -----
        The mean is the integral of S. Within a step S falls when its events do, on average, so that the mean over
        patients whose events are all seen is the mean of min(T, tau) itself. The variance is 2 x the integral of t S(t)
        less the mean squared.
        """
        k = self.at(tau)
        survival, times = self.survival()[: k + 1], self.times[: k + 1]
        before, drop = survival[:-1], survival[:-1] - survival[1:]
        early, square = (
            (np.array(each) for each in zip(*map(self._early, range(1, k + 1)), strict=True)) if k else EMPTY
        )
        rest = float(tau - times[-1])
        mean = float((before - drop * early).sum() / self.steps_per_year + rest * survival[-1])

        def of_patients() -> float:
            ends = np.arange(1, k + 1)
            gained = survival[1:] * (2.0 * ends - 1.0) + drop * (2.0 * ends - 1.0 - 2.0 * ends * early + square)
            second = float(gained.sum()) / self.steps_per_year**2 + float(survival[-1]) * (
                tau**2 - float(times[-1]) ** 2
            )
            return float(np.sqrt(max(second - mean**2, 0.0) / max(self.n, 1)))

        return mean, float(self._error(lambda each: each.restricted_mean(tau)[0], of_patients))


def shares_of(kept: CountsAtTimes, program: Program, *, exact: bool = False) -> tuple[FloatArray, FloatArray]:
    """Survival or incidence, as each endpoint is, at the times of counts by draw, and their variance by patients.

    Parameters
    ----------
    exact : bool
        Whether the counts are of an exact solution, which no patients put off.

    Returns
    -------
    share, variance : ndarray(float, ndim=4)
        (n_draws, n_strategies, n_endpoints, n_times). If patients are censored before the horizon, survival is the
        life-table estimate with the times as its steps. The variance is binomial.
    """
    counts, stepped = kept.counts.endpoint, program.scenario.file.cycles is not None
    specs = program.scenario.file.endpoints
    n = counts.sum(axis=(-2, -1), dtype=np.float64)[..., None]
    share: FloatArray = counts[..., EVENT, :].cumsum(axis=-1)[..., :-1] / np.maximum(n, TINY)
    for e, name in enumerate(program.endpoints):
        if specs[name].kind == "survival":
            share[:, :, e] = _survival(counts[:, :, e], stepped, exact)
    spread = np.zeros_like(share) if exact else np.maximum(share * (1.0 - share), 0.0) / np.maximum(n - 1.0, 1.0)
    return share, spread


def _survival(counts: CountArray, stepped: bool, exact: bool) -> FloatArray:
    """Survival by draw and strategy, (n_draws, n_strategies, n_times)."""
    early_censored = counts[..., CENSORED, : max(counts.shape[-1] - 2, 0)].any() or counts[..., COMPETING, :].any()
    if not (exact or early_censored):
        n = counts.sum(axis=(-2, -1), dtype=np.float64)[..., None]
        share: FloatArray = 1.0 - counts[..., EVENT, :].cumsum(axis=-1)[..., :-1] / np.maximum(n, TINY)
        return share
    flat = counts.reshape(-1, *counts.shape[-2:])
    found = np.array([EndpointCounts(each, 1.0, stepped=stepped).survival() for each in flat])
    return found.reshape(*counts.shape[:-2], -1)
