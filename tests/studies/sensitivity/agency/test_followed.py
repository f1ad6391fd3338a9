"""Whom the study follows: whole sets and batches, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.cli.sensitivity import agency as command
from lmssim.errors import InputError
from lmssim.execution.batches import BATCH
from lmssim.execution.checkpoint import Checkpoint
from lmssim.execution.simulate import Sampling
from lmssim.model.compile.scenario import compile_scenario
from lmssim.model.scenario import load_scenario
from lmssim.studies.sensitivity.agency import followed as module
from lmssim.studies.sensitivity.agency.followed import MOST_PATIENTS, followed

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program


@pytest.fixture(scope="module")
def program() -> Program:
    """An example whose parameters are uncertain."""
    return compile_scenario(load_scenario("illness_death"))


def test_patients_are_rounded_up_to_whole_units() -> None:
    """Two sets of each draw, or batches."""
    assert followed(Sampling(n_patients=1_001), 100).sampling.n_patients == 1_200
    assert followed(Sampling(n_patients=1_001), 100).per_draw == 12
    assert followed(Sampling(n_patients=1_025), 0).sampling.n_patients == 17 * BATCH


@pytest.mark.parametrize(
    ("sampling", "n_draws", "words"),
    [
        (Sampling(n_patients=100), 0, "too few to estimate errors"),
        (Sampling(n_patients=100), 3, "draws: 3 are too few"),
        (Sampling(n_patients=MOST_PATIENTS + 1), 0, "too many"),
        (Sampling(engine="cohort"), 0, "has no patients"),
    ],
)
def test_whom_it_cannot_follow(sampling: Sampling, n_draws: int, words: str) -> None:
    """With the reason."""
    with pytest.raises(InputError, match=words):
        followed(sampling, n_draws)


def test_the_command_knows_the_same_bounds() -> None:
    """Its help states them without loading the study."""
    from lmssim.studies.sensitivity.agency.study import PARTS

    assert command.MOST_PATIENTS == MOST_PATIENTS
    assert command.PARTS == PARTS


@pytest.mark.parametrize("n_draws", [0, 20])
def test_columns_belong_to_the_patients_of_the_run(program: Program, n_draws: int) -> None:
    """Means of the age by unit are those of the patients whom the units hold, in the same places."""
    people = followed(Sampling(n_patients=1_200), n_draws)
    x = program.patients(0, people.sampling.n_patients, people.sampling.seed)
    age = program.rows.columns.age
    found = people.by_set(program, lambda columns: columns[:, [age]])[..., 0]
    if n_draws:
        assert np.allclose(found[3, 1], x[3 * 60 + 1 : 4 * 60 : 2, age].mean())
    else:
        assert np.allclose(found[3, 0], x[3 * BATCH : 4 * BATCH, age].mean())


@pytest.mark.parametrize("n_draws", [0, 20])
def test_parts_that_were_kept_change_no_bit(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_draws: int
) -> None:
    """Runs in one part, in several, and with some of these missing, of means and of single patients."""
    people = followed(Sampling(n_patients=10_000), n_draws)
    whole, single = people.run(program, "own"), people.alone(program)
    monkeypatch.setattr(module, "LIVES", 9_000)
    kept = replace(people, checkpoint=Checkpoint(tmp_path, "key"))
    for name in ("*", "own-*-1.npz", "alone-*"):
        for path in tmp_path.glob(name):
            path.unlink()
        again = kept.run(program, "own")
        assert np.array_equal(again.means, whole.means)
        assert np.array_equal(again.sizes, whole.sizes)
        assert np.array_equal(kept.alone(program), single)
    assert len(list(tmp_path.glob("own-*"))) > 1


def test_units_are_the_same_for_any_workers(program: Program) -> None:
    """And blocks; undiscounted means stand in the place of the others when they are asked for."""
    first = followed(Sampling(n_patients=1_024), 16).run(program, "own")
    other = followed(Sampling(n_patients=1_024, jobs=2, block=9), 16).run(program, "own")
    assert np.array_equal(first.means, other.means)
    plain = first.increments(undiscounted=True).means
    assert np.allclose(plain[:, 0], first.over_sets(first.means)[..., 3].mean(axis=0))
