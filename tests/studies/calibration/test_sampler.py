"""Ensembles whose walkers each hold a row: known conditional posteriors, and chains that can be cut anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import emcee
import numpy as np
import pytest
from emcee.autocorr import integrated_time

from lmssim.execution.checkpoint import Checkpoint
from lmssim.studies.calibration.sampler import HeldRowMove, sample

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray
    from lmssim.studies.calibration.sampler import Chains

N_ENSEMBLES, N_WALKERS = 2, 30
SD = np.array([0.5, 1.5])
CORRELATION = 0.6
ROWS = (np.arange(N_WALKERS) * N_ENSEMBLES + np.arange(N_ENSEMBLES)[:, None]) % 1_000
PRECISION = np.linalg.inv(np.outer(SD, SD) * np.array([[1.0, CORRELATION], [CORRELATION, 1.0]]))


def centre(row: FloatArray) -> FloatArray:
    """Mean of the conditional posterior of a row."""
    found: FloatArray = np.stack([0.02 * row, np.sin(row)], axis=-1)
    return found


def log_density(coordinates: FloatArray) -> FloatArray:
    """Normal about the row's own centre."""
    off = coordinates[:, :-1] - centre(coordinates[:, -1])
    found: FloatArray = -0.5 * np.einsum("ni,ij,nj->n", off, PRECISION, off)
    return found


def start() -> FloatArray:
    """Dispersed about the origin."""
    return np.random.default_rng(1).normal(size=(N_ENSEMBLES, N_WALKERS, 2))


def chains(steps: int, thin: int = 7, seed: int = 1, folder: Path | None = None, jobs: int = 1) -> Chains:
    """Ensembles of this file's density."""
    checkpoint = None if folder is None else Checkpoint(folder, "these")
    return sample(log_density, start(), ROWS, steps, thin, seed, checkpoint, jobs=jobs)


def test_each_walker_keeps_the_conditional_posterior_of_its_row() -> None:
    """Means within 5 of their standard errors, which are right on the whole; spread and correlation as they should."""
    kept = chains(6_000, thin=5).after(500)
    off = kept - centre(ROWS.astype(np.float64))[:, None]
    steps = np.moveaxis(off[:, :, :, 0], 0, 1).reshape(off.shape[1], -1, 1)
    length = off.shape[1] / float(np.asarray(integrated_time(steps, tol=0)).item())
    z = off.mean(axis=1) / SD * np.sqrt(length)
    assert np.abs(z).max() < 5.0
    assert 0.8 < z.std() < 1.25
    assert np.allclose(off.std(axis=(0, 1, 2)), SD, rtol=0.05)
    assert np.atleast_2d(np.corrcoef(off.reshape(-1, 2).T))[0, 1] == pytest.approx(CORRELATION, abs=0.05)


def test_rows_never_change() -> None:
    """Whatever is proposed."""
    ensemble = emcee.EnsembleSampler(N_WALKERS, 3, log_density, moves=HeldRowMove(), vectorize=True)
    ensemble.run_mcmc(np.column_stack([start()[0], ROWS[0]]), 50, skip_initial_state_check=True)
    assert (ensemble.get_chain()[:, :, -1] == ROWS[0]).all()
    assert 0.1 < ensemble.acceptance_fraction.mean() < 0.9


def test_last_states_stand_in_the_order_of_rows() -> None:
    """One for each row."""
    found = chains(30)
    z, rows = found.last()
    assert rows.tolist() == list(range(N_ENSEMBLES * N_WALKERS))
    assert np.array_equal(z[5], found.z[1, -1, 2])


def test_the_same_seed_gives_the_same_chain() -> None:
    """Another seed another, and every ensemble its own."""
    first, again, other = chains(40), chains(40), chains(40, seed=2)
    assert np.array_equal(first.z, again.z)
    assert np.array_equal(first.acceptance, again.acceptance)
    assert not np.array_equal(first.z[:, 1:], other.z[:, 1:])
    same_start = sample(log_density, np.repeat(start()[:1], 2, axis=0), np.repeat(ROWS[:1], 2, axis=0), 40, 7, 1)
    assert not np.array_equal(same_start.z[0], same_start.z[1])


@pytest.mark.parametrize("thin", [1, 7, 100, 300])
def test_segments_leave_no_trace(thin: int) -> None:
    """Saved steps are those of one long chain: the first, then every thin-th, and the last state."""
    every, some = chains(250, thin=1).z, chains(250, thin=thin).z
    assert np.array_equal(some[:, :-1], every[:, :-1][:, ::thin])
    assert np.array_equal(some[:, -1], every[:, -1])


class _Stopped(Exception):  # noqa: N818 - what a user does is no error
    pass


@pytest.mark.parametrize("after", [1, 3, 4, 5, 7])
def test_interrupted_and_resumed_is_as_if_never_interrupted(after: int, tmp_path: Path) -> None:
    """After any segment of any ensemble."""
    calls = 0

    def stop(_done: int, _total: int) -> None:
        nonlocal calls
        calls += 1
        if calls == after:
            raise _Stopped

    with pytest.raises(_Stopped):
        sample(log_density, start(), ROWS, 330, 7, 1, Checkpoint(tmp_path, "these"), stop)
    resumed, whole = chains(330, folder=tmp_path), chains(330)
    assert np.array_equal(resumed.z, whole.z)
    assert np.array_equal(resumed.acceptance, whole.acceptance)
    assert np.array_equal(chains(330, folder=tmp_path).z, whole.z)


def test_what_stops_a_density_is_raised_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is printed on its way, as emcee would."""

    def stopped(_coordinates: FloatArray) -> FloatArray:
        raise _Stopped

    with pytest.raises(_Stopped):
        sample(stopped, start(), ROWS, 10, 7, 1)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_checkpoints_hold_plain_arrays(tmp_path: Path) -> None:
    """Nothing in them can run."""
    chains(120, folder=tmp_path)
    paths = sorted(tmp_path.iterdir())
    assert [path.name for path in paths] == ["ensemble_0.npz", "ensemble_1.npz"]
    for path in paths:
        with np.load(path, allow_pickle=False) as held:
            assert all(held[name].dtype != object for name in held.files)


def test_workers_do_not_matter(tmp_path: Path) -> None:
    """Nor whether they are saved."""
    alone, together = chains(230), chains(230, folder=tmp_path, jobs=2)
    assert np.array_equal(alone.z, together.z)
