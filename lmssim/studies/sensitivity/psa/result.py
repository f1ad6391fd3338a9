"""The result of a probabilistic analysis, as tidy tables.

`mean` is over draws, `se` its Monte-Carlo error, of draws and patients; `low` and `high` are the 95% credible interval
of the expectation given the parameters: the noise of patients is taken out (`lmssim.economics.nesting`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from lmssim.economics.cea import cost_per_unit, net_monetary_benefit
from lmssim.economics.frontier import COST_PER_LIFE_YEAR, ICER
from lmssim.economics.lead import Lead, lead
from lmssim.execution.store import write_parquet_stream
from lmssim.kernels.ledger import COST, QALY
from lmssim.model import edits
from lmssim.outcomes.main import DISCOUNTED, LY, MAIN, QALYS, position_of
from lmssim.studies.sensitivity.psa.averaged import AveragedWork
from lmssim.studies.sensitivity.psa.by_option import option_frame, option_rows
from lmssim.studies.sensitivity.psa.collected import further_columns, share_name
from lmssim.studies.sensitivity.psa.parameters import parameter_frame, repeated_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lmssim.economics.acceptability import Acceptability
    from lmssim.economics.nesting import Credible
    from lmssim.kernels import FloatArray
    from lmssim.model.scenario import Scenario
    from lmssim.studies.sensitivity.psa.collected import Collected
    from lmssim.studies.sensitivity.psa.spool import DrawnOutcomes
    from lmssim.studies.sensitivity.psa.work import Work

ALWAYS = (20_000.0, 25_000.0, 30_000.0, 35_000.0)
"""Willingness to pay that tables always show: the steps of NICE's ranges before and since 2026."""
TOP, STEP, STEPS = 100_000.0, 1_000.0, 200
"""Curves go up to this willingness to pay at least, in such steps; further up in wider ones, so many at most."""
POINTS = 50
"""Numbers of draws at which running means are kept, at most."""
CREDIBLE = ["mean", "se", "low", "high", "noise_share"]
TABLES = (
    "summary",
    "incremental",
    "inmb",
    "ceac",
    "ceaf",
    "expected_loss",
    "evpi",
    "frontier_probability",
    "patient_noise",
    "survival_bands",
    "running",
    "parameters",
)
"""Tables of every analysis."""
AVERAGING = "averaging"
"""Table of an analysis that is averaged over options of switches."""


