"""Trials without an estimate among the columns of a regression."""

from __future__ import annotations

import numpy as np
import pytest

from lmssim.economics.voi.trial.summaries import share_without, state_columns


def test_complete_summaries_stay_as_they_are() -> None:
    """Nothing is added where nothing is missing."""
    x = np.random.default_rng(1).normal(size=(100, 3))
    assert state_columns(x).tolist() == x.tolist()
    assert share_without(x) == 0.0


def test_a_gap_is_told_once() -> None:
    """Two features that are missing together share a column; an infinite estimate keeps its side."""
    x = np.random.default_rng(2).normal(size=(100, 3))
    x[:30, :2] = np.nan
    x[50, 2], x[51, 2] = np.inf, -np.inf
    finite = x[np.isfinite(x[:, 2]), 2]
    found = state_columns(x)
    assert found.shape == (100, 4)
    assert np.isfinite(found).all()
    assert found[:, 3].tolist() == [1.0] * 30 + [0.0] * 70
    assert found[:30, 0] == pytest.approx(np.nanmedian(x[:, 0]))
    assert found[50, 2] == finite.max()
    assert found[51, 2] == finite.min()
    assert share_without(x) == pytest.approx(0.32)


def test_few_gaps_have_no_level_of_their_own() -> None:
    """Nor have features that hardly any trial gave; a feature that none gave is not there."""
    x = np.random.default_rng(3).normal(size=(100, 3))
    x[:5, 0] = np.nan
    x[3:, 1] = np.nan
    x[:, 2] = np.nan
    found = state_columns(x)
    assert found.shape == (100, 1)
    assert found[5:, 0].tolist() == x[5:, 0].tolist()
    assert share_without(x) == pytest.approx(1.0 - 0.0)
