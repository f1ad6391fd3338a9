"""One evaluation: a scenario, its patients and draws, and every outcome by strategy as tidy tables.

Tables have one row a result; `se` is the Monte-Carlo standard error, or the error of profiles and steps of an exact
solution, `low` and `high` its 95% interval. Increments come from the same patients under both strategies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.frontier import COST_PER_LIFE_YEAR, ICER, frontier_frame
from lmssim.economics.increments import Increments
from lmssim.errors import InputError
from lmssim.execution.control_variate import Controlled, control
from lmssim.execution.estimates import EXACT
from lmssim.execution.simulate import COHORT, Sampling, simulate, simulate_batches, split_over_draws
from lmssim.execution.solve import solve_population
from lmssim.model import edits
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.parameters.given import checked_draws
from lmssim.model.scenario import Scenario, load_scenario
from lmssim.outcomes import tables as frames
from lmssim.outcomes.expectation import FEWEST, Expectation, expectation
from lmssim.outcomes.main import COST, LY, MAIN, QALYS, position_of
from lmssim.published.cases import case_frame, read_cases
from lmssim.published.series import COLUMNS, read_series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from lmssim.economics.increments import Estimate
    from lmssim.execution.estimates import Estimates, Means
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.outcomes.endpoint import EndpointCounts
    from lmssim.published.cases import CaseTime

__all__ = ["Evaluation", "Sampling", "evaluate", "expected_values"]

TABLES = ("summary", "incremental", "frontier", "survival", "occupancy", "states")
"""Tables that every evaluation offers."""
DEFAULT_DRAWS = 1_000
"""Draws of the parameters over which an expectation is taken."""
PATIENTS_PER_DRAW = 10
"""Patients of each, at least, unless the number of draws is given."""
NOTHING_TO_DRAW = (
    "no parameter that the model uses is uncertain, so there is nothing to draw: give distributions in its tables, or "
    "groups."
)
MOST_FOR_SERIES = 50_000
"""Patients a series is read from, at most: its own few dozen are the greater source of error."""


@dataclass(frozen=True)
class Evaluation:
    """Outcomes of every strategy, at one set of parameters or averaged over parameter draws.

    Attributes
    ----------
    program : Program
        What was run.
    sampling : Sampling
        Whom it was run for.
    estimates : Estimates
        Means and co-moments over patients, by draw.
    controlled : Controlled, optional
        Batches of patients beside their twins, if a control variate was asked for.
    """

    program: Program
    sampling: Sampling
    estimates: Estimates
    controlled: Controlled | None = None

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, with the strategies that were run."""
        scenario = self.program.scenario
        if len(self.strategies) == len(scenario.strategies):
            return scenario
        return edits.with_file(scenario, strategies={s: scenario.file.strategies[s] for s in self.strategies})

    @cached_property
    def strategies(self) -> list[str]:
        """Ids of the strategies that were run."""
        return [self.program.strategies[s] for s in self.sampling.positions(self.program)]

    @property
    def n(self) -> int:
        """Patients, over draws if each has its own; of an exact solution, replicates of its profiles."""
        return self.estimates.n_lives if self.is_expectation else self.estimates.n

    @property
    def is_expectation(self) -> bool:
        """Whether results are expectations over parameter draws, with patients of their own."""
        return isinstance(self.estimates, Expectation)

    def mean(self, outcome: str) -> FloatArray:
        """Mean of a main outcome, (n_strategies,), over draws."""
        value: FloatArray = self.estimates.mean[:, :, position_of(outcome)].mean(axis=0)
        return value

    def endpoint(self, endpoint: str, strategy: str) -> EndpointCounts:
        """Counts of an endpoint under a strategy."""
        return self._results.endpoint(endpoint, strategy)

    @cached_property
    def increments(self) -> Increments:
        """Means of strategies and their paired differences."""
        return self._increments_of(self.estimates)

    @cached_property
    def patient_increments(self) -> Increments:
        """The same, of an expectation, with the errors that patients alone put on it, given the draws."""
        if not isinstance(self.estimates, Expectation):
            return self.increments
        return self._increments_of(self.estimates.of_patients)

    def _increments_of(self, means: Means) -> Increments:
        return Increments(
            n=means.n,
            mean=means.mean,
            product=means.product,
            cost=position_of(COST),
            effect=position_of(QALYS),
            bound=self.estimates.step_error,
            independent=self.estimates.independent,
            exact=self.estimates.kind == EXACT,
        )

    def increment(self, strategy: str, outcome: str, over: str | None = None) -> Estimate:
        """What a strategy adds to another, the comparator if absent, in a main outcome."""
        s, c = self._pair(strategy, over)
        return self.increments.increment(s, c, position_of(outcome))

    def net_benefit(self, strategy: str, wtp: float) -> Estimate:
        """Net monetary benefit of a strategy."""
        return self.increments.net_benefit(wtp, self.strategies.index(strategy))

    def incremental_net_benefit(self, strategy: str, wtp: float, over: str | None = None) -> Estimate:
        """What a strategy adds to another, the comparator if absent, in net monetary benefit."""
        return self.increments.net_benefit(wtp, *self._pair(strategy, over))

    @cached_property
    def choices(self) -> list[str]:
        """Strategies that are choices: mixes of practice are not."""
        return [s for s in self.strategies if not self.scenario.file.strategies[s].mix]

    def best_first(self, wtp: float) -> list[str]:
        """Choices by net benefit, the greatest first; of those tied with it the preferred (`lmssim.economics.ties`)."""
        among = [self.strategies.index(s) for s in self.choices]
        return [self.strategies[s] for s in self.increments.best_first(among, wtp)]

    def are_tied(self, strategy: str, wtp: float, with_: str) -> bool:
        """Whether two strategies have the same net benefit."""
        return self.increments.are_tied(*self._pair(strategy, with_), wtp)

    def _pair(self, strategy: str, over: str | None) -> tuple[int, int]:
        return self.strategies.index(strategy), self.strategies.index(over or self.scenario.comparator)

    # --- tables ---

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that are offered."""
        caps = () if self.estimates.capped is None else ("caps",)
        series = ("series",) if not self.sampling.where else ()  # published series have populations of their own
        errors = ("errors",) if self.is_expectation or not self.estimates.individual else ()
        return (*TABLES, *(series if self.estimates.individual else ()), *errors, *caps)

    @cached_property
    def _results(self) -> frames.Results:
        return frames.Results(self.program, self.estimates, self.strategies)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every result: strategy, outcome, unit, mean, se, low, high."""
        return frames.summary(self._results)

    @cached_property
    def survival(self) -> pd.DataFrame:
        """Curves by quarter year: endpoint, strategy, time, kind, value, se, at_risk."""
        return frames.survival(self._results)

    @cached_property
    def occupancy(self) -> pd.DataFrame:
        """State occupancy by quarter year: strategy, state, time, value; states as in the scenario file."""
        return frames.occupancy(self._results)

    @cached_property
    def states(self) -> pd.DataFrame:
        """By strategy and flat state, per patient: entries, patients who ever entered, years, QALYs, costs."""
        return frames.states(self._results)

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Where errors come from.

        Of an exact solution: strategy, outcome, unit, value, profiles, steps. Of an expectation over draws, its main
        outcomes, costs, further sums, and increments over the comparator: strategy, comparator, outcome, unit, value,
        draws, patients, parameters (`lmssim.outcomes.expectation.Apart`). Empty otherwise.
        """
        estimates = self.estimates
        if isinstance(estimates, Expectation):
            rows = [*frames.errors_over_draws(self._results, estimates), *self._errors_of_increments(estimates)]
            return pd.DataFrame(rows, columns=frames.ERRORS_OVER_DRAWS)
        return frames.errors(self._results) if "errors" in self.tables else pd.DataFrame(columns=frames.ERRORS)

    def _errors_of_increments(
        self, estimates: Expectation
    ) -> Iterator[tuple[str, str, str, str, float, float, float, float]]:
        """Errors of increments and incremental net benefits over the comparator."""
        comparator, settings = self.scenario.comparator, self.scenario.file.settings
        whole, of_patients = self.increments, self.patient_increments
        for strategy in self.strategies:
            s, c = self._pair(strategy, None)
            if s == c:
                continue
            for name, outcome in MAIN.items():
                k, unit = position_of(name), outcome.unit_in(settings.currency)
                (mean, se), part = whole.increment(s, c, k), of_patients.increment(s, c, k).se
                yield strategy, comparator, name, unit, mean, *estimates.apart(se, part)
            for wtp in settings.wtp:
                (mean, se), part = whole.net_benefit(wtp, s, c), of_patients.net_benefit(wtp, s, c).se
                yield strategy, comparator, f"inmb:{wtp:g}", settings.currency, mean, *estimates.apart(se, part)

    @cached_property
    def caps(self) -> pd.DataFrame:
        """What caps cut off of survival curves, by draw, strategy and curve (`lmssim.outcomes.tables.caps`)."""
        return frames.caps(self._results)

    @cached_property
    def control_variate(self) -> pd.DataFrame:
        """Main outcomes and increments, plain and controlled by twins; empty if not asked for."""
        if self.controlled is None:
            return pd.DataFrame(columns=frames.CONTROLLED)
        return frames.control_variate(self._results, self.controlled, self.scenario.comparator)

    @cached_property
    def incremental(self) -> pd.DataFrame:
        """Paired increments over the comparator: strategy, comparator, outcome, unit, mean, se, low, high."""
        comparator, settings = self.scenario.comparator, self.scenario.file.settings
        rows = []
        for strategy in self.strategies:
            for name, outcome in MAIN.items():
                unit = outcome.unit_in(settings.currency)
                rows.append((strategy, comparator, name, unit, *self.increment(strategy, name)))
            rows += self._ratios(strategy)
            for wtp in settings.wtp:
                inmb = self.incremental_net_benefit(strategy, wtp)
                rows.append((strategy, comparator, f"inmb:{wtp:g}", settings.currency, *inmb))
        return frames.with_interval(
            pd.DataFrame(rows, columns=["strategy", "comparator", "outcome", "unit", "mean", "se"])
        )

    def _ratios(self, strategy: str) -> list[tuple[str, str, str, str, float, float]]:
        """Cost per QALY and per life-year over the comparator; NaN where one dominates or they are tied."""
        s, c = self._pair(strategy, None)
        found = []
        for name, outcome, unit in ((ICER, QALYS, "QALY"), (COST_PER_LIFE_YEAR, LY, "life-year")):
            k = position_of(outcome)
            ratio = self.increments.cost_per_unit(s, c, k)
            error = self.increments.icer(s, c).se if outcome == QALYS else self.increments.widest_ratio_error(s, c, k)
            per = f"{self.scenario.file.settings.currency} per {unit}"
            row = strategy, self.scenario.comparator, name, per, ratio, error if np.isfinite(ratio) else np.nan
            found.append(row)
        return found

    @cached_property
    def frontier(self) -> pd.DataFrame:
        """Incremental analysis by ascending cost, of the strategies that are choices (`lmssim.economics.frontier`)."""
        return frontier_frame(self.increments, self.strategies, self.choices, position_of(LY))

    @cached_property
    def series(self) -> pd.DataFrame:
        """Published series as their papers read them, paper beside model (`lmssim.published.series`).

        Empty for an exact solution, which has no individual lives to read.
        """
        if "series" not in self.tables:
            return pd.DataFrame(columns=list(COLUMNS))
        return read_series(self.program, n=min(self.n, MOST_FOR_SERIES), seed=self.sampling.seed)

    @cached_property
    def case_times(self) -> list[CaseTime]:
        """Published patients among simulated lives (`lmssim.published.cases`); none for an exact solution."""
        names = self.scenario.file.cases if self.estimates.individual and not self.sampling.where else {}
        return read_cases(self.program, names, min(self.n, MOST_FOR_SERIES), self.sampling.seed)

    @cached_property
    def cases(self) -> pd.DataFrame:
        """Where published patients lie: a row for each of their observed times."""
        return case_frame(self.case_times)

    def to_frame(self) -> pd.DataFrame:
        """The summary."""
        return self.summary


def evaluate(
    scenario: Scenario,
    sampling: Sampling | None = None,
    draws: Mapping[str, FloatArray] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate the strategies of a scenario.

    Parameters
    ----------
    scenario : Scenario
        From `load_scenario`.
    sampling : Sampling, optional
        Patients, seed, strategies, workers.
    draws : mapping of str to ndarray(float, ndim=1), or DataFrame, optional
        Parameter draws, shape (n_draws,) each; every parameter at its base value if absent. A parameter left out has
        its base value in every draw, or is derived from the others. If each draw has patients of its own
        (`random_numbers` is "independent"), results are expectations over the draws, and errors those of another sample
        of draws and patients; else draws share their patients, and errors are those of patients, given the draws.
    progress : callable, optional
        Called with (lives done, lives in all).

    Raises
    ------
    InputError
        If the scenario cannot be run.
    """
    sampling = Sampling() if sampling is None else sampling
    for name, value, kind in (("scenario", scenario, Scenario), ("sampling", sampling, Sampling)):
        if not isinstance(value, kind):
            hint = " Give what load_scenario() returns." if kind is Scenario else ""
            raise InputError(f"{name}: a {type(value).__name__} is not a {kind.__name__}.{hint}")
    sampling.validate()
    program = compile_scenario(scenario)
    if draws is not None:
        draws = checked_draws(scenario.table, draws)
        program.numbers(draws)  # an impossible draw is said before anything runs
    check_comparator(program, sampling)
    if sampling.engine == COHORT:
        return Evaluation(program, sampling, solve_population(program, sampling, draws, progress=progress))
    if sampling.control_variate and draws is not None:
        raise InputError("control variate: of the base case only, not of parameter draws.")
    if draws is not None and sampling.independent:
        batches = simulate_batches(program, replace(sampling, by_draw=True), draws, progress=progress)
        return Evaluation(program, sampling, expectation(program, batches))
    controlled = control(program, sampling) if sampling.control_variate else None
    return Evaluation(program, sampling, simulate(program, sampling, draws, progress=progress), controlled)


