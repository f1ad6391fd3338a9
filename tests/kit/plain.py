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
from lmssim.engines.histories import compare_histories
from lmssim.execution.simulate import Sampling, simulate
from lmssim.kernels.rewards import N_MAIN

if TYPE_CHECKING:
    from lmssim.execution.fold import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

Z = 3.5
"""Accepted distance from the exact answer, in standard errors."""


@dataclass(frozen=True)
class Lives:
    """Histories of patients as flat arrays: one element per stay, and one per mark.

    Attributes
    ----------
    x : ndarray(float, ndim=2)
        Patients' columns.
    """

    program: Program
    n: int
    x: FloatArray
    patient: IntArray
    strategy: IntArray
    state: IntArray
    why: IntArray
    attributes: IntArray
    entered: FloatArray
    left: FloatArray
    mark_patient: IntArray
    mark_strategy: IntArray
    mark: IntArray
    mark_time: FloatArray

    def first_entry(self, state: str, strategy: int = 0) -> FloatArray:
        """Time of each patient's first entry into a state, infinite if never."""
        result = np.full(self.n, math.inf)
        chosen = (self.state == self.program.states.index(state)) & (self.strategy == strategy)
        np.minimum.at(result, self.patient[chosen], self.entered[chosen])
        return result

    def first_mark(self, mark: str, strategy: int = 0) -> FloatArray:
        """Time of each patient's first mark, infinite if never."""
        result = np.full(self.n, math.inf)
        chosen = (self.mark == self.program.marks.index(mark)) & (self.mark_strategy == strategy)
        np.minimum.at(result, self.mark_patient[chosen], self.mark_time[chosen])
        return result

    def entries(self, state: str, strategy: int = 0) -> IntArray:
        """Entries of each patient into a state."""
        chosen = (self.state == self.program.states.index(state)) & (self.strategy == strategy)
        return np.bincount(self.patient[chosen], minlength=self.n)

    def count_marks(self, mark: str, strategy: int = 0) -> IntArray:
        """Marks of each patient."""
        chosen = (self.mark == self.program.marks.index(mark)) & (self.mark_strategy == strategy)
        return np.bincount(self.mark_patient[chosen], minlength=self.n)

    def stays(self, patient: int, strategy: int = 0) -> list[tuple[str, float, float]]:
        """State, time entered and time left of each stay of one patient."""
        chosen = np.flatnonzero((self.patient == patient) & (self.strategy == strategy))
        return [(self.program.states[self.state[i]], float(self.entered[i]), float(self.left[i])) for i in chosen]


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
    parts: dict[str, list[Any]] = {}

    def keep(**arrays: Any) -> None:
        for name, array in arrays.items():
            parts.setdefault(name, []).append(np.array(array))

    numbers = program.numbers()[0] if numbers is None else numbers
    assert_engines_agree(program, min(n, CHECKED), numbers, seed, first, luck)
    k = len(program.strategies)
    for start, x, h in compiled.simulate(program, first, n, numbers, seed, luck, block):
        paths = np.arange(len(x) * k)
        starts = h.starts[: len(paths) + 1]
        of_row, of_mark = (np.repeat(paths, np.diff(starts[:, c])) for c in (0, 1))
        rows, marks = slice(0, starts[-1, 0]), slice(0, starts[-1, 1])
        keep(
            x=x,
            patient=of_row // k + start - first,
            strategy=of_row % k,
            state=h.rows[rows, 0],
            why=h.rows[rows, 1],
            attributes=h.rows[rows, 2],
            entered=h.times[rows, 0],
            left=h.times[rows, 1],
            mark_patient=of_mark // k + start - first,
            mark_strategy=of_mark % k,
            mark=h.marks[marks],
            mark_time=h.mark_times[marks],
        )
    return Lives(program=program, n=n, **{name: np.concatenate(arrays) for name, arrays in parts.items()})


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
