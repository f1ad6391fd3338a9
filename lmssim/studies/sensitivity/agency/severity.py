"""The severity modifier: what patients lose under standard care, and how sure its weight is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lmssim.economics.agency.noise import enough, noise_of, probability_of
from lmssim.economics.agency.severity import WEIGHTS, Shortfall, weights_of
from lmssim.economics.agency.spread import quantile_of
from lmssim.economics.increments import Estimate
from lmssim.economics.nesting import INTERVAL, without_noise
from lmssim.errors import InputError
from lmssim.model.compile.discounting import rate_of
from lmssim.model.population.expectancy import expectancy
from lmssim.outcomes.estimators import Z975
from lmssim.outcomes.main import LY, QALYS, UNDISCOUNTED, position_of
from lmssim.studies.sensitivity.agency.followed import MOST_PATIENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.agency.people import People
    from lmssim.studies.sensitivity.agency.units import Units

NEAR = 0.05
"""Probability from which another weight is possible enough to be told."""
BEYOND = 0.01
"""Share of the QALYs of the general population beyond the model's horizon from which it is told."""
EVER = 200.0
"""Years after which nobody lives."""
ENDS = ["parameter_low", "parameter_low_se", "parameter_high", "parameter_high_se"]
COLUMNS = ["discounting", "measure", "unit", "mean", "se", "low", "high", *ENDS]
CHANCES = ["probability", "probability_se", "probability_undiscounted", "probability_undiscounted_se"]
WEIGHT_COLUMNS = ["weight", "applies", *CHANCES]
RUN = "standard-care"
"""Name of the run under standard care."""
MOST_TIMES = 64
"""Times as many patients as the other parts follow, at most."""