def expected_values(
    scenario: Scenario | str | Path,
    sampling: Sampling | None = None,
    n_draws: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Evaluate the expectation over joint draws of the parameters: the base case of a calibrated scenario.

    Parameters
    ----------
    scenario : Scenario, str or Path
        From `load_scenario`, the path of a file, or the name of a bundled scenario.
    sampling : Sampling, optional
        Patients in all, who are split over the draws (rounded up to as many in each), seed, strategies, workers.
    n_draws : int, optional
        Draws; `DEFAULT_DRAWS`, or one for `PATIENTS_PER_DRAW` patients if these are fewer.
    progress : callable, optional
        Called with (lives done, lives in all).

    Raises
    ------
    InputError
        If the scenario cannot be run, no parameter is uncertain, or there are fewer than two patients a draw.

    Examples
    --------
    >>> import lmssim
    >>> scenario = lmssim.load_scenario("extremity")
    >>> found = lmssim.expected_values(scenario, lmssim.Sampling(n_patients=1_000))
    >>> found.estimates.n, found.n
    (100, 1000)
    """
    sampling = Sampling() if sampling is None else sampling
    sampling.validate()
    if sampling.engine == COHORT:
        raise InputError(f"engine '{COHORT}': solves the values of parameters; lmssim.psa solves draws of them.")
    scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    n_draws = draws_of(sampling.n_patients) if n_draws is None else n_draws
    if isinstance(n_draws, bool) or not isinstance(n_draws, int) or n_draws < FEWEST:
        raise InputError(f"n_draws: {n_draws!r} is not a whole number from {FEWEST}.")
    program = compile_scenario(scenario)
    if not set(scenario.uncertain) & set(program.used):
        raise InputError(f"{scenario.path}: {NOTHING_TO_DRAW}")
    split = split_over_draws(sampling, n_draws)
    draws = program.sample(n_draws, sampling.seed)
    return evaluate(scenario, split, draws, progress)


def draws_of(n_patients: int) -> int:
    """Draws over which so many patients are split.

    Raises
    ------
    InputError
        If they are too few for two draws.
    """
    if n_patients < PATIENTS_PER_DRAW * 2:
        raise InputError(
            f"patients: {n_patients} are too few for an expectation over draws of the parameters; give "
            f"{PATIENTS_PER_DRAW * 2} or more, or run the point values."
        )
    return min(DEFAULT_DRAWS, n_patients // PATIENTS_PER_DRAW)


def check_comparator(program: Program, sampling: Sampling) -> None:
    """Refuse to run some strategies without the one that they are compared with."""
    comparator, strategies = program.scenario.comparator, [program.strategies[s] for s in sampling.positions(program)]
    if sampling.strategies and comparator not in strategies:
        raise InputError(
            f"strategies: the comparator '{comparator}' is not among {', '.join(strategies)}; add it, or state another"
            " one in the scenario (settings.comparator)."
        )
