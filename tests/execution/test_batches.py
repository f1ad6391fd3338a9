"""Single patients and sets of draws: the same numbers as runs, however the work is cut and whoever does it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.execution.batches import ALONE, BATCH, batch_outcomes, individual_outcomes, set_outcomes
from lmssim.execution.simulate import Sampling, simulate, split_over_draws
from lmssim.kernels.ledger import N_MAIN
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import load_scenario

if TYPE_CHECKING:
    from lmssim.model.program import Program

N_DRAWS, N_EACH = 12, 30


@pytest.fixture(scope="module")
def program() -> Program:
    """An example whose parameters are uncertain."""
    return compile_scenario(load_scenario("illness_death"))


def test_single_patients_make_their_batches(program: Program) -> None:
    """More patients than a task holds, the last task a short one."""
    sampling = Sampling(n_patients=2 * ALONE + BATCH, random_numbers="independent")
    alone = individual_outcomes(program, sampling)
    assert alone.shape == (1, sampling.n_patients, len(program.strategies), N_MAIN)
    sizes, means = batch_outcomes(program, sampling, program.numbers())
    assert sizes.tolist() == [BATCH] * (sampling.n_patients // BATCH)
    by_batch = alone[0].reshape(-1, BATCH, *alone.shape[2:]).mean(axis=1)
    assert np.allclose(by_batch, means[..., :N_MAIN], rtol=1e-12)


def test_single_patients_of_draws_make_the_estimates(program: Program) -> None:
    """Each draw with patients of its own, as in any expectation; sets take them by turns."""
    draws = program.sample(N_DRAWS, 1)
    each = Sampling(n_patients=N_EACH, random_numbers="independent")
    alone = individual_outcomes(program, each, draws)
    every = replace(each, n_patients=N_DRAWS * N_EACH)
    whole = simulate(program, replace(split_over_draws(every, N_DRAWS), counting=False), draws)
    assert np.allclose(alone.mean(axis=1), whole.mean[..., :N_MAIN], rtol=1e-12)
    sizes, means = set_outcomes(program, every, draws, 2)
    assert sizes.tolist() == [[N_EACH / 2] * 2] * N_DRAWS
    for k in range(2):
        assert np.allclose(alone[:, k::2].mean(axis=1), means[:, k, :, :N_MAIN], rtol=1e-12)


@pytest.mark.parametrize("other", [{"engine": "des"}, {"jobs": 2}, {"block": 7}])
def test_nothing_depends_on_who_does_the_work(program: Program, other: dict[str, object]) -> None:
    """The same bits from the reference engine, two workers, and small blocks."""
    draws = program.sample(N_DRAWS, 1)
    sampling = Sampling(n_patients=N_EACH, random_numbers="independent")
    first = individual_outcomes(program, sampling, draws)
    assert np.array_equal(first, individual_outcomes(program, replace(sampling, **other), draws))  # type: ignore[arg-type]
