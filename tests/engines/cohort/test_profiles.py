"""Profiles of an exact solution: discrete covariates enumerated with exact weights, the rest sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmssim.engines.cohort.profiles import choose_profiles, stands_for_others
from tests.kit.models import OS, alive_dead, categorical, covariate, exponential, frame

if TYPE_CHECKING:
    from pathlib import Path

    from lmssim.model.program import Program
    from tests.conftest import Build

AGE = covariate("size", "normal", mean=60.0, sd=10.0)


def populated(build: Build, *covariates: str, more: str = "") -> Program:
    """A program whose population has covariates beside an age of 60."""
    return build(frame(5.0, covariates="".join(covariates) + more) + alive_dead(exponential(0.1)) + OS)


def test_a_covariate_with_one_value_takes_no_profiles(build: Build) -> None:
    """Everybody is alike, whatever the kind of covariate: one profile, which is exact."""
    program = populated(build, categorical("sex", male=1.0), covariate("ill", "binary", probability=0.0))
    profiles = choose_profiles(program, 32, 1)
    assert (len(profiles.x), profiles.n_replicates, profiles.weights.tolist()) == (1, 1, [1.0])
    assert not stands_for_others(program.scenario.patients, 1)


@pytest.mark.parametrize("n", [6, 32])
def test_discrete_covariates_are_enumerated(build: Build, n: int) -> None:
    """Each combination once, with the product of its probabilities."""
    program = populated(build, categorical("sex", m=0.3, f=0.7), categorical("grade", a=0.2, b=0.0, c=0.3, d=0.5))
    profiles = choose_profiles(program, n, 1)
    found = {tuple(x[1:3]): w for x, w in zip(profiles.x, profiles.weights, strict=True)}
    expected = {(s, g): p * q for s, p in ((0, 0.3), (1, 0.7)) for g, q in ((0, 0.2), (2, 0.3), (3, 0.5))}
    assert found == pytest.approx(expected, abs=1e-15)
    assert profiles.n_replicates == 1


def test_more_combinations_than_profiles_are_sampled(build: Build) -> None:
    """Then the average has an error again."""
    many = [categorical(f"c{k}", a=0.5, b=0.5) for k in range(6)]
    assert choose_profiles(populated(build, *many), 32, 1).n_replicates > 1


@pytest.mark.parametrize("order", [1, -1])
def test_beside_a_continuous_covariate(build: Build, order: int) -> None:
    """Cells have exact weights in each replicate, and points of their own, whatever the order in the file."""
    program = populated(build, *[AGE, categorical("sex", m=0.3, f=0.7)][::order])
    profiles = choose_profiles(program, 32, 1)
    columns = [c.name for c in program.scenario.patients.covariates]
    sex = profiles.x[:, columns.index("sex")].reshape(profiles.n_replicates, -1)
    weights = profiles.weights.reshape(profiles.n_replicates, -1)
    assert (weights * (sex == 0)).sum(axis=1) == pytest.approx(np.full(profiles.n_replicates, 0.3))
    assert weights.sum(axis=1) == pytest.approx(np.ones(profiles.n_replicates))
    assert len(np.unique(profiles.x[:, columns.index("size")])) == len(profiles.x)


def test_a_correlated_covariate_follows_its_cell(build: Build) -> None:
    """Within a cell the correlated covariate has its conditional distribution: means differ as in many patients."""
    tied = '[[population.correlations]]\nbetween = ["size", "sex"]\nvalue = 0.8\n'
    program = populated(build, AGE, categorical("sex", m=0.5, f=0.5), more=tied)
    profiles, many = choose_profiles(program, 256, 1), program.patients(0, 100_000, 1)
    size, sex = ([c.name for c in program.scenario.patients.covariates].index(name) for name in ("size", "sex"))
    for value in (0.0, 1.0):
        own = profiles.x[:, sex] == value
        mean = np.average(profiles.x[own, size], weights=profiles.weights[own])
        assert mean == pytest.approx(many[many[:, sex] == value, size].mean(), abs=0.3)


def test_equal_rows_are_solved_once(build: Build, tmp_path: Path) -> None:
    """Rows of a table that repeat are one profile with their weights together."""
    (tmp_path / "rows.csv").write_text("age,weight\n60,1\n70,2\n60,1\n")
    text = frame(5.0).replace("[population]", '[population]\nrows = "rows.csv"')
    profiles = choose_profiles(build(text + alive_dead(exponential(0.1)) + OS), 32, 1)
    assert dict(zip(profiles.x[:, 0], profiles.weights, strict=True)) == {60.0: 0.5, 70.0: 0.5}
