"""What a cell is by itself: the outcomes of one evaluation, as columns of a row for each strategy.

`ly`, ... stand for every main outcome by its id, `X_se` for the standard error of a column X. `incremental_X` is what
the strategy adds to the comparator in outcome X, from paired patients. `icer` and `cost_per_life_year` are NaN of
strategies that are dominated, dominate or are tied. `nmb:W` and `inmb:W` are net benefits at W, for each willingness to
pay of the scenario; the covariances beside let anybody compute them, with their errors, at any other. `E:T` is survival
or incidence, as endpoint E is, at year T.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.economics.increments import Increments
from lmssim.errors import InputError
from lmssim.execution.estimates import EXACT
from lmssim.execution.simulate import COHORT, ENGINES, draw_times, named_times, simulate
from lmssim.execution.solve import settle, solve_population
from lmssim.kernels.ledger import N_MAIN
from lmssim.model.parameters.given import checked_draws
from lmssim.outcomes.endpoint import shares_of
from lmssim.outcomes.main import COST, LY, MAIN, QALYS, position_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.execution.estimates import Estimates
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program

Columns = dict[str, float]
"""Results of a strategy in a cell, by column."""
COVARIANCE = "qalys_cost_covariance"
"""Covariance of a strategy's mean QALYs and mean costs."""
LIVES = 400_000
"""Lives of a task, about: a second or so of a model such as the bundled ones."""
MOST_CELLS = 256
"""Cells of a task, whose rows are held in memory until it is done."""
SOLVED = 10_000
"""Lives in whose time one set of parameters is solved, about."""


@dataclass(frozen=True)
class Outcomes:
    """The study that evaluates each cell once, at its own values of the parameters."""

    name: str = "run"
    together: bool = False
    """Whether the rows of a cell depend on which strategies it has."""

    def document(self) -> dict[str, Any]:
        """All that it asks besides the cells."""
        return {"study": self.name}

    def per_task(self, sampling: Sampling, n_strategies: int) -> int:
        """Cells of a task."""
        lives = SOLVED if sampling.engine == COHORT else sampling.n_patients * n_strategies
        return min(max(1, LIVES // lives), MOST_CELLS)

    def warm(self, program: Program, sampling: Sampling) -> None:
        """Compile or load kernels before several threads ask for them."""
        if sampling.engine in ENGINES:
            ENGINES[sampling.engine].warm(program)

    def rows(
        self, program: Program, sampling: Sampling, values: Sequence[Mapping[str, float]]
    ) -> Iterator[dict[str, Columns]]:
        """For each cell in turn, the columns of each strategy.

        Parameters
        ----------
        values : sequence of mapping
            Of each cell, parameters with another value than the program's own; the same parameters in all.

        Raises
        ------
        InputError
            If a cell cannot be run.
        """
        estimates = _estimates(program, sampling, _draws(program, values))
        yield from _Reader(program, sampling, estimates).cells()


def _draws(program: Program, values: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Values of every parameter by cell."""
    table = program.scenario.table
    if not values[0]:
        return {name: np.repeat(value, len(values)) for name, value in table.base().items()}
    return dict(checked_draws(table, {name: np.array([each[name] for each in values]) for name in values[0]}))


def _estimates(program: Program, sampling: Sampling, draws: dict[str, Any]) -> Estimates:
    asked = replace(sampling, by_draw=True, counting=False, jobs=1)
    if sampling.engine == COHORT:
        settled = settle(program, asked, program.scenario.table.base())
        return solve_population(program, asked, draws, settled=settled)
    program.require_histories()
    return simulate(program, asked, draws)


class _Reader:
    """Reads the columns of each cell off estimates by draw."""

    def __init__(self, program: Program, sampling: Sampling, estimates: Estimates) -> None:
        self.program, self.estimates = program, estimates
        self.strategies = [program.strategies[s] for s in sampling.positions(program)]
        comparator = program.scenario.comparator
        if comparator not in self.strategies:
            raise InputError(f"strategies: the comparator '{comparator}' is not among {', '.join(self.strategies)}.")
        self.comparator = self.strategies.index(comparator)
        assert estimates.by_draw is not None
        exact = estimates.kind == EXACT
        self.shares, self.spread = shares_of(estimates.by_draw, program, exact=exact)
        every = draw_times(program)
        self.times = [(time, every.index(time)) for time in named_times(program)]
        self.errors = np.hypot(estimates.standard_error(), estimates.step_error)

    def cells(self) -> Iterator[dict[str, Columns]]:
        """Columns of each strategy, cell by cell."""
        for d in range(self.estimates.n_draws):
            increments = self._increments(d)
            yield {name: self._columns(d, s, increments) for s, name in enumerate(self.strategies)}

    def _increments(self, d: int) -> Increments:
        """Of one cell alone."""
        found = self.estimates
        return Increments(
            n=found.n,
            mean=found.mean[d : d + 1],
            product=found.product[d : d + 1],
            cost=position_of(COST),
            effect=position_of(QALYS),
            bound=found.step_error,
            exact=found.kind == EXACT,
        )

    def _columns(self, d: int, s: int, increments: Increments) -> Columns:
        columns: Columns = {}
        for name, outcome in MAIN.items():
            columns[name] = float(self.estimates.mean[d, s, outcome.position])
            columns[f"{name}_se"] = float(self.errors[d, s, outcome.position])
        columns[COVARIANCE] = float(self.estimates.product[d, N_MAIN, s, s]) / (self._n - 1) / self._n
        return columns | self._over(s, increments) | self._survival(d, s)

    def _over(self, s: int, increments: Increments) -> Columns:
        """What a strategy adds to the comparator, and net benefits."""
        columns, c = {}, self.comparator
        for name, outcome in MAIN.items():
            columns[f"incremental_{name}"], columns[f"incremental_{name}_se"] = increments.increment(
                s, c, outcome.position
            )
        product = increments.product[0, N_MAIN]
        both = product[s, s] + product[c, c] - product[s, c] - product[c, s]
        columns[f"incremental_{COVARIANCE}"] = float(both) / (self._n - 1) / self._n
        columns["icer"] = increments.cost_per_unit(s, c, position_of(QALYS))
        columns["cost_per_life_year"] = increments.cost_per_unit(s, c, position_of(LY))
        for wtp in self.program.scenario.file.settings.wtp:
            columns[f"nmb:{wtp:g}"], columns[f"nmb:{wtp:g}_se"] = increments.net_benefit(wtp, s)
            columns[f"inmb:{wtp:g}"], columns[f"inmb:{wtp:g}_se"] = increments.net_benefit(wtp, s, c)
        return columns

    def _survival(self, d: int, s: int) -> Columns:
        columns: Columns = {}
        for e, endpoint in enumerate(self.program.endpoints):
            for time, t in self.times:
                columns[f"{endpoint}:{time:g}"] = float(self.shares[d, s, e, t])
                columns[f"{endpoint}:{time:g}_se"] = float(np.sqrt(self.spread[d, s, e, t]))
        return columns

    @property
    def _n(self) -> float:
        return float(max(np.max(self.estimates.n), 2))
