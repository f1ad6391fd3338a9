"""Exact solutions in tests, and scenario files changed in a line or two."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np

from lmssim.bundled import find_scenario
from lmssim.engines.cohort.continuous import Fineness
from lmssim.engines.cohort.solver import solve
from lmssim.execution.simulate import Sampling, simulate
from lmssim.model.compile import compile_scenario
from lmssim.model.scenario import load_scenario
from tests.kit.plain import Z

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.engines.cohort.result import CohortResult
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program


def solved(program: Program, n_profiles: int = 1, fineness: Fineness | None = None) -> CohortResult:
    """Exact solution of the base case for the first patients."""
    return solve(program, program.numbers()[0], program.patients(0, n_profiles, 1), fineness or Fineness())


def solved_draws(program: Program, n_draws: int, seed: int) -> FloatArray:
    """Exact outcomes of parameter draws, (n_draws, n_strategies, n_outcomes)."""
    x = program.patients(0, 1, 1)
    draws = program.numbers(program.sample(n_draws, seed))
    return np.array([solve(program, numbers, x, Fineness()).outcomes[0] for numbers in draws])


def variant(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Program:
    """A bundled example with pieces of its text replaced."""
    path = find_scenario(name)
    shutil.copy(path.with_suffix(".csv"), tmp_path)
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    copy = tmp_path / path.name
    copy.write_text(text)
    return compile_scenario(load_scenario(copy))


def assert_agrees(program: Program, n: int, seed: int, z: float = Z) -> None:
    """Individual lives against the exact solution: outcomes, endpoints, occupancy, entries and marks.

    Counts are compared where they are not rare: at least 20 expected.
    """
    exact, lives = solved(program), simulate(program, Sampling(n_patients=n, seed=seed))
    error = lives.standard_error()[0]
    far = np.abs(lives.mean[0] - exact.outcomes[0]) - z * error
    assert (far <= 1e-9).all(), (lives.mean[0] - exact.outcomes[0]) / np.maximum(error, 1e-300)
    counts = lives.counts
    shares = (
        (counts.endpoint.cumsum(-1), exact.endpoint[0].cumsum(-1)),
        (counts.occupancy.cumsum(-1), exact.occupancy[0].cumsum(-1)),
        (counts.entries[..., 1], exact.entries[0, ..., 1]),
        (counts.marks[..., 1], exact.marks[0, ..., 1]),
    )
    for count, p in shares:
        share, spread = count / n, np.sqrt(np.maximum(p * (1 - p), 0.0) / n)
        certain = spread * n < 1e-6
        assert np.allclose(share[certain], p[certain], atol=1e-9)
        common = p * n >= 20
        assert (np.abs(share - p)[common] <= z * 1.3 * spread[common] + 1e-9).all()
    for often, expected in ((counts.entries, exact.entries[0]), (counts.marks, exact.marks[0])):
        mean = often[..., 0] / n
        assert (np.abs(mean - expected[..., 0]) <= 2 * z * np.sqrt(np.maximum(expected[..., 0], 1e-12) / n)).all()
