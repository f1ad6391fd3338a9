"""The change between two results, and the part of it that each changed input explains.

Parts are Shapley values (`lmssim.studies.diff.shares`), of a strategy's outcomes and net benefits, and of its
increments over the comparator. They add up to the change exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from lmssim.economics.cea import net_monetary_benefit
from lmssim.outcomes.main import COST, DISCOUNTED, MAIN, QALYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lmssim.economics.increments import Estimate
    from lmssim.kernels import FloatArray
    from lmssim.studies.diff.changes import Input
    from lmssim.studies.diff.mixing import Mixture
    from lmssim.studies.diff.shares import Pair
    from lmssim.studies.diff.values import Common

Measure = str | float
"""An outcome by name, or the net monetary benefit at a willingness to pay."""
KEPT = DISCOUNTED
"""Outcomes that are compared, in the order of the last axis."""
SAME = 1e-12
"""Relative difference up to which two results are the same, but for the order of sums."""
ROUNDING = 1e-13
"""Of the size of results, what sums in another order leave of nothing."""
FAR = 4.0
"""Standard errors beyond which two results do not agree."""


class Part(NamedTuple):
    """A part of a change: its mean, the standard error from draws and patients, and that from sampled orders."""

    mean: float
    se: float
    se_sampled: float

    @property
    def error(self) -> float:
        """Both together."""
        return float(np.hypot(self.se, self.se_sampled))


class Agreement(NamedTuple):
    """How a result run again compares with the one that its folder holds.

    Attributes
    ----------
    compared : int
        Results compared.
    apart : float
        Greatest relative difference.
    errors : float
        Greatest difference, in standard errors of the two.
    """

    compared: int
    apart: float
    errors: float

    @property
    def is_same(self) -> bool:
        """Whether it is the same, but for the order of sums."""
        return self.compared > 0 and self.apart <= SAME

    @property
    def agrees(self) -> bool:
        """Whether it agrees within error."""
        return self.compared > 0 and (self.is_same or self.errors <= FAR)


@dataclass(frozen=True)
class Ends:
    """A result run again, by draw or batch, (n, n_strategies, n_outcomes)."""

    a: FloatArray
    b: FloatArray


@dataclass(frozen=True)
class DifferenceStudy:
    """The change between two results.

    Attributes
    ----------
    mixture : Mixture
        The results and their inputs.
    common : Common
        Draws and patients.
    wtps : list of float
        Willingness to pay at which net benefits are compared.
    sizes : ndarray(float, ndim=1)
        (n,): patients of each draw or batch.
    ends : Ends
        Either result run again.
    parts : ndarray(float, ndim=4)
        (n_inputs, n, n_strategies, n_outcomes): share of each input, by draw or batch.
    samples : ndarray(float, ndim=4), optional
        (n_samples, n_inputs, n_strategies, n_outcomes): share of each input in each pair of sampled orders; None if the
        shares are exact.
    pairs : sequence of (int, int)
        Inputs whose interaction was asked for.
    interactions : ndarray(float, ndim=4)
        (n_pairs, n, n_strategies, n_outcomes).
    sets : ndarray(float, ndim=4), optional
        (n_sets, n_pairs, n_strategies, n_outcomes): interactions by sampled set; None if they are exact.
    n_runs : int
        Models that were run.
    """

    mixture: Mixture
    common: Common
    wtps: list[float]
    sizes: FloatArray
    ends: Ends
    parts: FloatArray
    samples: FloatArray | None
    pairs: Sequence[Pair]
    interactions: FloatArray
    sets: FloatArray | None
    n_runs: int

    # === What is compared ===

    @property
    def inputs(self) -> Sequence[Input]:
        """Inputs that differ."""
        return self.mixture.inputs

    @property
    def strategies(self) -> list[str]:
        """Strategies that both results have."""
        return list(self.mixture.strategies)

    @property
    def comparator(self) -> str:
        """Strategy over which increments are taken: that of the first result."""
        return self.mixture.a.scenario.comparator

    @property
    def compared(self) -> list[str]:
        """Strategies but for the comparator."""
        return [strategy for strategy in self.strategies if strategy != self.comparator]

    @property
    def currency(self) -> str:
        """Currency of costs."""
        return self.mixture.b.scenario.file.settings.currency

    @property
    def is_exact(self) -> bool:
        """Whether no order was sampled."""
        return self.samples is None

    @property
    def measures(self) -> list[Measure]:
        """Outcomes, and net benefits at each willingness to pay."""
        return [*KEPT, *self.wtps]

    def unit(self, measure: Measure) -> str:
        """Unit of a measure."""
        return MAIN[measure].unit_in(self.currency) if isinstance(measure, str) else self.currency

    @staticmethod
    def name(measure: Measure, over: str) -> str:
        """Name of a measure in tables."""
        if isinstance(measure, str):
            return measure
        return f"{'inmb' if over else 'nmb'}:{measure:g}"

    # === Estimates ===

    def end(self, which: str, strategy: str, measure: Measure, over: str = "") -> Estimate:
        """A result of `a` or `b` run again."""
        return self.common.estimate(self.sizes, self._read(getattr(self.ends, which), strategy, measure, over))

    def change(self, strategy: str, measure: Measure, over: str = "") -> Estimate:
        """What `b` has more than `a`, from the same draws and patients."""
        return self.common.estimate(self.sizes, self._read(self.ends.b - self.ends.a, strategy, measure, over))

    def part(self, i: int, strategy: str, measure: Measure, over: str = "") -> Part:
        """Share of an input."""
        found = self.common.estimate(self.sizes, self._read(self.parts[i], strategy, measure, over))
        part = Part(*found, self._spread(self.samples, i, strategy, measure, over))
        return part if self._tells(part, strategy, measure, over) else Part(0.0, 0.0, 0.0)

    def interaction(self, p: int, strategy: str, measure: Measure, over: str = "") -> Part:
        """Interaction of a pair of inputs."""
        found = self.common.estimate(self.sizes, self._read(self.interactions[p], strategy, measure, over))
        part = Part(*found, self._spread(self.sets, p, strategy, measure, over))
        return part if self._tells(part, strategy, measure, over) else Part(0.0, 0.0, 0.0)

    def _tells(self, part: Part, strategy: str, measure: Measure, over: str) -> bool:
        """Whether a part is more than what rounding leaves of results of such a size."""
        if max(abs(part.mean), part.error) > self._size * ROUNDING:
            return True
        ends = (self.end(which, each, measure).mean for which in ("a", "b") for each in filter(None, (strategy, over)))
        return max(abs(part.mean), part.error) > ROUNDING * max(map(abs, ends))

    @cached_property
    def _size(self) -> float:
        """Greatest outcome of all."""
        return float(max(np.abs(self.ends.a).max(), np.abs(self.ends.b).max(), 1.0) * max([1.0, *self.wtps]))

    def _spread(self, samples: FloatArray | None, i: int, strategy: str, measure: Measure, over: str) -> float:
        """Standard error from what was sampled."""
        if samples is None:
            return 0.0
        values = self._read(samples[:, i], strategy, measure, over)
        return float(values.std(ddof=1) / len(values) ** 0.5) if len(values) > 1 else float("nan")

    def _read(self, values: FloatArray, strategy: str, measure: Measure, over: str) -> FloatArray:
        """A measure of values by strategy and outcome, (n,)."""
        if isinstance(measure, str):
            read = values[..., KEPT.index(measure)]
        else:
            read = net_monetary_benefit(values[..., KEPT.index(COST)], values[..., KEPT.index(QALYS)], measure)
        found: FloatArray = read[..., self.strategies.index(strategy)]
        return found - read[..., self.strategies.index(over)] if over else found

    def by_size(self, strategy: str, measure: Measure, over: str = "") -> list[int]:
        """Inputs by the size of their share, the greatest first."""
        sizes = [abs(self.part(i, strategy, measure, over).mean) for i in range(len(self.inputs))]
        return sorted(range(len(sizes)), key=lambda i: -sizes[i])

    # === Against the folders ===

    def agreement(self, which: str) -> Agreement:
        """How a result run again compares with what its folder holds."""
        side = getattr(self.mixture, which)
        compared, apart, errors = 0, 0.0, 0.0
        for strategy in self.strategies:
            for outcome in KEPT:
                if (strategy, outcome) not in side.found:
                    continue
                mean, se = side.found[strategy, outcome]
                own = self.end(which, strategy, outcome)
                off, noise = abs(own.mean - mean), float(np.hypot(own.se, se))
                compared, apart = compared + 1, max(apart, off / max(abs(mean), 1e-300) if off else 0.0)
                same = off <= SAME * abs(mean)
                errors = max(errors, 0.0 if same else off / noise if noise else float("inf"))
        return Agreement(compared, apart, errors)

    def held(self, which: str, strategy: str, measure: Measure, over: str = "") -> float:
        """What a folder holds; NaN if it does not."""
        found = getattr(self.mixture, which).found

        def of(name: str) -> float:
            if isinstance(measure, str):
                return float(found.get((name, measure), (np.nan,))[0])
            cost, qalys = (float(found.get((name, outcome), (np.nan,))[0]) for outcome in (COST, QALYS))
            return measure * qalys - cost

        return of(strategy) - of(over) if over else of(strategy)

    # === Tables ===

    @cached_property
    def _cases(self) -> list[tuple[str, str]]:
        """Strategies alone, then over the comparator."""
        return [*((s, "") for s in self.strategies), *((s, self.comparator) for s in self.compared)]

    def to_frame(self) -> pd.DataFrame:
        """The part of each input in each result: a row each.

        Columns: `strategy`, `comparator` (blank of a strategy's own results), `outcome`, `unit`, `input`, `kind`,
        `part`, `se` (from draws and patients), `se_sampled` (from sampled orders, 0 if exact), `share` of the change.
        """
        return pd.DataFrame(
            self._parts(),
            columns=["strategy", "comparator", "outcome", "unit", "input", "kind", "part", "se", "se_sampled", "share"],
        )

    def _parts(self) -> Iterator[tuple[object, ...]]:
        for strategy, over in self._cases:
            for measure in self.measures:
                whole = self.change(strategy, measure, over).mean
                for i, each in enumerate(self.inputs):
                    part = self.part(i, strategy, measure, over)
                    share = part.mean / whole if whole else float("nan")
                    name = self.name(measure, over)
                    yield strategy, over, name, self.unit(measure), each.id, each.kind, *part, share

    @cached_property
    def totals(self) -> pd.DataFrame:
        """Both results and the change: a row for each result.

        Columns: `strategy`, `comparator`, `outcome`, `unit`, `a`, `a_se`, `b`, `b_se`, `change`, `change_se` (run again
        with common draws and patients), `held_a`, `held_b` (what the folders hold), and `sampling`, the part of the
        change between the folders that comes from their own draws and patients.
        """
        return pd.DataFrame(
            self._totals(),
            columns=[
                "strategy",
                "comparator",
                "outcome",
                "unit",
                "a",
                "a_se",
                "b",
                "b_se",
                "change",
                "change_se",
                "held_a",
                "held_b",
                "sampling",
            ],
        )

    def _totals(self) -> Iterator[tuple[object, ...]]:
        for strategy, over in self._cases:
            for measure in self.measures:
                ends = [self.end(which, strategy, measure, over) for which in ("a", "b")]
                change = self.change(strategy, measure, over)
                held = [self.held(which, strategy, measure, over) for which in ("a", "b")]
                start = strategy, over, self.name(measure, over), self.unit(measure)
                yield *start, *ends[0], *ends[1], *change, *held, held[1] - held[0] - change.mean

    @cached_property
    def pairwise(self) -> pd.DataFrame:
        """Interactions of pairs of inputs: a row for each in each result.

        Columns: `strategy`, `comparator`, `outcome`, `unit`, `first`, `second`, `interaction`, `se`, `se_sampled`.
        """
        return pd.DataFrame(
            self._pairwise(),
            columns=["strategy", "comparator", "outcome", "unit", "first", "second", "interaction", "se", "se_sampled"],
        )

    def _pairwise(self) -> Iterator[tuple[object, ...]]:
        for strategy, over in self._cases:
            for measure in self.measures:
                for p, (i, j) in enumerate(self.pairs):
                    found = self.interaction(p, strategy, measure, over)
                    ids = self.inputs[i].id, self.inputs[j].id
                    yield strategy, over, self.name(measure, over), self.unit(measure), *ids, *found

    @cached_property
    def changed(self) -> pd.DataFrame:
        """Inputs that differ: `input`, `kind`, `what`, `a`, `b`; parts of inputs that count as one follow them."""
        rows = []
        for each in self.inputs:
            rows.append((each.id, each.kind, each.label, each.a, each.b))
            rows += [(f"{each.id}: {part.id}", part.kind, part.label, part.a, part.b) for part in each.parts]
        return pd.DataFrame(rows, columns=["input", "kind", "what", "a", "b"])
