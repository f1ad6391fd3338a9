"""When the benefit falls: what strategies gain over the comparator within some years, between them, and beyond.

What is gained within so many years is the result of the same patients, with the same random numbers, up to that
horizon; what is gained in a period is the difference between the horizons at its two ends, so that periods add up to
the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate, Increments, batch_estimate, draw_estimate
from lmssim.errors import InputError
from lmssim.execution.batches import BATCH, batch_means, draw_means
from lmssim.execution.simulate import COHORT, FEWEST_PER_DRAW
from lmssim.execution.solve import n_profiles, solve_population
from lmssim.kernels.ledger import N_MAIN
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.outcomes.main import COST, LY, MAIN, QALYS, UNDISCOUNTED, position_of
from lmssim.outcomes.tables import with_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

GAINS = (LY, LY + UNDISCOUNTED, QALYS, QALYS + UNDISCOUNTED)
"""Outcomes of which gains are told."""
DEFAULT_TIMES = (5.0, 10.0, 20.0)
"""Years at which periods end, beside the horizon."""
MOST_PATIENTS, MOST_OVER_DRAWS = 32_768, 16_384
"""Patients from whom gains are read, at most, as each end of a period takes a run of its own; and over draws."""
LEAST_BATCHES = 16
"""Batches of patients from which an error is estimated, at least."""
MODELLED, ENDED = "as modelled", "ended"
"""Effects of treatments as the scenario has them, and ended with their trials' follow-up."""
LEAST = BATCH * LEAST_BATCHES
"""Patients, at least."""
WHOLE = "all"
"""Name of the period up to the horizon."""
COLUMNS = ["strategy", "comparator", "effects", "outcome", "unit", "period", "from", "to", "mean", "se"]


@dataclass(frozen=True)
class Within:
    """Main outcomes up to a horizon.

    Attributes
    ----------
    years : float
        The horizon.
    sizes : ndarray(float, ndim=1)
        (n_units,): patients of each batch, or of each draw.
    means : ndarray(float, ndim=3)
        (n_units, n_strategies, n_main) of each.
    increments : Increments, optional
        Of an exact solution, which tells its own errors.
    of_draws : bool
        Whether the units are draws of the parameters.
    """

    years: float
    sizes: FloatArray
    means: FloatArray
    increments: Increments | None = None
    of_draws: bool = False

    def gain(self, s: int, c: int, outcome: int, before: Within | None = None) -> Estimate:
        """What strategy `s` adds to strategy `c`, since an earlier horizon if one is given.

        The error of an exact solution is the sum of both horizons' errors, which is the most that it can be.
        """
        if self.increments is not None:
            mean, se = self.increments.increment(s, c, outcome)
            if before is None or before.increments is None:
                return Estimate(mean, se)
            earlier = before.increments.increment(s, c, outcome)
            return Estimate(mean - earlier.mean, se + earlier.se)
        means = self.means if before is None else self.means - before.means
        gains = means[:, s, outcome] - means[:, c, outcome]
        if len(gains) < 2:  # of so small a part of the population no error can be told
            return Estimate(float(gains.mean()) if len(gains) else float("nan"), float("nan"))
        return draw_estimate(self.sizes, gains) if self.of_draws else batch_estimate(self.sizes, gains)


@dataclass(frozen=True)
class BenefitByPeriod:
    """What strategies gain over the comparator, by period.

    Attributes
    ----------
    scenario : Scenario
        The base case.
    strategies : list of str
        Which were run, in order.
    n_patients : int
        Patients, or profiles, behind the gains.
    within : list of Within
        By horizon, ascending; the last is the scenario's own.
    ended : Within, optional
        The last with effects of treatments that end with their trials' follow-up.
    """

    scenario: Scenario
    strategies: list[str]
    n_patients: int
    within: list[Within]
    ended: Within | None = None
    n_draws: int = 0
    """Draws of the parameters that gains are expectations over; 0 if every parameter has one value."""

    @property
    def exact(self) -> bool:
        """Whether profiles were solved in the place of patients."""
        return self.within[-1].increments is not None

    @property
    def compared(self) -> list[str]:
        """Strategies but for the comparator."""
        return [strategy for strategy in self.strategies if strategy != self.scenario.comparator]

    @property
    def periods(self) -> list[tuple[float, float]]:
        """First and last year of each period."""
        ends = [each.years for each in self.within]
        return list(zip([0.0, *ends[:-1]], ends, strict=True))

    def gain(self, strategy: str, outcome: str, period: int | None = None, *, ended: bool = False) -> Estimate:
        """Gain in a main outcome.

        Parameters
        ----------
        period : int, optional
            Which period; up to the horizon if absent.
        ended : bool
            Whether effects of treatments end with their trials' follow-up, for the gain up to the horizon.
        """
        s, c = self.strategies.index(strategy), self.strategies.index(self.scenario.comparator)
        k = position_of(outcome)
        if period is None:
            last = self.ended if ended else self.within[-1]
            assert last is not None
            return last.gain(s, c, k)
        return self.within[period].gain(s, c, k, self.within[period - 1] if period else None)

    def to_frame(self) -> pd.DataFrame:
        """A row for each strategy, outcome and period, and for the whole: mean, error, 95% interval."""
        rows = []
        for strategy in self.compared:
            for outcome in GAINS:
                unit = MAIN[outcome].unit_in(self.scenario.file.settings.currency)
                of = strategy, self.scenario.comparator
                for p, (start, stop) in enumerate(self.periods):
                    what = outcome, unit, period_name(start, stop), start, stop
                    rows.append((*of, MODELLED, *what, *self.gain(strategy, outcome, p)))
                whole = outcome, unit, WHOLE, 0.0, self.within[-1].years
                rows.append((*of, MODELLED, *whole, *self.gain(strategy, outcome)))
                if self.ended is not None:
                    rows.append((*of, ENDED, *whole, *self.gain(strategy, outcome, ended=True)))
        return with_interval(pd.DataFrame(rows, columns=COLUMNS))


