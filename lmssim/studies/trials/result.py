"""Operating characteristics of simulated trials, as tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from lmssim.errors import InputError
from lmssim.studies.trials.conduct.looks import events_needed
from lmssim.studies.trials.conduct.readings import COLUMNS, SECONDARY
from lmssim.studies.trials.design.keys import RATIO_TESTS
from lmssim.studies.trials.scoring import AS_DESIGNED, HARM, Scored, rules_of, scored
from lmssim.trials.sequential.bounds import Bounds, crossing_along

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes

    from lmssim.execution.checkpoint import Part
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.studies.trials.design.objects import Rule
    from lmssim.studies.trials.work import TrialWork

AT = {name: k for k, name in enumerate(COLUMNS)}
AT_OTHER = {name: k for k, name in enumerate(SECONDARY)}
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)


@dataclass(frozen=True)
class SimulatedTrials:
    """Readings of trials of a design.

    Attributes
    ----------
    work : TrialWork
        What was simulated.
    looks : ndarray(float, ndim=4)
        (n_trials, n_sizes, n_analyses, n_columns), columns of `COLUMNS`.
    others : ndarray(float, ndim=4)
        (n_trials, n_sizes, n_endpoints, n_columns), columns of `SECONDARY`, at the last analysis.
    stopped : ndarray(int, ndim=2)
        (n_trials, n_sizes): whether accrual stopped the trial.
    moved : ndarray(int, ndim=1)
        Patients who crossed over.
    screened : int
        Patients looked at to find the eligible ones.
    """

    work: TrialWork
    looks: FloatArray
    others: FloatArray
    stopped: IntArray
    moved: IntArray
    screened: int

    # --- scores ---

    def size_at(self, n: int | None) -> int:
        """Position of a number of patients; of the largest if absent."""
        sizes = self.work.sizes
        if n is None:
            planned = self.work.design.patients
            return sizes.index(planned) if planned in sizes else len(sizes) - 1
        if n not in sizes:
            raise InputError(f"n: {n} was not simulated; {', '.join(map(str, sizes))} were.")
        return sizes.index(n)

    def score(self, rule: Rule, n: int | None = None) -> Scored:
        """How trials of a size end under a rule."""
        s = self.size_at(n)
        return scored(
            rule,
            self.looks[:, s],
            self.stopped[:, s],
            z=AT["z"],
            estimate=AT["estimate"],
            sides=self.work.design.sequential.sides,
        )

    @cached_property
    def rules(self) -> list[Rule]:
        """Rules that tables show."""
        return rules_of(self.work.design)

    @property
    def is_ratio(self) -> bool:
        """Whether the effect is a log hazard ratio."""
        return self.work.design.test in RATIO_TESTS

    def estimates_mean(self, s: int) -> float:
        """Mean effect of the last analysis of all trials of a size, by its position."""
        return _finite_mean(self.looks[self.going(s), s, -1, AT["estimate"]])

    def going(self, s: int) -> Any:
        """Which trials of a size accrual does not stop."""
        return self.stopped[:, s] == 0

    # --- tables ---

    def power(self, rule: Rule, n: int | None = None) -> tuple[float, float]:
        """Share of trials with success, and its Monte-Carlo standard error."""
        return share_of(self.score(rule, n).success)

    @cached_property
    def characteristics(self) -> pd.DataFrame:
        """One row a size and rule: power, events, duration and patients when the trial ends, and the estimate then.

        Columns n, rule, power, se, harm, duration, duration_se, patients, patients_se, events, events_se, estimate,
        estimate_unstopped (of the last analysis, of the same trials), bias (the difference), bias_se, accrual_stopped.
        Hazard ratios are on the log scale.
        """
        rows = [self._characteristics(rule, n) for n in self.work.sizes for rule in self.rules]
        return pd.DataFrame(rows)

    def _characteristics(self, rule: Rule, n: int) -> dict[str, Any]:
        s, found = self.size_at(n), self.score(rule, n)
        at_end = np.take_along_axis(self.looks[:, s], found.look[:, None, None], axis=1)[:, 0]
        power, se = share_of(found.success)
        events = at_end[:, AT["events_control"]] + at_end[:, AT["events_experimental"]]
        estimate, final = at_end[:, AT["estimate"]], self.looks[:, s, -1, AT["estimate"]]
        shown = np.isfinite(estimate) & np.isfinite(final)
        bias = estimate[shown] - final[shown]
        duration = at_end[:, AT["calendar"]]
        return {
            "n": n,
            "rule": rule.name,
            "power": power,
            "se": se,
            "harm": float((found.verdict == HARM).mean()),
            "duration": float(duration.mean()),
            "duration_se": float(duration.std(ddof=1) / math.sqrt(len(duration))) if len(duration) > 1 else math.nan,
            "patients": float(at_end[:, AT["patients"]].mean()),
            "patients_se": _mean_error(at_end[:, AT["patients"]]),
            "events": float(events.mean()),
            "events_se": _mean_error(events),
            "estimate": float(estimate[shown].mean()) if shown.any() else math.nan,
            "estimate_unstopped": float(final[shown].mean()) if shown.any() else math.nan,
            "bias": _finite_mean(bias),
            "bias_se": _mean_error(bias),
            "accrual_stopped": float(self.stopped[:, s].mean()),
        }

    @cached_property
    def analyses(self) -> pd.DataFrame:
        """One row a size and analysis: when, patients and events of all trials; bounds; how many end there.

        The columns up to `reached` are of trials that accrual does not stop and that go on whatever they find; those
        from `success` on are shares of all trials, of the design's rule.
        """
        rows = []
        design = self.work.design
        rule = self.rules[0]
        for s, n in enumerate(self.work.sizes):
            found = self.score(rule, n)
            for k, analysis in enumerate(design.analyses):
                going = self.going(s)
                at = self.looks[going, s, k]
                here = (found.look == k) & going
                low, middle, high = (
                    np.quantile(at[:, AT["calendar"]], (0.05, 0.5, 0.95)) if len(at) else (math.nan,) * 3
                )
                rows.append(
                    {
                        "n": n,
                        "analysis": k + 1,
                        "events_planned": events_needed(design, analysis, n),
                        "events": _mean(at[:, AT["events_control"]] + at[:, AT["events_experimental"]]),
                        "events_control": _mean(at[:, AT["events_control"]]),
                        "events_experimental": _mean(at[:, AT["events_experimental"]]),
                        "patients": _mean(at[:, AT["patients"]]),
                        "time_low": low,
                        "time": middle,
                        "time_high": high,
                        "reached": _mean(at[:, AT["reached"]]),
                        "efficacy_z": rule.efficacy[k],
                        "futility_z": rule.futility[k],
                        "success": float((here & (found.verdict == 1)).mean()),
                        "futile": float((here & (found.verdict == 0)).mean()) if k + 1 < len(design.analyses) else 0.0,
                        "harm": float((here & (found.verdict == HARM)).mean()),
                        "ends": float(here.mean()),
                        "accrual_stopped": float(1.0 - going.mean()),
                    }
                )
        return pd.DataFrame(rows)

    @cached_property
    def power_curve(self) -> pd.DataFrame:
        """Power by size, simulated beside analytic: n, power, se, analytic, analytic_planned."""
        rows = []
        for n in self.work.sizes:
            power, se = self.power(self.rules[0], n)
            rows.append(
                {
                    "n": n,
                    "power": power,
                    "se": se,
                    "analytic": self.analytic_power(n),
                    "analytic_planned": self.analytic_power(n, planned=True),
                }
            )
        return pd.DataFrame(rows)

    def analytic_power(self, n: int | None = None, *, planned: bool = False) -> float:
        """Power by Schoenfeld's approximation at the events that were seen.

        Parameters
        ----------
        planned : bool
            With the design's planned hazard ratio; else with the mean of the estimates of each analysis.

        Notes
        -----
        Z of analysis k is taken as normal with mean -log(HR / margin) (D_k p (1 - p))^(1/2), D_k the mean number of
        events and p the share of experimental patients. NaN if the effect is no hazard ratio.
        """
        design = self.work.design
        if design.test not in RATIO_TESTS or (planned and design.planned_ratio is None):
            return math.nan
        s = self.size_at(n)
        at = self.looks[self.going(s), s]
        if not len(at):
            return math.nan
        events = (at[:, :, AT["events_control"]] + at[:, :, AT["events_experimental"]]).mean(axis=0)
        information = events * design.events_for_ratio
        estimates = np.array([_finite_mean(at[:, k, AT["estimate"]]) for k in range(at.shape[1])])
        effect = np.full(at.shape[1], math.log(design.planned_ratio)) if planned and design.planned_ratio else estimates
        if not (np.isfinite(effect).all() and (information > 0.0).all()):
            return math.nan
        means = (math.log(design.margin) - effect) * np.sqrt(information)
        fractions = information / information[-1]
        if (np.diff(fractions) < LEAST_STEP).any():
            return float(ndtr(means[-1] - design.sequential.efficacy[-1]))
        rule = self.rules[0]
        bounds = Bounds(tuple(fractions), rule.efficacy, rule.futility, design.sequential.sides)
        return float(crossing_along(bounds, means).power[0])

    @cached_property
    def estimates(self) -> pd.DataFrame:
        """Distribution of the estimated effect when the trial ends, by size and rule, and of the last analysis."""
        rows = []
        for s, n in enumerate(self.work.sizes):
            for rule in self.rules:
                found = self.score(rule, n)
                at_end = np.take_along_axis(self.looks[:, s, :, AT["estimate"]], found.look[:, None], axis=1)[:, 0]
                for which, chosen in (("all trials", at_end), ("trials with success", at_end[found.verdict == 1])):
                    values = chosen[np.isfinite(chosen)]
                    if values.size:
                        rows.append(
                            {"n": n, "rule": rule.name, "of": which, "trials": values.size, "mean": values.mean()}
                            | {f"q{q:g}": np.quantile(values, q) for q in QUANTILES}
                        )
        return pd.DataFrame(rows)

    @cached_property
    def secondary(self) -> pd.DataFrame:
        """Other endpoints at the last analysis: events, the mean log hazard ratio, and power of a two-sided 5% test."""
        rows = []
        for s, n in enumerate(self.work.sizes):
            for e, name in enumerate(self.work.others):
                at = self.others[:, s, e]
                z = at[:, AT_OTHER["z"]]
                rows.append(
                    {
                        "n": n,
                        "endpoint": name,
                        "label": self.work.design.endpoints[name].label,
                        "events": float((at[:, 0] + at[:, 1]).mean()),
                        "log_hr": _finite_mean(at[:, AT_OTHER["estimate"]]),
                        "log_hr_se": _mean_error(at[:, AT_OTHER["estimate"]]),
                        "log_hr_sd": float(np.nanstd(_finite(at[:, AT_OTHER["estimate"]]))),
                        "significant": float((z >= -ndtri(0.025)).mean()),
                    }
                )
        return pd.DataFrame(rows)

    def size_for(self, power: float) -> tuple[float, float, float]:
        """Patients for a power, and the 95% interval that Monte-Carlo error leaves; NaN if it is not reached.

        Notes
        -----
        Probit of power is a straight line in the square root of n between two sizes.
        """
        curve = self.power_curve
        n, simulated, se = (curve[name].to_numpy() for name in ("n", "power", "se"))
        found = [_crossing(n, np.clip(simulated + shift * se, 1e-6, 1 - 1e-6), power) for shift in (0.0, 1.96, -1.96)]
        return found[0], found[1], found[2]

    @property
    def columns(self) -> list[str]:
        """Columns of `batches`."""
        return ["trial", "n", "analysis", *COLUMNS]

    def batches(self) -> Iterator[dict[str, Any]]:
        """Readings of a few thousand trials at a time, one row a trial, number of patients and analysis."""
        n_trials, n_sizes, n_looks = self.looks.shape[:3]
        for first in range(0, n_trials, AT_A_TIME):
            at = self.looks[first : first + AT_A_TIME]
            numbers = np.arange(first, first + len(at))
            batch: dict[str, Any] = {
                "trial": np.repeat(numbers, n_sizes * n_looks),
                "n": np.tile(np.repeat(self.work.sizes, n_looks), len(at)),
                "analysis": np.tile(np.arange(1, n_looks + 1), len(at) * n_sizes),
            }
            yield batch | {name: at[..., k].ravel() for k, name in enumerate(COLUMNS)}

    def to_frame(self) -> pd.DataFrame:
        """`characteristics`."""
        return self.characteristics.copy()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Power by number of patients, simulated with its 95% interval, and analytic."""
        from lmssim.trials.plots import plot_power

        return plot_power(self.power_curve, ax=ax)


