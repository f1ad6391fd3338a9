"""Chance in the conduct of trials: the numbers of each patient, and allocation in permuted blocks.

Patient p of trial i draws at the address (seed, p, i): a trial is the same alone or among a million, and a small trial
is the beginning of a larger one.
"""

from __future__ import annotations

import numpy as np

from lmssim.kernels import CountArray, FloatArray
from lmssim.kernels.jit import jit
from lmssim.kernels.philox import STREAM_LUCK, address_of, philox_block, to_uniform

DECISION = address_of("conduct of a simulated trial")
ENTRY, DROPOUT, ALLOCATION, CROSSOVER, EVENT, DEATH, AFTER, SPARE = range(8)
"""Columns of a patient's uniforms."""
N_UNIFORMS = 8


@jit
def fill_luck(seed: int, first: int, out: FloatArray) -> None:
    """Uniforms of the patients of consecutive trials.

    Parameters
    ----------
    first : int
        Number of the first trial.
    out : ndarray(float, ndim=3)
        Filled, (n_trials, n_patients, 8).
    """
    for i in range(out.shape[0]):
        for p in range(out.shape[1]):
            for block in range(2):
                words = philox_block(seed, STREAM_LUCK, block, p, DECISION, first + i)
                out[i, p, 4 * block] = to_uniform(words[0])
                out[i, p, 4 * block + 1] = to_uniform(words[1])
                out[i, p, 4 * block + 2] = to_uniform(words[2])
                out[i, p, 4 * block + 3] = to_uniform(words[3])


@jit
def allocate(
    control: int, experimental: int, n_strata: int, luck: FloatArray, stratum: CountArray, arm: CountArray
) -> None:
    """Arms in permuted blocks, within each stratum its own.

    Parameters
    ----------
    control, experimental : int
        Patients of each arm in a block.
    luck : ndarray(float, ndim=2)
        Uniforms, (n_trials, n_patients).
    stratum : ndarray(int32, ndim=2)
        From 0 to `n_strata` - 1.
    arm : ndarray(int8, ndim=2)
        Filled: 0 control, 1 experimental.

    Notes
    -----
    A patient is allocated with the probability that a place left in the stratum's block is of an arm: all orders of a
    block are equally probable.
    """
    left = np.empty((n_strata, 2), np.int64)
    for i in range(luck.shape[0]):
        for s in range(n_strata):
            left[s, 0], left[s, 1] = control, experimental
        for p in range(luck.shape[1]):
            own = left[stratum[i, p]]
            chosen = 1 if luck[i, p] * (own[0] + own[1]) < own[1] else 0
            arm[i, p] = chosen
            own[chosen] -= 1
            if own[0] + own[1] == 0:
                own[0], own[1] = control, experimental
