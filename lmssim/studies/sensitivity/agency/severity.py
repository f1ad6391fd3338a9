"""The severity modifier: what patients lose under standard care, and how sure its weight is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lmssim.economics.agency.severity import WEIGHTS, Shortfall, weights_of
from lmssim.economics.increments import Estimate
from lmssim.errors import InputError
from lmssim.model.compile.discounting import rate_of
from lmssim.model.population.expectancy import expectancy
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import LY, QALYS, UNDISCOUNTED, position_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.units import Followed, Units

NEAR = 0.05
"""Probability from which another weight is possible enough to be told."""
BEYOND = 0.01
"""Share of the QALYs of the general population beyond the model's horizon from which it is told."""
EVER = 200.0
"""Years after which nobody lives."""
COLUMNS = ["discounting", "measure", "unit", "mean", "se", "low", "high", "parameter_low", "parameter_high"]
WEIGHT_COLUMNS = ["weight", "applies", "probability", "probability_undiscounted"]


class Lost(NamedTuple):
    """What is lost, at one discount rate.

    Attributes
    ----------
    without, under : ndarray(float, ndim=2)
        (n_units, n_sets): QALYs of the general population of the patients' ages and sexes, and under standard care.
    """

    without: FloatArray
    under: FloatArray


@dataclass(frozen=True)
class Severity:
    """The severity modifier of a scenario.

    Attributes
    ----------
    scenario : Scenario
        What was run.
    standard_care : str
        Strategy that patients get today.
    units : Units
        Of the run of all strategies.
    discounted, undiscounted : Lost
        At the scenario's discount rate of effects, and without discounting.
    life_years : tuple of ndarray(float, ndim=1)
        Undiscounted life-years without the disease and under standard care, by unit.
    beyond_horizon : float
        Share of the QALYs of the general population that lies beyond the model's horizon, undiscounted.
    """

    scenario: Scenario
    standard_care: str
    units: Units
    discounted: Lost
    undiscounted: Lost
    life_years: tuple[FloatArray, FloatArray]
    beyond_horizon: float

    # --- shortfalls ---

    def shortfall(self, *, undiscounted: bool = False) -> Shortfall:
        """Mean shortfall."""
        lost = self._lost(undiscounted)
        without, under = (self._mean(each).mean for each in lost)
        return Shortfall(without, under)

    def absolute(self, *, undiscounted: bool = False) -> Estimate:
        """QALYs lost, and the standard error."""
        lost = self._lost(undiscounted)
        return self._mean(lost.without - lost.under)

    def proportional(self, *, undiscounted: bool = False) -> Estimate:
        """Share of QALYs lost, and its standard error (delta method)."""
        lost, at = self._lost(undiscounted), self.shortfall(undiscounted=undiscounted)
        linear = (at.under / at.without * lost.without - lost.under) / at.without
        return Estimate(at.proportional, self._mean(linear).se)

    def over_draws(self, *, undiscounted: bool = False) -> tuple[FloatArray, FloatArray]:
        """Absolute and proportional shortfall given the parameters of each draw.

        Notes
        -----
        A draw's own mean is put off by its patients. By the law of total variance the spread of the means is that of
        the expectations plus what patients do, which the distance of two sets of each draw's patients tells: the means
        are drawn towards their centre until that part is gone. The QALYs of the general population do not depend on the
        model's parameters.
        """
        lost, at = self._lost(undiscounted), self.shortfall(undiscounted=undiscounted)
        by_set = lost.without - lost.under
        means = self.units.over_sets(by_set)
        known = at.absolute + self._kept(by_set, means) * (means - at.absolute)
        return known, known / at.without

    def _kept(self, by_set: FloatArray, means: FloatArray) -> float:
        """Factor that takes the patients' part out of the spread of draws."""
        n = self.units.sizes
        chance = ((by_set[:, 0] - by_set[:, 1]) ** 2 * n[:, 0] * n[:, 1] / n.sum(axis=1) ** 2).mean()
        spread = means.var(ddof=1)
        return float(np.sqrt(max(1.0 - chance / spread, 0.0))) if spread > 0.0 else 0.0

    # --- weights ---

    @property
    def weight(self) -> float:
        """Weight of a QALY at the mean shortfall."""
        return self.shortfall().weight

    def probabilities(self, *, undiscounted: bool = False) -> list[float]:
        """Probability of each weight over draws of the parameters; NaN if there are none."""
        if not self.units.of_draws:
            return [float("nan")] * len(WEIGHTS)
        found = weights_of(*self.over_draws(undiscounted=undiscounted))
        return [float((found == weight).mean()) for weight in WEIGHTS]

    @property
    def possible(self) -> list[float]:
        """Weights that are not ruled out: likely enough over draws, or within the 95% interval of the mean."""
        within = {weights_of(*self._around(step)).item() for step in (-Z975, 0.0, Z975)}
        likely = {w for w, p in zip(WEIGHTS, self.probabilities(), strict=True) if p >= NEAR}
        return [weight for weight in WEIGHTS if weight in within | likely]

    def _around(self, step: float) -> tuple[FloatArray, FloatArray]:
        """Both shortfalls, so many of their standard errors away."""
        pairs = self.absolute(), self.proportional()
        absolute, proportional = (np.array([each.mean + step * each.se]) for each in pairs)
        return absolute, proportional

    # --- tables ---

    @cached_property
    def severity(self) -> pd.DataFrame:
        """QALYs without the disease and under standard care, and shortfalls: mean, error, credible interval."""
        rows: list[tuple[object, ...]] = []
        for undiscounted in (False, True):
            lost, name = self._lost(undiscounted), "undiscounted" if undiscounted else "discounted"
            spread = self._spread(undiscounted)
            rows.append((name, "qalys_without_disease", "QALYs", *self._mean(lost.without), None))
            rows.append((name, "qalys_standard_care", "QALYs", *self._mean(lost.under), spread[0]))
            rows.append((name, "absolute_shortfall", "QALYs", *self.absolute(undiscounted=undiscounted), spread[1]))
            rows.append(
                (name, "proportional_shortfall", "share", *self.proportional(undiscounted=undiscounted), spread[2])
            )
        for measure, values in zip(
            ("life_years_without_disease", "life_years_standard_care"), self.life_years, strict=True
        ):
            rows.append(("undiscounted", measure, "years", *self.units.estimate(values), None))
        return pd.DataFrame([_with_ends(row) for row in rows], columns=COLUMNS)

    def _spread(self, undiscounted: bool) -> list[tuple[float, float] | None]:
        """95% credible intervals of QALYs under standard care, and of both shortfalls."""
        if not self.units.of_draws:
            return [None] * 3
        absolute, proportional = self.over_draws(undiscounted=undiscounted)
        under = self.shortfall(undiscounted=undiscounted).without - absolute
        ends = [np.quantile(each, (0.025, 0.975)) for each in (under, absolute, proportional)]
        return [(float(low), float(high)) for low, high in ends]

    @cached_property
    def severity_weights(self) -> pd.DataFrame:
        """Each weight: whether it applies, and its probability over draws of the parameters."""
        each = zip(WEIGHTS, self.probabilities(), self.probabilities(undiscounted=True), strict=True)
        rows = [(weight, weight == self.weight, *of) for weight, *of in each]
        return pd.DataFrame(rows, columns=WEIGHT_COLUMNS)

    # --- parts ---

    def _lost(self, undiscounted: bool) -> Lost:
        return self.undiscounted if undiscounted else self.discounted

    def _mean(self, by_set: FloatArray) -> Estimate:
        return self.units.estimate(self.units.over_sets(by_set))


