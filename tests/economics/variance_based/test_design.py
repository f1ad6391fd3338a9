"""Designs: what changes from row to row, and what stays."""

from __future__ import annotations

import numpy as np

from lmssim.economics.variance_based.design import Layout, sobol_design, trajectories

LAYOUT = Layout([0, 0, 0, 1, 2, 2], [False, True, False])
OWNERS = np.array(LAYOUT.owners)


def test_one_factor_after_another_comes_from_b() -> None:
    """All columns of a factor together; numbers lie within (0, 1)."""
    rows = sobol_design(LAYOUT, 16, 1).reshape(16, 5, 6)
    assert ((rows > 0.0) & (rows < 1.0)).all()
    for k in range(3):
        from_b = k == OWNERS
        assert (rows[:, 1 + k, from_b] == rows[:, -1, from_b]).all()
        assert (rows[:, 1 + k, ~from_b] == rows[:, 0, ~from_b]).all()
        assert (rows[:, 0] != rows[:, -1]).all()


def test_a_trajectory_goes_from_one_draw_of_each_factor_to_another() -> None:
    """One factor a step, all its columns; of an ordered factor draw 0 is the smaller one."""
    found = trajectories(LAYOUT, 10, 1)
    steps, numbers = found.steps.reshape(10, 4, 3), found.numbers.reshape(10, 4, 6)
    moved = np.diff(steps, axis=1)
    assert (np.abs(moved).sum(axis=2) == 1.0).all()
    changed = np.diff(numbers, axis=1) != 0.0
    assert (changed == (np.abs(moved) > 0.0)[:, :, OWNERS]).all()
    upwards = np.diff(numbers, axis=1)[:, :, 3][moved[:, :, 1] > 0.0]
    assert (upwards > 0.0).all()


def test_a_seed_tells_a_design() -> None:
    """The same one gives the same, another one another."""
    assert (sobol_design(LAYOUT, 8, 3) == sobol_design(LAYOUT, 8, 3)).all()
    assert (sobol_design(LAYOUT, 8, 3) != sobol_design(LAYOUT, 8, 4)).any()
    assert (trajectories(LAYOUT, 8, 3).numbers == trajectories(LAYOUT, 8, 3).numbers).all()
