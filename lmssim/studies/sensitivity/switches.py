"""Scenario analysis: the base case, and every other option of every switch, one at a time.

Every option has the same patients with the same random numbers, so that a change has far less noise than either result:
the error of a change comes from batches of patients, compared batch by batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lmssim.economics.cea import cost_per_unit, net_monetary_benefit
from lmssim.economics.increments import batch_estimate
from lmssim.economics.ties import best_first
from lmssim.errors import InputError, unknown
from lmssim.execution.batches import BATCH, batch_means
from lmssim.execution.simulate import ENGINES
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.outcomes.main import COST, DISCOUNTED, LY, QALYS, position_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from lmssim.economics.increments import Estimate
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program
    from lmssim.model.scenario import Scenario

BASE = "base case"
Measure = str | float
"""An outcome by name, or the net monetary benefit at a willingness to pay."""
LEAST_BATCHES = 16


@dataclass(frozen=True)
class Case:
    """One option in the place of the base case's.

    Attributes
    ----------
    switch, option : str
        Their ids; the base case itself is the option `base case` of no switch.
    means : ndarray(float, ndim=3)
        (n_batches, n_strategies, n_main) means by batch of patients.
    """

    switch: str
    option: str
    means: FloatArray


@dataclass(frozen=True)
class SwitchStudy:
    """Results of every option.

    Attributes
    ----------
    program : Program
        The base case.
    sampling : Sampling
        Patients, seed, workers.
    shown : list of str
        Strategies in the tables, in the scenario's order.
    sizes : ndarray(float, ndim=1)
        Patients of each batch.
    base : Case
        The base case.
    cases : list of Case
        Every other option.
    """

    program: Program
    sampling: Sampling
    shown: list[str]
    sizes: FloatArray
    base: Case
    cases: list[Case]

    @property
    def scenario(self) -> Scenario:
        """The scenario as the base case has it."""
        return self.program.scenario

    @property
    def wtp(self) -> list[float]:
        """Each willingness to pay."""
        return self.scenario.file.settings.wtp

    @property
    def compared(self) -> list[str]:
        """Strategies shown, but for the comparator."""
        return [strategy for strategy in self.shown if strategy != self.scenario.comparator]

    def estimate(self, case: Case, strategy: str, measure: Measure) -> Estimate:
        """Mean of an outcome or net benefit."""
        return batch_estimate(self.sizes, self._values(case, measure)[:, self._index(strategy)])

    def increment(self, case: Case, strategy: str, measure: Measure) -> Estimate:
        """Increment over the comparator, from paired patients."""
        return batch_estimate(self.sizes, self._increments(case, strategy, measure))

    def change(self, case: Case, strategy: str, measure: Measure) -> Estimate:
        """Change that the option makes to an increment of the base case, from paired patients."""
        before = self._increments(self.base, strategy, measure)
        return batch_estimate(self.sizes, self._increments(case, strategy, measure) - before)

    def best(self, case: Case, wtp: float) -> str:
        """Strategy of the greatest net benefit among all that are choices, shown or not."""
        choices = [s for s, spec in self.scenario.file.strategies.items() if not spec.mix]
        costs, qalys = ([self.estimate(case, s, outcome).mean for s in choices] for outcome in (COST, QALYS))
        return choices[best_first(costs, qalys, wtp)[0]]

    def _index(self, strategy: str) -> int:
        return self.program.strategies.index(strategy)

    def _values(self, case: Case, measure: Measure) -> FloatArray:
        """An outcome or net benefit by batch and strategy."""
        if isinstance(measure, str):
            return case.means[:, :, position_of(measure)]
        cost, qalys = (case.means[:, :, position_of(outcome)] for outcome in (COST, QALYS))
        return net_monetary_benefit(cost, qalys, measure)

    def _increments(self, case: Case, strategy: str, measure: Measure) -> FloatArray:
        values = self._values(case, measure)
        increments: FloatArray = values[:, self._index(strategy)] - values[:, self._index(self.scenario.comparator)]
        return increments

    def to_frame(self) -> pd.DataFrame:
        """A row for every case and strategy shown: outcomes, increments, net benefits, and changes from the base case.

        `nmb:W` is the net benefit at W, `inmb:W` its increment over the comparator; `change_...` is that increment less
        the base case's, with its paired standard error `change_..._se`; `best:W` says whether it is the best choice.
        """
        return pd.DataFrame(self._row(case, strategy) for case in (self.base, *self.cases) for strategy in self.shown)

    def _row(self, case: Case, strategy: str) -> dict[str, str | float | bool]:
        row: dict[str, str | float | bool] = {"switch": case.switch, "option": case.option, "strategy": strategy}
        row["comparator"] = self.scenario.comparator
        for outcome in DISCOUNTED:
            row[outcome], row[f"{outcome}_se"] = self.estimate(case, strategy, outcome)
        for outcome in DISCOUNTED:
            row[f"incremental_{outcome}"], row[f"incremental_{outcome}_se"] = self.increment(case, strategy, outcome)
        row["icer"] = self._ratio(case, strategy, QALYS)
        row["cost_per_life_year"] = self._ratio(case, strategy, LY)
        for wtp in self.wtp:
            row[f"nmb:{wtp:g}"], row[f"nmb:{wtp:g}_se"] = self.estimate(case, strategy, wtp)
            row[f"inmb:{wtp:g}"], row[f"inmb:{wtp:g}_se"] = self.increment(case, strategy, wtp)
            row[f"best:{wtp:g}"] = self.best(case, wtp) == strategy
        measures: list[tuple[str, Measure]] = [(outcome, outcome) for outcome in DISCOUNTED]
        for name, measure in (*measures, *((f"inmb:{wtp:g}", wtp) for wtp in self.wtp)):
            row[f"change_{name}"], row[f"change_{name}_se"] = self.change(case, strategy, measure)
        return row

    def _ratio(self, case: Case, strategy: str, effect: str) -> float:
        """Cost of a unit of effect gained over the comparator, or saved by a unit lost; NaN of ties and dominance."""
        d_cost, d_effect = (self.increment(case, strategy, outcome).mean for outcome in (COST, effect))
        return cost_per_unit(d_cost, d_effect, size=abs(self.estimate(case, strategy, effect).mean))


def run_switches(
    name: str | Path,
    sampling: Sampling,
    overrides: Mapping[str, float] | None = None,
    switches: Mapping[str, str] | None = None,
    strategies: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> SwitchStudy:
    """Run the base case and every other option of each switch.

    Parameters
    ----------
    name : str or Path
        Path of a scenario, or the name of a bundled one.
    sampling : Sampling
        Patients, seed, workers; an engine that simulates patients.
    overrides, switches : mapping, optional
        Parameters that the base case holds at other values, and the options of its switches.
    strategies : sequence of str
        Strategies to show; all if empty.
    progress : callable, optional
        Called with (options done, options in all).

    Raises
    ------
    InputError
        If the scenario has no switches, a strategy does not exist, or an option cannot be run.
    """
    scenario = load_scenario(name, overrides, switches)
    _check(scenario, sampling, strategies)
    program = compile_scenario(scenario)
    ENGINES[sampling.engine].warm(program)
    sizes, means = batch_means(program, sampling, program.numbers())
    alternatives = list(_alternatives(scenario))
    cases = []
    for done, (switch, option) in enumerate(alternatives, 1):
        other = compile_scenario(load_scenario(name, overrides, dict(switches or {}) | {switch: option}))
        _check_strategies(program, other, f"{scenario.path}: switches.{switch}.options.{option}")
        cases.append(Case(switch, option, batch_means(other, sampling, other.numbers())[1]))
        if progress is not None:
            progress(done, len(alternatives))
    shown = [s for s in scenario.strategies if not strategies or s in strategies]
    return SwitchStudy(program, sampling, shown, sizes, Case("", BASE, means), cases)


def _alternatives(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """Every option but those of the base case."""
    for name, switch in scenario.file.switches.items():
        for option in switch.options:
            if option != scenario.options[name]:
                yield name, option


def _check(scenario: Scenario, sampling: Sampling, strategies: Sequence[str]) -> None:
    sampling.validate()
    if not scenario.file.switches:
        raise InputError(f"{scenario.path}: the scenario has no switches (docs/language.md, Switches).")
    if sampling.engine not in ENGINES:
        raise InputError(f"engine '{sampling.engine}' has no patients to pair; use one of {', '.join(ENGINES)}.")
    if sampling.n_patients < BATCH * LEAST_BATCHES:
        least = BATCH * LEAST_BATCHES
        raise InputError(f"patients: {sampling.n_patients} are too few to estimate errors; {least} or more are needed.")
    for strategy in strategies:
        if strategy not in scenario.strategies:
            raise InputError(unknown("strategy", strategy, scenario.strategies, "--strategies"))


def _check_strategies(program: Program, other: Program, where: str) -> None:
    if (program.strategies, program.scenario.comparator) != (other.strategies, other.scenario.comparator):
        raise InputError(f"{where}: it changes the strategies or the comparator; run it by itself (run --switch).")