AT_A_TIME = 5_000
"""Trials of a batch."""
LEAST_STEP = 1e-4


def collected(work: TrialWork, parts: Iterable[Part]) -> SimulatedTrials:
    """Readings of all parts.

    Raises
    ------
    InputError
        If no trial has an event of the primary endpoint, or no trial reaches its first analysis.
    """
    held = list(parts)

    def whole(name: str) -> Any:
        return np.concatenate([part.arrays[name] for part in held])

    looks = whole("looks")
    stopped = whole("stopped")
    check_readings(work, looks, stopped)
    screened = int(sum(part.arrays["screened"][0] for part in held))
    return SimulatedTrials(work, looks, whole("others"), stopped, whole("moved"), screened)


def check_readings(work: TrialWork, looks: FloatArray, stopped: IntArray) -> None:
    """Refuse designs of which nothing can be read; trials that accrual stops wait for no analysis."""
    design = work.design
    events = looks[..., AT["events_control"]] + looks[..., AT["events_experimental"]]
    if not events.any():
        raise InputError(f"{design.path}: endpoints.{design.primary}: no patient of any trial has this event.")
    going = stopped[:, -1] == 0
    for k, analysis in enumerate(design.analyses):
        never = going.any() and not looks[going, -1, k, AT["reached"]].any()
        if never and analysis.latest is None:
            needed = events_needed(design, analysis, work.largest)
            said = f"its {needed} events come" if needed is not None else "what it waits for comes"
            most = int(events[:, -1, k].max())
            raise InputError(
                f"{design.path}: analyses[{k + 1}]: in no trial of {work.largest} patients {said}; at most {most} "
                "events were seen. Lower events, or give latest, the calendar time at which it is made in any case."
            )