def _with_ends(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row with its 95% Monte-Carlo interval, and the credible interval, if there is one."""
    *head, mean, se, spread = row
    assert isinstance(mean, float)
    assert isinstance(se, float)
    ends = spread if isinstance(spread, tuple) else (np.nan, np.nan)
    return (*head, mean, se, mean - Z975 * se, mean + Z975 * se, *ends)


def refusal(scenario: Scenario) -> str:
    """Why a scenario tells no severity; empty if it does."""
    missing = []
    if scenario.life is None:
        missing.append("life table ([mortality] table)")
    if scenario.norms is None:
        missing.append("utility norms ([utilities] norms)")
    if not missing:
        return ""
    return (
        f"{scenario.path}: the severity modifier compares patients with the general population, of which the scenario "
        f"has no {' and no '.join(missing)}."
    )


def check(scenario: Scenario) -> None:
    """Refuse a scenario without norms of the general population.

    Raises
    ------
    InputError
        With what is missing.
    """
    if reason := refusal(scenario):
        raise InputError(reason)


def severity(
    program: Program, people: Followed, units: Units, strategies: Sequence[str], standard_care: str
) -> Severity:
    """The severity modifier from the run of all strategies.

    Parameters
    ----------
    units : Units
        That run.
    strategies : sequence of str
        Its strategies, in order.
    """
    check(program.scenario)
    settings, s = program.scenario.file.settings, strategies.index(standard_care)
    rate, horizon = rate_of(settings.discount_rate_effects, settings), settings.horizon

    def expected(x: FloatArray) -> FloatArray:
        of = general_population
        columns = of(program, x, rate, horizon), of(program, x, 0.0, horizon), of(program, x, 0.0, EVER)
        return np.stack([*columns, of(program, x, 0.0, horizon, adjusted=False)], axis=1)

    without = people.by_unit(program, expected)

    def under(outcome: str) -> FloatArray:
        return units.means[:, :, s, position_of(outcome)]

    lives = without[..., 3], under(LY + UNDISCOUNTED)
    return Severity(
        program.scenario,
        standard_care,
        units,
        Lost(without[..., 0], under(QALYS)),
        Lost(without[..., 1], under(QALYS + UNDISCOUNTED)),
        (units.over_sets(lives[0]), units.over_sets(lives[1])),
        1.0 - float(without[..., 1].mean() / without[..., 2].mean()),
    )


def general_population(
    program: Program, x: FloatArray, rate: float, years: float, *, adjusted: bool = True
) -> FloatArray:
    """Discounted QALYs, or life-years, that people of the patients' ages and sexes expect within some years.

    Parameters
    ----------
    x : ndarray(float, ndim=2)
        (n_patients, n_columns).
    rate : float
        Continuous discount rate a year.
    """
    scenario, columns = program.scenario, program.rows.columns
    assert scenario.life is not None
    keys = x[:, [columns.life, columns.norm]].astype(np.int64)
    found = np.empty(len(x))
    for life_key, norm_key in np.unique(keys, axis=0):
        own = (keys == (life_key, norm_key)).all(axis=1)
        norms = scenario.norms if adjusted else None
        expected = expectancy(scenario.life, int(life_key), norms, int(norm_key), rate)
        found[own] = expected.within(x[own, columns.age], years)
    return found
