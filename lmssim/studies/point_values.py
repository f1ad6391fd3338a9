"""The expectation over parameter draws beside the result at the parameters' own values, and where the gap comes from.

The two differ because outcomes are not straight lines in the parameters, and because the value of a parameter need not
be the mean of what is drawn: that of a log-normal one is usually its median. How much of the gap the draws of the
posterior make, and how much those of the other parameters, is told by running the same patients over the same rows of
the posterior with all other parameters at their values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmssim.economics.increments import Estimate, batch_estimate, draw_estimate
from lmssim.errors import InputError
from lmssim.execution.batches import batch_means, draw_means
from lmssim.execution.simulate import FEWEST_PER_DRAW
from lmssim.kernels.ledger import COST, N_MAIN, QALY
from lmssim.model.parameters.given import checked_draws
from lmssim.outcomes.main import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmssim.evaluation import Evaluation
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario

MOST_PATIENTS = 16_384
"""Patients who are followed at the values, and over the draws again, at most."""
LEAST_PATIENTS = 1_024
"""Patients, at least, so that an error is known."""
COLUMNS = [
    "strategy",
    "comparator",
    "outcome",
    "unit",
    "expectation",
    "expectation_se",
    "point",
    "point_se",
    "gap",
    "gap_se",
    "gap_of_other_parameters",
    "gap_of_other_parameters_se",
    "gap_of_posterior",
    "gap_of_posterior_se",
]


@dataclass(frozen=True)
class Beside:
    """One outcome by both ways.

    Attributes
    ----------
    expectation, point : Estimate
        Over the draws, and at the parameters' values.
    of_others : Estimate
        What drawing the parameters outside of the posterior adds to drawing the posterior alone.
    """

    expectation: Estimate
    point: Estimate
    of_others: Estimate

    @property
    def gap(self) -> Estimate:
        """Expectation less the result at the values; the error takes the two as independent."""
        se = float(np.hypot(self.expectation.se, self.point.se))
        return Estimate(self.expectation.mean - self.point.mean, se)

    @property
    def of_posterior(self) -> Estimate:
        """The rest of the gap; the error takes the two as independent."""
        se = float(np.hypot(self.gap.se, self.of_others.se))
        return Estimate(self.gap.mean - self.of_others.mean, se)


@dataclass(frozen=True)
class PointValues:
    """Main outcomes over the draws and at the parameters' values.

    Attributes
    ----------
    evaluation : Evaluation
        The expectation.
    sizes : ndarray(float, ndim=1)
        (n_batches,): patients of each batch at the values.
    at_values : ndarray(float, ndim=3)
        (n_batches, n_strategies, n_main): their main outcomes.
    members : ndarray(float, ndim=1)
        (n_draws,): patients of each draw.
    of_others : ndarray(float, ndim=3)
        (n_draws, n_strategies, n_main): what drawing the other parameters adds to drawing the posterior alone.
    """

    evaluation: Evaluation
    sizes: FloatArray
    at_values: FloatArray
    members: FloatArray
    of_others: FloatArray

    @property
    def n_patients(self) -> int:
        """Patients at the values."""
        return int(self.sizes.sum())

    def outcome(self, strategy: str, outcome: str, over: str | None = None) -> Beside:
        """A main outcome of a strategy, or its increment over another one."""
        k, each = MAIN[outcome].position, self.evaluation
        if over is not None:
            found = each.increment(strategy, outcome, over)
        else:
            s = each.strategies.index(strategy)
            estimates = each.estimates
            found = Estimate(float(estimates.mean[0, s, k]), float(estimates.chance_error()[s, k]))
        return self._beside(found, strategy, over, np.eye(N_MAIN)[k])

    def net_benefit(self, strategy: str, wtp: float, over: str) -> Beside:
        """Incremental net monetary benefit of a strategy over another one."""
        weights = np.zeros(N_MAIN)
        weights[QALY], weights[COST] = wtp, -1.0
        found = self.evaluation.incremental_net_benefit(strategy, wtp, over)
        return self._beside(found, strategy, over, weights)

    def _beside(self, expectation: Estimate, strategy: str, over: str | None, weights: FloatArray) -> Beside:
        values, others = (self._of(each, strategy, over) @ weights for each in (self.at_values, self.of_others))
        return Beside(expectation, batch_estimate(self.sizes, values), draw_estimate(self.members, others))

    def _of(self, main: FloatArray, strategy: str, over: str | None) -> FloatArray:
        s = self.evaluation.strategies.index(strategy)
        return main[:, s] if over is None else main[:, s] - main[:, self.evaluation.strategies.index(over)]

    @cached_property
    def compared(self) -> list[str]:
        """Strategies but for the comparator."""
        return [s for s in self.evaluation.strategies if s != self.evaluation.scenario.comparator]

    def to_frame(self) -> pd.DataFrame:
        """A row for each outcome of each strategy, increment over the comparator, and incremental net benefit."""
        return pd.DataFrame(list(self._rows()), columns=COLUMNS)

    def _rows(self) -> Iterator[tuple[object, ...]]:
        comparator, settings = self.evaluation.scenario.comparator, self.evaluation.scenario.file.settings
        for strategy in self.evaluation.strategies:
            for name, outcome in MAIN.items():
                yield strategy, "", name, outcome.unit_in(settings.currency), *_cells(self.outcome(strategy, name))
        for strategy in self.compared:
            for name, outcome in MAIN.items():
                found = self.outcome(strategy, name, comparator)
                yield strategy, comparator, name, outcome.unit_in(settings.currency), *_cells(found)
            for wtp in settings.wtp:
                found = self.net_benefit(strategy, wtp, comparator)
                yield strategy, comparator, f"inmb:{wtp:g}", settings.currency, *_cells(found)


def _cells(found: Beside) -> tuple[float, ...]:
    return *found.expectation, *found.point, *found.gap, *found.of_others, *found.of_posterior


def point_values(evaluation: Evaluation, sampling: Sampling) -> PointValues:
    """Run the parameters' values beside an expectation over draws.

    Parameters
    ----------
    evaluation : Evaluation
        An expectation over draws (`lmssim.expected_values`).
    sampling : Sampling
        Patients in all, at most `MOST_PATIENTS` of whom are followed, seed, strategies, workers.

    Raises
    ------
    InputError
        If there are fewer than `LEAST_PATIENTS`.
    """
    if not can_tell(sampling):
        raise InputError(f"patients: {sampling.n_patients:,} are too few to tell an error; {LEAST_PATIENTS:,} or more.")
    program, n_draws = evaluation.program, evaluation.estimates.n
    n = max(min(sampling.n_patients, MOST_PATIENTS), FEWEST_PER_DRAW * n_draws)
    few = replace(sampling, n_patients=n, partitions={}, counting=False)
    sizes, at_values = batch_means(program, replace(few, random_numbers="common"), program.numbers())
    drawn = program.sample(n_draws, sampling.seed)
    members, of_all = draw_means(program, few, drawn)
    held = _others_held(program.scenario, drawn)
    _, of_posterior = draw_means(program, few, held)
    return PointValues(evaluation, sizes, at_values, members, of_all - of_posterior)


def can_tell(sampling: Sampling) -> bool:
    """Whether there are patients enough to estimate an error."""
    return sampling.n_patients >= LEAST_PATIENTS


def _others_held(scenario: Scenario, drawn: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Draws of the posteriors, with every other parameter at its value."""
    groups = (group for group in scenario.groups.values() if group.kind == "posterior")
    free = {id_ for group in groups for id_ in group.members if not scenario.table[id_].held}
    values, n = scenario.table.base(), len(next(iter(drawn.values())))
    held = {
        id_: drawn[id_] if id_ in free else np.full(n, values[id_][0])
        for id_, parameter in scenario.table.items()
        if not parameter.expression
    }
    return checked_draws(scenario.table, held)
