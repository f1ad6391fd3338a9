"""Ridge regression with folds by posterior row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from lmssim.economics.voi.basis import FREE, bases
from lmssim.economics.voi.ridge import best_fit, folds_of

if TYPE_CHECKING:
    from lmssim.kernels import FloatArray


def test_folds_never_cut_a_posterior_row() -> None:
    """Rows that repeat a posterior row are in its fold, and folds are of about the same size."""
    rows = np.tile(np.arange(100), 3)
    folds = folds_of(rows)
    for row in range(100):
        assert len(set(folds[rows == row].tolist())) == 1
    assert np.bincount(folds).tolist() == [60] * 5


def test_the_fit_is_that_of_scikit_learn() -> None:
    """At the penalty chosen, and it moves as a regression of what is added does."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 2))
    y = np.column_stack([np.sin(2.0 * x[:, 0]), x[:, 1]]) + 0.3 * rng.normal(size=(400, 2))
    fit = best_fit(bases(x), y, np.ones(2), folds_of(np.arange(400)))
    model = Ridge(alpha=400 * fit.penalty, solver="cholesky").fit(fit.design, y)
    assert fit.fitted == pytest.approx(model.predict(fit.design), abs=1e-6)
    more = rng.normal(size=(400, 2))
    moved = Ridge(alpha=400 * fit.penalty, solver="cholesky").fit(fit.design, y + more).predict(fit.design)
    assert fit.moved(more) == pytest.approx(moved - fit.fitted, abs=1e-6)
    assert fit.leverage.sum() < len(fit.design.T) + 1


def test_a_fit_to_some_rows_knows_nothing_of_the_others() -> None:
    """Other outcomes there change no prediction; rows that were fitted are predicted by fits without their fold."""
    rng = np.random.default_rng(6)
    x = rng.normal(size=(600, 1))
    y = np.sin(2.0 * x) + 0.3 * rng.normal(size=(600, 1))
    folds, half = folds_of(np.arange(600)), folds_of(np.arange(600), 2) == 0
    assert half.sum() == 300
    assert np.bincount(folds[half]).tolist() == [60] * 5
    fit = best_fit(bases(x), y, np.ones(1), folds, half)
    other = best_fit(bases(x), np.where(half[:, None], y, 1e6), np.ones(1), folds, half)
    assert fit.unseen.tolist() == other.unseen.tolist()
    assert fit.unseen[~half].tolist() == fit.fitted[~half].tolist()
    assert (fit.unseen[half] != fit.fitted[half]).all()
    assert float(((fit.unseen - np.sin(2.0 * x)) ** 2).mean()) < 0.02
    assert len(fit.design) == 300


def test_terms_are_taken_where_they_pay() -> None:
    """Curves and pairs where there are some; where there is a plane, linear terms in most of 20 samples."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1_000, 2))
    folds = folds_of(np.arange(1_000))

    def terms(outcome: FloatArray) -> str:
        noisy = (outcome + 0.5 * rng.normal(size=1_000))[:, None]
        return best_fit(bases(x), noisy, np.ones(1), folds).terms

    assert terms(x[:, 0] ** 2) == "splines"
    assert terms(x[:, 0] * x[:, 1]) == "splines, pairs"
    assert sum(terms(x[:, 0]) == "linear" for _ in range(20)) >= 13


def test_bases_fit_the_rows() -> None:
    """Few rows carry few terms; constant columns give none; a column of two values gives no error."""
    rng = np.random.default_rng(3)
    assert [each.name for each in bases(rng.normal(size=(60, 8)))] == ["linear"]
    mixed = np.column_stack([rng.normal(size=500), np.ones(500), rng.integers(0, 2, 500)])
    found = bases(mixed)
    assert [each.name for each in found] == ["linear", "splines", "splines, pairs"]
    for basis in found:
        design = basis.design(np.zeros((500, 1)), np.ones(1), np.ones(500, dtype=bool))
        assert np.isfinite(design).all()
        assert np.abs(design.mean(axis=0)).max() < 1e-9 * FREE


def test_one_far_row_rules_nothing() -> None:
    """A parameter with a value ten million standard deviations out gives the value that its others give."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, 1))
    y = x + 0.1 * rng.normal(size=(500, 1))
    x[7] = 1e7
    fit = best_fit(bases(x), y, np.ones(1), folds_of(np.arange(500)))
    assert float(((fit.unseen - y) ** 2).mean()) < 0.1
