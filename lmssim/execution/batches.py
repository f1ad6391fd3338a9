"""Means of the main outcomes by small batches of patients: what tells the noise of any function of several runs.

The same patients stand in the same batch of every run, so that runs can be compared batch by batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed

from lmssim.engines.histories import Chunk
from lmssim.execution.simulate import CHUNK, ENGINES
from lmssim.kernels.ledger import N_MAIN

if TYPE_CHECKING:
    from lmssim.execution.simulate import Sampling
    from lmssim.kernels import FloatArray
    from lmssim.model.program import Program

BATCH = 64
"""Patients of a batch: part of a result's identity, so a constant."""


def batch_means(program: Program, sampling: Sampling, numbers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sizes of batches, and their means of the main outcomes, (n_batches, n_strategies, n_main), in the first draw."""
    engine, luck = ENGINES[sampling.engine], np.zeros(1, dtype=np.int64)

    def chunk(first: int) -> list[FloatArray]:
        last = min(first + CHUNK, sampling.n_patients)
        parts = []
        for start in range(first, last, BATCH):
            n = min(BATCH, last - start)
            result = engine.run(program, Chunk(start, n), numbers, luck, sampling.seed, sampling.block, counting=False)
            parts.append((result.moments.shift + result.moments.total / n)[0, :, :N_MAIN])
        return parts

    firsts = range(0, sampling.n_patients, CHUNK)
    if sampling.jobs == 1 or sampling.engine == "des":
        chunks = [chunk(first) for first in firsts]
    else:
        chunks = list(Parallel(n_jobs=sampling.jobs, backend="threading")(delayed(chunk)(first) for first in firsts))
    means = np.array([mean for parts in chunks for mean in parts])
    sizes = np.full(len(means), float(BATCH))
    sizes[-1] = sampling.n_patients - BATCH * (len(means) - 1)
    return sizes, means
