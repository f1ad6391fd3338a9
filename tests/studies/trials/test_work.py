"""The work of simulated trials: the same bits however it is spread, cut and taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution.checkpoint import Checkpoint
from lmssim.studies.trials import work as module
from lmssim.studies.trials.result import AT, collected
from lmssim.studies.trials.work import TrialWork, work_of
from tests.kit.virtual import design, four_states, small

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.kernels import FloatArray


def looks(work: TrialWork, **how: object) -> FloatArray:
    """Readings of all trials."""
    found: FloatArray = np.concatenate([part.arrays["looks"] for part in work.parts(**how)])  # type: ignore[arg-type]
    return found


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a few trials each."""
    monkeypatch.setattr(module, "LIVES", 1_000)


@pytest.mark.parametrize("drawn", [False, True])
def test_bits_do_not_depend_on_workers(tmp_path: Path, drawn: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One, two and seven workers, parts of other sizes, and processes."""
    work = work_of(four_states(tmp_path), 40, drawn=drawn)
    alone = looks(work)
    monkeypatch.setattr(module, "LIVES", 1_000)
    for jobs in (2, 7):
        assert np.array_equal(looks(work, jobs=jobs), alone, equal_nan=True)
    assert np.array_equal(looks(work, jobs=2, backend="loky"), alone, equal_nan=True)


@pytest.mark.usefixtures("parted")
def test_what_is_done_is_kept(tmp_path: Path) -> None:
    """A run that was stopped goes on from its parts, and ends with the same bits."""
    work = small(n_trials=60)
    whole = looks(work)
    checkpoint = Checkpoint(tmp_path, work.key())
    begun = work.parts(checkpoint)
    next(begun), next(begun)
    assert len(list(tmp_path.glob("*.npz"))) == 2
    assert np.array_equal(looks(work, checkpoint=Checkpoint(tmp_path, work.key())), whole)


def test_a_small_trial_begins_a_large_one() -> None:
    """Trials of 60 patients are the first 60 of those of 120, and events change in proportion."""
    both = work_of(design(), 20, sizes=(60, 120))
    found = collected(both, both.parts())
    alone = looks(work_of(design({"accrual.patients": 120}), 20, sizes=(60,)))
    assert np.array_equal(found.looks[:, 0], alone[:, 0], equal_nan=True)
    events = found.looks[..., AT["events_control"]] + found.looks[..., AT["events_experimental"]]
    assert (events[:, 0] == [20, 40]).all()
    assert (events[:, 1] == [40, 80]).all()


def test_keys_differ_where_anything_does(tmp_path: Path) -> None:
    """A part of one design, seed or scenario is never taken for one of another."""
    base = small()
    keys = {
        base.key(),
        small({"accrual.patients": 121}).key(),
        small({"dropout.rate": 0.01}).key(),
        work_of(base.design, 40, seed=2).key(),
        work_of(base.design, 40, null=True).key(),
        work_of(base.design, 40, sizes=(60,)).key(),
        work_of(four_states(tmp_path), 40).key(),
        work_of(four_states(tmp_path, {"set.rate_dm": 0.2}), 40).key(),
    }
    assert len(keys) == 8


@pytest.mark.parametrize(
    ("n_trials", "sizes", "seed", "said"),
    [(0, (), 1, "trials: 0"), (10, (1,), 1, "n: 1"), (10, (), -1, "seed: -1"), (2_000_000, (), 1, "trials: 2000000")],
)
def test_impossible_numbers(n_trials: int, sizes: tuple[int, ...], seed: int, said: str) -> None:
    """One message each."""
    with pytest.raises(InputError, match=said):
        work_of(design(), n_trials, sizes=sizes, seed=seed)


def test_the_prior_is_the_interval() -> None:
    """Hazard ratios of trials over draws are log-normal with the stated 95% interval, whatever the base value is."""
    ratio = {"arms.experimental.hazard_ratio.event": {"value": 0.69, "low": 0.69, "high": 2.0}}
    work = work_of(design(ratio, analyses=[{"calendar": 60.0}]), 400, drawn=True)
    found = collected(work, work.parts())
    estimate = found.looks[:, 0, 0, AT["estimate"]]
    middle = 0.5 * np.log(0.69 * 2.0)
    assert abs(estimate.mean() - middle) < 4.0 * estimate.std(ddof=1) / 20.0 + 0.02