@dataclass(frozen=True)
class ProbabilisticAnalysis:
    """Results of joint draws of the parameters.

    Attributes
    ----------
    work : Work
        What was run: program, patients, draws.
    collected : Collected
        Main outcomes by draw, and what patients put them off by.
    drawn : DrawnOutcomes
        Every outcome by draw, in a file.
    """

    work: Work
    collected: Collected
    drawn: DrawnOutcomes

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, with the strategies that were run."""
        scenario = self.work.program.scenario
        if len(self.strategies) == len(scenario.strategies):
            return scenario
        return edits.with_file(scenario, strategies={s: scenario.file.strategies[s] for s in self.strategies})

    @property
    def strategies(self) -> list[str]:
        """Ids of the strategies that were run."""
        return self.work.strategies

    @property
    def n_draws(self) -> int:
        """Draws of the parameters."""
        return self.work.n_draws

    @property
    def comparator(self) -> str:
        """Strategy that others are compared with."""
        return self.scenario.comparator

    @cached_property
    def choices(self) -> list[str]:
        """Strategies that are choices: mixes of practice are not, unless there is nothing else."""
        choices = [s for s in self.strategies if not self.scenario.file.strategies[s].mix]
        return choices or self.strategies

    @cached_property
    def wtps(self) -> list[float]:
        """Willingness to pay of tables: the scenario's own, and those always shown."""
        return sorted({*self.scenario.file.settings.wtp, *ALWAYS})

    @cached_property
    def curve_wtps(self) -> list[float]:
        """Willingness to pay of curves: from 0 up to 100,000, or to the scenario's own if that is more."""
        top = max(TOP, *self.wtps)
        step = max(STEP, top / STEPS)
        return sorted({*(step * k for k in range(int(top / step) + 1)), *self.wtps})

    @cached_property
    def repeated(self) -> dict[str, int]:
        """Posterior groups whose rows repeat, and how many rows they have."""
        return repeated_rows(self.work.program, self.n_draws)

    @cached_property
    def acceptability(self) -> Acceptability:
        """Draws of costs and QALYs of the strategies that are choices."""
        return self.collected.acceptability([self.strategies.index(s) for s in self.choices])

    def lead(self, wtp: float) -> Lead:
        """Which choice has the greatest expected net benefit, and which others errors do not tell from it."""
        best = self.choices[self.acceptability.optimal(wtp)]
        s = self.strategies.index(best)
        others = [name for name in self.choices if name != best]
        found = {name: self.collected.net_benefit(wtp, s, self.strategies.index(name)) for name in others}
        return lead(best, {name: (each.mean, each.se) for name, each in found.items()})

    def _pair(self, strategy: str) -> tuple[int, int]:
        return self.strategies.index(strategy), self.strategies.index(self.comparator)

    def outcome(self, strategy: str, outcome: str) -> Credible:
        """A main outcome of a strategy."""
        return self.collected.outcome(position_of(outcome), self.strategies.index(strategy))

    def increment(self, strategy: str, outcome: str) -> Credible:
        """What a strategy adds to the comparator in a main outcome."""
        return self.collected.outcome(position_of(outcome), *self._pair(strategy))

    def incremental_net_benefit(self, strategy: str, wtp: float) -> Credible:
        """What a strategy adds to the comparator in net monetary benefit."""
        return self.collected.net_benefit(wtp, *self._pair(strategy))

    # --- outcomes ---

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every outcome: strategy, outcome, unit, mean, se, low, high, noise_share."""
        currency = self.scenario.file.settings.currency
        rows = [
            (strategy, name, outcome.unit_in(currency), *self.outcome(strategy, name))
            for strategy in self.strategies
            for name, outcome in MAIN.items()
        ]
        units = {name: unit for name, unit, _ in further_columns(self.work.program)}
        named = self.scenario.file.settings.times
        units |= {share_name(e, t): "probability" for e in self.work.program.endpoints for t in sorted(set(named))}
        rows += [(s, name, units[name], *found) for name, s, found in self._further(list(units))]
        frame = pd.DataFrame(rows, columns=["strategy", "outcome", "unit", *CREDIBLE])
        order = {s: k for k, s in enumerate(self.strategies)}
        return frame.sort_values("strategy", key=lambda each: each.map(order), kind="stable", ignore_index=True)

    def _further(self, names: Sequence[str]) -> Iterator[tuple[str, str, Credible]]:
        """Outcomes beside the main ones, read from the file: name, strategy, and what is known."""
        for name, values in self.drawn.columns(names):
            for strategy, found in zip(self.strategies, self.collected.further(name, values), strict=True):
                yield name, strategy, found

    @cached_property
    def incremental(self) -> pd.DataFrame:
        """Increments over the comparator: strategy, comparator, outcome, unit, mean, se, low, high, noise_share.

        An ICER is the ratio of mean increments; it has no interval, for a ratio of increments around 0 has none that
        can be read.
        """
        currency, rows = self.scenario.file.settings.currency, []
        for strategy in self.strategies:
            for name, outcome in MAIN.items():
                unit = outcome.unit_in(currency)
                rows.append((strategy, self.comparator, name, unit, *self.increment(strategy, name)))
            rows += self._ratios(strategy)
        return pd.DataFrame(rows, columns=["strategy", "comparator", "outcome", "unit", *CREDIBLE])

    def _ratios(self, strategy: str) -> Iterator[tuple[str, str, str, str, float, float, float, float, float]]:
        s, c = self._pair(strategy)
        cost = self.increment(strategy, "cost").mean
        for name, outcome, unit in ((ICER, QALYS, "QALY"), (COST_PER_LIFE_YEAR, LY, "life-year")):
            size = abs(self.outcome(strategy, outcome).mean)
            ratio = cost_per_unit(cost, self.increment(strategy, outcome).mean, size=size)
            error = self.collected.ratio_error(s, c, position_of(outcome)) if np.isfinite(ratio) else np.nan
            per = f"{self.scenario.file.settings.currency} per {unit}"
            yield strategy, self.comparator, name, per, ratio, error, np.nan, np.nan, np.nan

    @cached_property
    def survival_bands(self) -> pd.DataFrame:
        """Survival and incidence each year: endpoint, strategy, time, kind, mean, se, low, high, noise_share."""
        specs, rows = self.scenario.file.endpoints, []
        for endpoint in self.work.program.endpoints:
            at = {share_name(endpoint, time): time for time in self.work.times}
            for name, strategy, found in self._further(list(at)):
                rows.append((endpoint, strategy, at[name], specs[endpoint].kind, *found))
        frame = pd.DataFrame(rows, columns=["endpoint", "strategy", "time", "kind", *CREDIBLE])
        order = {s: k for k, s in enumerate([*self.work.program.endpoints, *self.strategies])}
        by = ["endpoint", "strategy", "time"]
        key = {name: frame[name].map(order) if name != "time" else frame[name] for name in by}
        return frame.loc[pd.DataFrame(key).sort_values(by, kind="stable").index].reset_index(drop=True)

    # --- the decision ---

    @cached_property
    def inmb(self) -> pd.DataFrame:
        """Incremental net benefit by willingness to pay: strategy, comparator, wtp, mean, se, low, high, noise_share.

        `probability` is that of a net benefit above the comparator's.
        """
        rows = []
        for strategy in self.strategies:
            for wtp in self.curve_wtps:
                found = self.incremental_net_benefit(strategy, wtp)
                rows.append((strategy, self.comparator, wtp, *found, self._above(strategy, wtp)))
        return pd.DataFrame(rows, columns=["strategy", "comparator", "wtp", *CREDIBLE, "probability"])

    def _above(self, strategy: str, wtp: float) -> float:
        """Share of draws in which a strategy has more net benefit than the comparator; a tie counts one half."""
        s, c = self._pair(strategy)
        n, both = len(self.strategies), self.collected.expected
        if s == c:
            return float("nan")
        gain = net_monetary_benefit(both[:, s] - both[:, c], both[:, n + s] - both[:, n + c], wtp)
        return float(((gain > 0.0) + 0.5 * (gain == 0.0)).mean())

    @cached_property
    def ceac(self) -> pd.DataFrame:
        """Acceptability curves: wtp, strategy, probability, se, and the probability with patient noise left in."""
        rows = []
        for wtp in self.curve_wtps:
            found = self.acceptability.ceac(wtp)
            plain = self.acceptability.plain.ceac(wtp)
            each = zip(self.choices, found, self.acceptability.probability_error(found), plain, strict=True)
            rows += [(wtp, strategy, float(p), float(se), float(q)) for strategy, p, se, q in each]
        return pd.DataFrame(rows, columns=["wtp", "strategy", "probability", "se", "with_patient_noise"])

    @cached_property
    def ceaf(self) -> pd.DataFrame:
        """Acceptability frontier: wtp, the strategy of the greatest expected net benefit, its probability, se."""
        rows = []
        for wtp in self.curve_wtps:
            best, found = self.acceptability.optimal(wtp), self.acceptability.ceac(wtp)
            error = self.acceptability.probability_error(found)
            rows.append((wtp, self.choices[best], float(found[best]), float(error[best])))
        return pd.DataFrame(rows, columns=["wtp", "strategy", "probability", "se"])

    @cached_property
    def expected_loss(self) -> pd.DataFrame:
        """Net benefit that each choice is expected to lose against the best of each draw: wtp, strategy, loss, se."""
        rows = []
        for wtp in self.curve_wtps:
            each = zip(self.choices, *self.acceptability.expected_loss(wtp), strict=True)
            rows += [(wtp, strategy, float(loss), float(se)) for strategy, loss, se in each]
        return pd.DataFrame(rows, columns=["wtp", "strategy", "loss", "se"])

    @cached_property
    def evpi(self) -> pd.DataFrame:
        """Expected value of perfect information per patient: wtp, evpi, se, patient_noise_bias, with_patient_noise."""
        rows = []
        for wtp in self.curve_wtps:
            found = self.acceptability.perfect_information(wtp)
            rows.append((wtp, *found, found.with_patient_noise))
        return pd.DataFrame(rows, columns=["wtp", "evpi", "se", "patient_noise_bias", "with_patient_noise"])

    @cached_property
    def frontier_probability(self) -> pd.DataFrame:
        """Probability that each choice is on the efficiency frontier: strategy, probability, se."""
        found = self.acceptability.frontier_probability()
        each = zip(self.choices, found.tolist(), self.acceptability.probability_error(found).tolist(), strict=True)
        return pd.DataFrame(each, columns=["strategy", "probability", "se"])

    @cached_property
    def patient_noise(self) -> pd.DataFrame:
        """Covariance that patients give the draws' means: outcome, strategy, with_outcome, with_strategy, covariance.

        Of costs and QALYs of the choices: what the value of information takes out.
        """
        noise, n = self.acceptability.noise, len(self.choices)
        named = [(outcome, strategy) for outcome in ("cost", QALYS) for strategy in self.choices]
        values = np.zeros((2 * n, 2 * n)) if noise is None else noise
        rows = [(*a, *b, float(values[i, j])) for i, a in enumerate(named) for j, b in enumerate(named)]
        return pd.DataFrame(rows, columns=["outcome", "strategy", "with_outcome", "with_strategy", "covariance"])

    # --- draws ---

    @cached_property
    def running(self) -> pd.DataFrame:
        """Means over the first draws: draws, strategy, outcome, mean; `inmb:W` is the increment at W."""
        ends = np.unique(np.linspace(1, self.n_draws, min(POINTS, self.n_draws)).round().astype(int))
        main, parts = self.collected.main, []
        c = self.strategies.index(self.comparator)
        columns = {name: main[:, :, position_of(name)] for name in DISCOUNTED}
        for wtp in self.wtps:
            benefit = net_monetary_benefit(main[:, :, COST], main[:, :, QALY], wtp)
            columns[f"inmb:{wtp:g}"] = benefit - benefit[:, [c]]
        for name, values in columns.items():
            means = values.cumsum(axis=0)[ends - 1] / ends[:, None]
            for s, strategy in enumerate(self.strategies):
                parts.append(pd.DataFrame({"draws": ends, "strategy": strategy, "outcome": name, "mean": means[:, s]}))
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """Each uncertain parameter: asked mean and interval, and those of its draws (`parameter_frame`).

        Behind them, of an analysis that is averaged over structure, which share of the draws has each option.
        """
        frame = parameter_frame(self.work.program, self.draws)
        if not isinstance(self.work, AveragedWork):
            return frame
        return pd.concat([frame, option_rows(self.work, self.draws)], ignore_index=True)

    @cached_property
    def averaging(self) -> pd.DataFrame:
        """Results by option of each switch that is averaged over (`option_frame`); no rows if there is none."""
        work = self.work
        averaged = work if isinstance(work, AveragedWork) else None
        return option_frame(averaged, self.collected, self.choices, self.comparator, self.wtps)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of its tables."""
        return (*TABLES, AVERAGING) if isinstance(self.work, AveragedWork) else TABLES

    @cached_property
    def draws(self) -> dict[str, FloatArray]:
        """Draws of every parameter, (n_draws,) each."""
        return self.work.draws(0, self.n_draws)

    @property
    def results(self) -> pd.DataFrame:
        """Every outcome of every draw: draw, strategy, and a column an outcome."""
        return self.drawn.to_frame()

    def to_frame(self) -> pd.DataFrame:
        """The summary."""
        return self.summary

    def write_draws(self, path: Path) -> None:
        """Write the draws of the parameters that the model uses: a Parquet row a draw, a column a parameter."""
        names = self.work.quantities
        schema = pa.schema([("draw", pa.int32()), *((name, pa.float64()) for name in names)])
        with write_parquet_stream(path, schema) as writer:
            for first in range(0, self.n_draws, 1_000):
                n = min(1_000, self.n_draws - first)
                drawn = self.work.draws(first, n)
                arrays = [pa.array(range(first, first + n), pa.int32()), *(pa.array(drawn[name]) for name in names)]
                writer.write_table(pa.table(arrays, schema=schema))
