"""A probabilistic analysis as what is done in each cell of a sweep: its results as columns of a row for each strategy.

A parameter that the cell gives a value is held at it in every draw; the others are drawn, and draw k is the same in
every cell. `X_low` and `X_high` are the 95% credible interval of X. `ceac:W` is the probability of being optimal at W,
`loss:W` the expected loss; `evpi:W` is of the cell, and stands in the row of each strategy.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lmssim.execution.simulate import COHORT, ENGINES
from lmssim.outcomes.main import MAIN
from lmssim.studies.sensitivity.psa.collected import collect
from lmssim.studies.sensitivity.psa.result import ProbabilisticAnalysis
from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
from lmssim.studies.sensitivity.psa.work import Work

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lmssim.economics.nesting import Credible
    from lmssim.execution.simulate import Sampling
    from lmssim.model.program import Program

LIVES, SOLVED = 400_000, 10_000
"""Lives of a task, about, and those in whose time a draw is solved."""


@dataclass(frozen=True)
class DrawsInCells:
    """The study that analyses each cell over draws of the parameters.

    Attributes
    ----------
    n_draws : int
        Draws of each cell.
    random_numbers : str
        Whether each draw has patients of its own.
    """

    n_draws: int
    random_numbers: Literal["common", "independent"] = "independent"
    name: str = "psa"
    together: bool = True
    """Whether the rows of a cell depend on which strategies it has: probabilities of being optimal do."""

    def document(self) -> dict[str, Any]:
        """All that it asks besides the cells."""
        return {"study": self.name, "draws": self.n_draws, "random_numbers": self.random_numbers}

    def per_task(self, sampling: Sampling, n_strategies: int) -> int:
        """Cells of a task."""
        lives = SOLVED if sampling.engine == COHORT else sampling.n_patients * n_strategies
        return max(1, LIVES // (lives * self.n_draws))

    def warm(self, program: Program, sampling: Sampling) -> None:
        """Compile or load kernels before several threads ask for them."""
        if sampling.engine in ENGINES:
            ENGINES[sampling.engine].warm(program)

    def rows(
        self, program: Program, sampling: Sampling, values: Sequence[Mapping[str, float]]
    ) -> Iterator[dict[str, dict[str, float]]]:
        """For each cell in turn, the columns of each strategy.

        Raises
        ------
        InputError
            If a cell cannot be run, down to its last draw.
        """
        for each in values:
            scenario = program.scenario.with_values(each)
            held = replace(program, scenario=scenario, used=scenario.table.select(list(program.used)))
            own = replace(sampling, random_numbers=self.random_numbers, jobs=1)
            yield _columns(Work(held, own, self.n_draws))


def _columns(work: Work) -> dict[str, dict[str, float]]:
    """Columns of each strategy in a cell."""
    work.validate()
    with tempfile.TemporaryDirectory(prefix="lmssim-psa-") as place:
        path = Path(place) / "results.parquet"
        analysis = ProbabilisticAnalysis(
            work, collect(work, work.parts(), path), DrawnOutcomes(path, len(work.strategies))
        )
        return {strategy: _of_strategy(analysis, strategy) for strategy in work.strategies}


def _of_strategy(analysis: ProbabilisticAnalysis, strategy: str) -> dict[str, float]:
    columns: dict[str, float] = {}
    for name in MAIN:
        columns |= _credible(name, analysis.outcome(strategy, name))
    for name in MAIN:
        columns |= _credible(f"incremental_{name}", analysis.increment(strategy, name))
    columns |= _ratios(analysis, strategy)
    for wtp in analysis.scenario.file.settings.wtp:
        columns |= _decision(analysis, strategy, wtp)
    return columns


def _credible(name: str, found: Credible) -> dict[str, float]:
    return {name: found.mean, f"{name}_se": found.se, f"{name}_low": found.low, f"{name}_high": found.high}


def _ratios(analysis: ProbabilisticAnalysis, strategy: str) -> dict[str, float]:
    """Ratios of mean increments."""
    frame = analysis.incremental
    own = frame[frame["strategy"] == strategy].set_index("outcome")["mean"]
    return {name: float(own[name]) for name in ("icer", "cost_per_life_year")}


def _decision(analysis: ProbabilisticAnalysis, strategy: str, wtp: float) -> dict[str, float]:
    """Net benefits, and what they say of the decision, at a willingness to pay."""
    s = analysis.strategies.index(strategy)
    columns = _credible(f"nmb:{wtp:g}", analysis.collected.net_benefit(wtp, s))
    columns |= _credible(f"inmb:{wtp:g}", analysis.incremental_net_benefit(strategy, wtp))
    decision = analysis.acceptability
    if strategy in analysis.choices:
        k, shares = analysis.choices.index(strategy), decision.ceac(wtp)
        loss, error = decision.expected_loss(wtp)
        columns[f"ceac:{wtp:g}"] = float(shares[k])
        columns[f"ceac:{wtp:g}_se"] = float(decision.probability_error(shares)[k])
        columns[f"loss:{wtp:g}"], columns[f"loss:{wtp:g}_se"] = float(loss[k]), float(error[k])
    perfect = decision.perfect_information(wtp)
    columns[f"evpi:{wtp:g}"], columns[f"evpi:{wtp:g}_se"] = perfect[0], perfect[1]
    return columns
