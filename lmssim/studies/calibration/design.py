"""Runs of the model at design points: what the emulator is fitted to, kept chunk by chunk."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import special, stats

from lmssim.execution.checkpoint import Part, made
from lmssim.published.predict import Predicted
from lmssim.studies.calibration.problem import N_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.execution.checkpoint import Checkpoint
    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.problem import Problem

CHUNK = 64
"""Design points of a checkpoint."""
FARTHEST = 3.0
"""Design points lie within so many prior SD."""


def prior_points(n: int, n_free: int, seed: int) -> FloatArray:
    """Points that fill the prior evenly: a scrambled Sobol sequence through the normal quantile, (n, n_free)."""
    sequence = stats.qmc.Sobol(n_free, rng=np.random.default_rng([seed, 1]))
    points = sequence.random_base2((n - 1).bit_length())[:n]
    edge = special.ndtr(FARTHEST)
    z: FloatArray = special.ndtri(1.0 - edge + (2.0 * edge - 1.0) * points)
    return z


def posterior_points(z: FloatArray, n: int, wider: float, seed: int) -> FloatArray:
    """Points about a first posterior sample, wider than it by a factor, (n, n_free).

    Parameters
    ----------
    z : ndarray(float, ndim=2)
        The sample, (n_sample, n_free).
    wider : float
        The factor.
    """
    rng = np.random.default_rng([seed, 2])
    centre = z.mean(axis=0)
    chosen = z[rng.integers(0, len(z), n)]
    points: FloatArray = np.clip(centre + wider * (chosen - centre), -FARTHEST - 1.0, FARTHEST + 1.0)
    return points


def rows_of_points(n: int) -> FloatArray:
    """Row of the given parameters of each design point."""
    return np.arange(n, dtype=np.float64) % N_ROWS


def run_design(
    problem: Problem,
    z: FloatArray,
    n_patients: int,
    seed: int,
    first: int,
    jobs: int,
    checkpoint: Checkpoint | None = None,
    progress: Callable[[int, int], None] | None = None,
    rows: FloatArray | None = None,
    every_row: bool = False,
) -> Predicted:
    """Predictions at design points; chunks that a checkpoint holds are not run again.

    Parameters
    ----------
    z : ndarray(float, ndim=2)
        (n_points, n_free).
    first : int
        Number of the first point, which addresses its patients.
    jobs : int
        Worker threads.
    checkpoint : Checkpoint, optional
        Where chunks are kept.
    progress : callable, optional
        Called with (points done, points in all).
    rows : ndarray(float, ndim=1), optional
        Row of the given parameters of each point, (n_points,); point k has row k if absent.
    every_row : bool
        Whether rows that are not fitted are computed too; else they are NaN.
    """
    rows = rows_of_points(len(z)) if rows is None else rows
    reader = problem.reader if every_row else problem.fitted_reader
    names = [field.name for field in fields(Predicted)]

    def chunk(start: int, stop: int) -> Part:
        draws = problem.draws(z[start:stop], rows[start:stop])
        found = reader.predict(draws, n_patients, seed, first + start, jobs)
        return Part({name: getattr(found, name) for name in names})

    parts = []
    for start in range(0, len(z), CHUNK):
        stop = min(start + CHUNK, len(z))
        parts.append(made(checkpoint, f"design_{first + start}", partial(chunk, start, stop)))
        if progress is not None:
            progress(stop, len(z))
    return Predicted(*(np.concatenate([part.arrays[name] for part in parts]) for name in names))