class Lost(NamedTuple):
    """What is lost, at one discount rate.

    Attributes
    ----------
    without, under : ndarray(float, ndim=2)
        (n_units, n_sets): QALYs of the general population of the patients' ages and sexes, and under standard care.
    steps : float
        Error of the steps of an exact solution.
    """

    without: FloatArray
    under: FloatArray
    steps: float = 0.0

    @property
    def by_set(self) -> FloatArray:
        """Absolute shortfall."""
        return self.without - self.under


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
        Of the run of standard care.
    discounted, undiscounted : Lost
        At the scenario's discount rate of effects, and without discounting.
    life_years : Lost
        Undiscounted life-years without the disease and under standard care.
    beyond_horizon : float
        Share of the QALYs of the general population that lies beyond the model's horizon, undiscounted.
    beyond_horizon_discounted : float
        The same of their QALYs at the scenario's discount rate of effects.
    """

    scenario: Scenario
    standard_care: str
    units: Units
    discounted: Lost
    undiscounted: Lost
    life_years: Lost
    beyond_horizon: float
    beyond_horizon_discounted: float

    # --- shortfalls ---

    def shortfall(self, *, undiscounted: bool = False) -> Shortfall:
        """Mean shortfall."""
        lost = self._lost(undiscounted)
        without, under = (self.units.estimate(each).mean for each in (lost.without, lost.under))
        return Shortfall(without, under)

    def absolute(self, *, undiscounted: bool = False) -> Estimate:
        """QALYs lost, and the standard error."""
        lost = self._lost(undiscounted)
        return self.units.estimate(lost.by_set, lost.steps)

    def proportional(self, *, undiscounted: bool = False) -> Estimate:
        """Share of QALYs lost, and its standard error (delta method)."""
        lost, at = self._lost(undiscounted), self.shortfall(undiscounted=undiscounted)
        linear = (at.under / at.without * lost.without - lost.under) / at.without
        return Estimate(at.proportional, self.units.estimate(linear, lost.steps / at.without).se)

    def over_draws(self, *, undiscounted: bool = False) -> tuple[FloatArray, FloatArray]:
        """Absolute and proportional shortfall given the parameters of each draw.

        Notes
        -----
        What chance of the patients is left in the draws' means is taken out of their spread
        (`lmssim.economics.nesting`). The QALYs of the general population do not depend on the model's parameters.
        """
        lost, at = self._lost(undiscounted), self.shortfall(undiscounted=undiscounted)
        means = self.units.over_sets(lost.by_set)
        absolute = means if self.units.exact else without_noise(means[:, None], np.array([[self._chance(lost)]]))[:, 0]
        return absolute, absolute / at.without

    @property
    def noise(self) -> float:
        """Share of the variance between draws that is chance of their patients, which is taken out."""
        return 0.0 if self.units.exact else noise_of(self.discounted.by_set, self.units.sizes).share

    def _chance(self, lost: Lost) -> float:
        return noise_of(lost.by_set, self.units.sizes).variance

    # --- weights ---

    @property
    def weight(self) -> float:
        """Weight of a QALY at the mean shortfall."""
        return self.shortfall().weight

    def probabilities(self, *, undiscounted: bool = False) -> list[Estimate]:
        """Probability of each weight over draws of the parameters, and its standard error; NaN if there are none."""
        if not self.units.of_draws:
            return [Estimate(float("nan"), float("nan"))] * len(WEIGHTS)
        found = weights_of(*self.over_draws(undiscounted=undiscounted))
        return [probability_of(found == weight) for weight in WEIGHTS]

    @property
    def possible(self) -> list[float]:
        """Weights that are not ruled out: likely enough over draws, or within the 95% interval of the mean."""
        within = {weights_of(*self._around(step)).item() for step in (-Z975, 0.0, Z975)}
        likely = {w for w, p in zip(WEIGHTS, self.probabilities(), strict=True) if p.mean >= NEAR}
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
            without, under = self.units.estimate(lost.without), self.units.estimate(lost.under, lost.steps)
            of_under, absolute, proportional = self._spread(undiscounted)
            rows.append((name, "qalys_without_disease", "QALYs", *without, None))
            rows.append((name, "qalys_standard_care", "QALYs", *under, of_under))
            rows.append((name, "absolute_shortfall", "QALYs", *self.absolute(undiscounted=undiscounted), absolute))
            share = self.proportional(undiscounted=undiscounted)
            rows.append((name, "proportional_shortfall", "share", *share, proportional))
        years = self.life_years
        healthy, ill = self.units.estimate(years.without), self.units.estimate(years.under, years.steps)
        rows.append(("undiscounted", "life_years_without_disease", "years", *healthy, None))
        rows.append(("undiscounted", "life_years_standard_care", "years", *ill, None))
        return pd.DataFrame([_with_ends(row) for row in rows], columns=COLUMNS)

    def _spread(self, undiscounted: bool) -> list[list[Estimate] | None]:
        """Ends of the 95% credible intervals of QALYs under standard care, and of both shortfalls, and their errors."""
        if not self.units.of_draws:
            return [None] * 3
        absolute, proportional = self.over_draws(undiscounted=undiscounted)
        under = self.shortfall(undiscounted=undiscounted).without - absolute
        return [[quantile_of(each[:, None], p) for p in INTERVAL] for each in (under, absolute, proportional)]

    @cached_property
    def severity_weights(self) -> pd.DataFrame:
        """Each weight: whether it applies, and its probability over draws of the parameters."""
        each = zip(WEIGHTS, self.probabilities(), self.probabilities(undiscounted=True), strict=True)
        rows = [(weight, weight == self.weight, *here, *plain) for weight, here, plain in each]
        return pd.DataFrame(rows, columns=WEIGHT_COLUMNS)

    # --- parts ---

    def _lost(self, undiscounted: bool) -> Lost:
        return self.undiscounted if undiscounted else self.discounted


def _with_ends(row: tuple[object, ...]) -> tuple[object, ...]:
    """A row with its 95% Monte-Carlo interval, and the credible interval with the errors of its ends, if any."""
    *head, mean, se, spread = row
    assert isinstance(mean, float)
    assert isinstance(se, float)
    ends = [value for end in spread for value in end] if isinstance(spread, list) else [np.nan] * 4
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
    program: Program,
    people: People,
    units: Units,
    standard_care: str,
    progress: Callable[[int, int], None] | None = None,
) -> Severity:
    """The severity modifier from a run under standard care.

    Parameters
    ----------
    people : Followed or Solved
        Whom to ask. Of draws with few patients more are followed, so that the spread over draws is that of the
        parameters.
    units : Units
        Of their run under standard care alone.
    progress : callable, optional
        Called with (units done, units in all).
    """
    check(program.scenario)
    own = people.only([standard_care])
    found = _lost(program, own, units, standard_care)
    if units.exact or not units.of_draws:
        return found
    wanted = enough(found.discounted.by_set, units.sizes)
    if wanted > own.n_people:
        more = own.so_many(min(wanted, MOST_TIMES * own.n_people, MOST_PATIENTS))
        found = _lost(program, more, more.run(program, RUN, progress), standard_care)
    return found


def _lost(program: Program, people: People, units: Units, standard_care: str) -> Severity:
    """What is lost under standard care, the only strategy of a run."""
    settings = program.scenario.file.settings
    rate, horizon = rate_of(settings.discount_rate_effects, settings), settings.horizon

    def expected(x: FloatArray) -> FloatArray:
        of = general_population
        columns = of(program, x, rate, horizon), of(program, x, 0.0, horizon), of(program, x, 0.0, EVER)
        further = of(program, x, 0.0, horizon, adjusted=False), of(program, x, rate, EVER)
        return np.stack([*columns, *further], axis=1)

    without = people.by_set(program, expected)

    def lost(k: int, outcome: str) -> Lost:
        at = position_of(outcome)
        steps = 0.0 if units.steps is None else float(units.steps[0, at])
        return Lost(without[..., k], units.means[:, :, 0, at], steps)

    beyond, discounted_beyond = (
        1.0 - float(without[..., within].mean() / without[..., ever].mean()) for within, ever in ((1, 2), (0, 4))
    )
    discounted, plain = lost(0, QALYS), lost(1, QALYS + UNDISCOUNTED)
    return Severity(
        program.scenario, standard_care, units, discounted, plain, lost(3, LY + UNDISCOUNTED), beyond, discounted_beyond
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