def period_name(start: float, stop: float) -> str:
    """A period's name, by its first and last year."""
    return f"{start:.4g}-{stop:.4g}"


def benefit_by_period(
    scenario: Scenario,
    sampling: Sampling,
    times: Sequence[float] | None = None,
    ended: Scenario | None = None,
    n_draws: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> BenefitByPeriod:
    """Run the strategies up to several horizons, with the same patients.

    Parameters
    ----------
    sampling : Sampling
        Patients, of whom the first `MOST_PATIENTS` are followed, seed, strategies, workers.
    times : sequence of float, optional
        Years at which periods end beside the horizon, ascending and below it; `DEFAULT_TIMES` below it if absent.
    ended : Scenario, optional
        The scenario with effects of treatments that end with their trials' follow-up.
    n_draws : int
        Joint draws of the parameters, over which the patients are split; if 0, every parameter has its base value.
    progress : callable, optional
        Called with (horizons done, horizons in all).

    Raises
    ------
    InputError
        If there are too few patients to estimate an error, or a time does not lie below the horizon.
    """
    if not can_tell(sampling):
        raise InputError(
            f"periods: {sampling.n_patients:,} patients are too few to estimate errors; {LEAST:,} or more."
        )
    last = scenario.file.settings.horizon
    asked = [t for t in DEFAULT_TIMES if t < last] if times is None else list(times)
    check_times(asked, last)
    if sampling.engine != COHORT:
        most = MOST_OVER_DRAWS if n_draws else MOST_PATIENTS
        sampling = replace(
            sampling, n_patients=max(min(sampling.n_patients, most), FEWEST_PER_DRAW * n_draws), partitions={}
        )
    cases = [*(edits.horizon(scenario, time) for time in asked), scenario, *([ended] if ended else [])]
    found = []
    for k, case in enumerate(cases, 1):
        found.append(_within(compile_scenario(case), sampling, n_draws))
        if progress is not None:
            progress(k, len(cases))
    program = compile_scenario(scenario)
    strategies = [program.strategies[s] for s in sampling.positions(program)]
    n = n_profiles(program, sampling) if sampling.engine == COHORT else int(found[0].sizes.sum())
    within = found[: len(asked) + 1]
    return BenefitByPeriod(scenario, strategies, n, within, found[-1] if ended else None, n_draws)


def check_times(times: Sequence[float], horizon: float, place: str = "periods") -> None:
    """Refuse ends of periods that do not ascend from above 0 to below the horizon."""
    for before, time in zip([0.0, *times], times, strict=False):
        if not before < time:
            raise InputError(
                f"{place}: {time:g} does not lie above {before:g}; give years in ascending order, above 0."
            )
        if time >= horizon:
            raise InputError(
                f"{place}: {time:g} is not below the horizon, {horizon:g} years, where the last period ends."
            )


def can_tell(sampling: Sampling) -> bool:
    """Whether there are patients enough to estimate an error."""
    return sampling.engine == COHORT or sampling.n_patients >= LEAST


def _within(program: Program, sampling: Sampling, n_draws: int) -> Within:
    """Main outcomes of a program up to its horizon."""
    years = program.scenario.file.settings.horizon
    if sampling.engine == COHORT:
        solution = solve_population(program, sampling)
        increments = Increments(
            n=solution.n,
            mean=solution.mean,
            product=solution.product,
            cost=position_of(COST),
            effect=position_of(QALYS),
            bound=solution.step_error,
            exact=True,
        )
        return Within(years, np.ones(1), solution.mean[..., :N_MAIN], increments)
    if not n_draws:
        return Within(years, *batch_means(program, sampling, program.numbers()))
    drawn = program.sample(n_draws, sampling.seed)
    return Within(years, *draw_means(program, sampling, drawn), of_draws=True)
