"""The exact engine against individual lives, like with like: the same profiles, one at a time.

Everybody of the individual engine is the profile itself, so that no spread between patients hides a difference. Each
comparison keeps three figures apart: the exact engine's own error (its steps made half as long), the Monte-Carlo error,
and their distance in Monte-Carlo errors.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lmssim.engines import compiled
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.solver import solve
from lmssim.execution.backends import run_tasks
from lmssim.execution.control_variate import alike
from lmssim.execution.simulate import CHUNK, Sampling, simulate
from lmssim.kernels import layout
from lmssim.kernels.rewards import N_MAIN
from lmssim.outcomes.main import MAIN, position_of
from tests.kit.plain import Z

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.execution.estimates import Estimates
    from lmssim.kernels import FloatArray, IntArray
    from lmssim.model.program import Program

RARE = 20.0
"""Expected patients with and without something, below which a share is not compared: it is far from normal."""
ROUNDING = 1e-9
"""Relative difference of what leaves nothing to chance."""


class Comparison(NamedTuple):
    """One figure of both engines."""

    scenario: str
    profile: int
    strategy: str
    outcome: str
    exact: float
    step_error: float
    """Of the exact engine, by halving its steps; 0 if not asked for."""
    simulated: float
    se: float

    @property
    def z(self) -> float:
        """Distance in Monte-Carlo standard errors; where nothing is left to chance, 0 or infinite."""
        if self.se > ROUNDING * max(abs(self.exact), 1e-3):
            return (self.simulated - self.exact) / self.se
        same = abs(self.simulated - self.exact) <= self.step_error + ROUNDING * max(abs(self.exact), 1.0)
        return 0.0 if same else float("inf")


def compare(
    program: Program,
    x: FloatArray,
    n: int,
    seed: int = 1,
    *,
    fineness: Fineness | None = None,
    halving: bool = True,
    jobs: int = 1,
    exact: CohortResult | None = None,
) -> list[Comparison]:
    """Every figure that both engines give, of each profile under each strategy.

    Parameters
    ----------
    x : ndarray(float, ndim=2)
        (n_profiles, n_columns) profiles.
    n : int
        Patients of each profile.
    halving : bool
        Whether to find the exact engine's own error.
    exact : CohortResult, optional
        The exact solution of the profiles, if it is known.
    """
    fineness = fineness or Fineness()
    numbers = program.numbers()[0]
    run = partial(run_tasks, jobs=jobs)
    exact = exact or solve(program, numbers, x, fineness, run)
    finer = solve(program, numbers, x, fineness.finer(), run) if halving else exact
    result = []
    for p, profile in enumerate(x):
        lives = _simulated(alike(program, profile), n, seed, jobs)
        figures = zip(_exact(program, exact, p), _exact(program, finer, p), lives, strict=True)
        for (strategy, outcome, value), (_, _, fine), (mean, se) in figures:
            if outcome.split(":")[0] in ("endpoint", "occupancy", "ever", "mark ever"):
                se = float(np.sqrt(max(value * (1.0 - value), 0.0) / n))
                if 0.0 < n * value * (1.0 - value) < RARE:
                    continue
            elif outcome.startswith(("entries", "mark")) and 0.0 < n * abs(value - round(value)) < RARE and value < 2.0:
                continue
            if np.isfinite(value):
                name = program.scenario.name
                result.append(Comparison(name, p, strategy, outcome, value, abs(value - fine), mean, se))
    return result


def _exact(program: Program, result: CohortResult, p: int) -> Iterator[tuple[str, str, float]]:
    """Figures of one profile: strategy, outcome, value."""
    main = result.outcomes[p]
    counts = result.endpoint[p], result.occupancy[p], result.entries[p], result.marks[p]
    for s, strategy in enumerate(program.strategies):
        for name, value in _figures(program, s, main, *counts, 1.0):
            yield strategy, name, value


def _figures(
    program: Program,
    s: int,
    main: FloatArray,
    endpoint: FloatArray | IntArray,
    occupancy: FloatArray | IntArray,
    entries: FloatArray | IntArray,
    marks: FloatArray | IntArray,
    n: float,
) -> Iterator[tuple[str, float]]:
    """Name and value of each figure of a strategy."""
    settings, f = program.scenario.file.settings, program.packed.f
    for name, outcome in MAIN.items():
        yield name, float(main[s, outcome.position])
    for k, name in enumerate((*program.categories, *(f"{c}, undiscounted" for c in program.categories))):
        yield f"cost of {name}", float(main[s, N_MAIN + k])
    for name, outcome in MAIN.items():
        if s > 0:
            k = outcome.position
            yield f"{name} v {program.strategies[0]}", float(main[s, k] - main[0, k])
    times = sorted({*settings.times, settings.horizon})
    for e, name in enumerate(program.endpoints):
        for kind, what in enumerate(("event", "competing", "censored")):
            share = endpoint[s, e, kind].cumsum() / n
            for time in times:
                if what != "censored" or time < settings.horizon:
                    yield f"endpoint:{name}:{what}:{time:g}y", float(share[round(time * f[layout.F_STEPS_PER_YEAR])])
    for k, name in enumerate(program.states):
        share = occupancy[s, k].cumsum() / n
        for time in settings.times:
            if time < settings.horizon:
                yield f"occupancy:{name}:{time:g}y", float(share[round(time * f[layout.F_OCCUPANCY_PER_YEAR])])
        yield f"entries:{name}", float(entries[s, k, 0] / n)
        yield f"ever:{name}", float(entries[s, k, 1] / n)
    for k, name in enumerate(program.marks):
        yield f"mark:{name}", float(marks[s, k, 0] / n)
        yield f"mark ever:{name}", float(marks[s, k, 1] / n)


def _simulated(program: Program, n: int, seed: int, jobs: int) -> Iterator[tuple[float, float]]:
    """Mean and standard error of the same figures; of shares the error is the binomial one, which is not given here."""
    estimates = simulate(program, Sampling(n_patients=n, seed=seed, jobs=jobs))
    error = estimates.standard_error()[0]
    often = _spread_of_counts(program, n, seed) if _repeats(estimates) else None
    c = estimates.counts
    for s in range(len(program.strategies)):
        main = estimates.mean[0]
        for name, value in _figures(program, s, main, c.endpoint, c.occupancy, c.entries, c.marks, float(n)):
            yield value, _error_of(program, estimates, error, often, s, name, value)


def _error_of(
    program: Program,
    estimates: Estimates,
    error: FloatArray,
    often: tuple[FloatArray, FloatArray] | None,
    s: int,
    name: str,
    value: float,
) -> float:
    n = estimates.n
    if name in MAIN:
        return float(error[s, position_of(name)])
    if " v " in name:
        covariance = estimates.covariance(position_of(name.split(" v ", maxsplit=1)[0]))[0]
        return float(np.sqrt(max(covariance[s, s] + covariance[0, 0] - 2.0 * covariance[s, 0], 0.0) / n))
    if name.startswith("cost of "):
        names = (*program.categories, *(f"{c}, undiscounted" for c in program.categories))
        return float(error[s, N_MAIN + names.index(name.removeprefix("cost of "))])
    kind, _, which = name.partition(":")
    if kind == "entries":
        return float(often[0][s, program.states.index(which)]) if often else float(np.sqrt(value * (1.0 - value) / n))
    if kind == "mark":
        return float(often[1][s, program.marks.index(which)]) if often else float(np.sqrt(value * (1.0 - value) / n))
    return float("nan")


def _repeats(estimates: Estimates) -> bool:
    """Whether anybody enters a state, or has a mark, more than once."""
    return any(bool((c[..., 0] > c[..., 1]).any()) for c in (estimates.counts.entries, estimates.counts.marks))


def _spread_of_counts(program: Program, n: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Standard errors of the mean numbers of entries and of marks, (n_strategies, n_states or n_marks)."""
    k, n_states, n_marks = len(program.strategies), len(program.states), max(len(program.marks), 1)
    sums = [np.zeros((2, k, n_states)), np.zeros((2, k, n_marks))]
    for _, x, h in compiled.simulate(program, 0, n, program.numbers()[0], seed, 0, CHUNK):
        paths = np.arange(len(x) * k)
        starts = h.starts[: len(paths) + 1]
        for c, codes in enumerate((h.rows[:, 0], h.marks)):
            each = _per_path(
                np.repeat(paths, np.diff(starts[:, c])), codes[: starts[-1, c]], len(paths), sums[c].shape[2]
            ).reshape(len(x), k, -1)
            sums[c][0] += each.sum(axis=0)
            sums[c][1] += (each.astype(np.float64) ** 2).sum(axis=0)
    entries, marks = (np.sqrt(np.maximum(b / n - (a / n) ** 2, 0.0) / n) for a, b in sums)
    return entries, marks


def _per_path(paths: IntArray, codes: IntArray, n_paths: int, n_codes: int) -> IntArray:
    return np.bincount(paths * n_codes + codes, minlength=n_paths * n_codes).reshape(n_paths, n_codes)


def assert_like(comparisons: list[Comparison], z: float = Z) -> None:
    """Every figure within `z` Monte-Carlo errors, beside the exact engine's own error."""
    far = [c for c in comparisons if abs(c.z) > z and abs(c.simulated - c.exact) > z * c.se + c.step_error]
    assert not far, table(far)


def table(comparisons: list[Comparison]) -> str:
    """A line for each comparison."""
    return "\n" + "\n".join(
        f"{c.scenario} profile {c.profile} {c.strategy}, {c.outcome}: exact {c.exact:.7g} (steps {c.step_error:.2g}), "
        f"simulated {c.simulated:.7g} +- {c.se:.2g}, z {c.z:.2f}"
        for c in comparisons
    )
