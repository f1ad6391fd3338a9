"""Simulation-based calibration: a right likelihood passes, a wrong one fails, and the bands hold what they promise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import pytest

from lmssim.errors import InputError
from lmssim.model.parameters.distributions import distribution_of
from lmssim.model.parameters.parameter import Parameter
from lmssim.studies.calibration.checks import sbc
from lmssim.studies.calibration.checks.sbc import HeldProblem, SbcSettings
from lmssim.studies.calibration.density import Density
from lmssim.studies.calibration.emulator import Emulator, eta_of_share, share_of_eta
from lmssim.studies.calibration.likelihood import likelihood_of
from lmssim.studies.calibration.problem import N_ROWS, BetweenStudies, FreeQuantity, load_problem
from tests.kit.rows import target_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmssim.kernels import FloatArray
    from lmssim.model.language.schema import SeriesRow
    from lmssim.model.language.schema.calibration import CalibrationFile
    from lmssim.model.scenario import Scenario
    from lmssim.studies.calibration.rows import Row

SETTINGS = SbcSettings(datasets=40, ensembles=1, walkers=60, steps=80)
FEWER = 16
"""Data sets by which a wrong likelihood must be found out."""
SIZES = (60, 60, 150, 90, 40, 200)


class _Reading:
    """What a share is read as."""

    statistic = "proportion"


def _row(target: str, study: str, n: int, within: str = "") -> Row:
    return replace(target_row(cast("SeriesRow", _Reading()), n, target, study), within=within)


def _normal(name: str) -> FreeQuantity:
    prior = distribution_of(Parameter(id=name, value=0.0, distribution="normal", se=1.0, file="test"))
    return FreeQuantity(name, name, "", prior)


@pytest.fixture(scope="module")
def density() -> Density:
    """Two free quantities and a tau; six studies, of which one has a target within another.

    The emulator is the truth: complementary log-logs that are linear in z.
    """
    rows = [_row(f"by_{k}", f"study_{k}", n) for k, n in enumerate(SIZES)]
    rows.append(_row("early", "study_2", SIZES[2], within="by_2"))
    problem = HeldProblem(
        name="toy",
        file=cast("CalibrationFile", None),
        scenario=cast("Scenario", None),
        series=[],
        rows=rows,
        free=[_normal("level"), _normal("shape")],
        tau=[BetweenStudies("metastasis", 0.5)],
        path=Path("toy.toml"),
        held={},
    )
    level, time = np.full(len(rows), -0.7), np.array([-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, -1.0])
    beta = np.stack([level + 0.4 * time, np.full(len(rows), 0.8), 0.5 * time])
    beta[:, -1] = beta[:, 2] - [1.2, 0.0, 0.0]  # always a part of the target that it is within
    emulator = Emulator(1, beta, np.zeros(len(rows)), 2, 0)
    return Density(problem, emulator, np.ones(len(rows)), problem.fitted(), farthest=SETTINGS.farthest)


@pytest.fixture(scope="module")
def truths(density: Density) -> tuple[FloatArray, FloatArray]:
    """True coordinates, and the targets found there."""
    z = sbc.true_points(3, SETTINGS)
    share = share_of_eta(density.emulator.predict(z[:, :2], np.zeros((len(z), 0))))
    return z, sbc.simulated_targets(density, z, share, SETTINGS.seed)


def _table(density: Density, truths: tuple[FloatArray, FloatArray], n: int) -> pd.DataFrame:
    z, targets = truths
    return sbc.uniformity(sbc.rank_truths(density, z[:n], targets[:n], SETTINGS), SETTINGS.n_draws, 1)


def _sharper(density: Density) -> Density:
    return replace(density, sharpness=16.0)


def _of_one_setting(density: Density) -> Density:
    problem = replace(density.problem, tau=[BetweenStudies("metastasis", 0.01)])
    return replace(density, problem=problem)


def _biased(density: Density) -> Density:
    beta = density.emulator.beta.copy()
    beta[0] += 0.5
    return replace(density, emulator=replace(density.emulator, beta=beta))


def test_truths_rank_uniformly(density: Density, truths: tuple[FloatArray, FloatArray]) -> None:
    """Every quantity, by both tests."""
    table = _table(density, truths, SETTINGS.datasets)
    assert list(table["quantity"]) == ["level", "shape", "tau_metastasis"]
    assert table["inside"].all()
    assert (table["p_value"] > 0.01).all()


@pytest.mark.parametrize("wrong", [_sharper, _of_one_setting, _biased])
def test_wrong_likelihood_fails(
    wrong: Callable[[Density], Density], density: Density, truths: tuple[FloatArray, FloatArray]
) -> None:
    """Studies read as larger than they are, no differences between them, an emulator that is off: all are seen."""
    table = _table(wrong(density), truths, FEWER)
    assert not table["inside"].all()
    outside = table[~table["inside"]]
    assert (outside["max_difference"] > outside["band"]).all()


def test_band_holds_what_it_promises() -> None:
    """A share of 95% of uniform samples, or little more: counts are whole, so not every level can be met."""
    n, n_draws, samples = 60, 40, 2_000
    band, rng = sbc.ecdf_band(n, n_draws, 1), np.random.default_rng(2)
    found = np.array([sbc.ecdf(rng.integers(0, n_draws + 1, n), n_draws) for _ in range(samples)])
    inside = ((found >= band.low - 1e-12) & (found <= band.high + 1e-12)).all(axis=1).mean()
    assert 0.95 - 3.0 * np.sqrt(0.05 * 0.95 / samples) < inside < 0.985


def test_ranks_that_pile_up_are_found() -> None:
    """In the middle, as of posteriors too wide; at the ends, as of those too narrow; on one side, as of a bias."""
    rng, n_draws = np.random.default_rng(3), 100
    shares = {"wide": rng.beta(4, 4, 100), "narrow": rng.beta(0.4, 0.4, 100), "off": rng.beta(2, 1, 100)}
    ranks = pd.DataFrame({"dataset": np.arange(100)} | {k: (x * (n_draws + 1)).astype(int) for k, x in shares.items()})
    table = sbc.uniformity(ranks, n_draws, 1)
    assert not table["inside"].any()
    assert (table["p_value"] < 0.01).all()


def test_targets_are_drawn_as_the_likelihood_reads_them(density: Density) -> None:
    """Parts never exceed the whole; means are right; studies differ by tau, and all rows of a study alike."""
    n = np.full(len(density.problem.rows), 1e6)
    share = share_of_eta(density.emulator.predict(np.zeros((1, 2)), np.zeros((1, 0))))[0]
    families = [tau.family for tau in density.problem.tau]
    likelihood = likelihood_of(density.problem.rows, density.columns, families, n, density.emulator.sd, share)
    rng = np.random.default_rng(4)
    none = np.array([sbc.simulated_shares(likelihood, n / 1e4, share, np.zeros(1), rng) for _ in range(400)])
    assert (none[:, -1] <= none[:, 2]).all()
    assert np.abs(none.mean(axis=0) - share).max() < 4.0 * np.sqrt(0.25 / 100.0 / 400.0)
    some = np.array([sbc.simulated_shares(likelihood, n, share, np.array([0.3]), rng) for _ in range(400)])
    effect = eta_of_share(some) - eta_of_share(share)
    assert effect.std(axis=0) == pytest.approx(np.full(len(n), 0.3), rel=4.0 / np.sqrt(2.0 * 400.0))
    assert np.corrcoef(effect[:, 2], effect[:, -1])[0, 1] > 0.99
    assert abs(np.corrcoef(effect[:, 0], effect[:, 1])[0, 1]) < 4.0 / np.sqrt(400.0)


def test_priors_end_where_truths_do(density: Density) -> None:
    """No truth is farther, and nothing beyond has any density."""
    z = sbc.true_points(3, replace(SETTINGS, datasets=4_000))
    assert 2.3 < np.abs(z).max() <= SETTINGS.farthest
    points = np.array([[0.0, 0.0, 0.0, N_ROWS], [2.6, 0.0, 0.0, N_ROWS], [0.0, 0.0, -2.6, N_ROWS]])
    assert np.isfinite(density(points)).tolist() == [True, False, False]


def test_too_few_data_sets_are_refused() -> None:
    """They would pass anything."""
    with pytest.raises(InputError, match="--datasets 3: at least 20"):
        SbcSettings(datasets=3).validate()


@pytest.mark.study
def test_extremity_passes() -> None:
    """A hundred sets of the targets of extremity leiomyosarcoma, by the model itself."""
    study = sbc.run_sbc(load_problem("extremity"), jobs=2)
    assert list(study.table["quantity"]) == study.problem.names
    assert study.passed, study.summary
    assert study.emulator["sd"].max() < 0.03
    assert study.emulator["check_rmse"].max() < 0.03
