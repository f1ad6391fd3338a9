"""What a study of a given size could have found: the power of its log-rank tests when the model is true.

A series that reports no difference by size, depth or grade does not show that there is none. Here the series is
repeated many times with patients of the model, who do differ, and each repetition is tested as the paper tested it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from lmssim.errors import InputError
from lmssim.outcomes.estimators import hazard_ratio, logrank, risk_sets
from lmssim.outcomes.first_times import first_times
from lmssim.published.predict import reader_of
from lmssim.published.series import chosen_patients, follow_up_times

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario
    from lmssim.outcomes.first_times import Chosen

ALPHA = 0.05
LEAST_PATIENTS = 50_000
"""Patients from whom a hazard ratio is estimated, at least."""
BLOCK = 10_000
"""Patients simulated at a time."""
STRIDE = 10_000_000
"""Patients from one draw's first to the next one's."""
COLUMNS = ("covariate", "rule", "n", "n_with", "power", "low", "high", "hr", "hr_low", "hr_high")


def power_of_series(
    scenario: Scenario,
    series: str,
    compared: Mapping[str, str],
    n: int = 75,
    replicates: int = 1_000,
    seed: int = 1,
    draws: Mapping[str, FloatArray] | None = None,
) -> pd.DataFrame:
    """Power of log-rank tests of overall survival in studies like a published series.

    Parameters
    ----------
    series : str
        Series of the scenario: its strategy, patients and follow-up are the studies'.
    compared : mapping of str to str
        Name of each comparison, and the rule on covariates that one of its two arms meets.
    n : int
        Patients of a study.
    replicates : int
        Studies, by draw.
    draws : mapping of str to ndarray(float, ndim=1), optional
        Parameter draws; the base case if absent.

    Returns
    -------
    DataFrame
        covariate, rule, n, n_with (mean number of a study's patients who meet the rule), power (share of
        studies with p < 0.05) with its 95% interval low and high, hr (Cox's hazard ratio of death in all patients,
        50,000 or more) with hr_low and hr_high. Intervals are over draws; in the base case the interval of power is
        that of Monte-Carlo error, and hr has none.

    Raises
    ------
    ScenarioError
        If the series does not exist, or a rule reads anything but covariates.
    """
    if n < 2 or replicates < 1:
        raise InputError(
            f"power of series '{series}': {replicates} studies of {n} patients; at least one study of 2 is needed."
        )
    found = _Repeated(scenario, series, compared, n, replicates, seed).run(draws)
    rows = []
    for name, rule in compared.items():
        n_with, power, hr = (np.array([getattr(each[name], k) for each in found]) for k in ("n_with", "power", "hr"))
        if draws is None:
            low, high = _exact_interval(round(float(power[0]) * replicates), replicates)
            hr_low = hr_high = np.nan
        else:
            low, high = np.quantile(power, [0.025, 0.975])
            hr_low, hr_high = np.nanquantile(hr, [0.025, 0.975])
        of_hr = float(np.exp(np.log(hr).mean()))
        rows.append((name, rule, n, float(n_with.mean()), float(power.mean()), low, high, of_hr, hr_low, hr_high))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _exact_interval(successes: int, n: int) -> tuple[float, float]:
    """Clopper and Pearson's 95% interval of a share."""
    interval = stats.binomtest(successes, n).proportion_ci()
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class _Found:
    """A comparison in one draw: patients of a study in the arm, share of studies with p < 0.05, hazard ratio."""

    n_with: float
    power: float
    hr: float


class _Repeated:
    """A series repeated with the model's patients."""

    def __init__(
        self, scenario: Scenario, series: str, compared: Mapping[str, str], n: int, replicates: int, seed: int
    ) -> None:
        self.cohort = reader_of(scenario, [series]).cohorts[0]
        self.program, self.where = self.cohort.program, f"{scenario.path}: series.{series}"
        self.spec = scenario.file.series[series]
        self.compared, self.n, self.replicates, self.seed = compared, n, replicates, seed
        whole: dict[str, Any] = {"given": [], "without": [], "since": None, "where": None, "everybody": False}
        self.everybody = self.spec.rows[0].model_copy(update=whole)

    def run(self, draws: Mapping[str, FloatArray] | None) -> list[dict[str, _Found]]:
        """Every comparison, by draw; draw k meets patients of its own."""
        numbers = self.cohort.numbers(draws or {}, len(next(iter(draws.values()))) if draws else 1)
        return [self._draw(x, k * STRIDE) for k, x in enumerate(numbers)]

    def _draw(self, numbers: FloatArray, first: int) -> dict[str, _Found]:
        time, died, arms = self._patients(numbers, first)
        in_studies = self.n * self.replicates
        found = {}
        for name, arm in arms.items():
            shape, t, e, g = (self.replicates, self.n), time[:in_studies], died[:in_studies], arm[:in_studies]
            power = float((logrank(risk_sets(t.reshape(shape), e.reshape(shape), g.reshape(shape))) < ALPHA).mean())
            hr = float(hazard_ratio(risk_sets(time[None], died[None], arm[None]))[0])
            found[name] = _Found(float(g.mean() * self.n), power, hr)
        return found

    def _patients(self, numbers: FloatArray, first: int) -> tuple[FloatArray, Chosen, dict[str, Chosen]]:
        """Time observed, whether it ended in death, and who meets each rule, of as many patients as are needed."""
        needed, parts = max(self.n * self.replicates, LEAST_PATIENTS), []
        have, stop = 0, first + STRIDE
        while have < needed and first < stop:
            parts.append(self._block(numbers, first))
            have, first = have + len(parts[-1][0]), first + BLOCK
        if have < needed:
            raise InputError(f"{self.where}: of {STRIDE:,} patients only {have:,} belong to the series.")
        time, died = (np.concatenate([part[k] for part in parts])[:needed] for k in range(2))
        arms = {name: np.concatenate([part[2][name] for part in parts])[:needed] for name in self.compared}
        return time, died.astype(bool), arms

    def _block(self, numbers: FloatArray, first: int) -> tuple[FloatArray, Chosen, dict[str, Chosen]]:
        strategy = self.spec.strategy
        lives = first_times(self.program, [strategy], BLOCK, self.seed, first, numbers)[strategy]
        follow_up = follow_up_times(self.program, self.spec.follow_up, BLOCK, self.seed, first)
        chosen = chosen_patients(self.program, lives, self.spec, self.everybody, self.where, follow_up)
        death = lives.first(lives.ends(self.program), self.where)
        arms = {
            name: lives.meet(self.program, rule, f"{self.where}: {name}")[chosen]
            for name, rule in self.compared.items()
        }
        return np.minimum(death, follow_up)[chosen], (death <= follow_up)[chosen], arms
