"""Numbers of the conduct of trials: one address each, and allocation in permuted blocks."""

from __future__ import annotations

import numpy as np

from lmssim.kernels.trials.luck import N_UNIFORMS, allocate, fill_luck


def test_a_trial_is_the_same_alone_and_small() -> None:
    """Trial 5 of many is trial 5 alone; its first patients are those of a smaller trial."""
    many, alone = np.empty((8, 30, N_UNIFORMS)), np.empty((1, 12, N_UNIFORMS))
    fill_luck(3, 0, many)
    fill_luck(3, 5, alone)
    assert (many[5, :12] == alone[0]).all()
    assert len(np.unique(many)) == many.size


def test_blocks_are_balanced_in_each_stratum() -> None:
    """Of each three consecutive patients of a stratum one is in the control arm, in every order alike."""
    luck = np.empty((4_000, 12, N_UNIFORMS))
    fill_luck(1, 0, luck)
    stratum = np.tile(np.array([0, 1], np.int32), (4_000, 6))
    arm = np.empty(stratum.shape, np.int8)
    allocate(1, 2, 2, np.ascontiguousarray(luck[:, :, 2]), stratum, arm)
    for s in (0, 1):
        blocks = arm[:, s::2].reshape(-1, 3)
        assert (blocks.sum(axis=1) == 2).all()
        share = (blocks == 0).mean(axis=0)
        assert np.abs(share - 1 / 3).max() < 4 * np.sqrt(2 / 9 / len(blocks))