def share_of(success: FloatArray) -> tuple[float, float]:
    """A share of trials and its standard error; of none or all of n trials 1 / n, as of one or of all but one."""
    share = float(success.mean())
    return share, max(math.sqrt(share * (1.0 - share) / len(success)), 1.0 / len(success))


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def _finite(values: FloatArray) -> FloatArray:
    return values[np.isfinite(values)]


def _finite_mean(values: FloatArray) -> float:
    kept = _finite(values)
    return float(kept.mean()) if kept.size else math.nan


def _mean_error(values: FloatArray) -> float:
    kept = _finite(values)
    return float(kept.std(ddof=1) / math.sqrt(kept.size)) if kept.size > 1 else math.nan


def _crossing(n: FloatArray, power: FloatArray, wanted: float) -> float:
    """First size at which power reaches what is wanted."""
    probit, root, target = ndtri(power), np.sqrt(n), float(ndtri(wanted))
    for k in range(1, len(n)):
        if probit[k - 1] < target <= probit[k]:
            part = (target - probit[k - 1]) / (probit[k] - probit[k - 1])
            return float((root[k - 1] + part * (root[k] - root[k - 1])) ** 2)
    return float(n[0]) if probit[0] >= target else math.nan


__all__ = ["AS_DESIGNED", "SimulatedTrials", "check_readings", "collected", "share_of"]
