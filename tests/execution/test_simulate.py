"""The same numbers however they were computed: workers, blocks and batches of draws leave every bit as it was."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest

from lmssim.errors import InputError
from lmssim.execution import fold
from lmssim.execution import simulate as execution
from lmssim.execution.simulate import Sampling, simulate
from tests.kit.plain import sums
from tests.kit.scenarios import bundled_program

if TYPE_CHECKING:
    from lmssim.execution.estimates import Estimates

N = 100_003
FLOATS = ("mean", "square", "product", "state")


@functools.cache
def _reference() -> Estimates:
    return simulate(bundled_program("illness_death"), Sampling(n_patients=N, seed=5))


def _assert_identical(a: Estimates, b: Estimates) -> None:
    assert a.n == b.n
    for name in FLOATS:
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    for x, y, name in zip(a.counts, b.counts, a.counts._fields, strict=True):
        assert np.array_equal(x, y), name


def _parts(size: int) -> list[fold.Part]:
    """Chunks of a size."""
    return [fold.finish(sums(bundled_program("illness_death"), p, min(size, N - p), seed=5)) for p in range(0, N, size)]


def _folded(parts: list[fold.Part]) -> Estimates:
    return fold.estimates_of(functools.reduce(fold.merge, parts), fold.Axes(), independent=False)


@pytest.mark.parametrize(("jobs", "block"), [(1, 1000), (1, 4096), (1, 7777), (2, 256), (2, 4096), (1, 1)])
def test_workers_and_blocks_do_not_matter(jobs: int, block: int) -> None:
    """Bitwise equality of every mean, co-moment and count."""
    _assert_identical(
        _reference(), simulate(bundled_program("illness_death"), Sampling(n_patients=N, seed=5, jobs=jobs, block=block))
    )


def test_counting_does_not_change_the_moments() -> None:
    """Without counts, the same means and co-moments."""
    plain = simulate(bundled_program("illness_death"), Sampling(n_patients=20_000, seed=5, counting=False))
    counted = simulate(bundled_program("illness_death"), Sampling(n_patients=20_000, seed=5))
    for name in FLOATS:
        assert np.array_equal(getattr(plain, name), getattr(counted, name))
    assert plain.counts.entries.sum() == 0


def test_other_subtotals_give_other_bits() -> None:
    """The comparison can fail: chunks cut at another size have the same counts and mean, but not the same bits."""
    total = _folded(_parts(5000))
    reference = _reference()
    assert not np.array_equal(total.mean, reference.mean)
    assert not np.array_equal(total.square, reference.square)
    for name in FLOATS:
        np.testing.assert_allclose(getattr(total, name), getattr(reference, name), rtol=1e-9)
    for x, y in zip(total.counts, reference.counts, strict=True):
        np.testing.assert_array_equal(x, y)


def test_order_of_chunks_is_part_of_the_result() -> None:
    """Folding the same chunks backwards gives other bits, too."""
    parts = _parts(execution.CHUNK)
    _assert_identical(_folded(parts), _reference())
    backwards = _folded(parts[::-1])
    assert not all(np.array_equal(getattr(backwards, name), getattr(_reference(), name)) for name in FLOATS)


def test_moments_are_those_of_the_patients() -> None:
    """Mean, variance and covariance against NumPy over single patients."""
    program = bundled_program("illness_death")
    worth = np.array([sums(program, p, 1, seed=5).moments.shift[0, 0] for p in range(500)])
    result = simulate(program, Sampling(n_patients=500, seed=5))
    np.testing.assert_allclose(result.mean[0], worth.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(result.standard_error()[0], worth.std(axis=0, ddof=1) / np.sqrt(500), rtol=1e-10)
    for outcome in range(6):
        expected = np.cov(worth[:, :, outcome].T)
        np.testing.assert_allclose(result.covariance(outcome)[0], expected, rtol=1e-10)


# === Draws ===


def _draws(n: int) -> dict[str, np.ndarray]:
    return bundled_program("illness_death").sample(n, seed=9)


@pytest.mark.parametrize("random_numbers", ["common", "independent"])
def test_draw_alone_is_draw_of_many(random_numbers: Literal["common", "independent"]) -> None:
    """Draw k alone, or in a batch of any size, gives the same bits; so do its parameters."""
    program, n = bundled_program("illness_death"), 40
    draws = _draws(n)
    sampling = Sampling(n_patients=300, seed=5, random_numbers=random_numbers)
    many = simulate(program, sampling, draws)
    for k in (0, 7, 39):
        alone = {name: values[k : k + 1] for name, values in draws.items()}
        one = simulate(program, sampling, alone, first_draw=k)
        for name in FLOATS:
            assert np.array_equal(getattr(one, name)[0], getattr(many, name)[k])
        again = program.sample(1, seed=9, first_draw=k)
        assert all(np.array_equal(again[name], alone[name]) for name in draws)


@pytest.mark.parametrize("per_task", [1, 700, 5000, 10**9])
def test_batches_of_draws_do_not_matter(monkeypatch: pytest.MonkeyPatch, per_task: int) -> None:
    """However many draws share a task, over several chunks and two workers."""
    program, draws = bundled_program("illness_death"), _draws(9)
    sampling = Sampling(n_patients=9000, seed=5, random_numbers="independent")
    reference = simulate(program, sampling, draws)
    monkeypatch.setattr(execution, "TASK_PATHS", per_task * 8192)
    _assert_identical(simulate(program, sampling, draws), reference)
    _assert_identical(simulate(program, replace(sampling, jobs=2), draws), reference)


def test_random_numbers_of_draws() -> None:
    """Common: equal parameters give equal lives in every draw; independent: the lives of the next patients."""
    program = bundled_program("illness_death")
    same = {name: np.repeat(values, 3) for name, values in program.scenario.table.base().items()}
    common = simulate(program, Sampling(n_patients=500, seed=5), same)
    assert np.array_equal(common.mean[0], common.mean[1])
    assert np.array_equal(common.mean[0], common.mean[2])
    independent = simulate(program, Sampling(n_patients=500, seed=5, random_numbers="independent"), same)
    for d in range(3):
        own = fold.estimates_of(fold.finish(sums(program, 500 * d, 500, seed=5)), fold.Axes(), independent=False)
        assert np.array_equal(independent.mean[d], own.mean[0])


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ({"strategies": "standard"}, "strategies: 'standard' is not a sequence of ids"),
        ({"strategies": (3,)}, "strategies: 3 is not the id of a strategy"),
        ({"seed": 1.5}, "seed: 1.5 is not a whole number from 0"),
        ({"n_patients": True}, "n_patients: True is not a whole number"),
        ({"n_patients": "300"}, "n_patients: '300' is not a whole number"),
        ({"n_patients": 10**13}, "patients: 10,000,000,000,000 is too many; at most 1,000,000,000"),
        ({"n_patients": 10**5000}, "patients: a number of more than 20 digits is too many"),
        ({"jobs": 0}, "jobs: 0 is not 1 or more"),
        ({"backend": None}, "backend: unknown value 'None'. Allowed: dask, loky, threads"),
        ({"subgroups": ["old"]}, r"subgroups: \['old'\] is not a mapping"),
        ({"partitions": ["old"]}, r"partitions: \['old'\] is not a mapping"),
        ({"where": 3}, "where: 3 is not a rule on covariates"),
        ({"by_draw": 1}, "by_draw: 1 is not True or False"),
    ],
)
def test_arguments_of_another_type_are_refused(argument: dict[str, Any], said: str) -> None:
    """With the argument, its value and what is allowed."""
    with pytest.raises(InputError, match=said):
        Sampling(**argument).validate()


def test_whole_numbers_of_numpy_are_pythons() -> None:
    """Compiled code has a form for each type."""
    sampling = Sampling(n_patients=np.int64(20), seed=np.int32(2))  # type: ignore[arg-type]
    sampling.validate()
    assert (type(sampling.n_patients), type(sampling.seed)) == (int, int)


def test_lives_are_bounded_before_the_work() -> None:
    """Patients times draws times strategies."""
    many = {
        id_: np.broadcast_to(value, (600,))
        for id_, value in bundled_program("illness_death").scenario.table.base().items()
    }
    with pytest.raises(InputError, match=r"1,000,000,000 patients x 600 draws x 2 strategies are 1.2e\+12 lives"):
        simulate(bundled_program("illness_death"), Sampling(n_patients=10**9), many)
