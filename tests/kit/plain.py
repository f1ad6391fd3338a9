"""Histories as plain arrays, and the yardstick of the statistical tests.

A statistical test has a fixed seed and accepts an estimate within 3.5 standard errors of the exact answer: over the
few hundred comparisons of the suite, a right program fails one in ten times for an unlucky choice of seeds, and a seed
once found good stays good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lmssim.engines import compiled, des
from lmssim.engines.histories import compare_histories, joined, rows_of
from lmssim.engines.task import Sums, Task, Wanted, every_strategy, patients_of
from lmssim.execution.simulate import ENGINES, Sampling, simulate
from lmssim.kernels.rewards import N_MAIN

if TYPE_CHECKING:
    from lmssim.engines.histories import Records, Stays
    from lmssim.execution.estimates import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

Z = 3.5
"""Accepted distance from the exact answer, in standard errors."""


@dataclass(frozen=True)
class Lives:
    """Histories of patients as rows, one a stay and one an event record.

    Attributes
    ----------
    x : ndarray(float, ndim=2)
        Patients' columns.
    """

    program: Program
    n: int
    x: FloatArray
    rows: Stays
    records: Records

    def first_entry(self, state: str, strategy: int = 0) -> FloatArray:
        """Time of each patient's first entry into a state, infinite if never."""
        result, rows = np.full(self.n, math.inf), self.rows
        chosen = self._stays_in(state, strategy)
        np.minimum.at(result, rows.patient[chosen], rows.entered[chosen])
        return result

    def first_mark(self, mark: str, strategy: int = 0) -> FloatArray:
        """Time of each patient's first mark, infinite if never."""
        result, records = np.full(self.n, math.inf), self.records
        chosen = self._records_of(mark, strategy)
        np.minimum.at(result, records.patient[chosen], records.time[chosen])
        return result

    def entries(self, state: str, strategy: int = 0) -> IntArray:
        """Entries of each patient into a state."""
        return np.bincount(self.rows.patient[self._stays_in(state, strategy)], minlength=self.n)

    def count_marks(self, mark: str, strategy: int = 0) -> IntArray:
        """Marks of each patient."""
        return np.bincount(self.records.patient[self._records_of(mark, strategy)], minlength=self.n)

    def stays(self, patient: int, strategy: int = 0) -> list[tuple[str, float, float]]:
        """State, time entered and time left of each stay of one patient."""
        rows = self.rows
        chosen = np.flatnonzero((rows.patient == patient) & (rows.strategy == strategy))
        return [(self.program.states[rows.state[i]], float(rows.entered[i]), float(rows.left[i])) for i in chosen]

    def _stays_in(self, state: str, strategy: int) -> Any:
        return (self.rows.state == self.program.states.index(state)) & (self.rows.strategy == strategy)

    def _records_of(self, mark: str, strategy: int) -> Any:
        return (self.records.event == self.program.marks.index(mark)) & (self.records.strategy == strategy)


CHECKED = 40
"""Patients of every scenario of the suite whose lives the reference engine lives too."""


def assert_engines_agree(
    program: Program, n: int, numbers: FloatArray | None = None, seed: int = 1, first: int = 0, luck: int = 0
) -> None:
    """Histories of the compiled and of the reference engine are the same, bit for bit."""
    numbers = program.numbers()[0] if numbers is None else numbers
    ((_, _, fast),) = compiled.simulate(program, first, n, numbers, seed, luck, n)
    ((_, _, reference),) = des.simulate(program, first, n, numbers, seed, luck, n)
    assert compare_histories(fast, reference, n * len(program.strategies)) == (0, 0.0)


def live(
    program: Program,
    n: int,
    seed: int = 1,
    first: int = 0,
    luck: int = 0,
    block: int = 4096,
    numbers: FloatArray | None = None,
) -> Lives:
    """Histories of patients first, first + 1, ...; patients are counted from 0 in the result."""
    numbers = program.numbers()[0] if numbers is None else numbers
    assert_engines_agree(program, min(n, CHECKED), numbers, seed, first, luck)
    blocks, columns, arms = [], [], every_strategy(program)
    for start, x, h in compiled.simulate(program, first, n, numbers, seed, luck, block):
        blocks.append(rows_of(h, len(x), arms, start - first))
        columns.append(x)
    rows, records = zip(*blocks, strict=True)
    return Lives(program, n, np.concatenate(columns), joined(rows), joined(records))


def sums(
    program: Program,
    first: int = 0,
    n: int = 1,
    numbers: FloatArray | None = None,
    seed: int = 1,
    engine: str = "compiled",
    wanted: Wanted | None = None,
) -> Sums:
    """Sums over some patients in some draws, the base case if absent, under every strategy."""
    numbers = program.numbers() if numbers is None else numbers
    task = Task(draws=range(len(numbers)), first=first, n=n, strategies=range(len(program.strategies)))
    return ENGINES[engine].run(program, numbers, patients_of(program, task, seed), seed, wanted or Wanted())


def estimate(program: Program, n: int = 20_000, seed: int = 1, **more: Any) -> Estimates:
    """Estimates of the base case."""
    return simulate(program, Sampling(n_patients=n, seed=seed, **more))


def worth(program: Program) -> FloatArray:
    """Outcomes of patient 0, (n_strategies, n_outcomes): for scenarios in which nothing is left to chance."""
    result: FloatArray = estimate(program, 1).mean[0]
    return result


def category(program: Program, name: str, *, discounted: bool = False) -> int:
    """Position of a cost category among the outcomes."""
    k = program.categories.index(name)
    return N_MAIN + k + (0 if discounted else len(program.categories))


def assert_mean(sample: FloatArray | IntArray, exact: float, z: float = Z) -> None:
    """Mean of a sample within `z` of its standard errors of the exact answer."""
    values = np.asarray(sample, dtype=np.float64)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - exact) <= z * error + 1e-12, f"{values.mean():.6g} v {exact:.6g}, SE {error:.3g}"


def assert_share(happened: Any, exact: float, z: float = Z) -> None:
    """Share of a sample within `z` standard errors (of the exact share) of the exact answer."""
    values = np.asarray(happened, dtype=bool)
    error = math.sqrt(exact * (1.0 - exact) / len(values))
    assert abs(values.mean() - exact) <= z * error + 1e-12, f"{values.mean():.6g} v {exact:.6g}, SE {error:.3g}"


def assert_close(value: float, exact: float, error: float, z: float = Z) -> None:
    """Estimate within `z` standard errors of the exact answer."""
    assert error > 0
    assert abs(value - exact) <= z * error, (
        f"{value:.6g} v {exact:.6g}, SE {error:.3g}: z {(value - exact) / error:.2f}"
    )


def assert_survival(times: FloatArray, survival: Any, at: list[float]) -> None:
    """Share beyond each of some times against the exact survival function."""
    for t in at:
        assert_share(times > t, float(survival(t)))
